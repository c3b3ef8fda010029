"""The numbers of the demo's table."""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from rich.console import Console

from hdnet_ros.cli.demo.summary import print_summary, summarise


class Answer(NamedTuple):
    stamp_ns: int
    arrival_ns: int
    estimator: str
    persons: list


def _person(name, root_mm):
    return {"id": name, "root_camera_mm": root_mm}


def test_summary_counts_answers_and_latencies():
    answers = [
        Answer(0, 10_000_000, "hdnet", [_person("p1", [3000.0, 0.0, 4000.0])]),
        Answer(100, 20_000_100, "hdnet", [_person("p1", [0.0, 0.0, 2000.0]), _person("p2", [0, 0, 9000])]),
        Answer(200, 30_000_200, "hdnet", []),
        Answer(999, 0, "hdnet", []),
    ]
    summary = summarise([0, 100, 200, 300], answers)
    assert (summary.frames_in, summary.frames_answered) == (4, 3)
    assert (summary.people, summary.ids) == (3, 2)
    assert summary.latency_p50_ms == pytest.approx(20.0)
    assert (summary.nearest_m, summary.farthest_m) == (2.0, 9.0)


def test_nobody_is_a_word_and_where_to_look_is_told():
    summary = summarise([0], [Answer(0, 5_000_000, "hdnet", [])])
    assert np.isnan(summary.nearest_m)
    console = Console(width=140, record=True, file=io.StringIO())
    print_summary(console, summary, "hdnet", "hog", Path("out/demo"))
    text = console.export_text()
    assert "nobody" in text
    assert "1 (100 %)" in text
    assert "out/demo/demo.mp4" in text
