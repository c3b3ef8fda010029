"""People walked past a camera with known numbers, then looked up in the tracker."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.core.boxes_file import load_boxes
from hdnet_ros.core.camera_files import load_camera
from hdnet_ros.core.priors import BoxHeightPrior
from hdnet_ros.core.root_noise import lateral_sigma_mm, root_covariance_mm2
from hdnet_ros.core.tracking import PersonTracker, TrackerConfig, Trackers
from hdnet_ros.core.types import Detection, PersonEstimate, PersonFlags

FOCAL_PX = 1000.0


def person_at(x_mm, y_mm, z_mm, id="", sigma_relative=0.08):
    height_px = 1700.0 * FOCAL_PX / z_mm
    box = np.array([x_mm * FOCAL_PX / z_mm, y_mm * FOCAL_PX / z_mm, 0.4 * height_px, height_px])
    return PersonEstimate(
        id=id, score=0.9, box_xywh_center_px=box, root_camera_mm=np.array([x_mm, y_mm, z_mm]),
        depth_sigma_mm=sigma_relative * z_mm, normalised_depth=np.nan, focal_px=FOCAL_PX,
        patch_px=np.nan, patch_focal_px=np.nan,
    )  # fmt: skip


def ids_of(tracked):
    return [person.estimate.id for person in tracked]


def test_root_covariance_is_long_along_the_ray_and_short_across():
    root_mm = np.array([3000.0, 0.0, 4000.0])
    covariance = root_covariance_mm2(root_mm, depth_sigma_mm=400.0, lateral_sigma_mm=50.0)
    ray = root_mm / 5000.0
    across = np.array([0.8, 0.0, -0.6])
    # A depth that is off by 400 mm is 400 * 5000 / 4000 = 500 mm along the ray.
    assert np.sqrt(ray @ covariance @ ray) == pytest.approx(500.0)
    assert np.sqrt(across @ covariance @ across) == pytest.approx(50.0)
    assert covariance[1, 1] == pytest.approx(50.0**2)


def test_root_covariance_behind_the_camera_is_refused():
    with pytest.raises(ValueError, match="depth above 0"):
        root_covariance_mm2(np.array([0.0, 0.0, -1.0]), 1.0, 1.0)


def test_lateral_sigma_is_four_per_cent_of_the_box():
    assert lateral_sigma_mm(person_at(0.0, 0.0, 5000.0)) == pytest.approx(0.04 * 1700.0)


def test_two_people_who_cross_keep_their_ids():
    tracker = PersonTracker()
    rng = np.random.default_rng(3)
    names = []
    for frame in range(60):
        x_mm = -3000.0 + 100.0 * frame
        depth_noise = rng.normal(0.0, 0.02, 2)
        left = person_at(x_mm, 0.0, 8000.0 * (1 + depth_noise[0]))
        right = person_at(-x_mm, 0.0, 16000.0 * (1 + depth_noise[1]))
        persons = [left, right] if frame % 2 else [right, left]
        ids = ids_of(tracker.update(frame * 100_000_000, persons))
        names.append(tuple(ids if frame % 2 else ids[::-1]))
    assert set(names) == {names[0]}
    assert len(set(names[0])) == 2


def test_a_track_just_seen_wins_over_one_lost_long_ago():
    tracker = PersonTracker(TrackerConfig(keep_s=5.0))
    lost = ids_of(tracker.update(0, [person_at(-700.0, 0.0, 8000.0)]))
    seen = ids_of(tracker.update(1, [person_at(0.0, 0.0, 8000.0)]))
    assert lost != seen
    for frame in range(1, 20):
        # The lost one may be anywhere by now; that must not make it likelier.
        tracked = tracker.update(frame * 200_000_000, [person_at(15.0 * frame, 0.0, 8000.0)])
        assert ids_of(tracked) == seen


@pytest.mark.parametrize(
    "missed_share, jitter, most_ids, most_switches",
    [(0.0, 0.0, 10, 0), (0.2, 0.04, 13, 25)],
    ids=["every box", "a fifth missed, boxes off by 4 %"],
)
def test_ids_of_the_real_clip(pets_folder, missed_share, jitter, most_ids, most_switches):
    """Ten people in 400 frames at 7 Hz, located by box height, hand-made boxes without ids."""
    rng = np.random.default_rng(0)
    camera = load_camera(pets_folder / "camera.json")
    tracker, last, given, switches = PersonTracker(), {}, set(), 0
    for frame, boxes in sorted(load_boxes(pets_folder / "boxes_0_399.json").items()):
        kept = [box for box in boxes if rng.random() >= missed_share]
        for true in kept:
            true.box_xywh_center_px[:] += jitter * true.box_xywh_center_px[3] * rng.normal(size=4)
        found = [Detection(true.box_xywh_center_px) for true in kept]
        people = BoxHeightPrior().localize(None, found, camera)
        assert len(people) == len(kept)
        for true, person in zip(kept, tracker.update(round(frame * 1e9 / 7), people)):
            given.add(person.estimate.id)
            switches += last.get(true.id, person.estimate.id) != person.estimate.id
            last[true.id] = person.estimate.id
    assert len(last) == 10 and len(given) <= most_ids
    assert switches <= most_switches


def test_velocity_of_a_walker_within_its_own_sigma():
    tracker = PersonTracker()
    for frame in range(30):
        tracked = tracker.update(frame * 100_000_000, [person_at(140.0 * frame, 0.0, 10000.0)])
        assert tracked[0].has_velocity == (frame >= 2)
    velocity = tracked[0].velocity_camera_mm_s
    sigma = np.sqrt(np.diag(tracked[0].velocity_covariance_mm2_s2))
    assert velocity[0] == pytest.approx(1400.0, abs=50.0)
    assert np.all(np.abs(velocity - [1400.0, 0.0, 0.0]) < 2 * sigma)
    # Depth is the weak direction: its speed is known less well.
    assert sigma[2] > sigma[0]


def test_nobody_is_believed_to_climb_where_the_frame_tells_what_is_up():
    level = np.array([[0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 1500], [0, 0, 0, 1.0]])
    known, unknown = PersonTracker(), PersonTracker()
    for frame in range(10):
        person = person_at(140.0 * frame, 0.0, 10000.0)
        known.update(frame * 100_000_000, [person], level)
        unknown.update(frame * 100_000_000, [person])
    sideways, up = np.sqrt(np.diag(known.tracks()[0].covariance)[[4, 5]])
    assert up < 0.6 * sideways
    # A camera's own frame may be tilted.
    sideways, down = np.sqrt(np.diag(unknown.tracks()[0].covariance)[[3, 4]])
    assert down == pytest.approx(sideways, rel=0.2)


def test_ids_are_short_start_with_a_letter_and_never_come_back():
    tracker = PersonTracker(TrackerConfig(keep_s=0.5))
    seen = []
    for visit in range(20):
        seen += ids_of(tracker.update(visit * 1_000_000_000, [person_at(0.0, 0.0, 5000.0)]))
        if visit == 10:
            tracker.reset()
    assert len(set(seen)) == 20
    assert all(re.fullmatch(r"[a-z][a-z0-9]{0,9}", name) for name in seen)


def test_an_unseen_moment_keeps_the_id_and_a_long_one_does_not():
    tracker = PersonTracker(TrackerConfig(keep_s=2.0))
    first = ids_of(tracker.update(0, [person_at(0.0, 0.0, 5000.0)]))
    assert tracker.update(1_000_000_000, []) == []
    assert ids_of(tracker.update(1_900_000_000, [person_at(300.0, 0.0, 5000.0)])) == first
    assert ids_of(tracker.update(4_000_000_000, [person_at(300.0, 0.0, 5000.0)])) != first


def test_somebody_outside_the_gate_is_somebody_else():
    tracker = PersonTracker()
    first = ids_of(tracker.update(0, [person_at(0.0, 0.0, 5000.0)]))
    assert ids_of(tracker.update(33_000_000, [person_at(2500.0, 0.0, 5000.0)])) != first


def test_detector_ids_are_kept_and_made_fit_for_a_frame_name():
    tracker = PersonTracker()
    persons = [
        person_at(x, 0.0, 5000.0, id=name)
        for x, name in ((0.0, "7"), (1000.0, "alice"), (2000.0, "person/12"), (3000.0, "p1"))
    ]
    ids = ids_of(tracker.update(0, persons))
    assert ids[:2] == ["d7", "alice"]
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,15}", name) for name in ids)


def test_the_detectors_id_counts_more_than_the_distance_but_is_no_proof():
    def then(z_mm, x_mm, id):
        tracker = PersonTracker()
        tracker.update(0, [person_at(0.0, 0.0, 5000.0, id="7"), person_at(9000.0, 0.0, 9000.0)])
        return ids_of(tracker.update(33_000_000, [person_at(x_mm, 0.0, z_mm, id=id)]))

    # 1 m aside at 5 m within 33 ms is outside the gate, but the detector knows better.
    assert then(5000.0, 1000.0, "") == ["p3"]
    assert then(5000.0, 1000.0, "7") == ["d7"]
    # Nobody jumps 6 m: the detector has mixed two people up; an id is never given twice.
    assert then(9000.0, -4000.0, "7") == ["p3"]


def test_a_detector_id_given_twice_in_one_frame_is_used_once():
    tracker = PersonTracker()
    persons = [person_at(0.0, 0.0, 5000.0, id="7"), person_at(2000.0, 0.0, 5000.0, id="7")]
    ids = ids_of(tracker.update(0, persons))
    assert ids[0] == "d7" and ids[1] == "p2"


def test_without_tracking_ids_count_in_the_frame_and_say_so():
    tracker = PersonTracker(TrackerConfig(enabled=False))
    persons = [person_at(0.0, 0.0, 5000.0), person_at(1000.0, 0.0, 5000.0, id="7")]
    tracked = tracker.update(0, persons)
    assert ids_of(tracked) == ["u0", "d7"]
    assert tracked[0].estimate.flags & PersonFlags.UNTRACKED_ID
    assert not tracked[1].estimate.flags & PersonFlags.UNTRACKED_ID
    assert not tracked[0].has_velocity


def test_repeated_and_backward_stamps_move_nobody():
    tracker = PersonTracker()
    first = ids_of(tracker.update(1_000_000_000, [person_at(0.0, 0.0, 5000.0)]))
    for stamp_ns in (1_000_000_000, 900_000_000, 0):
        tracked = tracker.update(stamp_ns, [person_at(10.0, 0.0, 5000.0)])
        assert ids_of(tracked) == first
        assert not tracked[0].has_velocity


# A camera 1.5 m over the ground that looks along x of a frame whose z is up.
OPTICAL_TO_LEVEL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def camera_pose(x_mm=0.0, y_mm=0.0, yaw_rad=0.0):
    cosine, sine = np.cos(yaw_rad), np.sin(yaw_rad)
    turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    pose = np.eye(4)
    pose[:3, :3] = turn @ OPTICAL_TO_LEVEL
    pose[:3, 3] = x_mm, y_mm, 1500.0
    return pose


def person_in(pose, position_mm, depth_factor=1.0, id=""):
    """Somebody at a place of the tracking frame as a camera sees them, so much too far."""
    return person_at(*(depth_factor * (position_mm - pose[:3, 3]) @ pose[:3, :3]), id=id)


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


def test_frames_have_trackers_of_their_own_and_share_ids():
    trackers = Trackers()
    ids = [
        ids_of(trackers.of(frame).update(0, [person_at(0.0, 0.0, 5000.0)]))
        for frame in ("odom", "front", "rear")
    ]
    assert ids == [["p1"], ["p2"], ["p3"]]
    trackers.reset()
    assert ids_of(trackers.of("odom").update(0, [person_at(0.0, 0.0, 5000.0)])) == ["p4"]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-800, 2500),
            st.lists(st.tuples(st.floats(-8e3, 8e3), st.floats(2e3, 3e4)), max_size=4),
        ),
        max_size=25,
    )
)
def test_whatever_comes_ids_are_unique_and_numbers_finite(frames):
    tracker, gone, stamp_ns, last = PersonTracker(), set(), 0, set()
    for step_ms, places in frames:
        stamp_ns = max(0, stamp_ns + step_ms * 1_000_000)
        tracked = tracker.update(stamp_ns, [person_at(x, 0.0, z) for x, z in places])
        ids = {name for name in ids_of(tracked) if not name.startswith("u")}
        assert len(ids_of(tracked)) == len(set(ids_of(tracked))) == len(places)
        for track in tracker.tracks():
            assert np.isfinite(track.covariance).all() and np.isfinite(track.position_mm).all()
            assert np.linalg.eigvalsh(track.covariance).min() > 0.0
        alive = {track.id for track in tracker.tracks()}
        gone |= last - alive
        assert not gone & (alive | ids)
        last = alive


@pytest.mark.parametrize("name", ["gate_sigmas", "keep_s"])
def test_config_of_zero_is_refused_by_name(name):
    with pytest.raises(ValueError, match=name):
        TrackerConfig(**{name: 0.0})
