"""Whether somebody is in a box: a detector's box is a claim, and the network looks at it closely."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_HIDDEN_CHANNELS = 64


class ExistenceHead(nn.Module):
    """Reads the features pooled at the joints, and how high the joints' heatmaps are and how much together.

    Where nobody is, heatmaps are low and flat inside the box, and the features at their joints are a wall's.

    Parameters
    ----------
    channels : of the pooled features of each joint
    joint_count : J
    """

    def __init__(self, channels: int, joint_count: int) -> None:
        super().__init__()
        width = 2 * channels + 2 * joint_count
        self.layers = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.Linear(width, _HIDDEN_CHANNELS),
            nn.ReLU(),
            nn.Linear(_HIDDEN_CHANNELS, 1),
        )

    def forward(self, joint_features: Tensor, peak: Tensor, confidence: Tensor) -> Tensor:
        """Logits (N,) of the probability that somebody is there.

        Parameters
        ----------
        joint_features : (N, J, C)
        peak : (N, J) highest logits of the heatmaps inside the box
        confidence : (N, J) mass of the heatmaps around the joints
        """
        told = torch.cat([joint_features.mean(1), joint_features.amax(1), peak, confidence], -1)
        return self.layers(told).squeeze(-1)
