"""Fit the temperature that makes the published sigma cover what it says, given the ambiguity floor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import brentq

from hdnet_ros.core.depth_bins import DepthBins
from hdnet_ros.locate.estimator import HDNetEstimator
from hdnet_ros.core.types import SigmaCalibration
from hdnet_ros.evaluate import benchmark
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.evaluate.depth_error import coverage
from hdnet_ros.model.look import reads_other_boxes

TEMPERATURE_RANGE = (0.02, 10.0)
LEVEL_RANGE = (0.2, 5.0)


class _Recorder(torch.nn.Module):
    """A network that keeps the bin logits of everyone who went through it, in order."""

    def __init__(self, network: torch.nn.Module):
        super().__init__()
        self.network, self.logits = network, []
        self.reads_other_boxes = reads_other_boxes(network)

    def forward(self, *inputs):
        output = self.network(*inputs)
        self.logits.append(output.bin_logits.float().cpu())
        return output


def predict(checkpoint, pictures: Sequence[LabelledPicture], device: str):
    """Bin logits (N, K), estimated and true depths (N,) in mm of everyone in the pictures.

    Raises
    ------
    ValueError : nobody was estimated, or the network has a sigma of its own
    RuntimeError : the network gave results that are not finite
    """
    if getattr(checkpoint.config, "sigma_head", False):
        raise ValueError("the network has a sigma of its own, which no temperature changes; hdnet calibrate scales it")
    recorder = _Recorder(checkpoint.network)
    estimator = HDNetEstimator(recorder, checkpoint.convention, checkpoint.config.bins, device)
    rows = benchmark.run(estimator, pictures)
    if not recorder.logits:
        raise ValueError(f"nobody in {len(pictures)} pictures has a usable box, expected people")
    logits = torch.cat(recorder.logits)
    lost = len(logits) - len(rows.true_mm)
    if lost:
        raise RuntimeError(f"{lost} results were not finite; cannot pair them with the truth")
    return logits, np.array(rows.estimated_mm), np.array(rows.true_mm)


def sigma_mm(logits: torch.Tensor, estimated_mm: np.ndarray, bins: DepthBins, calibration: SigmaCalibration):
    """Sigma of each estimate under a calibration, (N,) mm; what the estimator computes."""
    spread = bins.spread(torch.softmax(logits / calibration.temperature, dim=-1)).double().numpy()
    return calibration.sigma_mm(estimated_mm, spread)


def fit(
    logits: torch.Tensor, estimated_mm: np.ndarray, true_mm: np.ndarray, bins: DepthBins, level: float = 0.68
) -> SigmaCalibration:
    """The temperature at which the central interval of `level` covers that share of the truth.

    The floor stays at the height ambiguity's RMS error. Where the floor alone covers more than
    `level`, the smallest temperature of the range is taken, and likewise the largest.
    """

    def excess(log_temperature: float) -> float:
        calibration = SigmaCalibration(temperature=float(np.exp(log_temperature)))
        sigma = sigma_mm(logits, estimated_mm, bins, calibration)
        return coverage(estimated_mm, sigma, true_mm, (level,))[level] - level

    low, high = np.log(TEMPERATURE_RANGE)
    if excess(low) >= 0:
        return SigmaCalibration(temperature=TEMPERATURE_RANGE[0])
    if excess(high) <= 0:
        return SigmaCalibration(temperature=TEMPERATURE_RANGE[1])
    return SigmaCalibration(temperature=float(np.exp(brentq(excess, low, high, xtol=1e-3))))


def level_of(
    estimated_mm: np.ndarray, sigma_mm: np.ndarray, true_mm: np.ndarray, floor_relative: float, level: float = 0.68
) -> float:
    """The factor on a network's own sigma at which the central interval of `level` covers that share of the truth.

    The network learnt it on bodies that it knows; on others it errs more.

    Parameters
    ----------
    sigma_mm : (N,) as published, with the floor
    floor_relative : share of the depth that is in it, as squares
    """
    own = own_relative(estimated_mm, sigma_mm, floor_relative)

    def excess(log_factor: float) -> float:
        widened = levelled_mm(estimated_mm, np.exp(log_factor) * own, floor_relative)
        return coverage(estimated_mm, widened, true_mm, (level,))[level] - level

    low, high = np.log(LEVEL_RANGE)
    if excess(low) >= 0:
        return LEVEL_RANGE[0]
    if excess(high) <= 0:
        return LEVEL_RANGE[1]
    return float(np.exp(brentq(excess, low, high, xtol=1e-3)))


def own_relative(estimated_mm: np.ndarray, sigma_mm: np.ndarray, floor_relative: float) -> np.ndarray:
    """What a network says itself (N,), as a share of the depth, of sigma (N,) mm as published."""
    return np.sqrt(np.maximum((sigma_mm / estimated_mm) ** 2 - floor_relative**2, 0.0))


def levelled_mm(estimated_mm: np.ndarray, own: np.ndarray, floor_relative: float) -> np.ndarray:
    """Sigma (N,) mm as published of a network that says `own` itself; the inverse of `own_relative`."""
    return SigmaCalibration(floor_relative=floor_relative).sigma_mm(estimated_mm, own)
