"""The estimators by the names that the command line gives them."""

from __future__ import annotations

from pathlib import Path

from hdnet_ros.locate.priors import BoxAreaPrior, BoxHeightPrior
from hdnet_ros.model.default_weights import NO_WEIGHTS_HELP, find_default_weights

ESTIMATOR_NAMES = ("hdnet", "box-height", "box-area")


class NoWeightsError(ValueError):
    """HDNet was asked for and there are no trained weights; the message says what to do."""


def make_estimator(
    name: str,
    weights: str | Path | None = None,
    device: str = "auto",
    patch: str | None = None,
    second_look: str = "auto",
):
    """Return an estimator and how to speak of it.

    Parameters
    ----------
    name : one of `ESTIMATOR_NAMES`
    weights : HDNet's checkpoint; None takes the bundled one
    device : where the network runs
    patch : "crop" or "virtual"; None takes what the weights were trained with
    second_look : "auto" (where the weights allow it), "always" or "never": the mean of two
        patches of each person, see `SecondLook`

    Raises
    ------
    NoWeightsError : hdnet without weights
    ValueError : the weights do not fit, or the device is not there
    """
    if name == "box-height":
        return BoxHeightPrior(), "box height, 1.70 m"
    if name == "box-area":
        return BoxAreaPrior(), "box area, 2 m x 2 m"
    if name != "hdnet":
        raise ValueError(f"estimator is {name!r}, expected one of {', '.join(ESTIMATOR_NAMES)}")
    path = Path(weights) if weights else find_default_weights()
    if path is None:
        raise NoWeightsError(NO_WEIGHTS_HELP)
    # torch takes seconds to import, and the priors do without it.
    from hdnet_ros.locate.load_estimator import load_hdnet_estimator

    return load_hdnet_estimator(path, device, patch, second_look=second_look, is_live=False)
