"""Nothing infinite goes out, NaN where a definition allows it, and covariances are covariances."""

import math

import numpy as np
import pytest

pytest.importorskip("rosbags")

from hdnet_ros.messages.door import UnsoundMessage, check  # noqa: E402
from hdnet_ros.messages.plain_messages import plain_class  # noqa: E402


def made(name, **values):
    return plain_class(name)(**values)


def person(**values):
    one = made("hdnet_ros/msg/PersonRoot", id="p1", score=0.9, **values)
    one.root_pose.covariance = np.eye(6).ravel()
    one.root_velocity.covariance = np.eye(6).ravel()
    return one


def persons(**values):
    return made("hdnet_ros/msg/PersonRootArray", persons=[person(), person(**values)])


def test_a_sound_message_passes_with_nan_where_it_means_unknown():
    message = persons(implied_stature_m=math.nan, child_probability=math.nan)
    message.persons[1].keypoints[3].u_px = math.nan
    message.persons[1].keypoints[3].point_m.x = math.nan
    check(message)


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda m: setattr(m.persons[1], "score", math.inf), "persons\\[1\\].score is inf"),
        (lambda m: setattr(m.persons[1], "score", math.nan), "persons\\[1\\].score is nan"),
        (lambda m: setattr(m.persons[1], "implied_stature_m", math.inf), "implied_stature_m is inf"),
        (lambda m: setattr(m.persons[0].root_pose.pose.position, "z", math.nan), "persons\\[0\\].root_pose.pose.position.z is nan"),
        (lambda m: setattr(m.persons[1].box, "size_x", -math.inf), "box.size_x is -inf"),
        (lambda m: setattr(m.persons[1].keypoints[3].point_m, "x", math.inf), "keypoints\\[3\\].point_m.x is inf"),
        (lambda m: m.persons[1].root_pose.covariance.__setitem__(7, math.nan), "root_pose.covariance holds nan"),
        (lambda m: m.persons[1].root_pose.covariance.__setitem__(7, -1.0), "root_pose.covariance has a variance of -1"),
        (lambda m: m.persons[1].root_pose.covariance.__setitem__(1, 0.5), "root_pose.covariance is not symmetric"),
    ],
)
def test_what_is_broken_is_named_and_stays(spoil, words):
    message = persons()
    spoil(message)
    with pytest.raises(UnsoundMessage, match=words):
        check(message)


def test_every_number_of_a_marker_counts():
    point = made("geometry_msgs/msg/Point", x=1.0, y=math.inf, z=0.0)
    marker = made("visualization_msgs/msg/Marker", points=[made("geometry_msgs/msg/Point"), point])
    with pytest.raises(UnsoundMessage, match="markers\\[0\\].points\\[1\\].y is inf"):
        check(made("visualization_msgs/msg/MarkerArray", markers=[marker]))


def test_pixels_are_no_numbers_to_check():
    check(made("sensor_msgs/msg/Image", data=np.zeros(12, np.uint8)))
