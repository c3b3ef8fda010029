"""From a checkpoint file to an estimator, the one way for nodes and commands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hdnet_ros.core.estimator import HDNetEstimator
from hdnet_ros.model.checkpoint import load_checkpoint
from hdnet_ros.model.inference_copy import inference_copy
from hdnet_ros.model.mirror_average import mirror_averaged


def load_hdnet_estimator(
    path: str | Path,
    device: str = "auto",
    patch: str | None = None,
    precision: str = "auto",
    mirror_average: bool = False,
) -> tuple[HDNetEstimator, str]:
    """The estimator of a checkpoint, batch norms folded into the convolutions, and its name.

    Parameters
    ----------
    device : "auto", "cpu", "cuda" or "cuda:N"
    patch : "crop" or "virtual"; None takes what the weights were trained with
    precision : "auto", "float32" or "bfloat16", see `HDNetEstimator`
    mirror_average : average with the mirrored picture, see `MirrorAverage`

    Raises
    ------
    CheckpointError : the file does not fit; what was found and expected is named
    ValueError : a device that is not there, a patch mode that does not exist, or mirror_average of
        a network that is not HDNet or sees patches without half_pixel
    """
    loaded = load_checkpoint(path)
    convention = replace(loaded.convention, mode=patch) if patch else loaded.convention
    network = inference_copy(loaded.network.eval())
    if mirror_average:
        network = mirror_averaged(network, convention)
    estimator = HDNetEstimator(
        network, convention, loaded.config.bins, device, loaded.calibration, precision=precision
    )
    return estimator, str(loaded.metadata.get("name") or Path(path).stem)
