"""Graph network over the skeleton's joints (section 3.2, equation 5)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hdnet_ros.core.skeleton import adjacency


class SkeletonGraphLayer(nn.Module):
    """x_i' = ReLU(BN(a_ii W_self x_i + sum over neighbours j of a_ij W_others x_j)), equation 5.

    Parameters
    ----------
    in_channels, out_channels : features per joint
    normalised_adjacency : (J, J), rows summing to one, self links on the diagonal
    """

    def __init__(self, in_channels: int, out_channels: int, normalised_adjacency: Tensor) -> None:
        super().__init__()
        self.weight_self = nn.Linear(in_channels, out_channels)
        self.weight_others = nn.Linear(in_channels, out_channels)
        self.bn = nn.BatchNorm1d(out_channels)
        # Follows from the skeleton in the config, so it is no part of a checkpoint.
        own = normalised_adjacency.diagonal().unsqueeze(-1)
        self.register_buffer("self_links", own.clone(), persistent=False)
        self.register_buffer(
            "other_links", normalised_adjacency - torch.diag(own.squeeze(-1)), persistent=False
        )

    def forward(self, joints: Tensor) -> Tensor:
        """(N, J, C_in) to (N, J, C_out)."""
        own = self.self_links * self.weight_self(joints)
        others = self.other_links @ self.weight_others(joints)
        mixed = self.bn((own + others).transpose(1, 2))
        return torch.relu(mixed).transpose(1, 2)


class SkeletonGNN(nn.Module):
    """Layers of `SkeletonGraphLayer` over one skeleton.

    Parameters
    ----------
    in_channels, channels : features per joint at the input and after each layer
    layers : number of layers, 2 in the paper
    joint_count, links : the skeleton
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        layers: int,
        joint_count: int,
        links: Sequence[tuple[int, int]],
    ) -> None:
        super().__init__()
        links_between = torch.from_numpy(adjacency(joint_count, links)).float()
        widths = [in_channels] + [channels] * layers
        self.layers = nn.Sequential(
            *(
                SkeletonGraphLayer(cin, cout, links_between)
                for cin, cout in zip(widths[:-1], widths[1:], strict=True)
            )
        )

    def forward(self, joints: Tensor) -> Tensor:
        """(N, J, C_in) to (N, J, channels)."""
        return self.layers(joints)
