"""What the nodes run, made from plain values; nothing of ROS."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hdnet_ros.locate.detectors import NO_DETECTOR, Detector, make_detector
from hdnet_ros.locate.factory import have_waiting_threads_sleep, no_threads_of_its_own


class BackendError(RuntimeError):
    """What was asked for cannot be made; the message says why and what to do."""


def make_people_detector(options: Mapping[str, Any]) -> tuple[Detector, str]:
    """Return a detector and the device it runs on, from the parameters of `DETECTOR_SETTINGS`.

    Raises
    ------
    BackendError
        If its weights are missing or do not fit.
    """
    name = options["detector"]
    if name != "hog":
        have_waiting_threads_sleep()
    weights = options["weights"]
    try:
        with no_threads_of_its_own() if name != "hog" else contextlib.nullcontext():
            detector = make_detector(
                name,
                Path(weights).expanduser() if weights else None,
                options["min_score"],
                options["device"],
                preset=options["preset"],
                sides_px=[side for side in options["sides_px"] if side],
                hog_scale=options["hog_scale"],
                engine=options["engine"],
                precision=options["precision"],
            )
    except (ValueError, OSError, RuntimeError) as error:
        raise BackendError(f"detector {name}: {error}") from error
    return detector, str(getattr(detector, "device", "cpu"))


def make_inner_detector(options: Mapping[str, Any]) -> Detector | None:
    """Return the detector that hdnet_node itself runs, from values of `HDNET_SETTINGS`; None: it has none.

    Raises
    ------
    BackendError
        As `make_people_detector`.
    """
    if options["detector"] == NO_DETECTOR:
        return None
    shared = {name: options[name] for name in ("detector", "device", "engine", "precision")}
    own = {"preset": options["detector_preset"], "weights": options["detector_weights"]}
    # The node's own limit is 0 where boxes come from elsewhere: their detector has chosen already.
    limit = {"min_score": options["min_score"] or None, "sides_px": (), "hog_scale": 1.5}
    return make_people_detector({**shared, **own, **limit})[0]
