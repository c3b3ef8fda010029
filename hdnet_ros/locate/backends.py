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


def open_video(source: str, camera: str, rate_hz: float) -> tuple[Any, Any]:
    """Return the frames of a source and the camera they were taken with.

    Raises
    ------
    BackendError
        If either cannot be opened, or the camera is of another size than the pictures.
    """
    from hdnet_ros.files.camera_files import load_camera
    from hdnet_ros.files.frames import FrameSource

    for value, parameter in ((source, "source"), (camera, "camera")):
        if not value:
            raise BackendError(f"parameter {parameter} is empty, expected a path")
    try:
        frames = FrameSource(source, rate_hz=rate_hz or None)
        loaded = load_camera(camera)
    except (ValueError, OSError) as error:
        raise BackendError(str(error)) from error
    if tuple(loaded.size_wh_px) != tuple(frames.size_wh_px):
        width, height = frames.size_wh_px
        raise BackendError(
            f"{camera} is of a camera of {loaded.size_wh_px[0]} x {loaded.size_wh_px[1]} px, "
            f"{source} has {width} x {height} px" + (f"; {frames.orientation}" if frames.orientation else "")
        )
    return frames, loaded
