"""Where a training run starts: backbones that others trained, or a checkpoint of a related network."""

from __future__ import annotations

import logging
from collections.abc import Collection
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


def start_from_checkpoint(network: nn.Module, path: Path, parts: Collection[str] = ()) -> list[str]:
    """Fill a network with what a checkpoint of a related one has; returns the names of tensors it lacks.

    Where a layer reads more than the checkpoint's did, its further inputs begin without weight, so that the
    network begins as that of the checkpoint. A witness of the joints that is another than the checkpoint's is as
    its authors trained it.

    Parameters
    ----------
    parts : names of the network's modules to fill, the others stay as they are; none names all

    Raises
    ------
    CheckpointError : the file is no checkpoint
    ValueError : a tensor that differs in more than the number of its inputs
    """
    loaded = load_checkpoint(path)
    stored = loaded.network.state_dict()
    if _witness_of(loaded) != _witness_of(network):
        stored = {name: value for name, value in stored.items() if not name.startswith("witness.")}
        _load_witness(network)
    own, missing = network.state_dict(), []
    for name, value in own.items():
        if parts and name.partition(".")[0] not in parts:
            continue
        if name not in stored:
            missing.append(name)
        elif value.shape == stored[name].shape:
            value.copy_(stored[name])
        else:
            _copy_inputs(name, value, stored[name], path)
    network.load_state_dict(own)
    log.info("started from %s; %d tensors are not in it", path, len(missing))
    return missing


def _witness_of(network_or_checkpoint) -> str:
    return getattr(network_or_checkpoint.config, "joint_witness", "")


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
