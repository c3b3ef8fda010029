"""What `hdnet bench` measures of the live node: time beside the bare estimator, and memory."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hdnet_ros.cli.demo.processes import ProcessGroup
from hdnet_ros.evaluate.speed import bench_boxes, bench_picture, comparison, time_in_turns, timing

_READY_S = 120.0
_CAMERA_WH_PX = (640, 480)
_SMALL_WH_PX = (320, 240)
_WARM_UP_SHARE = 0.1
_MEMORY_SAMPLES = 50
_DEMO_FRAMES = 60
_LIVE_ROUNDS = 30


def live_against_bare(estimator, weights: Path, people: int, limit_s: float) -> dict:
    """Time the node (image stamp to message) and the estimator in turns, same weights and picture, 640 x 480.

    `overhead_ms` is what the node adds to transport and estimator, medians.
    """
    image_rgb, camera = bench_picture()
    width, height = _CAMERA_WH_PX
    camera = camera.resized(_CAMERA_WH_PX)
    image_rgb = np.ascontiguousarray(image_rgb[:height, :width])
    boxes = [type(box)(box.box_xywh_center_px * 0.5) for box in bench_boxes(people)]
    parameters = {"estimator": "hdnet", "weights": str(weights), "device": str(estimator.device)}
    with _running_node(parameters, camera) as (probe, _):
        node_ms, bare_ms = time_in_turns(
            [lambda: probe.ask(image_rgb, boxes), lambda: estimator.localize(image_rgb, boxes, camera)],
            _LIVE_ROUNDS,
            limit_s=limit_s,
        )
        transport = timing([1000.0 * s for s in probe.transport_s(image_rgb, _LIVE_ROUNDS)])
    compared = comparison(node_ms, bare_ms)
    overhead_ms = compared.slow.median_ms - transport.median_ms - compared.fast.median_ms
    return {
        "people": people,
        "node_over_bare": compared.to_dict(),
        "transport": transport.to_dict(),
        "overhead_ms": overhead_ms,
    }


def demo_from_stamp_to_people(weights: Path, device: str, on_progress: Callable[[str], None]) -> dict:
    """Video, detector and HDNet node on the drawn clip, 640 x 480: latency from an image's stamp to its people, ms."""
    from hdnet_ros.cli.demo.session import Settings, record
    from hdnet_ros.cli.demo.summary import summarise
    from hdnet_ros.cli.demo.synthetic_clip import RATE_HZ, write_clip

    with tempfile.TemporaryDirectory(prefix="hdnet_bench_") as name:
        folder = Path(name)
        source, camera = write_clip(folder / "clip", _DEMO_FRAMES)
        recording = record(
            Settings(source, camera, folder, RATE_HZ, _DEMO_FRAMES, weights=str(weights), device=device),
            lambda phase, images, answers: on_progress(phase),
        )
    found = summarise(recording.image_stamps_ns, recording.answers)
    return asdict(found) | {"people_per_image": found.people / max(1, found.frames_answered)}


def memory_over_frames(
    frames: int, estimator: str, weights: str, on_frame: Callable[[], None]
) -> dict:
    """Ask the node `frames` times; resident memory after a tenth of them and at the end, MB.

    `growth_mb_per_1000_frames` is the slope of a straight line through what follows the first tenth.
    """
    image_rgb, camera = bench_picture()
    camera = camera.resized(_SMALL_WH_PX)
    image_rgb = np.ascontiguousarray(image_rgb[: _SMALL_WH_PX[1], : _SMALL_WH_PX[0]])
    boxes = [type(box)(box.box_xywh_center_px * 0.25) for box in bench_boxes(2)]
    every = max(1, frames // _MEMORY_SAMPLES)
    samples: list[tuple[int, float]] = []
    with _running_node({"estimator": estimator, "weights": weights}, camera) as (probe, pid):
        for frame in range(1, frames + 1):
            probe.ask(image_rgb, boxes)
            if frame % every == 0:
                samples.append((frame, _resident_mb(pid)))
            on_frame()
    steady = [s for s in samples if s[0] >= _WARM_UP_SHARE * frames] or samples
    slope = np.polyfit(*np.array(steady).T, 1)[0] * 1000.0 if len(steady) > 1 else float("nan")
    return {
        "frames": frames,
        "estimator": estimator,
        "resident_mb_after_warm_up": steady[0][1],
        "resident_mb_at_end": steady[-1][1],
        "growth_mb_per_1000_frames": float(slope),
    }


@contextlib.contextmanager
def _running_node(parameters: dict, camera) -> Iterator[tuple]:
    """Run hdnet_node as a process; yield a probe that it answers, and its process id."""
    from hdnet_ros.ros.bench_probe import NoAnswer, NodeProbe

    with tempfile.TemporaryDirectory(prefix="hdnet_bench_") as folder, ProcessGroup(folder) as group:
        process = group.start_node("hdnet_node", "hdnet_ros.ros.hdnet_node", parameters)
        probe = NodeProbe(camera)
        try:
            probe.wait_until_ready(_READY_S)
            yield probe, process.pid
        except NoAnswer as error:
            tail = group.log_tail("hdnet_node")
            raise RuntimeError(f"{error}; its last lines:\n{tail}") from error
        finally:
            probe.close()


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
