"""Boxes of other people's detectors, in their own messages, as a Detection2DArray.

Read are the fields that these definitions have; the packages themselves are needed only where their
messages are received.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hdnet_ros.core.keypoints import joints_of
from hdnet_ros.messages.message_types import (
    BoundingBox2D,
    Detection2D,
    Detection2DArray,
    ObjectHypothesisWithPose,
)
from hdnet_ros.pipeline.detection_types import DETECTION_TYPES, VISION_MSGS

_COCO_JOINTS = 17
_REMOVED = 3  # depthai's tracking_status of somebody who is gone


class DetectionTypeError(ValueError):
    """A type of detections that cannot be received; says which package is missing or what is known."""


class Detection2DWithJoints(Detection2D):
    """A Detection2D whose detector also found joints.

    Attributes
    ----------
    joints_px : (17, 2) in the order of core/skeleton, px of the detector's image, NaN where not found;
        None where the detector finds none
    """

    joints_px: np.ndarray | None = None


class _Box(NamedTuple):
    """One box: px of the detector's image, what it may be with which score, track id, joints."""

    xywh_center_px: tuple[float, float, float, float]
    classes: Sequence[tuple[str, float]]
    theta: float = 0.0
    id: str = ""
    joints_px: np.ndarray | None = None


def _yolo(msg: Any) -> Iterable[_Box]:
    """yolo_ros: a class is known by its name and its number, keypoints by their number from 1 on."""
    for item in msg.detections:
        centre, size = item.bbox.center, item.bbox.size
        yield _Box(
            (centre.position.x, centre.position.y, size.x, size.y),
            [(item.class_name, item.score), (str(item.class_id), item.score)],
            centre.theta,
            item.id,
            _coco_joints({point.id - 1: (point.point.x, point.point.y) for point in item.keypoints.data}),
        )


def _depthai_spatial(msg: Any) -> Iterable[_Box]:
    """depthai's spatial detections: their depth is not read, HDNet gives its own."""
    for item in msg.detections:
        yield _of_vision_box(item.bbox, [(r.class_id, r.score) for r in item.results], item)


def _depthai_tracks(msg: Any) -> Iterable[_Box]:
    for item in msg.detections:
        if item.tracking_status != _REMOVED:
            hypotheses = [result.hypothesis for result in item.results]
            yield _of_vision_box(item.bbox, [(h.class_id, h.score) for h in hypotheses], item)


def _of_vision_box(bbox: Any, classes: Sequence[tuple[str, float]], item: Any) -> _Box:
    centre = bbox.center
    id = item.tracking_id if item.is_tracking else ""
    place = (centre.position.x, centre.position.y, bbox.size_x, bbox.size_y)
    return _Box(place, classes, centre.theta, id)


def _jsk(msg: Any) -> Iterable[_Box]:
    """jsk_recognition: corner and size in whole px; a value within 0 to 1 is taken for the score."""
    for rect in msg.rects:
        value = float(getattr(rect, "value", 0.0))
        score = value if 0.0 < value <= 1.0 else 1.0
        place = (rect.x + 0.5 * (rect.width - 1), rect.y + 0.5 * (rect.height - 1), rect.width, rect.height)
        yield _Box(place, [(str(getattr(rect, "label", 0)), score)])


def _darknet(msg: Any) -> Iterable[_Box]:
    for box in msg.bounding_boxes:
        name = getattr(box, "class_id", None) or getattr(box, "Class", "")
        classes = [(name, box.probability), (str(box.id), box.probability)]
        place = (0.5 * (box.xmin + box.xmax), 0.5 * (box.ymin + box.ymax), box.xmax - box.xmin, box.ymax - box.ymin)
        yield _Box(place, classes)


_READERS: dict[str, Callable[[Any], Iterable[_Box]]] = {
    "yolo_msgs/DetectionArray": _yolo,
    "yolov8_msgs/DetectionArray": _yolo,
    "depthai_ros_msgs/SpatialDetectionArray": _depthai_spatial,
    "depthai_ros_msgs/TrackDetection2DArray": _depthai_tracks,
    "jsk_recognition_msgs/RectArray": _jsk,
    "darknet_ros_msgs/BoundingBoxes": _darknet,
}


def short_name(type_name: str) -> str:
    """ "package/msg/Type", as ROS has it, without the msg."""
    return type_name.replace("/msg/", "/")


def class_of(type_name: str) -> type:
    """The class of a message type of `DETECTION_TYPES`.

    Raises
    ------
    DetectionTypeError : another type, or a package that is not installed
    """
    if type_name not in DETECTION_TYPES:
        raise DetectionTypeError(
            f"detections_type is {type_name!r}, expected one of {', '.join(DETECTION_TYPES)}"
        )
    package, _, name = type_name.partition("/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), name)
    except (ImportError, AttributeError) as error:
        raise DetectionTypeError(
            f"detections come as {type_name}, and the package {package} is not installed here ({error}): "
            "install or build it and source its workspace, as for the detector itself"
        ) from error


def as_detection_2d_array(msg: Any, type_name: str, header: Any = None) -> Detection2DArray:
    """A message of a type of `DETECTION_TYPES` as a Detection2DArray, with its header, ids and joints.

    A message of vision_msgs is handed on as it is.

    Parameters
    ----------
    header : stands in for the message's own, where that is of another make
    """
    if type_name == VISION_MSGS:
        return msg
    header = header or msg.header
    array = Detection2DArray(header=header)
    array.detections = [_detection(header, box) for box in _READERS[type_name](msg)]
    return array


def _detection(header: Any, box: _Box) -> Detection2DWithJoints:
    item = Detection2DWithJoints(header=header, id=str(box.id), bbox=BoundingBox2D())
    item.bbox.size_x, item.bbox.size_y = (float(value) for value in box.xywh_center_px[2:])
    centre = item.bbox.center
    centre.position.x, centre.position.y = (float(value) for value in box.xywh_center_px[:2])
    centre.theta = float(box.theta)
    for name, score in box.classes:
        result = ObjectHypothesisWithPose()
        result.hypothesis.class_id, result.hypothesis.score = str(name), float(score)
        item.results.append(result)
    item.joints_px = box.joints_px
    return item


def _coco_joints(points_px: dict[int, tuple[float, float]]) -> np.ndarray | None:
    """(17, 2) in our order of joints by COCO's number; None where there are none, or it is not COCO's 17."""
    if not points_px or not all(0 <= number < _COCO_JOINTS for number in points_px):
        return None
    joints_px = np.full((_COCO_JOINTS, 2), math.nan)
    for number, point in points_px.items():
        joints_px[number] = point
    return joints_of("coco17", joints_px)
