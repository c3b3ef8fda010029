"""Drawn people: joints, sides, floor contact, bone lengths, determinism (needs the cached body bank)."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed: no synthetic pictures")

from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.data.synthetic.body_bank import bank_path
from hdnet_ros.data.synthetic.pose_math import PoseBuilder
from hdnet_ros.data.synthetic.statures import MALE, Identity, draw_identity

JOINT = {name: index for index, name in enumerate(JOINT_NAMES)}


def standing_joints(people_factory, identity, seed=0):
    body = people_factory.bank.draw(np.random.default_rng(seed), identity)
    posed = people_factory.bank.pose(body, PoseBuilder().pose)
    return body, posed, people_factory.bank.joints(posed)


def test_stature_is_exact_and_barefoot(people_factory):
    for index in range(12):
        identity = draw_identity(np.random.default_rng(index))
        _, posed, _ = standing_joints(people_factory, identity, index)
        # float16 rest vertices are good to 0.5 mm.
        assert np.ptp(posed.vertices[:, 2]) == pytest.approx(identity.stature_m, abs=0.003)


def test_longer_legs_keep_the_stature_and_raise_the_hips(people_factory):
    bank = people_factory.bank
    vertices, heads = bank.rest_vertices[0].astype(np.float32), bank.rest_heads[0].astype(float)
    taller, moved, longer_m = bank._with_legs(vertices, heads, 1.05)
    assert np.ptp(taller[:, 2]) - np.ptp(vertices[:, 2]) == pytest.approx(longer_m, abs=1e-3)
    hip, knee = bank.rig.index("upperleg01.L"), bank.rig.index("lowerleg01.L")
    assert moved[hip, 2] == heads[hip, 2]
    assert heads[hip, 2] - moved[knee, 2] == pytest.approx(1.05 * (heads[hip, 2] - heads[knee, 2]))


def test_joint_order_and_sides(people_factory):
    _, _, joints = standing_joints(people_factory, Identity(MALE, 30.0, 1.78))
    root = joints[JOINT["pelvis"]]
    np.testing.assert_allclose(root, 0.5 * (joints[JOINT["left_hip"]] + joints[JOINT["right_hip"]]), atol=1e-9)
    for name in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"):
        assert joints[JOINT[f"left_{name}"], 1] > 0.05
        assert joints[JOINT[f"right_{name}"], 1] < -0.05
    heights = [joints[JOINT[name], 2] for name in ("left_ankle", "left_knee", "pelvis", "spine", "thorax", "nose", "head_top")]
    assert heights == sorted(heights)
    assert joints[JOINT["nose"], 0] > joints[JOINT["head_top"], 0] + 0.04
    assert 0.45 < (root[2] - joints[:, 2].min() + 0.08) / 1.78 < 0.56


def test_bone_lengths_do_not_depend_on_the_pose(people_factory):
    body, _, rest = standing_joints(people_factory, Identity(MALE, 30.0, 1.78))
    for kind in ("walking", "sitting", "crouching"):
        drawn = people_factory._draw_pose(np.random.default_rng(1), kind, body)
        joints = people_factory.bank.joints(people_factory.bank.pose(body, drawn.pose))
        # Halves of a limb are not quite in line, so its twist moves the far end by up to 1 mm.
        for first, last in (("left_hip", "left_knee"), ("right_knee", "right_ankle"), ("left_shoulder", "left_elbow"),
                            ("right_elbow", "right_wrist"), ("left_hip", "right_hip")):
            length = np.linalg.norm(joints[JOINT[first]] - joints[JOINT[last]])
            assert length == pytest.approx(np.linalg.norm(rest[JOINT[first]] - rest[JOINT[last]]), abs=2e-3)


@pytest.mark.parametrize("kind", ["walking", "upright", "bending", "crouching", "lying"])
def test_people_touch_the_floor_under_their_root(people_factory, kind):
    for seed in range(5):
        person = people_factory.sample(np.random.default_rng(seed), kind)
        assert abs(person.vertices_world_m[:, 2].min()) < 0.01
        np.testing.assert_allclose(person.joints_world_m[0, :2], 0.0, atol=1e-6)
        assert np.isfinite(person.vertices_world_m).all()
        assert person.attributes["pose_kind"] == kind


def test_sitting_people_rest_on_their_seat(people_factory):
    on_floor = 0
    for seed in range(12):
        person = people_factory.sample(np.random.default_rng(seed), "sitting", Identity(MALE, 30.0, 1.78))
        seat = person.attributes["seat_height_m"]
        assert 0.2 < seat < 0.95
        assert seat < person.joints_world_m[0, 2] < seat + 0.2
        on_floor += person.vertices_world_m[:, 2].min() < 0.01
    assert on_floor >= 8


def test_same_generator_same_person(people_factory):
    first, second = (people_factory.sample(np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.vertices_world_m, second.vertices_world_m)
    np.testing.assert_array_equal(first.surface.materials, second.surface.materials)
    assert first.attributes["activity"] == second.attributes["activity"]


def test_moved_turns_and_shifts_everything(people_factory):
    person = people_factory.sample(np.random.default_rng(3), "sitting")
    moved = person.moved(np.pi / 2, (1.0, 2.0, 0.5))
    joint = person.joints_world_m[13]
    np.testing.assert_allclose(moved.joints_world_m[13], [1.0 - joint[1], 2.0 + joint[0], 0.5 + joint[2]], atol=1e-9)
    seat = person.attributes["seat_centre_m"]
    np.testing.assert_allclose(moved.attributes["seat_centre_m"], [1.0 - seat[1], 2.0 + seat[0]], atol=1e-9)


def test_splits_have_different_bodies(people_factory):
    if not bank_path("train").exists():
        pytest.skip(f"no body bank at {bank_path('train')}")
    with np.load(bank_path("train")) as train:
        known = set(zip(train["stature_m"].tolist(), train["age_years"].tolist()))
    bank = people_factory.bank
    assert not known & set(zip(bank.stature_m.tolist(), bank.age_years.tolist()))


def test_unknown_kind_is_named(people_factory):
    with pytest.raises(ValueError, match="flying"):
        people_factory.sample(np.random.default_rng(0), "flying")
