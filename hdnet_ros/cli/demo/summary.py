"""The table at the end of the demo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from hdnet_ros.core.types import PersonFlags


@dataclass(frozen=True)
class Summary:
    """What a run came to; people without those boxes that turned out to be nobody; latency is from an image's stamp to the arrival of its people."""

    frames_in: int
    frames_answered: int
    people: int
    nobodies: int
    ids: int
    latency_p50_ms: float
    latency_p99_ms: float
    nearest_m: float
    farthest_m: float


def summarise(image_stamps_ns: Sequence[int], answers: Sequence) -> Summary:
    """Sum up images and answers (stamp_ns, arrival_ns, estimator, persons).

    Latencies and distances are NaN where there is nothing to take them from.
    """
    stamps = set(image_stamps_ns)
    answered = [answer for answer in answers if answer.stamp_ns in stamps]
    latency_ms = [(answer.arrival_ns - answer.stamp_ns) * 1e-6 for answer in answered]
    claims = [person for answer in answered for person in answer.persons]
    persons = [person for person in claims if not person.get("flags", 0) & PersonFlags.NOBODY]
    metres = [float(np.linalg.norm(person["root_camera_mm"])) / 1000.0 for person in persons]
    p50, p99 = np.percentile(latency_ms, [50, 99]) if latency_ms else (np.nan, np.nan)
    return Summary(
        frames_in=len(image_stamps_ns),
        frames_answered=len({answer.stamp_ns for answer in answered}),
        people=len(persons),
        nobodies=len(claims) - len(persons),
        ids=len({person["id"] for person in persons}),
        latency_p50_ms=float(p50),
        latency_p99_ms=float(p99),
        nearest_m=min(metres, default=np.nan),
        farthest_m=max(metres, default=np.nan),
    )


def print_summary(console: Console, summary: Summary, estimator: str, detector: str, out: Path) -> None:
    """Print the numbers and where to look."""
    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    share = 100.0 * summary.frames_answered / max(1, summary.frames_in)
    table.add_row("frames in", str(summary.frames_in))
    table.add_row("frames answered", f"{summary.frames_answered} ({share:.0f} %)")
    table.add_row("people", _people(summary))
    table.add_row("boxes of nobody", f"{summary.nobodies} (told apart by HDNet, neither followed nor counted)")
    table.add_row("latency p50", f"{summary.latency_p50_ms:.0f} ms (image stamp to people, detector included)")
    table.add_row("latency p99", f"{summary.latency_p99_ms:.0f} ms")
    table.add_row("detector, estimator", f"{detector}, {estimator}")
    table.add_row("", "")
    for name, remark in (
        ("demo.mp4", "camera picture and bird's-eye view"),
        ("demo.png", "one frame of it"),
        ("bag", "rosbag2, MCAP: open bag/bag.mcap in Foxglove, or `ros2 bag play`"),
        ("persons.jsonl", "one line a frame, millimetres in the camera's optical frame"),
        ("log", "what the three processes said"),
    ):
        table.add_row(str(out / name), remark)
    console.print(table)


def _people(summary: Summary) -> str:
    if not summary.people:
        return "nobody"
    mean = summary.people / summary.frames_answered
    return (
        f"{summary.people} ({mean:.1f} a frame, {summary.ids} ids), "
        f"{summary.nearest_m:.1f} to {summary.farthest_m:.1f} m away"
    )
