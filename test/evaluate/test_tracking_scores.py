"""Scores of tracking on scenes whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest

from hdnet_ros.core.priors import BoxHeightPrior
from hdnet_ros.demo.driving_scene import camera_pose, driving_pictures
from hdnet_ros.evaluate.ground_plane import load_ground_plane_clip
from hdnet_ros.evaluate.tracking_clip import camera_to_world, true_people
from hdnet_ros.evaluate.tracking_scores import nees_band, score_tracks

pytest.importorskip("motmetrics", reason="pip install motmetrics")


@pytest.fixture(scope="module")
def drive():
    return list(driving_pictures(BoxHeightPrior(box_sigma_relative=0.03), frame_count=40, every=2))


def test_a_drive_past_three_walkers_keeps_them_apart_and_knows_how_fast_they_are(drive):
    scores = score_tracks(drive)
    assert scores["ids"]["people"] == 3 and scores["ids"]["switches"] == 0
    assert scores["ids"]["idf1"] > 0.95 and scores["ids"]["false"] == 0
    assert scores["position"]["median_m"] < 0.8
    assert scores["velocity"]["median_m"] < 0.3
    assert scores["moving"]["walkers"] > 0.6


def test_ids_swapped_half_way_show_as_switches(drive):
    swap = {"0": "2", "2": "0"}
    swapped = [
        picture if number < 10 else replace(
            picture, true_ids=[swap.get(name, name) for name in picture.true_ids]
        )
        for number, picture in enumerate(drive)
    ]  # fmt: skip
    scores = score_tracks(swapped)
    assert scores["ids"]["switches"] == 2 and scores["ids"]["idf1"] < 0.8


def test_a_covariance_that_is_too_small_shows_in_the_nees(drive):
    shifted = []
    for picture in drive:
        # Everybody 3 m aside of where they are said to be.
        truth = {
            name: replace(person, position_mm=person.position_mm + [3000.0, 0.0, 0.0])
            for name, person in picture.truth.items()
        }
        shifted.append(replace(picture, truth=truth))
    wrong = score_tracks(shifted)["position"]
    assert wrong["nees_mean"] > wrong["nees_band_high"] and wrong["inside_95"] < 0.5


def test_the_band_of_the_mean_nees_narrows_with_people():
    low, high = nees_band(10, 3)
    assert (low, high) == pytest.approx((0.56, 1.57), abs=0.01)
    narrow_low, narrow_high = nees_band(1000, 3)
    assert low < narrow_low < 1.0 < narrow_high < high


def test_the_camera_of_the_drive_is_level_and_right_handed():
    for time_s in (0.0, 1.0, 3.7):
        rotation = camera_pose(time_s)[:3, :3]
        assert np.linalg.det(rotation) == pytest.approx(1.0)
        np.testing.assert_allclose(rotation[:, 1], [0.0, 0.0, -1.0])


def test_true_walkers_of_the_real_clip_walk_at_walking_speed(pets_folder):
    clip = load_ground_plane_clip(pets_folder)
    people = true_people(clip)
    assert len({name for _, name in people}) == 10
    speeds_m_s = [np.linalg.norm(person.velocity_mm_s) / 1000.0 for person in people.values()]
    assert 0.7 < np.median(speeds_m_s) < 1.6
    heights = [person.position_mm[2] for person in people.values()]
    np.testing.assert_allclose(heights, 920.0, atol=1.0)
    assert camera_to_world(clip)[2, 3] == pytest.approx(7070.0, abs=20.0)
