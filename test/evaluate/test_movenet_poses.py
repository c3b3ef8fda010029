"""MoveNet as the 2D half of a pose source: joints where its heatmaps say, in px of the image, within the box."""

import numpy as np
import pytest
import torch

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.keypoints import COCO_JOINTS
from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.core.types import Detection
from hdnet_ros.evaluate import movenet_poses, rivals
from hdnet_ros.evaluate.movenet_poses import MoveNetPoses, peaks
from hdnet_ros.locate.priors import BoxHeightPrior
from hdnet_ros.locate.protocol import BoxedImage
from hdnet_ros.model.movenet import movenet_lightning

CAMERA = Camera(np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]), (640, 480), "plumb_bob", (-0.1, 0.02, 0, 0, 0))
BOX = np.array([200.0, 220.0, 80.0, 240.0])
IMAGE = np.full((480, 640, 3), 128, np.uint8)


@pytest.fixture
def movenet(monkeypatch):
    """A pose source whose MoveNet sees each keypoint in one cell of the patch, by name, with a score of 0.9."""
    monkeypatch.setattr(movenet_poses, "pretrained_backbone_state", lambda name: movenet_lightning().state_dict())
    poses = MoveNetPoses(BoxHeightPrior(), "movenet_lightning")

    def seeing(outside=(), **cells):
        logits = torch.full((1, 17, 48, 48), -12.0)
        for name, (column, row) in cells.items():
            logits[0, COCO_JOINTS.index(name), row, column] = np.log(9.0)
        for name, (column, row) in dict(outside).items():
            logits[0, COCO_JOINTS.index(name), row, column] = 8.0
        poses._network.keypoint_logits = lambda finest: logits
        return poses.joints_px(IMAGE, CAMERA, BOX)

    return seeing


def test_a_keypoint_in_the_middle_cells_is_in_the_middle_of_the_box(movenet):
    joints_px, scores = movenet(nose=(24, 24), left_knee=(23, 23))
    nose, knee = JOINT_NAMES.index("nose"), JOINT_NAMES.index("left_knee")
    # A patch of 362 px in 48 cells: the middle lies between cells 23 and 24, half a cell of 7.5 px from either.
    assert np.mean([joints_px[nose], joints_px[knee]], axis=0) == pytest.approx(BOX[:2], abs=0.3)
    assert joints_px[nose] - joints_px[knee] == pytest.approx([7.5, 7.5], abs=0.6)
    assert scores[[nose, knee]] == pytest.approx([0.9, 0.9], abs=1e-3)


def test_what_lies_between_two_joints_has_the_lesser_score_and_the_rest_is_unknown(movenet):
    cells = {"left_shoulder": (28, 14), "right_shoulder": (20, 14), "left_hip": (26, 25), "right_hip": (22, 25)}
    joints_px, scores = movenet(**cells)
    by_name = dict(zip(JOINT_NAMES, joints_px))
    for middle, part in {"thorax": "shoulder", "pelvis": "hip"}.items():
        assert by_name[middle] == pytest.approx(0.5 * (by_name[f"left_{part}"] + by_name[f"right_{part}"]))
        assert scores[JOINT_NAMES.index(middle)] == pytest.approx(0.9, abs=1e-3)
    assert by_name["left_shoulder"][0] > by_name["right_shoulder"][0]
    for name in ("spine", "head_top"):
        assert np.isnan(by_name[name]).all() and scores[JOINT_NAMES.index(name)] == 0.0


def test_somebody_else_beside_the_box_is_not_looked_at(movenet):
    joints_px, scores = movenet(outside={"nose": (2, 20)}, nose=(24, 20))
    nose = JOINT_NAMES.index("nose")
    assert abs(joints_px[nose, 0] - BOX[0]) < 10.0
    assert scores[nose] == pytest.approx(0.9, abs=1e-3)


def test_a_peak_between_cells_and_one_at_the_border():
    heatmaps = np.zeros((2, 5, 6))
    heatmaps[0, 2, 3], heatmaps[0, 2, 4] = 0.6, 0.3
    heatmaps[1, 0, 5] = 0.5
    cells, scores = peaks(heatmaps)
    assert cells == pytest.approx(np.array([[3 + 1 / 3, 2.0], [5.0, 0.0]]), abs=1e-6)
    assert scores.tolist() == [0.6, 0.5]


def test_people_keep_their_poses_and_have_movenets_joints(movenet, monkeypatch):
    monkeypatch.setattr(movenet_poses, "pretrained_backbone_state", lambda name: movenet_lightning().state_dict())
    poses = MoveNetPoses(BoxHeightPrior(), "movenet_lightning")
    detections = [Detection(BOX, id="a"), Detection(np.array([9000.0, 0, 10, 10]), id="b")]
    (located,) = poses.localize_many([BoxedImage(IMAGE, detections, CAMERA)])
    (person,) = located.people
    assert person.id == "a" and person.joints_px.shape == (17, 2) and person.joint_confidence.shape == (17,)
    assert [index for index, _ in located.rejected] == [1]
    named = rivals.rivals(None, BoxHeightPrior(), "movenet_lightning")
    assert list(named)[-3:] == [f"reprojection, {part}, movenet_lightning" for part in ("all joints", "torso", "RANSAC")]


def test_another_network_is_refused_by_name():
    with pytest.raises(ValueError, match="backbone is 'posenet', expected one of movenet_lightning, movenet_thunder"):
        MoveNetPoses(BoxHeightPrior(), "posenet")
