"""Training of a network's sigma: how far off its depths are, of people like the one in the patch.

Everything else stays as it is. The people must be none that the depth was trained on: there it errs less. Best are
people of other bodies, those of a hold-out, of other pictures than the ones that scores are told of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from hdnet_ros.core.types import SigmaCalibration
from hdnet_ros.learn.config import DataConfig
from hdnet_ros.learn.dataset import PatchStream, collate, network_inputs
from hdnet_ros.learn.start import start_from_checkpoint
from hdnet_ros.model.checkpoint import load_checkpoint, save_checkpoint
from hdnet_ros.model.hdnet import HDNet

# Share of the errors that one standard deviation of a normal distribution holds.
_ONE_SIGMA = 0.6827
_PATCHES_AT_ONCE = 16
_SMALLEST_ERROR = 1e-3
# As the estimator cuts patches: always on the rung of the box, in the middle; boxes are the detector's.
IN_USE = DataConfig(
    people_per_patch=1, rung_jitter=0.0, zoom_range=0.0, centre_jitter=0.0, box_scale_jitter=0.03, box_shift_jitter=0.015
)


@dataclass(frozen=True)
class SigmaTraining:
    """How long and how a sigma is trained."""

    steps: int = 1500
    batch_size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 3e-2
    seed: int = 0


class SigmaRows(NamedTuple):
    """What `SigmaHead` reads of N people, in its order, and how far off their depths are.

    Attributes
    ----------
    inputs : the five tensors, of N rows each
    log_error : (N,) |ln(estimated depth / true depth)|
    """

    inputs: tuple[Tensor, ...]
    log_error: Tensor


def network_with_sigma(path: Path) -> HDNet:
    """The network of a checkpoint with a sigma of its own, untrained where it had none, in eval mode.

    Raises
    ------
    CheckpointError : the file is no checkpoint
    ValueError : a network of another kind than HDNet
    """
    config = load_checkpoint(path).config
    if not hasattr(config, "sigma_head"):
        raise ValueError(f"{path}: expected an HDNet")
    network = HDNet(replace(config, sigma_head=True))
    start_from_checkpoint(network, path)
    return network.eval()


def sigma_rows(
    network: HDNet, shards: str, convention, count: int, seed: int, progress: Callable[[int], None] | None = None
) -> SigmaRows:
    """Rows of the first `count` people of a folder of shards, of either split, as the network runs in use."""
    seen: list[tuple] = []
    hook = network.sigma_head.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    errors: list[Tensor] = []
    stream = PatchStream(replace(IN_USE, shards=shards, seed=seed), convention, split=_split_of(shards))
    for batch in DataLoader(stream, _PATCHES_AT_ONCE, collate_fn=collate):
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            output = network(*network_inputs(network, batch))
        bins = network.config.bins
        apart = output.bin_index - bins.index(batch["normalised_depth"].float())
        errors.append(apart.abs() * bins.log_step)
        done = _PATCHES_AT_ONCE * len(errors)
        if progress:
            progress(done)
        if done >= count:
            break
    hook.remove()
    inputs = tuple(torch.cat(column).clone() for column in zip(*seen, strict=True))
    return SigmaRows(inputs, torch.cat(errors).clone())


def _split_of(shards: str) -> str:
    return "holdout" if any(Path(shards).glob("holdout_*.npz")) else "train"


def train_sigma(network: HDNet, rows: SigmaRows, config: SigmaTraining) -> None:
    """Train a network's sigma in place: with the floor that is added to it, the quantile of the errors that one
    standard deviation is.

    The pinball loss on logarithms: a third of the people may err by more than is said, whoever they are.
    """
    torch.manual_seed(config.seed)
    head = network.sigma_head
    optimiser = torch.optim.AdamW(head.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    target = rows.log_error.clamp_min(_SMALLEST_ERROR).log()
    head.train()
    for step in range(config.steps):
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * (1.0 - step / config.steps)
        chosen = torch.randint(len(target), (config.batch_size,))
        missing = target[chosen] - log_published(head(*(column[chosen] for column in rows.inputs)))
        loss = torch.maximum(_ONE_SIGMA * missing, (_ONE_SIGMA - 1.0) * missing).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    network.eval()


def log_published(log_sigma: Tensor) -> Tensor:
    """Logarithm of the relative sigma that is published where a network says `log_sigma`: the floor is added, as squares."""
    return 0.5 * ((2.0 * log_sigma).exp() + SigmaCalibration().floor_relative ** 2).log()


def save_with_sigma(path: Path, network: HDNet, start: Path, told: str) -> None:
    """Write a network whose sigma was trained, with what the checkpoint says of itself and `told`.

    No temperature changes it; the floor stays, for nobody's stature is known.
    """
    loaded = load_checkpoint(start)
    about = loaded.metadata
    save_checkpoint(
        path, network, loaded.convention, name=about["name"], licence=about["licence"],
        data=f"{about['data']}; {told}", calibration=SigmaCalibration(),
        seed=about.get("seed", ""), budget=about.get("budget", ""), half=loaded.half,
    )  # fmt: skip
