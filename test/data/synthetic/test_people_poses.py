"""Poses, gait, motion clips and mesh reduction (no body bank needed)."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed: no synthetic pictures")

from hdnet_ros.data.synthetic import low_poses, motion, poses
from hdnet_ros.data.synthetic.decimate import reduce_mesh
from hdnet_ros.data.synthetic.gait import walking
from hdnet_ros.data.synthetic.garments import blob_mesh, skirt_mesh
from hdnet_ros.data.synthetic.mesh import plain_material
from hdnet_ros.data.synthetic.pose_math import PoseBuilder, turn
from hdnet_ros.data.synthetic.rig import (
    DOWN, POSE_INDEX, matrix_rotation_vector, rotation_between, rotation_vector_matrix, split_twist)

GENERATORS = {"walking": poses.walk, "upright": poses.upright, "running": poses.run, "bending": poses.bending,
              "crouching": low_poses.crouching, "lying": low_poses.lying, "sitting": poses.sitting}


@pytest.mark.parametrize("kind", GENERATORS)
def test_poses_are_rotations_within_hinge_limits(kind):
    rng = np.random.default_rng(3)
    for _ in range(25):
        drawn = GENERATORS[kind](rng)
        assert drawn.kind == kind
        product = drawn.pose @ drawn.pose.transpose(0, 2, 1)
        np.testing.assert_allclose(product, np.broadcast_to(np.eye(3), product.shape), atol=1e-9)
        assert np.all(np.linalg.det(drawn.pose) > 0.99)
        for side in ("left", "right"):
            knee = np.degrees(matrix_rotation_vector(drawn.pose[POSE_INDEX[f"{side}_knee"]]))
            elbow = np.degrees(matrix_rotation_vector(drawn.pose[POSE_INDEX[f"{side}_elbow"]]))
            assert -9.0 < knee[1] < 158.0
            assert -158.0 < elbow[1] < 9.0


def test_pose_shares_are_everyday():
    total = sum(poses.POSE_SHARES.values())
    assert total == pytest.approx(1.0)
    upright = sum(poses.POSE_SHARES[kind] for kind in poses.UPRIGHT_KINDS)
    assert poses.POSE_SHARES["walking"] / upright > 0.4


def test_gait_comes_round_after_a_cycle_and_mirrors_its_legs_after_half():
    def legs(phase):
        pose = walking(np.random.default_rng(5), phase=phase).pose
        return [pose[POSE_INDEX[f"{side}_knee"]] for side in ("left", "right")]

    np.testing.assert_allclose(legs(0.0), legs(1.0), atol=1e-9)
    np.testing.assert_allclose(legs(0.2), legs(0.7)[::-1], atol=1e-9)
    assert not np.allclose(legs(0.2), legs(0.7), atol=0.1)


def test_flexion_brings_the_limb_forward_and_abduction_outward():
    builder = PoseBuilder().leg("left", 90.0, 0.0).arm("right", 0.0, 0.0, abduction=90.0)
    np.testing.assert_allclose(builder.pose[POSE_INDEX["left_hip"]] @ DOWN, [1.0, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(builder.pose[POSE_INDEX["right_shoulder"]] @ DOWN, [0.0, -1.0, 0.0], atol=1e-12)


def test_rotation_helpers_are_inverse():
    vector = np.array([0.3, -1.1, 0.7])
    np.testing.assert_allclose(matrix_rotation_vector(rotation_vector_matrix(vector)), vector, atol=1e-12)
    swing, twist = split_twist(rotation_vector_matrix(vector))
    np.testing.assert_allclose(swing @ twist, rotation_vector_matrix(vector), atol=1e-12)
    np.testing.assert_allclose(twist @ DOWN, DOWN, atol=1e-9)
    start, end = np.array([1.0, 2.0, 3.0]), np.array([-1.0, 0.5, 2.0])
    np.testing.assert_allclose(rotation_between(start, end) @ start / np.linalg.norm(start), end / np.linalg.norm(end))


def test_clip_frame_axes_knee_flexes_backward():
    frame = np.zeros(motion.FRAME_NUMBERS)
    frame[[4, 8, 12, 16, 21, 25, 30, 35, 39]] = 1.0
    frame[20] = -0.5
    pose = motion.pose_of_frame(frame)
    shin = pose[POSE_INDEX["right_knee"]] @ DOWN
    np.testing.assert_allclose(shin, [-np.sin(0.5), 0.0, -np.cos(0.5)], atol=1e-12)


def test_mirrored_twice_is_the_same_pose():
    pose = poses.upright(np.random.default_rng(4)).pose
    np.testing.assert_allclose(motion.mirrored(motion.mirrored(pose)), pose)
    np.testing.assert_allclose(motion.mirrored(pose)[POSE_INDEX["left_knee"]],
                               np.diag([1, -1, 1]) @ pose[POSE_INDEX["right_knee"]] @ np.diag([1, -1, 1]))


def test_splits_hold_out_clips():
    assert not set(motion.CLIPS["train"]) & set(motion.CLIPS["holdout"])
    with pytest.raises(ValueError, match="'test'"):
        motion.load_motions("test")


def test_clips_load_where_pybullet_is_installed():
    if motion.motion_directory() is None:
        pytest.skip("pybullet_data is not installed")
    clips = motion.load_motions("train")
    assert [name for name, _ in clips] == list(motion.CLIPS["train"])
    walk = motion.pose_of_frame(dict(clips)["walk"][0])
    assert walk[POSE_INDEX["pelvis"]][0, 0] > 0.9
    assert walk[POSE_INDEX["pelvis"]][2, 2] > 0.9


def test_reduced_sphere_keeps_a_subset_and_its_shape():
    ball = blob_mesh(np.ones(3), plain_material((0.5, 0.5, 0.5)), rings=24, ring=32)
    vertices = np.asarray(ball.vertices_world_m, dtype=np.float64)[31:-31]
    faces = ball.faces - 31
    faces = faces[((faces >= 0) & (faces < len(vertices))).all(axis=1)]
    kept, reduced = reduce_mesh(vertices, faces, 260, locked={5})
    assert 5 in kept
    assert len(kept) <= 275
    centres = vertices[kept][reduced].mean(axis=1)
    assert np.linalg.norm(centres, axis=1).min() > 0.93


def test_skirt_encloses_both_thighs():
    left = np.array([[0.0, 0.1, 0.9], [0.2, 0.1, 0.5], [0.1, 0.1, 0.1]])
    right = np.array([[0.0, -0.1, 0.9], [-0.2, -0.1, 0.5], [-0.4, -0.1, 0.15]])
    skirt = skirt_mesh(left, right, np.eye(3), np.array([0.0, 0.0, 1.05]), (0.1, 0.13), np.tile([0.0, 0.1, 0.1], (5, 1)), 0.45, 0.1, 0.0,
                       plain_material((0.5, 0.5, 0.5)))
    hem = skirt.vertices_world_m[-28:]
    assert hem[:, 0].max() > 0.2
    assert hem[:, 0].min() < -0.2
    assert hem[:, 1].max() > 0.12
    assert turn("z", 90.0)[1, 0] == pytest.approx(1.0)
