"""Images and the camera that they were taken with, as files."""

from __future__ import annotations

from hdnet_ros.core.camera import Camera
from hdnet_ros.files.camera_files import load_camera
from hdnet_ros.files.frames import FrameSource


class SourceError(ValueError):
    """Images and camera do not go together; says what was found and expected."""


def open_source(source: str, camera_file: str, rate_hz: float = 0.0) -> tuple[FrameSource, Camera]:
    """Return the images of a source, and their camera.

    Parameters
    ----------
    source : image, folder of images, video or /dev/video<N>
    rate_hz : of images without a rate of their own; 0: not known

    Raises
    ------
    SourceError : a path is empty, or the camera is of another size than the images
    ValueError, OSError : either cannot be opened
    """
    for value, name in ((source, "source"), (camera_file, "camera")):
        if not value:
            raise SourceError(f"{name} is empty, expected a path")
    frames, camera = FrameSource(source, rate_hz=rate_hz or None), load_camera(camera_file)
    if tuple(camera.size_wh_px) != tuple(frames.size_wh_px):
        (camera_w, camera_h), (w, h) = camera.size_wh_px, frames.size_wh_px
        why = f"; {frames.orientation}" if frames.orientation else ""
        raise SourceError(
            f"{camera_file} is of a {camera_w} x {camera_h} px camera, {source} has {w} x {h} px{why}"
        )
    return frames, camera
