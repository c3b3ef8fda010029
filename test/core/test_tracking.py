"""People walked past a camera with known numbers, then looked up in the tracker."""

import re

import numpy as np
import pytest

from hdnet_ros.core.boxes_file import load_boxes
from hdnet_ros.core.camera_files import load_camera
from hdnet_ros.core.priors import BoxHeightPrior
from hdnet_ros.core.tracking import (
    PersonTracker,
    TrackerConfig,
    lateral_sigma_mm,
    root_covariance_mm2,
)
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
    seen = ids_of(tracker.update(0, [person_at(0.0, 0.0, 8000.0)]))
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
    # Far from where it was: the detector's word counts, not the distance.
    moved = ids_of(tracker.update(33_000_000, [person_at(-4000.0, 0.0, 9000.0, id="7")]))
    assert moved == ["d7"]


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


@pytest.mark.parametrize("name", ["gate_sigmas", "keep_s"])
def test_config_of_zero_is_refused_by_name(name):
    with pytest.raises(ValueError, match=name):
        TrackerConfig(**{name: 0.0})
