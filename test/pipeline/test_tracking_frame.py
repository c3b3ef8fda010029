"""Which frame people are followed in, for cameras that TF leads from and others."""

import numpy as np
import pytest

from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.pipeline.tracking_frame import TrackingFrame


class Tf:
    """Camera frames that are known, each at (1 m, 0, 0) of every other frame."""

    def __init__(self, *known):
        self.known, self.asked = set(known), []

    def __call__(self, stamp_ns, source, target):
        self.asked.append((stamp_ns, source, target))
        pose = np.eye(4)
        pose[0, 3] = 1.0
        return pose if source in self.known else None


def moved(x_m):
    pose = np.eye(4)
    pose[0, 3] = x_m
    return pose


def made(wanted, tf):
    told = []
    return TrackingFrame(wanted, tf, told.append), told


def test_odom_is_for_the_cameras_from_which_tf_leads_there_and_from_then_on():
    tf = Tf("front")
    frame, told = made("", tf)
    assert [frame.name(camera) for camera in ("front", "rear", "front", "rear")] == ["odom", "", "odom", ""]
    assert frame.camera_pose_mm(5, "front")[0, 3] == 1000.0
    tf.known = {"rear"}
    assert [frame.name(camera) for camera in ("front", "rear")] == ["odom", "odom"]
    assert frame.camera_pose_mm(5, "front") is None  # late: no reason to change the frame
    assert tf.asked[-1] == (5, "front", "odom")
    assert told[0] == "people are followed in odom"
    assert "cameras 'front' and 'rear' have no frame in common" in told[1] and len(told) == 2


def test_a_frame_that_was_asked_for_is_every_cameras():
    tf = Tf()
    frame, told = made("map", tf)
    assert frame.name("front") == frame.name("rear") == "map" and not tf.asked
    assert frame.camera_pose_mm(7, "rear") is None and tf.asked == [(7, "rear", "map")]
    assert told == ["people are followed in map"]


def test_none_and_no_tf_leave_everybody_in_the_cameras_frame():
    for frame, told in (made("none", Tf("front")), made("", None), made("map", None)):
        assert frame.name("front") == frame.name("front") == ""
        assert told == ["people are followed in the camera's frame 'front'"]


@pytest.mark.parametrize(
    "pose, words",
    [
        (moved(1e15), "is at 1e\\+15, 0, 0 m, expected within 2e\\+07"),
        (moved(np.nan), "is at nan"),
        (np.full((4, 4), np.nan), "is at nan"),
        (np.diag([2.0, 1.0, 1.0, 1.0]), "is turned by .* which is no rotation"),
    ],
)
def test_a_pose_that_is_none_is_named_and_never_used(pose, words):
    frame = TrackingFrame("map", lambda stamp_ns, source, target: pose, lambda sentence: None)
    with pytest.raises(BadInput, match=f"'front' in 'map' {words}"):
        frame.camera_pose_mm(5, "front")
