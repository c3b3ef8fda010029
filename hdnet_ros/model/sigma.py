"""How wrong a depth may be: for each person from what the network saw, not from the bins' spread alone.

The bins say what the network believes. Where it errs without a doubt, with a child taken for an adult or somebody
half hidden, they are narrow all the same; how often it erred on people who looked like this one is learnt here.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_HIDDEN_CHANNELS = 48
_REACH_BINS = 16
# On what is read in training, in its standard deviations: few people are learnt from, and rounding must not matter.
_NOISE = 0.3
# A sigma of 2 to 80 %: less, stature alone forbids; more, nothing is said any more.
_LOG_RANGE = (-3.9, -0.22)


class SigmaHead(nn.Module):
    """The standard deviation of the logarithm of depth, such that one of it holds 68 % of the errors.

    Parameters
    ----------
    channels : C of what the depth is read from
    joint_count : J
    """

    def __init__(self, channels: int, joint_count: int) -> None:
        super().__init__()
        width = channels + 2 * joint_count + 2 * _REACH_BINS + 2
        self.layers = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.Linear(width, _HIDDEN_CHANNELS),
            nn.ReLU(),
            nn.Linear(_HIDDEN_CHANNELS, 1),
        )
        nn.init.constant_(self.layers[-1].bias, -2.7)

    def forward(
        self,
        depth_features: Tensor,
        bin_probabilities: Tensor,
        bin_index: Tensor,
        peak: Tensor,
        confidence: Tensor,
    ) -> Tensor:
        """Natural logarithm of the sigma of ln(depth), (N,).

        Parameters
        ----------
        depth_features : (N, C) what the depth head reads
        bin_probabilities : (N, K)
        bin_index : (N,) the depth that is answered
        peak : (N, J) highest logits of the heatmaps inside the box
        confidence : (N, J) mass of the heatmaps around the joints
        """
        around = _around(bin_probabilities, bin_index)
        beyond = 1.0 - around.sum(-1, keepdim=True)
        told = torch.cat([depth_features, peak, confidence, around.clamp_min(0).sqrt(), beyond], -1)
        normal, *rest = self.layers
        told = normal(told)
        if self.training:
            told = told + _NOISE * torch.randn_like(told)
        return nn.Sequential(*rest)(told).squeeze(-1).clamp(*_LOG_RANGE)

    @torch.no_grad()
    def scale(self, factor: float) -> None:
        """Multiply all sigmas by a factor above 0."""
        self.layers[-1].bias += math.log(factor)


def _around(probabilities: Tensor, bin_index: Tensor) -> Tensor:
    """(N, 2 * reach + 1) probabilities of the bins around `bin_index`; 0 beyond the ends."""
    offsets = torch.arange(-_REACH_BINS, _REACH_BINS + 1, device=probabilities.device)
    places = bin_index.round().long().unsqueeze(-1) + offsets
    last = probabilities.shape[-1] - 1
    return probabilities.gather(-1, places.clamp(0, last)) * ((places >= 0) & (places <= last))
