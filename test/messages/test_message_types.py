"""Message classes without ROS are those of ROS: fields, defaults, constants, bytes."""

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="the Python package rosbags is needed for messages without ROS")

from hdnet_ros.messages import message_types# noqa: E402
from hdnet_ros.messages.plain_messages import from_stored, plain_class, to_cdr, type_name, typestore  # noqa: E402

NAMES = sorted({type_name(kind) for kind in vars(message_types).values() if isinstance(kind, type)})


@pytest.mark.parametrize("name", NAMES)
def test_defaults_and_bytes_are_those_of_ros(name):
    if message_types.MISSING_OF_ROS:
        pytest.skip(f"ROS is not in this environment: {message_types.MISSING_OF_ROS}")
    from rclpy.serialization import deserialize_message

    real, plain = getattr(message_types, name.split("/")[2]), plain_class(name)
    assert type_name(real) == type_name(plain) == name
    assert to_cdr(real()) == to_cdr(plain())
    assert deserialize_message(to_cdr(plain()), real) == real()


def test_constants_are_the_class_attributes():
    root, marker = plain_class("hdnet_ros/msg/PersonRoot"), plain_class("visualization_msgs/msg/Marker")
    assert (root.KEYPOINT_COUNT, root.IMPLAUSIBLE_HEIGHT) == (17, 4)
    assert (marker.SPHERE, marker.DELETEALL) == (2, 3)
    assert len(root().keypoints) == 17 and root().root_pose.pose.orientation.w == 1.0


def test_fields_are_set_by_keyword_and_unknown_ones_refused():
    point = plain_class("geometry_msgs/msg/Point")
    assert point(x=1.0).x == 1.0 and point(x=1.0) == point(x=1.0) != point()
    with pytest.raises(TypeError, match="no fields.*w"):
        point(w=1.0)


def test_two_messages_share_no_defaults():
    kind = plain_class("vision_msgs/msg/Detection2DArray")
    one = kind()
    one.detections.append(plain_class("vision_msgs/msg/Detection2D")())
    one.header.frame_id = "camera"
    assert kind().detections == [] and kind().header.frame_id == ""


def test_what_is_written_is_read_back():
    info = plain_class("sensor_msgs/msg/CameraInfo")(width=640, d=[0.1, 0.2], k=np.arange(9.0).tolist())
    name = type_name(type(info))
    again = from_stored(typestore().deserialize_cdr(to_cdr(info), name), type(info))
    assert again.width == 640 and list(again.d) == [0.1, 0.2] and list(again.k) == list(range(9))


def test_durations_carry_nanoseconds():
    assert (message_types.duration(1.25).sec, message_types.duration(1.25).nanosec) == (1, 250_000_000)
