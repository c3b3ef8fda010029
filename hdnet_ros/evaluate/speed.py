"""Speed of the network and the estimator, always against something else in the same run."""

from __future__ import annotations

import contextlib
import functools
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection
from hdnet_ros.model.hdnet import HDNet, HDNetOutput

WARM_UP = 2
LEAST_ROUNDS = 2


@dataclass(frozen=True)
class Timing:
    """Milliseconds of repeated runs: median, the middle half (25th and 75th percentile), and the 99th.

    With less than a hundred repeats the last lies next to the slowest.
    """

    median_ms: float
    p25_ms: float
    p75_ms: float
    p99_ms: float
    repeats: int

    def to_dict(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class Comparison:
    """Two ways timed in turns; the ratio is slow over fast, round by round."""

    slow: Timing
    fast: Timing
    ratio_median: float
    ratio_p25: float
    ratio_p75: float

    def to_dict(self) -> dict:
        return asdict(self)


def timing(milliseconds: Sequence[float]) -> Timing:
    """Summarise repeated runs."""
    p25, median, p75, p99 = (float(p) for p in np.percentile(milliseconds, [25, 50, 75, 99]))
    return Timing(median, p25, p75, p99, len(milliseconds))


def comparison(slow_ms: Sequence[float], fast_ms: Sequence[float]) -> Comparison:
    """Summarise rounds in which both were run, so that a busy machine slows both."""
    p25, median, p75 = np.percentile(np.asarray(slow_ms) / np.asarray(fast_ms), [25, 50, 75])
    return Comparison(timing(slow_ms), timing(fast_ms), float(median), float(p25), float(p75))


def time_in_turns(
    ways: Sequence[Callable[[], object]],
    repeats: int,
    on_round: Callable[[], None] = lambda: None,
    limit_s: float = math.inf,
) -> list[list[float]]:
    """Run every way `repeats` times or as often as fits into a time, in turns, after a warm-up; ms per way and round.

    `on_round` is called after each round, warm-up (`WARM_UP` rounds, one of them where the time is short) included.
    At least `LEAST_ROUNDS` are timed whatever the time.
    """
    milliseconds: list[list[float]] = [[] for _ in ways]
    begun, warm = time.perf_counter(), 0
    while len(milliseconds[0]) < repeats:
        spent_s = time.perf_counter() - begun
        is_warm = warm == WARM_UP or (warm > 0 and spent_s > limit_s / 4)
        if is_warm and spent_s > limit_s and len(milliseconds[0]) >= LEAST_ROUNDS:
            break
        for way, found in zip(ways, milliseconds, strict=True):
            started = time.perf_counter()
            way()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if is_warm:
                found.append(1000.0 * (time.perf_counter() - started))
        warm += not is_warm
        on_round()
    return milliseconds


def time_within(way: Callable[[], object], repeats: int, limit_s: float) -> Timing:
    """Time a way after a warm-up, `repeats` times or as often as fits into a time, at least thrice."""
    milliseconds: list[float] = []
    way()
    until = time.perf_counter() + limit_s
    while len(milliseconds) < 3 or (len(milliseconds) < repeats and time.perf_counter() < until):
        started = time.perf_counter()
        way()
        milliseconds.append(1000.0 * (time.perf_counter() - started))
    return timing(milliseconds)


@contextlib.contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Have so many other processes compute without end, as planners on a robot do."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@torch.inference_mode()
def naive_forward(network: HDNet, images: Tensor, box_masks: Tensor) -> Tensor:
    """Bin logits (N, K) by the book: one patch after another, pooling through one big tensor.

    The same weights as `HDNet.forward`, equation 4 written out as a product of joints x channels
    x height x width that is then summed, as the authors' released code does.
    """
    rows = []
    for image, box_mask in zip(images, box_masks, strict=True):
        pyramid = network.fpn(network.backbone(image[None]))
        heatmap_features = network.heatmap_branch(pyramid)
        depth_features = network.depth_branch(pyramid) if network.depth_branch else heatmap_features
        logits = network.heatmap_head(heatmap_features)
        logits = torch.where(box_mask[None, None], logits, torch.full_like(logits, -1e15))
        heatmaps = torch.softmax(logits.flatten(2), dim=2).view_as(logits)
        product = heatmaps[:, :, None] * depth_features[:, None]
        joint_features = product.sum(dim=(3, 4))
        if network.gnn:
            joint_features = network.gnn(joint_features)
        rows.append(network.depth_head(joint_features.mean(dim=1)))
    return torch.cat(rows)


# Largest difference of logits that is rounding, as a share of the largest logit.
_ROUNDING = 3e-2


def compare_with_naive(
    network: HDNet,
    ours: Mapping[str, Callable[[Tensor, Tensor], HDNetOutput]],
    people: int,
    repeats: int,
    on_round: Callable[[], None] = lambda: None,
    limit_s: float = math.inf,
) -> dict[str, Comparison]:
    """Time the naive network in float32 in turns with ways to run the same weights, on the same patches.

    Parameters
    ----------
    ours : by name, each from images (N, 3, 256, 256) uint8 and masks (N, 64, 64) bool to the output
    repeats, on_round, limit_s : as `time_in_turns` takes them

    Raises
    ------
    RuntimeError : a way's answer differs by more than rounding in bfloat16
    """
    device = next(network.parameters()).device
    generator = torch.Generator().manual_seed(people)
    images = torch.randint(0, 256, (people, 3, 256, 256), generator=generator, dtype=torch.uint8)
    images = images.to(device)
    box_masks = torch.zeros(people, 64, 64, dtype=torch.bool, device=device)
    box_masks[:, 10:54, 20:44] = True
    expected = naive_forward(network, images, box_masks)
    for name, way in ours.items():
        found = way(images, box_masks).bin_logits.detach()
        difference = float((expected - found).abs().max() / expected.abs().max())
        if not difference < _ROUNDING:
            raise RuntimeError(f"naive logits and those of {name} differ by {difference:.2e} of the largest one")
    ways = [functools.partial(naive_forward, network), *ours.values()]
    naive_ms, *ours_ms = time_in_turns(
        [functools.partial(way, images, box_masks) for way in ways], repeats, on_round, limit_s
    )
    return {name: comparison(naive_ms, ms) for name, ms in zip(ours, ours_ms, strict=True)}


def bench_picture() -> tuple[np.ndarray, Camera]:
    """Return a picture (720, 1280, 3) uint8 RGB of smooth noise, and a camera of 60 degrees."""
    coarse = np.random.default_rng(0).uniform(0, 255, (18, 32, 3)).astype(np.float32)
    image = torch.nn.functional.interpolate(
        torch.from_numpy(coarse).permute(2, 0, 1)[None], size=(720, 1280), mode="bicubic"
    )
    image_rgb = image[0].clamp(0, 255).byte().permute(1, 2, 0).contiguous().numpy()
    K = [1108.5, 0.0, 639.5, 0.0, 1108.5, 359.5, 0.0, 0.0, 1.0]
    return image_rgb, Camera.from_matrix(K, (1280, 720), "plumb_bob", [-0.1, 0.02, 0.0, 0.0, 0.0])


def bench_boxes(people: int) -> list[Detection]:
    """Return so many boxes of 120 x 320 px and less, spread over 1280 x 720 px."""
    boxes = []
    for number in range(people):
        scale = 1.0 - 0.03 * (number % 10)
        x = 90.0 + 1100.0 * ((number * 0.618) % 1.0)
        y = 300.0 + 120.0 * ((number * 0.381) % 1.0)
        boxes.append(Detection(np.array([x, y, 120.0 * scale, 320.0 * scale])))
    return boxes
