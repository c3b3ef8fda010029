"""The second camera of a rectified pair, from CameraInfo to what is published: one person, two cameras, one place."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="messages need rosbags where ROS 2 is not")
sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))

from outside import FOCAL_PX, Answering, box, boxes, image, info  # noqa: E402

BASELINE_M = 0.24
ROOT_M = (0.5, 0.0, 4.0)


@pytest.mark.parametrize("tracking_frame", ["none", "odom"])
@pytest.mark.parametrize("baseline_m", [0.0, BASELINE_M])
def test_both_cameras_of_a_rectified_pair_tell_the_same_place(baseline_m, tracking_frame):
    answering = Answering(tracking_frame=tracking_frame, image_is_rectified=True)
    # From where the optical centre is the person is the baseline further left.
    u_px = 320.0 + FOCAL_PX * (ROOT_M[0] - baseline_m) / ROOT_M[2]
    for _ in range(3):
        stamp_ns = answering.next_stamp_ns()
        an_info = info(stamp_ns)
        an_info.p[3] = -FOCAL_PX * baseline_m
        scene, said = answering.answer(image(stamp_ns), boxes(stamp_ns, box(u_px, 240.0, 150.0, 425.0)), an_info)
    (person,) = said["~/persons"].persons
    position = person.root_pose.pose.position
    np.testing.assert_allclose((position.x, position.y, position.z), ROOT_M, atol=1e-6)
    np.testing.assert_allclose(scene.tracks[0].position_mm, 1000.0 * np.array(ROOT_M), atol=1e-3)
    (seen,) = said["~/detections_3d"].detections
    np.testing.assert_allclose(seen.bbox.center.position.x, ROOT_M[0], atol=1e-6)
