"""The one way to an estimator: for nodes, bags, commands, evaluation and Python."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hdnet_ros.locate.priors import BoxAreaPrior, BoxHeightPrior
from hdnet_ros.locate.protocol import Estimator
from hdnet_ros.model.default_weights import NO_WEIGHTS_HELP, find_default_weights

if TYPE_CHECKING:  # PyTorch takes seconds and half a gigabyte; the priors do without it.
    from hdnet_ros.locate.estimator import HDNetEstimator
    from hdnet_ros.model.checkpoint import LoadedCheckpoint

ESTIMATOR_NAMES = ("auto", "hdnet", BoxHeightPrior.name, BoxAreaPrior.name)
PATCH_MODES = ("checkpoint", "crop", "virtual")
JOINT_SOURCES = ("network", "detection")
SECOND_LOOKS = ("auto", "always", "never")
# How often a waiting thread looks before it sleeps. Alone, the network is as fast as with libgomp's
# default, which is a hundred times that and more.
_OPENMP_SPINS = 2000


class EstimatorError(ValueError):
    """The estimator that was asked for cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class EstimatorSettings:
    """What is asked for; the fields are parameters of hdnet_node (pipeline/settings.py).

    Parameters
    ----------
    estimator : one of `ESTIMATOR_NAMES`
    weights : HDNet's checkpoint; empty: the bundled one
    device : "auto", "cpu", "cuda" or "cuda:N"
    patch : one of `PATCH_MODES`
    stature_m : height of everybody for the box-height prior, m
    engine, precision : what runs the network's convolutions, as `model.engine.choose_engine` takes them
    second_look : one of `SECOND_LOOKS`, see `takes_second_look`
    joints_from : "network" or "detection", see `HDNetEstimator`
    """

    estimator: str = "auto"
    weights: str = ""
    device: str = "auto"
    patch: str = "checkpoint"
    stature_m: float = 1.7
    engine: str = "auto"
    precision: str = "auto"
    second_look: str = "auto"
    joints_from: str = "network"

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> EstimatorSettings:
        """Return what values of `HDNET_SETTINGS` ask for."""
        return cls(**{field.name: options[field.name] for field in fields(cls)})


def make_estimator(settings: EstimatorSettings, is_live: bool) -> tuple[Estimator, str]:
    """Return an estimator, and a warning (empty: nothing to remark).

    "auto" is HDNet where weights were given or are bundled; where not, the box-height prior
    with a warning that says so.

    Parameters
    ----------
    is_live : whether somebody waits for each answer, see `takes_second_look`

    Raises
    ------
    EstimatorError
        If weights are missing or do not fit, the device is not there, or the estimator cannot do
        what is asked of it.
    """
    name = settings.estimator
    if name not in ESTIMATOR_NAMES:
        raise EstimatorError(f"estimator is {name!r}, expected one of {', '.join(ESTIMATOR_NAMES)}")
    path = Path(settings.weights).expanduser() if settings.weights else find_default_weights()
    if name == "hdnet" or (name == "auto" and path is not None):
        if path is None:
            raise EstimatorError(NO_WEIGHTS_HELP)
        return _hdnet(path, settings, is_live), ""
    if settings.second_look == "always" or settings.joints_from == "detection":
        raise EstimatorError(f"second_look and joints_from are for hdnet, not for {name}")
    if name == BoxAreaPrior.name:
        return BoxAreaPrior(), ""
    prior = BoxHeightPrior(stature_mm=1000.0 * settings.stature_m)
    if name == BoxHeightPrior.name:
        return prior, ""
    return prior, (
        "no HDNet weights are bundled: people are located by the height of their box "
        f"(everybody {settings.stature_m:g} m tall); set parameter weights for the network"
    )


def estimator_of(
    checkpoint: LoadedCheckpoint,
    settings: EstimatorSettings = EstimatorSettings(),
    is_live: bool = False,
    rung_offset: int = 0,
) -> HDNetEstimator:
    """Return the estimator of a checkpoint, batch norms folded into the convolutions.

    Parameters
    ----------
    settings : its estimator and weights are not asked
    rung_offset : every patch so many rungs of the ladder away from its own

    Raises
    ------
    ValueError : a device that is not there, a patch mode that does not exist, or a second look
        where there can be none
    """
    from hdnet_ros.core.device import choose_device
    from hdnet_ros.locate.estimator import HDNetEstimator
    from hdnet_ros.model.inference_copy import inference_copy

    convention = checkpoint.convention
    if settings.patch != "checkpoint":
        convention = replace(convention, mode=settings.patch)
    device = str(choose_device(settings.device))  # once, so that its warning comes once
    return HDNetEstimator(
        inference_copy(checkpoint.network.eval()),
        convention,
        checkpoint.config.bins,
        device,
        checkpoint.calibration,
        precision=settings.precision,
        engine=settings.engine,
        joints_from=settings.joints_from,
        second_look=takes_second_look(checkpoint, settings.second_look, device, is_live),
        rung_offset=rung_offset,
        name=str(checkpoint.metadata.get("name") or "hdnet"),
    )


def takes_second_look(checkpoint: LoadedCheckpoint, second_look: str, device: str, is_live: bool) -> bool:
    """Say whether an answer is the mean over two patches of each person; the one rule for it.

    "always" and "never" are that. "auto" looks twice where the weights allow it, and where either
    nobody waits for the answer (recordings, files, evaluation) or a GPU makes it cheap.

    Raises
    ------
    ValueError : another word
    """
    from hdnet_ros.model.second_look import second_look_problem

    if second_look not in SECOND_LOOKS:
        raise ValueError(f"second_look is {second_look!r}, expected one of {SECOND_LOOKS}")
    if second_look != "auto":
        return second_look == "always"
    is_possible = not second_look_problem(checkpoint.network, checkpoint.convention)
    return is_possible and (not is_live or not device.startswith("cpu"))


def _hdnet(path: Path, settings: EstimatorSettings, is_live: bool) -> Estimator:
    have_waiting_threads_sleep()
    from hdnet_ros.model.checkpoint import load_checkpoint

    try:
        with no_threads_of_its_own():
            checkpoint = load_checkpoint(path)
            checkpoint.metadata.setdefault("name", path.stem)
            return estimator_of(checkpoint, settings, is_live)
    except (ValueError, OSError, RuntimeError) as error:
        raise EstimatorError(f"weights {path}: {error}") from error


@contextlib.contextmanager
def no_threads_of_its_own() -> Iterator[None]:
    """Keep PyTorch from starting helper threads for the calling thread.

    Every thread that computes gets its own team of OpenMP threads, for good. With two teams there
    are more threads than cores, their waiting turns from spinning to sleeping, and the network of
    the worker thread takes half as long again. So the thread that loads must not compute.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def have_waiting_threads_sleep() -> None:
    """Have PyTorch's threads sleep soon where they wait for each other, unless the environment says how.

    Beside another busy process, a detector for instance, a thread that spins takes the core of the one it
    waits for: on two cores, beside HOG, the slowest of some sixty images of five people took 2.7 s, and
    with this 0.3 s. libgomp reads this when PyTorch is first imported.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(_OPENMP_SPINS))
