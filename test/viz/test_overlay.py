"""The picture with people on it."""

import numpy as np
import pytest

from hdnet_ros.core.types import PersonEstimate
from hdnet_ros.viz import draw_overlay
from hdnet_ros.viz.overlay import distance_m, free_top
from hdnet_ros.viz.theme import ID_COLOURS, colour_of, draw_text, text_mask


@pytest.fixture
def picture() -> np.ndarray:
    return np.full((480, 640, 3), 60, np.uint8)


@pytest.fixture
def person() -> PersonEstimate:
    joints_px = np.full((17, 2), np.nan)
    joints_px[[0, 7]] = ((300.0, 250.0), (300.0, 210.0))
    return PersonEstimate(
        id="p2", score=1.0, box_xywh_center_px=np.array([300.0, 250.0, 80.0, 200.0]),
        root_camera_mm=np.array([3000.0, 0.0, 4000.0]), depth_sigma_mm=100.0, normalised_depth=np.nan,
        focal_px=500.0, patch_px=np.nan, patch_focal_px=np.nan, joints_px=joints_px,
        joint_confidence=np.isfinite(joints_px[:, 0]).astype(float),
    )  # fmt: skip


def test_distance_is_euclidean(person):
    assert distance_m(person) == pytest.approx(5.0)


def test_nobody_leaves_the_picture_as_it_was(picture):
    result = draw_overlay(picture, [])
    assert np.array_equal(result, picture)
    assert result is not picture


def test_box_bone_and_label_are_where_they_belong(picture, person):
    result = draw_overlay(picture, [person])
    changed = (result != picture).any(axis=2)
    assert (picture == 60).all()
    # The box's upper left corner, the bone from pelvis to spine, the label above the box.
    assert tuple(result[150, 262]) == colour_of("p2")
    assert changed[230, 300]
    assert changed[125:148, 280:320].any()
    # Joints that were not estimated (NaN) draw nothing: the right half of the box stays empty.
    assert not changed[190:340, 312:334].any()
    assert not changed[360:, :].any()


def test_scale_moves_the_box_with_the_pixels(picture, person):
    result = draw_overlay(picture, [person], scale=2.0)
    assert result.shape == (960, 1280, 3)
    changed = (result != 60).any(axis=2)
    # Left edge at x = 260: its centre goes to 2 * 260.5 - 0.5 = 520.5.
    assert changed[500, 519:523].any()
    assert not changed[500, 526:590].any()


def test_boxes_beyond_the_picture_are_cut_off(picture, person):
    outside = PersonEstimate(**{**vars(person), "box_xywh_center_px": np.array([-30.0, 470.0, 200.0, 400.0])})
    assert draw_overlay(picture, [outside]).shape == picture.shape


def test_free_top_moves_a_label_above_those_in_its_way():
    taken = [(100.0, 50.0, 80.0, 18.0), (120.0, 31.0, 80.0, 18.0), (300.0, 50.0, 80.0, 18.0)]
    assert free_top((110.0, 48.0, 60.0, 18.0), taken) == 12.0
    assert free_top((200.0, 48.0, 60.0, 18.0), taken) == 48.0


def test_colour_of_an_id_is_stable_and_neighbours_differ():
    assert colour_of("p3") == colour_of("body_3") == ID_COLOURS[3]
    assert len({colour_of(f"p{n}") for n in range(12)}) == 12
    assert colour_of("anna") == colour_of("anna")


def test_text_has_the_height_asked_for_and_stays_inside(picture):
    mask = text_mask("H", 10.0)
    rows = np.flatnonzero((mask > 127).any(axis=1))
    assert rows[-1] - rows[0] + 1 == pytest.approx(10, abs=2)
    draw_text(picture, "off the edge", (635.0, 2.0), 10.0)
    draw_text(picture, "", (0.0, 0.0), 10.0)
