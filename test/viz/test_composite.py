"""Header, picture, bird's-eye view and legend in one frame; tails over time."""

import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import PersonEstimate
from hdnet_ros.viz import Composite, FrameCaption, Tails
from hdnet_ros.viz.tails import smoothed


def _person(name: str, x_mm: float) -> PersonEstimate:
    return PersonEstimate(
        id=name, score=1.0, box_xywh_center_px=np.array([320.0, 240.0, 40.0, 100.0]),
        root_camera_mm=np.array([x_mm, 0.0, 5000.0]), depth_sigma_mm=300.0, normalised_depth=np.nan,
        focal_px=500.0, patch_px=np.nan, patch_focal_px=np.nan,
    )  # fmt: skip


def test_frame_has_an_even_size_and_holds_the_picture():
    camera = Camera.from_matrix([500.0, 0, 319.5, 0, 500.0, 239.5, 0, 0, 1], (641, 479))
    composite = Composite(camera, range_m=8.0)
    image = np.full((479, 641, 3), 200, np.uint8)
    frame = composite.draw(image, [_person("p1", 0.0)], 0, FrameCaption("clip.avi", "hdnet", 0.0))
    width, height = composite.size_wh_px
    assert frame.shape == (height, width, 3)
    assert width % 2 == height % 2 == 0
    assert tuple(frame[300, 100]) == (200, 200, 200)


def test_tails_last_their_seconds_and_end_with_the_person():
    tails = Tails(seconds=1.0, keep_s=0.5)
    for tenth in range(20):
        found = tails.update(tenth * 100_000_000, [_person("p1", 100.0 * tenth)])
    assert found["p1"][:, 0] == pytest.approx([100.0 * n for n in range(9, 20)])
    assert len(tails.update(2_400_000_000, [])["p1"]) == 6
    assert tails.update(2_500_000_000, []) == {}


def test_smoothed_keeps_the_ends_and_straight_ways_and_evens_out_jitter():
    straight = np.arange(30.0).reshape(10, 3)
    assert smoothed(straight) == pytest.approx(straight)
    jitter = np.tile([[0.0, 0.0, 900.0], [0.0, 0.0, 1100.0]], (6, 1))
    evened = smoothed(jitter, reach=3)
    assert evened[[0, -1], 2].tolist() == [900.0, 1100.0]
    # Seven points hold four of one kind and three of the other.
    assert np.abs(evened[3:-3, 2] - 1000.0) == pytest.approx(np.full(6, 100.0 / 7.0))


def test_a_clip_that_starts_over_clears_the_tails():
    tails = Tails()
    tails.update(9_000_000_000, [_person("p1", 0.0)])
    assert len(tails.update(0, [_person("p1", 500.0)])["p1"]) == 1


def test_people_without_an_id_have_no_tail():
    assert Tails().update(0, [_person("", 0.0)]) == {}
