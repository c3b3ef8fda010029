import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.ground import Ground, GroundConfig
from hdnet_ros.locate.priors import BoxHeightPrior
from hdnet_ros.core.types import Detection
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.evaluate.ground_depth import before_and_after, ground_of_clip, pitched
from hdnet_ros.data.ground_plane import GroundPlaneClip

CAMERA = Camera.from_matrix((500, 0, 320, 0, 500, 240, 0, 0, 1), (640, 480))
GROUND = Ground(np.array([0.0, -1.0, 0.0]), 1200.0)


def picture_of_a_child(depth_mm=4000.0, stature_mm=1100.0):
    feet, head = 240 + 500 * 1200.0 / depth_mm, 240 + 500 * (1200.0 - stature_mm) / depth_mm
    box = np.array([320.0, (feet + head) / 2, 50.0, feet - head])
    image = np.zeros((480, 640, 3), np.uint8)
    return LabelledPicture(image, CAMERA, [Detection(box)], np.array([depth_mm]))


def test_before_and_after_of_a_child():
    told = before_and_after(
        BoxHeightPrior(), [picture_of_a_child()], GROUND, GroundConfig(), np.radians([0.0, 1.0])
    )
    assert told["estimator alone"]["mean"] == pytest.approx(0.545, abs=0.001)
    assert told["floor alone, pitch +0.0 deg"]["mean"] < 0.001
    assert told["both, pitch +0.0 deg"]["mean"] < 0.06
    # A degree at 4 m from 1.2 m: 0.0175 * (16 + 1.44) / 1.2 = 0.25 m.
    assert told["floor alone, pitch +1.0 deg"]["bias"] == pytest.approx(0.25 / 4, abs=0.006)


def test_pitched_floor_keeps_the_camera_height():
    tilted = pitched(GROUND, 0.1)
    assert tilted.camera_height_mm == 1200.0
    assert np.arccos(tilted.up_camera @ GROUND.up_camera) == pytest.approx(0.1)


def test_ground_of_clip_is_the_worlds_plane():
    # Optical axes of a level camera 3 m over the origin of a world with z up, looking along y.
    rotation = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    clip = GroundPlaneClip(CAMERA, rotation, -rotation @ [0.0, 0.0, 3000.0], {})
    assert ground_of_clip(clip).up_camera == pytest.approx([0.0, -1.0, 0.0])
    assert ground_of_clip(clip).camera_height_mm == pytest.approx(3000.0)
