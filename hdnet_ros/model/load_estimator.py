"""From a checkpoint file to an estimator, the one way for nodes and commands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hdnet_ros.core.estimator import HDNetEstimator
from hdnet_ros.model.checkpoint import load_checkpoint
from hdnet_ros.model.inference_copy import inference_copy


def load_hdnet_estimator(
    path: str | Path, device: str = "auto", patch: str | None = None, precision: str = "auto"
) -> tuple[HDNetEstimator, str]:
    """The estimator of a checkpoint, batch norms folded into the convolutions, and its name.

    Parameters
    ----------
    device : "auto", "cpu", "cuda" or "cuda:N"
    patch : "crop" or "virtual"; None takes what the weights were trained with
    precision : "auto", "float32" or "bfloat16", see `HDNetEstimator`

    Raises
    ------
    CheckpointError : the file does not fit; what was found and expected is named
    ValueError : a device that is not there, or a patch mode that does not exist
    """
    loaded = load_checkpoint(path)
    convention = replace(loaded.convention, mode=patch) if patch else loaded.convention
    network = inference_copy(loaded.network.eval())
    estimator = HDNetEstimator(
        network, convention, loaded.config.bins, device, loaded.calibration, precision=precision
    )
    return estimator, str(loaded.metadata.get("name") or Path(path).stem)
