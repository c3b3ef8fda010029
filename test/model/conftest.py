"""Small networks with statistics that differ from their start, so that every layer matters."""

import pytest
import torch
from torch import nn

from hdnet_ros.model.hdnet import HDNet, hdnet_lite

CELLS = 16
IMAGE_PX = 64


def _randomise_statistics(network: nn.Module, seed: int = 0) -> None:
    """Running means, variances and affine parameters as training would leave them."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.normal_(0.0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
            module.weight.data.uniform_(0.7, 1.3, generator=generator)
            module.bias.data.normal_(0.0, 0.1, generator=generator)


def _tiny_config(**changes):
    """EfficientNet-Lite0 under a pyramid of eight channels."""
    tiny = {
        "fpn_channels": 8,
        "branch_mid_channels": 8,
        "branch_channels": 4,
        "gnn_channels": 8,
        # The paper's own reading of maps and bins; tests of another one say so.
        "decode_radius_cells": 0,
        "separate_pairs": False,
        "median_depth": False,
    }
    return hdnet_lite(**(tiny | changes))


def _make_tiny(**changes) -> HDNet:
    torch.manual_seed(1)
    network = HDNet(_tiny_config(**changes))
    _randomise_statistics(network)
    return network.eval()


def _make_people(patch_index, seed: int = 2):
    """Images (B, 3, 64, 64), box masks (N, 16, 16) of different boxes, patch index (N,)."""
    generator = torch.Generator().manual_seed(seed)
    patch_index = torch.as_tensor(patch_index)
    images = torch.randn(int(patch_index.max()) + 1, 3, IMAGE_PX, IMAGE_PX, generator=generator)
    masks = torch.zeros(len(patch_index), CELLS, CELLS, dtype=torch.bool)
    for person in range(len(patch_index)):
        masks[person, 1 + person % 4 : 12, 2 : 9 + person % 5] = True
    return images, masks, patch_index


@pytest.fixture(scope="session")
def randomise_statistics():
    return _randomise_statistics


@pytest.fixture(scope="session")
def tiny_config():
    return _tiny_config


@pytest.fixture(scope="session")
def make_tiny():
    return _make_tiny


@pytest.fixture(scope="session")
def make_people():
    return _make_people


@pytest.fixture(scope="session")
def tiny_network() -> HDNet:
    return _make_tiny()
