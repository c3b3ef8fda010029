"""What `hdnet bench` measures of engines and precisions: in turns, against the authors' algorithm and PyTorch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.evaluate.speed import (
    WARM_UP,
    bench_boxes,
    bench_picture,
    busy_processes,
    compare_with_naive,
    comparison,
    time_in_turns,
    time_within,
)
from hdnet_ros.locate.detectors import PRESET_NAMES, make_detector
from hdnet_ros.locate.estimator import HDNetEstimator
from hdnet_ros.locate.factory import EstimatorSettings, make_estimator
from hdnet_ros.model import openvino_engine
from hdnet_ros.model.hdnet import HDNet
from hdnet_ros.model.inference_copy import inference_copy

BUSY = 2
_BUSY_PEOPLE = 5
_BUSY_REPEATS = 100
# Beside busy processes everything takes longer, and it is the slowest of a hundred that counts.
_BUSY_SHARE = 0.7
_MOST_ROUNDS = 30
_CAMERA_WH_PX = (640, 480)


def engines_here(device: str) -> list[tuple[str, str]]:
    """Engine and precision of what can run on a device, PyTorch as it chooses for itself first."""
    if not device.startswith("cpu"):
        return [("torch", "float32"), ("torch", "bfloat16"), ("torch", "float16")]
    found = [("torch", "auto"), ("torch", "float32")]
    if openvino_engine.is_available():
        found.append(("openvino", "float32"))
        if openvino_engine.has_bfloat16():
            found.append(("openvino", "bfloat16"))
    return found


def against_the_authors(network: HDNet, device: str, people: Sequence[int], limit_s: float, bar) -> dict[str, dict]:
    """Comparisons by engine and number of people: a patch a person and naive pooling, float32, against ours."""
    engines = [here for here in engines_here(device) if here != ("torch", "float32") or not device.startswith("cpu")]
    estimators = [
        HDNetEstimator(
            inference_copy(network), PatchConvention(), network.config.bins, device, engine=engine, precision=precision
        )
        for engine, precision in engines
    ]
    ways = {estimator.engine: functools.partial(_output, estimator) for estimator in estimators}
    found: dict[str, dict] = {name: {} for name in ways}
    for count in people:
        with _rounds(bar, f"the authors' and ours, {count}") as on_round:
            share_s = limit_s * count**0.5 / sum(number**0.5 for number in people)
            compared = compare_with_naive(network, ways, count, _MOST_ROUNDS, on_round, share_s)
        for name, comparison_ in compared.items():
            found[name][count] = comparison_.to_dict()
    return found


@contextmanager
def _rounds(bar, description: str) -> Iterator[Callable[[], None]]:
    """A line of the progress bar that is full in the end however many rounds there was time for."""
    task = bar.add_task(description, total=WARM_UP + _MOST_ROUNDS)
    yield functools.partial(bar.advance, task)
    bar.update(task, completed=WARM_UP + _MOST_ROUNDS)


@torch.inference_mode()
def _output(estimator: HDNetEstimator, images: torch.Tensor, box_masks: torch.Tensor):
    with estimator.computing():
        return estimator.network(images.contiguous(memory_format=torch.channels_last), box_masks)


def estimators_by_engine(weights: Path, device: str) -> dict[str, object]:
    """The estimator of a checkpoint in every engine, by what runs."""
    found = {}
    for engine, precision in engines_here(device):
        settings = EstimatorSettings(
            "hdnet", str(weights), device, engine=engine, precision=precision, second_look="never"
        )
        estimator, _ = make_estimator(settings, is_live=True)
        found.setdefault(estimator.engine, estimator)
    return found


def in_turns(estimators: dict[str, object], people: Sequence[int], limit_s: float, bar) -> dict[str, dict]:
    """Comparisons of the first estimator with each, by label and people; patches and all, 1280 x 720."""
    image_rgb, camera = bench_picture()
    found: dict[str, dict] = {label: {} for label in estimators}
    for count in people:
        boxes = bench_boxes(count)
        ways: list[Callable] = [
            functools.partial(estimator.localize, image_rgb, boxes, camera) for estimator in estimators.values()
        ]
        with _rounds(bar, f"estimators in turns, {count}") as on_round:
            times = time_in_turns(ways, _MOST_ROUNDS, on_round, limit_s / len(people))
        for label, ms in zip(estimators, times, strict=True):
            found[label][count] = comparison(times[0], ms).to_dict()
    return found


def beside_busy_processes(estimators: dict[str, object], limit_s: float, bar) -> dict[str, dict]:
    """Timings quiet and beside two busy processes, and the ratio of p99 there to the median here."""
    image_rgb, camera = bench_picture()
    boxes = bench_boxes(_BUSY_PEOPLE)
    task = bar.add_task("beside busy processes", total=2 * len(estimators))
    busy_s = _BUSY_SHARE * limit_s / len(estimators)
    quiet_s = limit_s / len(estimators) - busy_s
    found = {}
    for label, estimator in estimators.items():
        way = functools.partial(estimator.localize, image_rgb, boxes, camera)
        quiet = time_within(way, _BUSY_REPEATS, quiet_s)
        bar.advance(task)
        with busy_processes(BUSY):
            busy = time_within(way, _BUSY_REPEATS, busy_s)
        bar.advance(task)
        ratio = busy.p99_ms / quiet.median_ms
        found[label] = {"quiet": quiet.to_dict(), "busy": busy.to_dict(), "p99_over_quiet_median": ratio}
    return found


def detectors(estimator, device: str, limit_s: float, bar) -> dict[str, dict]:
    """Each preset in PyTorch against what runs by default, 640 x 480; and with five people located, too.

    Detector and network one after the other, and at the same time on successive images, as two nodes work.
    """
    image_rgb, camera = bench_picture()
    camera = camera.resized(_CAMERA_WH_PX)
    image_rgb = np.ascontiguousarray(image_rgb[:480, :640])
    boxes = [type(box)(box.box_xywh_center_px * 0.5) for box in bench_boxes(5)]
    found = {}
    for preset in PRESET_NAMES:
        torchs, ours = (
            make_detector("nanodet", device=device, preset=preset, engine=engine) for engine in ("torch", "auto")
        )
        locate = functools.partial(estimator.localize, image_rgb, boxes, camera)
        detect = functools.partial(ours.detect, image_rgb)
        with _rounds(bar, f"detector {preset}") as on_round, ThreadPoolExecutor(1) as other:
            ways = [
                functools.partial(torchs.detect, image_rgb),
                detect,
                functools.partial(_in_order, detect, locate),
                functools.partial(_at_once, other, detect, locate),
            ]
            share_s = limit_s / len(PRESET_NAMES)
            torch_ms, ours_ms, in_order_ms, at_once_ms = time_in_turns(ways, _MOST_ROUNDS, on_round, share_s)
        found[preset] = comparison(torch_ms, ours_ms).to_dict() | {
            "engine": ours.engine,
            "images_per_s_with_5_people": 1000.0 / float(np.median(in_order_ms)),
            "images_per_s_with_5_people_at_once": 1000.0 / float(np.median(at_once_ms)),
        }
    return found


def _in_order(detect: Callable, locate: Callable) -> None:
    detect()
    locate()


def _at_once(other: ThreadPoolExecutor, detect: Callable, locate: Callable) -> None:
    """One image found while those of the one before are located."""
    under_way = other.submit(detect)
    locate()
    under_way.result()
