"""People followed in a frame that does not move, by cameras that drive and by several at once."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from tracked_people import camera_pose, ids_of, person_at, person_in  # noqa: E402

from hdnet_ros.tracking.tracking import PersonTracker, TrackerConfig


def test_somebody_who_stands_stays_where_they_are_while_the_camera_drives_and_turns():
    tracker = PersonTracker()
    place_mm = np.array([9000.0, 500.0, 900.0])
    rng = np.random.default_rng(2)
    for frame in range(50):
        pose = camera_pose(60.0 * frame, -10.0 * frame, 0.01 * frame)
        person = person_in(pose, place_mm, 1.04 + rng.normal(0.0, 0.02))
        (tracked,) = tracker.update(frame * 100_000_000, [person], pose)
    (track,) = tracker.tracks()
    assert track.id == tracked.estimate.id == "p1"
    assert np.linalg.norm(track.position_mm - place_mm) < 400.0
    assert not track.is_moving and np.linalg.norm(track.velocity_mm_s) < 250.0
    assert track.facing is None and np.isnan(track.heading_sigma_rad)
    assert track.stature_mm == pytest.approx(1700.0)
    # The robot drives at 0.6 m/s towards somebody whose own velocity is nought.
    assert np.linalg.norm(tracked.velocity_camera_mm_s) < 250.0


def test_a_walker_seen_from_a_driving_camera_has_their_own_velocity_and_heading():
    tracker = PersonTracker()
    for frame in range(50):
        pose = camera_pose(100.0 * frame, 0.0, 0.02 * frame)
        place_mm = np.array([12000.0, -2500.0 + 130.0 * frame, 900.0])
        tracker.update(frame * 100_000_000, [person_in(pose, place_mm)], pose)
    (track,) = tracker.tracks()
    np.testing.assert_allclose(track.velocity_mm_s, [0.0, 1300.0, 0.0], atol=200.0)
    assert track.is_moving
    assert track.facing @ [0.0, 1.0, 0.0] > np.cos(0.2)
    assert track.heading_sigma_rad < 0.5


def test_a_skeleton_turns_the_heading_of_somebody_who_stands():
    tracker = PersonTracker()
    pose = camera_pose()
    joints_mm = np.full((17, 3), np.nan)
    # The left hip is right in the image: the person looks back at the camera, along -x.
    joints_mm[4], joints_mm[1] = [150.0, 0.0, 5000.0], [-150.0, 0.0, 5000.0]
    person = replace(person_at(0.0, 0.0, 5000.0), joints_camera_mm=joints_mm)
    for frame in range(3):
        tracker.update(frame * 100_000_000, [person], pose)
    (track,) = tracker.tracks()
    np.testing.assert_allclose(track.facing, [-1.0, 0.0, 0.0], atol=1e-9)
    assert 0.1 < track.heading_sigma_rad < 0.5 and not track.is_moving


def test_somebody_hidden_coasts_along_and_comes_back_as_the_same():
    tracker = PersonTracker(TrackerConfig(keep_s=2.0))
    pose = camera_pose()
    def seen(frame):
        place_mm = np.array([8000.0, -2000.0 + 130.0 * frame, 900.0])
        return person_in(pose, place_mm)
    for frame in range(20):
        tracker.update(frame * 100_000_000, [seen(frame)], pose)
    for frame in range(20, 35):
        assert tracker.update(frame * 100_000_000, [], pose) == []
    (hidden,) = tracker.tracks()
    assert hidden.person_index == -1 and hidden.unseen_s == pytest.approx(1.5)
    assert hidden.position_mm[1] == pytest.approx(-2000.0 + 130.0 * 34, abs=400.0)
    sigmas_mm = np.sqrt(np.diag(hidden.covariance)[:3])
    assert sigmas_mm[1] > 400.0
    (again,) = tracker.update(3_500_000_000, [seen(35)], pose)
    assert again.estimate.id == hidden.id
    (track,) = tracker.tracks()
    assert track.person_index == 0 and track.unseen_s == 0.0
    assert track.age_s == pytest.approx(3.5)
    tracker.update(5_600_000_000, [], pose)
    assert tracker.tracks() == []


def test_a_picture_without_a_pose_lets_everybody_coast():
    tracker = PersonTracker()
    for frame in range(3):
        tracker.update(frame * 100_000_000, [person_at(0.0, 0.0, 5000.0)])
    tracker.coast(400_000_000)
    (track,) = tracker.tracks()
    assert track.person_index == -1 and track.unseen_s == pytest.approx(0.2)
    (stranger,) = tracker.untracked([person_at(0.0, 0.0, 5000.0)])
    assert stranger.estimate.id == "u0" and stranger.number < 0


def test_somebody_seen_once_is_no_track_yet():
    tracker = PersonTracker(TrackerConfig(birth_sightings=3))
    told = []
    for frame in range(4):
        tracker.update(frame * 100_000_000, [person_at(0.0, 0.0, 5000.0)])
        told.append(len(tracker.tracks()))
    assert told == [0, 0, 1, 1]


def test_the_longest_followed_come_first():
    tracker = PersonTracker(TrackerConfig(birth_sightings=1))
    old, young = person_at(0.0, 0.0, 5000.0), person_at(3000.0, 0.0, 5000.0)
    tracker.update(0, [old])
    tracker.update(100_000_000, [young, old])
    assert [track.id for track in tracker.tracks()] == ["p1", "p2"]
    assert [track.person_index for track in tracker.tracks()] == [1, 0]


def test_a_repeated_or_older_picture_changes_nothing_and_strangers_in_it_are_not_followed():
    tracker = PersonTracker(TrackerConfig(birth_sightings=1))
    tracker.update(1_000_000_000, [person_at(0.0, 0.0, 5000.0)])
    before = tracker.tracks()[0].covariance
    for stamp_ns in (1_000_000_000, 900_000_000):
        tracked = tracker.update(
            stamp_ns, [person_at(20.0, 0.0, 5000.0), person_at(4000.0, 0.0, 5000.0)]
        )
        assert ids_of(tracked) == ["p1", "u1"]
    np.testing.assert_array_equal(tracker.tracks()[0].covariance, before)
    assert len(tracker.tracks()) == 1


def test_a_camera_half_a_second_behind_the_others_is_not_followed():
    tracker = PersonTracker(TrackerConfig(birth_sightings=1))
    pose = camera_pose()
    person = person_in(pose, np.array([5000.0, 0.0, 900.0]))
    tracker.update(10_000_000_000, [person], pose, "front")
    (slow,) = tracker.update(9_000_000_000, [person], pose, "rear")
    assert slow.estimate.id == "p1"
    assert tracker.tracks()[0].age_s == 0.0
    assert ids_of(tracker.update(9_900_000_000, [person], pose, "rear")) == ["p1"]


def test_somebody_behind_another_keeps_their_id_though_their_root_is_seen_in_front():
    tracker = PersonTracker()
    front, back = person_at(0.0, 0.0, 5000.0), person_at(250.0, 0.0, 7000.0)
    for frame in range(10):
        tracker.update(frame * 100_000_000, [front, back])
    # The network finds both roots at the nearer person; the farther box is where it was.
    joints_px = np.full((17, 2), np.nan)
    joints_px[0] = front.box_xywh_center_px[:2]
    mixed_up = replace(
        back, root_camera_mm=np.array([0.0, 0.0, 5600.0]), joints_px=joints_px, depth_sigma_mm=700.0
    )
    for frame in range(10, 14):
        tracked = tracker.update(frame * 100_000_000, [mixed_up, front])
        assert ids_of(tracked) == ["p2", "p1"]


def two_cameras():
    """Poses of a camera at the origin looking along x, and of one at x = 12 m looking back."""
    return {"front": camera_pose(), "rear": camera_pose(12_000.0, 0.0, np.pi)}


def test_somebody_seen_by_two_cameras_is_one_person_better_known_than_by_one():
    tracker, alone = PersonTracker(), PersonTracker()
    rng = np.random.default_rng(4)
    given = set()
    for frame in range(30):
        place_mm = np.array([6000.0 + 40.0 * frame, 600.0, 900.0])
        for order, (name, pose) in enumerate(two_cameras().items()):
            person = person_in(pose, place_mm, 1.05 + rng.normal(0.0, 0.02))
            stamp_ns = frame * 100_000_000 + order * 30_000_000
            given |= set(ids_of(tracker.update(stamp_ns, [person], pose, name)))
            if name == "front":
                alone.update(stamp_ns, [person], pose, name)
    assert given == {"p1"}
    (both,), (one,) = tracker.tracks(), alone.tracks()
    # Too far by 5 % for both, so from both sides the truth is between.
    assert np.linalg.norm(both.position_mm - place_mm) < 150.0
    assert np.linalg.norm(one.position_mm - place_mm) > 250.0
    assert both.covariance[0, 0] < 0.6 * one.covariance[0, 0]


def test_two_tracks_of_one_person_by_two_cameras_become_the_older_one():
    tracker = PersonTracker(TrackerConfig(gate_sigmas=3.0))
    poses = two_cameras()
    last = []
    for frame in range(30):
        # At first the rear camera is wrong by a fifth: a stranger. Then the box fits again.
        factor = 1.5 if frame == 0 else 1.0
        for name, pose in poses.items():
            person = person_in(pose, np.array([7000.0, 0.0, 900.0]), factor if name == "rear" else 1.0)
            last.append(ids_of(tracker.update(frame * 100_000_000, [person], pose, name))[0])
    assert last[:2] == ["p1", "p2"] and set(last[-4:]) == {"p1"}
    assert [track.id for track in tracker.tracks()] == ["p1"]


def test_two_people_whom_one_camera_sees_side_by_side_stay_two():
    tracker = PersonTracker()
    poses = two_cameras()
    for frame in range(30):
        for name, pose in poses.items():
            places = [np.array([6000.0, y_mm, 900.0]) for y_mm in (-250.0, 250.0)]
            persons = [person_in(pose, place_mm) for place_mm in places]
            tracker.update(frame * 100_000_000, persons, pose, name)
    assert len(tracker.tracks()) == 2


def test_tracks_are_told_where_they_were_at_the_stamp_of_a_late_picture():
    tracker = PersonTracker()
    pose, step_ns, late_ns = camera_pose(), 100_000_000, 400_000_000

    def place_mm(stamp_ns):
        return np.array([8000.0, -2500.0 + 1.4e-6 * stamp_ns, 900.0])

    for stamp_ns in range(step_ns, 41 * step_ns, step_ns):
        tracker.update(stamp_ns, [person_in(pose, place_mm(stamp_ns))], pose, "on time")
        if stamp_ns > late_ns:
            late = [person_in(pose, place_mm(stamp_ns - late_ns))]
            tracker.update(stamp_ns - late_ns, late, pose, "late")
    (then,) = tracker.tracks(stamp_ns - late_ns)
    (now,) = tracker.tracks()
    np.testing.assert_allclose(then.position_mm, place_mm(stamp_ns - late_ns), atol=100.0)
    np.testing.assert_allclose(now.position_mm, place_mm(stamp_ns), atol=100.0)
    np.testing.assert_allclose(now.position_mm - then.position_mm, 0.4 * now.velocity_mm_s)
    assert then.person_index == 0 and then.unseen_s == 0.0
    # Where somebody was is never told more certain than a walk back from where they are allows.
    assert np.linalg.eigvalsh(then.covariance).min() > 0.0
    assert now.age_s - then.age_s == pytest.approx(0.4)
