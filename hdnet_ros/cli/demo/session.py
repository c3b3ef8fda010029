"""One run of the demo: start three nodes, record until the clip is through, stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hdnet_ros.cli.demo.bag import BagWriter
from hdnet_ros.cli.demo.processes import ProcessDied, ProcessGroup
from hdnet_ros.locate.detectors import DEFAULT_DETECTOR
from hdnet_ros.ros.recorder import PersonsAnswer, Recorder

_POLL_S = 0.1
_START_LIMIT_S = 120.0
_QUIET_S = 4.0
_IMAGE_SUBSCRIBERS = 3
# HOG's boxes of 0.5 and more are nobody in every fourth, those of 0.75 in every tenth (on the demo's clip).
_MIN_SCORE = {"nanodet": 0.45, "hog": 0.75}


class DemoError(RuntimeError):
    """The demo cannot go on; the message says which part, why, and where its log is."""


@dataclass(frozen=True)
class Settings:
    """What is shown and by what.

    Parameters
    ----------
    source, camera : as FrameSource and load_camera take them
    out : folder of the results
    rate_hz : images per second; 0 is the source's own rate over `stride`
    stride : every so many-th image of the source is shown
    frames : stop after so many images; 0 is all of them
    detector, preset, estimator, weights, device : parameters of the nodes; weights "" are the bundled ones
    """

    source: Path
    camera: Path
    out: Path
    rate_hz: float
    frames: int
    stride: int = 1
    detector: str = DEFAULT_DETECTOR
    preset: str = "good"
    detector_weights: str = ""
    estimator: str = "auto"
    weights: str = ""
    device: str = "auto"


class Recording(NamedTuple):
    image_stamps_ns: list[int]
    answers: list[PersonsAnswer]


def record(settings: Settings, on_progress: Callable[[str, int, int], None]) -> Recording:
    """Run the nodes over the source and record them; every process has ended on return.

    Parameters
    ----------
    on_progress : called with what is going on, images and answers so far, ten times a second

    Raises
    ------
    DemoError : a node died, was not ready in time, or answered nothing
    """
    bag = BagWriter(settings.out / "bag")
    recorder = Recorder(bag.write)
    try:
        with ProcessGroup(settings.out / "log") as group:
            _start(group, settings)
            _wait_for_end(group, recorder, on_progress)
    except ProcessDied as error:
        raise DemoError(str(error)) from error
    finally:
        recorder.close()
        bag.close()
    if not recorder.answers:
        raise DemoError(f"no image was answered; the logs are in {settings.out / 'log'}")
    return Recording(recorder.image_stamps_ns, recorder.answers)


def _start(group: ProcessGroup, settings: Settings) -> None:
    group.start_node(
        "hdnet_node",
        "hdnet_ros.ros.hdnet_node",
        {"estimator": settings.estimator, "weights": settings.weights, "device": settings.device},
    )
    group.start_node(
        "detector_node",
        "hdnet_ros.ros.detector_node",
        {
            "detector": settings.detector,
            "preset": settings.preset,
            "weights": settings.detector_weights,
            "device": settings.device,
            "min_score": _MIN_SCORE.get(settings.detector, 0.5),
        },
    )
    group.start_node(
        "video_node",
        "hdnet_ros.ros.video_node",
        {
            "source": settings.source,
            "camera": settings.camera,
            "rate_hz": float(settings.rate_hz),
            "stride": settings.stride,
            "max_frames": settings.frames,
            # The clip starts when both nodes and the recorder listen.
            "wait_for_subscribers": _IMAGE_SUBSCRIBERS,
        },
    )


def _wait_for_end(group: ProcessGroup, recorder: Recorder, on_progress) -> None:
    """Return once the video has ended and what it published is answered, or nothing comes."""
    started = changed = time.monotonic()
    seen = (0, 0)
    while True:
        group.check(finished_is_fine="video_node")
        counts = (len(recorder.image_stamps_ns), len(recorder.answers))
        if counts != seen:
            seen, changed = counts, time.monotonic()
        on_progress("recording" if counts[0] else "starting the nodes", *counts)
        if group.exit_status("video_node") == 0:
            through = recorder.answers and recorder.answers[-1].stamp_ns == recorder.image_stamps_ns[-1]
            if through or time.monotonic() - changed > _QUIET_S:
                return
        if not counts[0]:
            _check_start(group, recorder, time.monotonic() - started)
        time.sleep(_POLL_S)


def _check_start(group: ProcessGroup, recorder: Recorder, waited_s: float) -> None:
    refused = {name: why for name, why in recorder.errors.items() if "not configured" in why}
    for name, why in refused.items():
        raise DemoError(f"{name}: {why}")
    if waited_s > _START_LIMIT_S:
        tails = "\n".join(
            f"{name}: {group.log_tail(name, 3)}" for name in ("video_node", "detector_node", "hdnet_node")
        )
        raise DemoError(f"no image after {_START_LIMIT_S:.0f} s. The nodes' last words:\n{tails}")
