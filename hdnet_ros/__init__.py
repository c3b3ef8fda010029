"""HDNet (Lin and Lee, ECCV 2020): people in metres from one calibrated camera, with and without ROS 2.

    people = hdnet_ros.load().localize(image_rgb, camera)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hdnet_ros.core.camera import Camera
    from hdnet_ros.core.types import Detection, PersonEstimate
    from hdnet_ros.locate.detections import Detections
    from hdnet_ros.localizer import Localizer, load

__version__ = "0.1.0"
__all__ = ["Camera", "Detection", "Detections", "Localizer", "PersonEstimate", "load"]

# Imported on first use: PyTorch takes seconds, and nodes, messages and `hdnet --help` do without.
_PLACES = {
    "Camera": "hdnet_ros.core.camera",
    "Detection": "hdnet_ros.core.types",
    "Detections": "hdnet_ros.locate.detections",
    "Localizer": "hdnet_ros.localizer",
    "PersonEstimate": "hdnet_ros.core.types",
    "load": "hdnet_ros.localizer",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
