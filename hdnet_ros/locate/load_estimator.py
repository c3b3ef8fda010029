"""From a checkpoint file to an estimator, the one way for nodes and commands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import nn

from hdnet_ros.core.device import choose_device
from hdnet_ros.locate.estimator import HDNetEstimator
from hdnet_ros.core.patch_camera import PatchConvention
from hdnet_ros.model.checkpoint import load_checkpoint
from hdnet_ros.model.inference_copy import inference_copy
from hdnet_ros.model.second_look import SecondLook, second_look_problem

SECOND_LOOKS = ("auto", "always", "never")


def load_hdnet_estimator(
    path: str | Path,
    device: str = "auto",
    patch: str | None = None,
    precision: str = "auto",
    second_look: str = "auto",
    is_live: bool = True,
) -> tuple[HDNetEstimator, str]:
    """The estimator of a checkpoint, batch norms folded into the convolutions, and its name.

    Parameters
    ----------
    device : "auto", "cpu", "cuda" or "cuda:N"
    patch : "crop" or "virtual"; None takes what the weights were trained with
    precision : "auto", "float32" or "bfloat16", see `HDNetEstimator`
    second_look, is_live : see `with_second_look`

    Raises
    ------
    CheckpointError : the file does not fit; what was found and expected is named
    ValueError : a device that is not there, a patch mode that does not exist, or what
        `with_second_look` says
    """
    loaded = load_checkpoint(path)
    convention = replace(loaded.convention, mode=patch) if patch else loaded.convention
    network = inference_copy(loaded.network.eval())
    device = str(choose_device(device))  # once, so that its warning comes once
    network = with_second_look(network, convention, device, second_look, is_live)
    estimator = HDNetEstimator(
        network, convention, loaded.config.bins, device, loaded.calibration, precision=precision
    )
    return estimator, str(loaded.metadata.get("name") or Path(path).stem)


def with_second_look(
    network: nn.Module,
    convention: PatchConvention,
    device: str,
    second_look: str,
    is_live: bool = True,
) -> nn.Module:
    """The network, or `SecondLook` of it.

    Parameters
    ----------
    device : as `choose_device` takes it
    second_look : "always", "never", or "auto": where network and patches allow it, and where a GPU
        makes it cheap or nobody waits
    is_live : whether somebody waits for the answer

    Raises
    ------
    ValueError : "always" where it cannot be, another word, or a device that is not there
    """
    if second_look not in SECOND_LOOKS:
        raise ValueError(f"second_look is {second_look!r}, expected one of {SECOND_LOOKS}")
    if second_look == "auto":
        is_cheap = not is_live or choose_device(device).type != "cpu"
        is_wanted = is_cheap and not second_look_problem(network, convention)
    else:
        is_wanted = second_look == "always"
    return SecondLook(network, convention) if is_wanted else network
