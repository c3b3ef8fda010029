"""Boxes in the messages of other detectors; the messages here have the fields of the public definitions."""

from types import SimpleNamespace as Fields

import numpy as np
import pytest

from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.messages import convert
from hdnet_ros.messages.detection_types import (
    _READERS,
    DetectionTypeError,
    as_detection_2d_array,
    class_of,
    short_name,
)
from hdnet_ros.messages.message_types import Detection2DArray, Header
from hdnet_ros.pipeline.detection_types import DETECTION_TYPES, VISION_MSGS

SIZE_WH_PX = (640, 480)


def people(msg, type_name, **wanted):
    array = as_detection_2d_array(msg, type_name)
    assert array.header is msg.header
    found, rejected = convert.detections_from_msg(array, convert.DetectionFilter(**wanted), SIZE_WH_PX)
    assert rejected == []
    return found


def yolo_box(x, y, width, height, class_id=0, class_name="person", score=0.75, id="", keypoints=(), theta=0.0):
    centre = Fields(position=Fields(x=x, y=y), theta=theta)
    points = [Fields(id=i, point=Fields(x=u, y=v), score=0.9) for i, u, v in keypoints]
    return Fields(
        class_id=class_id, class_name=class_name, score=score, id=id,
        bbox=Fields(center=centre, size=Fields(x=width, y=height)), keypoints=Fields(data=points),
    )  # fmt: skip


@pytest.mark.parametrize("class_ids", [("person",), ("0",), ()])
def test_yolo_boxes_are_people_by_name_or_number_with_their_track_ids(class_ids):
    boxes = [yolo_box(100.0, 120.0, 40.0, 100.0, id="7"), yolo_box(400.0, 120.0, 60.0, 90.0, 2, "car")]
    found = people(Fields(header=Header(), detections=boxes), "yolo_msgs/DetectionArray", class_ids=class_ids)
    assert found[0].box_xywh_center_px.tolist() == [100.0, 120.0, 40.0, 100.0]
    assert (found[0].id, found[0].score, found[0].joints_px) == ("7", 0.75, None)
    assert len(found) == (1 if class_ids else 2)


def test_yolo_keypoints_count_from_one_and_become_our_joints_at_the_images_scale():
    # COCO's 12th and 13th are the hips; the left ankle, the 16th, was not found.
    points = [(number, 10.0 * number, 5.0 * number) for number in range(1, 18) if number != 16]
    msg = Fields(header=Header(), detections=[yolo_box(100.0, 60.0, 40.0, 80.0, keypoints=points)])
    (person,) = people(msg, "yolo_msgs/DetectionArray", scale=2.0, offset_px=(4.0, 0.0))
    joints = dict(zip(JOINT_NAMES, person.joints_px.tolist()))
    assert joints["left_hip"] == [(120 - 4 + 0.5) * 2 - 0.5, 60.5 * 2 - 0.5]
    assert joints["pelvis"] == [(125 - 4 + 0.5) * 2 - 0.5, 63.0 * 2 - 0.5]
    assert np.isnan(joints["left_ankle"]).all() and np.isnan(joints["head_top"]).all()


def test_keypoints_that_are_not_cocos_are_left_out():
    msg = Fields(header=Header(), detections=[yolo_box(100.0, 60.0, 40.0, 80.0, keypoints=[(21, 1.0, 2.0)])])
    assert people(msg, "yolo_msgs/DetectionArray")[0].joints_px is None


def vision_box(x, y, width, height):
    return Fields(center=Fields(position=Fields(x=x, y=y), theta=0.0), size_x=width, size_y=height)


def test_depthai_spatial_detections_and_tracks():
    spatial = Fields(
        results=[Fields(class_id="person", score=0.5)], bbox=vision_box(100.0, 120.0, 40.0, 100.0),
        is_tracking=False, tracking_id="old",
    )  # fmt: skip
    (found,) = people(Fields(header=Header(), detections=[spatial]), "depthai_ros_msgs/SpatialDetectionArray")
    assert (found.id, found.score) == ("", 0.5)
    tracks = [
        Fields(
            results=[Fields(hypothesis=Fields(class_id="0", score=0.5))], bbox=vision_box(100.0 + n, 120.0, 40.0, 90.0),
            is_tracking=True, tracking_id=str(n), tracking_status=status,
        )
        for n, status in enumerate((0, 1, 2, 3))
    ]  # fmt: skip
    found = people(Fields(header=Header(), detections=tracks), "depthai_ros_msgs/TrackDetection2DArray")
    assert [person.id for person in found] == ["0", "1", "2"]  # the fourth was removed


def test_jsk_rectangles_have_their_corner_in_whole_px():
    rects = [Fields(x=100, y=50, width=41, height=101, value=0.25, label=0), Fields(x=0, y=0, width=9, height=20)]
    found = people(Fields(header=Header(), rects=rects), "jsk_recognition_msgs/RectArray")
    assert found[0].box_xywh_center_px.tolist() == [120.0, 100.0, 41.0, 101.0]
    assert [person.score for person in found] == [0.25, 1.0]


@pytest.mark.parametrize("name", ["class_id", "Class"])
def test_darknet_corners(name):
    box = Fields(probability=0.5, xmin=80, ymin=70, xmax=120, ymax=170, id=0, **{name: "person"})
    msg = Fields(header=Header(), bounding_boxes=[box])
    (found,) = people(msg, "darknet_ros_msgs/BoundingBoxes", class_ids=("person",))
    assert found.box_xywh_center_px.tolist() == [100.0, 120.0, 40.0, 100.0]


def test_nobody_is_an_empty_array_and_vision_msgs_stay_as_they_are():
    for type_name, field in (("yolo_msgs/DetectionArray", "detections"), ("jsk_recognition_msgs/RectArray", "rects")):
        assert people(Fields(header=Header(), **{field: []}), type_name) == []
    array = Detection2DArray()
    assert as_detection_2d_array(array, VISION_MSGS) is array


def test_a_package_that_is_missing_and_a_type_that_is_unknown_are_named():
    with pytest.raises(DetectionTypeError, match="yolo_msgs/DetectionArray, and the package yolo_msgs is not installed"):
        class_of("yolo_msgs/DetectionArray")
    with pytest.raises(DetectionTypeError, match="'my_msgs/Boxes', expected one of vision_msgs/Detection2DArray, yolo_msgs"):
        class_of("my_msgs/Boxes")
    assert short_name("yolo_msgs/msg/DetectionArray") in DETECTION_TYPES
    assert {VISION_MSGS, *_READERS} == set(DETECTION_TYPES)
