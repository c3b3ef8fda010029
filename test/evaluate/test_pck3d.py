"""3DPCK: who is paired with whom, the bones' lengths, and the shares counted by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.core.skeleton import JOINT_NAMES, ROOT
from hdnet_ros.evaluate.pck3d import SCORED_JOINTS, joints_within, match_people, pck3d, rescale_bones

STANDING_MM = np.array(
    [
        [0, 0, 0], [-100, 10, 0], [-110, 430, 20], [-110, 830, -20], [100, 10, 0], [110, 430, 20],
        [110, 830, -20], [0, -230, 10], [0, -480, 0], [0, -600, -90], [0, -760, -10], [170, -470, 0],
        [220, -190, 20], [220, 40, -40], [-170, -470, 0], [-220, -190, 20], [-220, 40, -40],
    ],
    dtype=float,
)  # fmt: skip
PERSON_MM = STANDING_MM + [300.0, -100, 4000]
NOSE, HEAD, WRIST = (JOINT_NAMES.index(name) for name in ("nose", "head_top", "left_wrist"))
BUT_NOSE = [j for j in range(17) if j != NOSE]
POSES = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).uniform(-900, 900, (17, 3)))


def variants(joints_mm, true_mm):
    return {
        (relative, rescaled): joints_within(joints_mm[None], true_mm[None], relative=relative, rescaled=rescaled)[0]
        for relative in (False, True)
        for rescaled in (False, True)
    }


def test_a_shift_of_151_mm_is_wrong_in_the_camera_frame_and_right_from_the_pelvis():
    right = variants(PERSON_MM + [0, 0, 151.0], PERSON_MM)
    assert not right[False, False].any() and not right[False, True].any()
    assert right[True, False].all() and right[True, True].all()
    assert variants(PERSON_MM + [0, 0, 149.0], PERSON_MM)[False, False].all()


def test_a_person_30_percent_too_large_is_right_once_the_bones_are_rescaled():
    larger = STANDING_MM * 1.3 + [300.0, -100, 4000]
    right = variants(larger, PERSON_MM)
    wrong = {name for name, hit in zip(SCORED_JOINTS, right[True, False], strict=True) if not hit}
    assert wrong == {"head_top", "right_ankle", "left_ankle"}  # 228 and 249 mm off; the shoulders 150.0 or less
    assert right[True, True].all()


def test_joints_unknown_are_wrong_and_the_nose_is_not_asked_for():
    joints_mm = PERSON_MM.copy()
    joints_mm[[NOSE, WRIST]] = np.nan
    right = dict(zip(SCORED_JOINTS, variants(joints_mm, PERSON_MM)[False, False], strict=True))
    assert [name for name, hit in right.items() if not hit] == ["left_wrist"]


@settings(deadline=None, max_examples=30)
@given(POSES, POSES)
def test_rescaled_bones_have_the_true_lengths_and_the_predicted_directions(joints_mm, true_mm):
    result = rescale_bones(joints_mm, true_mm)
    head, thorax, spine = JOINT_NAMES.index("head_top"), JOINT_NAMES.index("thorax"), JOINT_NAMES.index("spine")
    assert np.linalg.norm(result[head] - result[thorax]) == pytest.approx(
        np.linalg.norm(true_mm[head] - true_mm[thorax]), abs=1e-6
    )
    cross = np.cross(result[spine] - result[ROOT], joints_mm[spine] - joints_mm[ROOT])
    np.testing.assert_allclose(cross, 0, atol=1e-4)
    np.testing.assert_array_equal(result[ROOT], joints_mm[ROOT])


@settings(deadline=None, max_examples=30)
@given(POSES, POSES, st.floats(0.2, 5))
def test_rescaling_does_not_depend_on_the_predictions_size(joints_mm, true_mm, scale):
    larger = joints_mm[ROOT] + scale * (joints_mm - joints_mm[ROOT])
    np.testing.assert_allclose(
        rescale_bones(larger, true_mm)[BUT_NOSE], rescale_bones(joints_mm, true_mm)[BUT_NOSE], atol=1e-5
    )


def test_rescaling_a_pose_to_its_own_bones_changes_nothing():
    np.testing.assert_allclose(rescale_bones(PERSON_MM, PERSON_MM)[BUT_NOSE], PERSON_MM[BUT_NOSE], atol=1e-9)


def test_a_bone_without_length_is_wrong_from_there_on():
    joints_mm = PERSON_MM.copy()
    joints_mm[WRIST] = joints_mm[JOINT_NAMES.index("left_elbow")]
    right = dict(zip(SCORED_JOINTS, variants(joints_mm, PERSON_MM)[False, True], strict=True))
    assert [name for name, hit in right.items() if not hit] == ["left_wrist"]


def pixels(x):
    return STANDING_MM[:, :2] * 0.2 + [x, 300]


def test_true_people_take_the_prediction_with_most_joints_within_40_px():
    true_px = np.array([pixels(100), pixels(120)])
    found_px = np.array([pixels(125), pixels(102), pixels(900)])
    # The first true person is near both (25 and 2 px): equally many joints, so the first prediction.
    assert match_people(true_px, found_px).tolist() == [0, 1]
    found_px[0, 1:8] += 50  # seven joints of it are off
    assert match_people(true_px, found_px).tolist() == [1, 0]


def test_matching_needs_x_and_y_within_40_px_and_ignores_the_heads_top():
    assert match_people(pixels(0)[None], pixels(39.9)[None]).tolist() == [0]
    assert match_people(pixels(0)[None], pixels(40)[None]).tolist() == [-1]
    only_head = np.full((1, 17, 2), np.nan)
    only_head[0, HEAD] = pixels(0)[HEAD]
    assert match_people(pixels(0)[None], only_head).tolist() == [-1]
    assert match_people(pixels(0)[None], np.zeros((0, 17, 2))).tolist() == [-1]
    assert match_people(np.zeros((0, 17, 2)), only_head).tolist() == []


def test_shares_by_sequence_and_joint_and_with_people_nobody_found():
    one_wrist_off = PERSON_MM.copy()
    one_wrist_off[WRIST] += [0, 0, 200]
    joints_mm = np.array([PERSON_MM, one_wrist_off, PERSON_MM])
    table = pck3d(joints_mm, np.array([PERSON_MM] * 3), [True, True, False], ["TS1", "TS2", "TS2"])
    matched, everybody = (table["absolute"]["as predicted"][people] for people in ("matched", "all"))
    assert (matched["people"], everybody["people"]) == (2, 3)
    assert matched["by_sequence"] == pytest.approx({"TS1": 1.0, "TS2": 13 / 14})
    assert everybody["by_sequence"] == pytest.approx({"TS1": 1.0, "TS2": 13 / 28})
    assert everybody["mean_of_sequences"] == pytest.approx((1 + 13 / 28) / 2)
    assert everybody["pooled"] == pytest.approx(27 / 42)
    assert everybody["by_joint"]["left_wrist"] == pytest.approx(1 / 3)
    assert everybody["by_joint"]["right_wrist"] == pytest.approx(2 / 3)
    assert len(everybody["by_joint"]) == 14


def test_nobody_is_nan():
    table = pck3d(np.zeros((0, 17, 3)), np.zeros((0, 17, 3)), [], [])
    assert np.isnan(table["relative"]["bones rescaled"]["all"]["mean_of_sequences"])
