"""Depth bins over normalised depth: equations 6 and 7 and the two-bin target of section 3.2."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields

import numpy as np
import torch

# Normalised depth is mm per px of a 1000 px patch seen at 256 px: 0.256 of a network px's mm.
_NORMALISED_PER_INPUT_PX = 0.001
_MOST_BINS = 65536


def normalise_depth(depth_mm, focal_in_px, input_px):
    """Depth over the focal length of the network's input, r = d / f_in * 0.001 * input_px.

    With a patch of P source px, f_in = f * input_px / P, so r = d / f where P = 1000.
    """
    return depth_mm / focal_in_px * (_NORMALISED_PER_INPUT_PX * input_px)


def denormalise_depth(normalised, focal_in_px, input_px):
    """Depth in mm from normalised depth; the inverse of `normalise_depth`."""
    return normalised * focal_in_px / (_NORMALISED_PER_INPUT_PX * input_px)


@dataclass(frozen=True)
class DepthBins:
    """Bins spaced evenly in the logarithm of normalised depth.

    Parameters
    ----------
    count : number of bins K; 71 in the paper
    start, end : normalised depth of the first and the last bin, mm/px; 1 and 8 in the paper.
        With 71 bins over [1, 8] one step is 3.0 %.
    """

    count: int = 71
    start: float = 1.0
    end: float = 8.0

    def __post_init__(self) -> None:
        if not 2 <= self.count <= _MOST_BINS or int(self.count) != self.count:
            raise ValueError(f"count is {self.count}, expected an integer of at least 2, at most {_MOST_BINS}")
        if not (math.isfinite(self.end) and 0.0 < self.start < self.end):
            raise ValueError(f"bins from {self.start} to {self.end}, expected 0 < start < end")

    @classmethod
    def ladder(cls, count: int = 71) -> DepthBins:
        """Bins wide enough for every rung of the patch ladder: 1.3 to 60 mm per px of 256."""
        return cls(count=count, start=0.333, end=15.4)

    @classmethod
    def from_dict(cls, values: dict) -> DepthBins:
        """Bins from a mapping; an unknown key is a ValueError that names it."""
        unknown = sorted(set(values) - {f.name for f in fields(cls)})
        if unknown:
            raise ValueError(f"unknown depth bin keys {unknown}, expected count, start, end")
        return cls(**values)

    def to_dict(self) -> dict:
        return asdict(self)

    @property
    def log_step(self) -> float:
        """Distance of two bins in log normalised depth."""
        return math.log(self.end / self.start) / (self.count - 1)

    def index(self, normalised):
        """Fractional bin index of normalised depth, equation 6, clipped to [0, K - 1]."""
        if isinstance(normalised, torch.Tensor):
            raw = (torch.log(normalised) - math.log(self.start)) / self.log_step
            return raw.clamp(0.0, self.count - 1.0)
        raw = (np.log(normalised) - math.log(self.start)) / self.log_step
        return np.clip(raw, 0.0, self.count - 1.0)

    def normalised(self, index):
        """Normalised depth of a fractional bin index, equation 7."""
        exp = torch.exp if isinstance(index, torch.Tensor) else np.exp
        return exp(index * self.log_step + math.log(self.start))

    def target(self, index: torch.Tensor) -> torch.Tensor:
        """Two-bin target: index 2.4 puts 0.6 on bin 2 and 0.4 on bin 3 (section 3.2).

        Parameters
        ----------
        index : (...) fractional bin index; values outside [0, K - 1] are clipped

        Returns
        -------
        (..., K) weights summing to one
        """
        index = torch.as_tensor(index)
        if not index.is_floating_point():
            index = index.to(torch.float32)
        clipped = index.clamp(0.0, self.count - 1.0)
        lower = clipped.floor().clamp(max=self.count - 2.0)
        upper_weight = (clipped - lower).unsqueeze(-1)
        lower = lower.long().unsqueeze(-1)
        weights = clipped.new_zeros((*clipped.shape, self.count))
        weights.scatter_(-1, lower, 1.0 - upper_weight)
        return weights.scatter_(-1, lower + 1, upper_weight)

    def soft_argmax(self, probabilities):
        """Expected bin index of (..., K) probabilities; numpy or torch."""
        return (probabilities * self._bin_numbers(probabilities)).sum(-1)

    def median(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Fractional bin index (...) that halves (..., K) probabilities, each bin's mass spread evenly.

        Where the bins have two modes, of a child and of an adult farther away, the mean lies between
        them, where nobody is; the median keeps to the likelier one.
        """
        numbers = self._bin_numbers(probabilities)
        reached = probabilities.cumsum(-1)
        bin_number = (reached < 0.5).sum(-1, keepdim=True).clamp(max=self.count - 1)
        mass = probabilities.gather(-1, bin_number)
        before = reached.gather(-1, bin_number) - mass
        share = ((0.5 - before) / mass.clamp_min(1e-12)).clamp(0.0, 1.0)
        return (numbers[bin_number] - 0.5 + share).squeeze(-1).clamp(0.0, self.count - 1.0)

    def shifted(self, probabilities: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
        """Probabilities (N, K) of depths that are `by` (N,) bins larger; those beyond an end are at it.

        Mass between two bins is shared out to both, so the mean moves by just that.
        """
        places = self._bin_numbers(probabilities) + by.unsqueeze(-1)
        lower = places.floor()
        share = places - lower
        last = self.count - 1
        moved = torch.zeros_like(probabilities)
        moved.scatter_add_(-1, lower.long().clamp(0, last), probabilities * (1.0 - share))
        return moved.scatter_add_(-1, (lower.long() + 1).clamp(0, last), probabilities * share)

    def spread(self, probabilities):
        """Standard deviation of log normalised depth under (..., K) probabilities."""
        numbers = self._bin_numbers(probabilities)
        mean = (probabilities * numbers).sum(-1)
        variance = (probabilities * (numbers - mean[..., None]) ** 2).sum(-1)
        return variance**0.5 * self.log_step

    def _bin_numbers(self, probabilities):
        if probabilities.shape[-1] != self.count:
            raise ValueError(f"{probabilities.shape[-1]} bins, expected {self.count}")
        if isinstance(probabilities, torch.Tensor):
            return torch.arange(
                self.count, dtype=probabilities.dtype, device=probabilities.device
            )
        return np.arange(self.count, dtype=np.float64)
