"""Where a training run starts: backbones that others trained, or a checkpoint of a related network."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from torch import nn

from hdnet_ros.model.backbones import pretrained_backbone_state
from hdnet_ros.model.checkpoint import load_checkpoint

log = logging.getLogger(__name__)


def load_pretrained(network: nn.Module) -> None:
    """Fill a network's backbone, and its witness, with weights of others; the rest stays random."""
    network.load_backbone(pretrained_backbone_state(network.config.backbone))
    _load_witness(network)


def start_from_checkpoint(network: nn.Module, path: Path) -> list[str]:
    """Fill a network with what a checkpoint of a related one has; returns the names of tensors it lacks.

    Where a layer reads more than the checkpoint's did, its further inputs begin without weight, so that the
    network begins as that of the checkpoint.

    Raises
    ------
    CheckpointError : the file is no checkpoint
    ValueError : a tensor that differs in more than the number of its inputs
    """
    stored = load_checkpoint(path).network.state_dict()
    if not any(name.startswith("witness.") for name in stored):
        _load_witness(network)
    own, missing = network.state_dict(), []
    for name, value in own.items():
        if name not in stored:
            missing.append(name)
        elif value.shape == stored[name].shape:
            value.copy_(stored[name])
        else:
            _copy_inputs(name, value, stored[name], path)
    network.load_state_dict(own)
    log.info("started from %s; %d tensors are not in it", path, len(missing))
    return missing


def _load_witness(network: nn.Module) -> None:
    witness = getattr(network, "witness", None)
    if witness is not None:
        witness.backbone.load_state_dict(pretrained_backbone_state(network.config.joint_witness))


def _copy_inputs(name: str, value: torch.Tensor, stored: torch.Tensor, path: Path) -> None:
    grows = value.ndim == stored.ndim == 2 and len(value) == len(stored) and value.shape[1] > stored.shape[1]
    if not grows:
        raise ValueError(
            f"{path}: {name} has shape {tuple(stored.shape)}, expected {tuple(value.shape)} or fewer inputs"
        )
    value.zero_()
    value[:, : stored.shape[1]] = stored
