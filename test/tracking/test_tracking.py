"""People walked past a camera with known numbers, then looked up in the tracker."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from tracked_people import ids_of, person_at  # noqa: E402

from hdnet_ros.files.boxes_file import load_boxes
from hdnet_ros.files.camera_files import load_camera
from hdnet_ros.locate.priors import BoxHeightPrior
from hdnet_ros.tracking.track import somebodies
from hdnet_ros.tracking.tracking import PersonTracker, TrackerConfig, Trackers
from hdnet_ros.core.types import Detection, PersonFlags


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


def test_nobody_is_flagged_and_never_followed():
    """A box that HDNet says is nobody gets neither id nor track, nor does it move anybody's."""
    tracker = PersonTracker(TrackerConfig(min_existence=0.3, birth_sightings=1))
    somebody, phantom = person_at(0, 0, 4000), replace(person_at(800, 0, 4000), existence=0.29)
    for frame in range(4):
        told = tracker.update(frame * 100_000_000, [phantom, somebody])
        assert [bool(p.estimate.flags & PersonFlags.NOBODY) for p in told] == [True, False]
        assert told[0].number < 0 <= told[1].number
        assert told[0].estimate.flags & PersonFlags.UNTRACKED_ID
        (track,) = tracker.tracks()
        assert track.id == told[1].estimate.id and track.person_index == 1
        assert [p.estimate.id for p in somebodies(told)] == [track.id]


def test_whether_a_child_is_the_mean_of_the_sightings_that_say():
    tracker = PersonTracker(TrackerConfig(birth_sightings=1))
    tracker.update(0, [person_at(0, 0, 4000)])
    (track,) = tracker.tracks()
    assert np.isnan(track.child_probability)
    for frame, said in enumerate((0.9, np.nan, 0.4), 1):
        tracker.update(frame * 100_000_000, [replace(person_at(0, 0, 4000), child_probability=said)])
    (track,) = tracker.tracks()
    assert track.child_probability == pytest.approx(0.65)


def test_a_phantom_where_somebody_is_followed_does_not_move_them():
    tracker = PersonTracker(TrackerConfig(min_existence=0.3, birth_sightings=1))
    for frame in range(3):
        tracker.update(frame * 100_000_000, [person_at(0, 0, 4000)])
    phantom = replace(person_at(0, 0, 3900), existence=0.1)
    tracker.update(300_000_000, [phantom])
    (track,) = tracker.tracks()
    assert track.unseen_s == pytest.approx(0.1) and track.person_index == -1
    assert track.position_mm[2] == pytest.approx(4000.0, abs=1.0)


def test_without_tracking_nobody_is_flagged_too():
    tracker = PersonTracker(TrackerConfig(enabled=False, min_existence=0.3))
    (told,) = tracker.update(0, [replace(person_at(0, 0, 4000), existence=0.2)])
    assert told.estimate.flags & PersonFlags.NOBODY


def test_an_existence_that_is_no_share_is_refused():
    with pytest.raises(ValueError, match="min_existence is 1.5, expected 0 to 1"):
        TrackerConfig(min_existence=1.5)
