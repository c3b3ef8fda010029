"""What the nodes run, made from plain values; nothing of ROS."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from hdnet_ros.locate.detectors import Detector, make_detector
from hdnet_ros.locate.priors import BoxAreaPrior, BoxHeightPrior
from hdnet_ros.core.skeleton import LINKS
from hdnet_ros.tracking.track_ids import IdSource
from hdnet_ros.tracking.tracking import TrackerConfig, Trackers
from hdnet_ros.model.default_weights import NO_WEIGHTS_HELP, find_default_weights

SKELETON_LINKS = LINKS
# How often a waiting thread looks before it sleeps. Alone, the network is as fast as with libgomp's
# default, which is a hundred times that and more.
_OPENMP_SPINS = 2000


class BackendError(RuntimeError):
    """The estimator that was asked for cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class EstimatorRequest:
    """What the parameters ask for; the fields are those of `options.HDNET_PARAMETERS`."""

    estimator: str
    weights: str
    device: str
    patch: str
    stature_m: float
    precision: str = "auto"
    second_look: str = "auto"


class Backend(NamedTuple):
    """An estimator that is ready, and how to speak of it."""

    estimator: Any
    name: str  # weights' name, or box-height, box-area
    device: str
    warning: str  # empty: nothing to remark


def make_backend(request: EstimatorRequest) -> Backend:
    """Return the estimator of a request.

    "auto" is HDNet where weights were given or are bundled; where not, the box-height prior
    with a warning that says so.

    Raises
    ------
    BackendError
        If weights are missing or do not fit, or the device is not there.
    """
    if request.estimator == "box-height":
        return Backend(
            BoxHeightPrior(stature_mm=1000.0 * request.stature_m), "box-height", "cpu", ""
        )
    if request.estimator == "box-area":
        return Backend(BoxAreaPrior(), "box-area", "cpu", "")
    path = Path(request.weights).expanduser() if request.weights else find_default_weights()
    if path is None and request.estimator == "auto":
        fallback = make_backend(replace(request, estimator="box-height"))
        warning = (
            "no HDNet weights are bundled: people are located by the height of their box "
            f"(everybody {request.stature_m:g} m tall); set parameter weights for the network"
        )
        return fallback._replace(warning=warning)
    if path is None:
        raise BackendError(NO_WEIGHTS_HELP)
    return _hdnet(path, request)


def make_trackers(options: Mapping[str, Any], ids: IdSource | None = None) -> Trackers:
    """Return trackers that know nobody yet, from the parameters of `options.HDNET_PARAMETERS`.

    `ids` is that of earlier trackers of the same run, whose ids are not to come again.
    """
    return Trackers(
        TrackerConfig(
            enabled=options["tracking"],
            gate_sigmas=options["track_gate_sigmas"],
            keep_s=options["track_keep_s"],
            birth_sightings=options["track_birth_sightings"],
        ),
        ids,
    )


def draw_people(image_rgb, persons: Sequence):
    """Return a copy of the picture with the tracked persons drawn on it."""
    from hdnet_ros.viz.overlay import draw_overlay

    return draw_overlay(image_rgb, [person.estimate for person in persons])


def _hdnet(path: Path, request: EstimatorRequest) -> Backend:
    _have_waiting_threads_sleep()
    # PyTorch takes seconds and half a gigabyte; the priors do without it.
    from hdnet_ros.model.checkpoint import CheckpointError
    from hdnet_ros.locate.load_estimator import load_hdnet_estimator

    patch = None if request.patch == "checkpoint" else request.patch
    try:
        with _no_threads_of_its_own():
            estimator, name = load_hdnet_estimator(
                path, request.device, patch, request.precision, request.second_look
            )
    except (CheckpointError, ValueError, OSError, RuntimeError) as error:
        raise BackendError(f"weights {path}: {error}") from error
    return Backend(estimator, name, str(estimator.device), "")


@contextlib.contextmanager
def _no_threads_of_its_own() -> Iterator[None]:
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


def _have_waiting_threads_sleep() -> None:
    """Have PyTorch's threads sleep soon where they wait for each other, unless the environment says how.

    Beside another busy process, a detector for instance, a thread that spins takes the core of the one it
    waits for: on two cores, beside HOG, the slowest of some sixty images of five people took 2.7 s, and
    with this 0.3 s. libgomp reads this when PyTorch is first imported.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(_OPENMP_SPINS))


def make_people_detector(options: Mapping[str, Any]) -> tuple[Detector, str]:
    """Return a detector and the device it runs on, from the parameters of `DETECTOR_PARAMETERS`.

    Raises
    ------
    BackendError
        If its weights are missing or do not fit.
    """
    name = options["detector"]
    if name != "hog":
        _have_waiting_threads_sleep()
    weights = options["weights"]
    try:
        with _no_threads_of_its_own() if name != "hog" else contextlib.nullcontext():
            detector = make_detector(
                name,
                Path(weights).expanduser() if weights else None,
                options["min_score"],
                options["device"],
                preset=options["preset"],
                sides_px=[side for side in options["sides_px"] if side],
                hog_scale=options["hog_scale"],
            )
    except (ValueError, OSError, RuntimeError) as error:
        raise BackendError(f"detector {name}: {error}") from error
    return detector, str(getattr(detector, "device", "cpu"))


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
