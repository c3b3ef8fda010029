"""Scores of tracking on scenes whose answer is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hdnet_ros.core.ground import GroundConfig
from hdnet_ros.locate.priors import BoxHeightPrior
from hdnet_ros.data.driving_scene import load_driving_scene
from hdnet_ros.evaluate.tracking_drive import driving_pictures, tracks_of_drive
from hdnet_ros.data.ground_plane import load_ground_plane_clip
from hdnet_ros.evaluate.tracking_clip import camera_to_world, true_people
from hdnet_ros.evaluate.tracking_scores import nees_band, score_tracks

pytest.importorskip("motmetrics", reason="pip install motmetrics")


@pytest.fixture(scope="module")
def scene():
    return load_driving_scene(Path(__file__).parent.parent / "data" / "driving_scene")


@pytest.fixture(scope="module")
def drive(scene):
    """The rendered drive, located by the heights of its boxes with the feet on the floor."""
    floor = GroundConfig(fuse_depth=True)
    return list(driving_pictures(scene, BoxHeightPrior(), every=2, floor=floor))


def test_a_drive_past_three_crossing_keeps_them_apart_and_knows_how_fast_they_are(drive):
    scores = score_tracks(drive)
    assert scores["ids"]["people"] == 5 and scores["ids"]["switches"] == 0
    assert scores["ids"]["idf1"] > 0.95 and scores["ids"]["false"] == 0
    assert scores["position"]["median_m"] < 0.4
    assert scores["velocity"]["median_m"] < 0.25
    assert scores["moving"]["walkers"] > 0.3 and scores["moving"]["standers"] == 0.0


def test_without_the_floor_a_child_is_taken_for_an_adult_further_away(scene):
    scores = tracks_of_drive(BoxHeightPrior(), scene.video.parent, every=2)
    assert scores["drive, depth alone"]["position"]["p95_m"] > 2.0
    assert scores["drive, with the floor"]["position"]["p95_m"] < 1.0


def test_a_drive_whose_video_ends_early_is_told(scene, tmp_path):
    (tmp_path / "drive.json").write_text((scene.video.parent / "drive.json").read_text())
    (tmp_path / "drive.mp4").write_bytes(b"")
    with pytest.raises(OSError, match="0 readable pictures, expected 45"):
        list(load_driving_scene(tmp_path).pictures())


def test_ids_swapped_half_way_show_as_switches(drive):
    one, other = "crossing to the left", "child"
    swap = {one: other, other: one}
    swapped = [
        picture if number < 10 else replace(
            picture, true_ids=[swap.get(name, name) for name in picture.true_ids]
        )
        for number, picture in enumerate(drive)
    ]  # fmt: skip
    scores = score_tracks(swapped)
    assert scores["ids"]["switches"] == 2 and scores["ids"]["idf1"] < 0.85


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


def test_boxes_of_the_drive_are_around_the_people_that_its_camera_sees(scene):
    for frame in scene.frames:
        to_camera = np.linalg.inv(scene.camera_to_odom(frame))
        for name, box in frame.boxes.items():
            root_m = frame.people[name].truth.position_mm / 1000.0
            pelvis_px = scene.camera.project(to_camera[:3, :3] @ root_m + to_camera[:3, 3])
            if frame.people[name].visible > 0.9:
                assert (np.abs(pelvis_px - box[:2]) < 0.5 * box[2:]).all(), (frame.time_s, name)


def test_people_of_the_drive_move_as_their_velocities_say(scene):
    first, last = scene.frames[0], scene.frames[-1]
    for name, person in first.people.items():
        moved_mm = last.people[name].truth.position_mm - person.truth.position_mm
        wanted_mm = person.truth.velocity_mm_s * (last.time_s - first.time_s)
        np.testing.assert_allclose(moved_mm[:2], wanted_mm[:2], atol=1.0)
    hidden = [sum(name not in frame.boxes for frame in scene.frames) for name in first.people]
    assert 1 <= max(hidden) <= 6, "somebody is hidden for a while, not for long"


def test_true_walkers_of_the_real_clip_walk_at_walking_speed(pets_folder):
    clip = load_ground_plane_clip(pets_folder)
    people = true_people(clip)
    assert len({name for _, name in people}) == 10
    speeds_m_s = [np.linalg.norm(person.velocity_mm_s) / 1000.0 for person in people.values()]
    assert 0.7 < np.median(speeds_m_s) < 1.6
    heights = [person.position_mm[2] for person in people.values()]
    np.testing.assert_allclose(heights, 920.0, atol=1.0)
    assert camera_to_world(clip)[2, 3] == pytest.approx(7070.0, abs=20.0)
