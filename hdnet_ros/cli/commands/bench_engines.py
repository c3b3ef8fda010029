"""What `hdnet bench` measures of engines and precisions: in turns, against the authors' algorithm and PyTorch."""

from __future__ import annotations

import functools
from collections.abc import Callable
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

PEOPLE = (1, 5, 20)
BUSY = 2
_BUSY_PEOPLE = 5
_BUSY_REPEATS, _BUSY_LIMIT_S = 100, 20.0
# Twenty people by the authors' algorithm take seconds.
_MOST_OF_A_CROWD = 5
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


def against_the_authors(network: HDNet, device: str, repeats: int, bar) -> dict[str, dict]:
    """Comparisons by engine and number of people: a patch a person and naive pooling against ours."""
    estimators = [
        HDNetEstimator(
            inference_copy(network), PatchConvention(), network.config.bins, device, engine=engine, precision=precision
        )
        for engine, precision in engines_here(device)
    ]
    ways = {estimator.engine: functools.partial(_output, estimator) for estimator in estimators}
    found: dict[str, dict] = {name: {} for name in ways}
    for people in PEOPLE:
        rounds = repeats if people < PEOPLE[-1] else min(repeats, _MOST_OF_A_CROWD)
        task = bar.add_task(f"the authors' and ours, {people}", total=WARM_UP + rounds)
        compared = compare_with_naive(network, ways, people, rounds, functools.partial(bar.advance, task))
        for name, comparison_ in compared.items():
            found[name][people] = comparison_.to_dict()
    return found


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


def in_turns(estimators: dict[str, object], repeats: int, bar) -> dict[str, dict]:
    """Comparisons of the first estimator with each, by label and people; patches and all, 1280 x 720."""
    image_rgb, camera = bench_picture()
    found: dict[str, dict] = {label: {} for label in estimators}
    for people in PEOPLE:
        boxes = bench_boxes(people)
        ways: list[Callable] = [
            functools.partial(estimator.localize, image_rgb, boxes, camera) for estimator in estimators.values()
        ]
        task = bar.add_task(f"estimators in turns, {people}", total=WARM_UP + repeats)
        times = time_in_turns(ways, repeats, functools.partial(bar.advance, task))
        for label, ms in zip(estimators, times, strict=True):
            found[label][people] = comparison(times[0], ms).to_dict()
    return found


def beside_busy_processes(estimators: dict[str, object], bar) -> dict[str, dict]:
    """Timings quiet and beside two busy processes, and the ratio of p99 there to the median here."""
    image_rgb, camera = bench_picture()
    boxes = bench_boxes(_BUSY_PEOPLE)
    task = bar.add_task("beside busy processes", total=2 * len(estimators))
    found = {}
    for label, estimator in estimators.items():
        way = functools.partial(estimator.localize, image_rgb, boxes, camera)
        quiet = time_within(way, _BUSY_REPEATS, _BUSY_LIMIT_S)
        bar.advance(task)
        with busy_processes(BUSY):
            busy = time_within(way, _BUSY_REPEATS, _BUSY_LIMIT_S)
        bar.advance(task)
        ratio = busy.p99_ms / quiet.median_ms
        found[label] = {"quiet": quiet.to_dict(), "busy": busy.to_dict(), "p99_over_quiet_median": ratio}
    return found


def detectors(estimator, device: str, repeats: int, bar) -> dict[str, dict]:
    """Each preset in PyTorch against what runs by default, 640 x 480; and with five people located, too."""
    image_rgb, camera = bench_picture()
    camera = camera.resized(_CAMERA_WH_PX)
    image_rgb = np.ascontiguousarray(image_rgb[:480, :640])
    boxes = [type(box)(box.box_xywh_center_px * 0.5) for box in bench_boxes(5)]
    found = {}
    for preset in PRESET_NAMES:
        torchs, ours = (
            make_detector("nanodet", device=device, preset=preset, engine=engine) for engine in ("torch", "auto")
        )
        task = bar.add_task(f"detector {preset}", total=WARM_UP + repeats)

        def both(detector=ours):
            detector.detect(image_rgb)
            estimator.localize(image_rgb, boxes, camera)

        ways = [lambda d=torchs: d.detect(image_rgb), lambda d=ours: d.detect(image_rgb), both]
        torch_ms, ours_ms, both_ms = time_in_turns(ways, repeats, functools.partial(bar.advance, task))
        found[preset] = comparison(torch_ms, ours_ms).to_dict() | {
            "engine": ours.engine,
            "images_per_s_with_5_people": 1000.0 / float(np.median(both_ms)),
        }
    return found
