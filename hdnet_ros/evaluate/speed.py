"""Speed of the network and the estimator, always against something else in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection
from hdnet_ros.model.hdnet import HDNet

WARM_UP = 2


@dataclass(frozen=True)
class Timing:
    """Milliseconds of repeated runs: median and the middle half (25th and 75th percentile)."""

    median_ms: float
    p25_ms: float
    p75_ms: float
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
    p25, median, p75 = np.percentile(milliseconds, [25, 50, 75])
    return Timing(float(median), float(p25), float(p75), len(milliseconds))


def comparison(slow_ms: Sequence[float], fast_ms: Sequence[float]) -> Comparison:
    """Summarise rounds in which both were run, so that a busy machine slows both."""
    p25, median, p75 = np.percentile(np.asarray(slow_ms) / np.asarray(fast_ms), [25, 50, 75])
    return Comparison(timing(slow_ms), timing(fast_ms), float(median), float(p25), float(p75))


def time_in_turns(
    ways: Sequence[Callable[[], object]], repeats: int, on_round: Callable[[], None] = lambda: None
) -> list[list[float]]:
    """Run every way `repeats` times, in turns, after a warm-up; ms per way and round.

    `on_round` is called after each round, warm-up (`WARM_UP` rounds) included.
    """
    milliseconds: list[list[float]] = [[] for _ in ways]
    for turn in range(WARM_UP + repeats):
        for way, found in zip(ways, milliseconds, strict=True):
            started = time.perf_counter()
            way()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if turn >= WARM_UP:
                found.append(1000.0 * (time.perf_counter() - started))
        on_round()
    return milliseconds


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
_ROUNDING = {torch.float32: 1e-3, torch.bfloat16: 3e-2}


def compare_with_naive(
    network: HDNet,
    ours: HDNet,
    people: int,
    repeats: int,
    dtype: torch.dtype = torch.float32,
    on_round: Callable[[], None] = lambda: None,
) -> Comparison:
    """Time the naive network in float32 against `ours` in `dtype` on the same patches.

    Raises
    ------
    RuntimeError : the two disagree by more than rounding
    """
    device = next(network.parameters()).device
    generator = torch.Generator().manual_seed(people)
    images = 255.0 * torch.rand(people, 3, 256, 256, generator=generator).to(device)
    box_masks = torch.zeros(people, 64, 64, dtype=torch.bool, device=device)
    box_masks[:, 10:54, 20:44] = True

    @torch.inference_mode()
    def batched() -> Tensor:
        channels_last = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            return ours(channels_last, box_masks).bin_logits

    expected, found = naive_forward(network, images, box_masks), batched()
    difference = float((expected - found).abs().max() / expected.abs().max())
    if not difference < _ROUNDING[dtype]:
        raise RuntimeError(f"naive and batched logits differ by {difference:.2e} of the largest one")
    naive_ms, ours_ms = time_in_turns(
        [lambda: naive_forward(network, images, box_masks), batched], repeats, on_round
    )
    return comparison(naive_ms, ours_ms)


def time_estimator(
    estimator, people: int, repeats: int, on_round: Callable[[], None] = lambda: None
) -> Timing:
    """Time `localize` on one 1280 x 720 picture with so many boxes; patches and all."""
    image_rgb, camera = bench_picture()
    boxes = bench_boxes(people)
    return timing(
        time_in_turns([lambda: estimator.localize(image_rgb, boxes, camera)], repeats, on_round)[0]
    )


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
