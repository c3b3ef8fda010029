"""One person whose numbers cannot be used costs nobody else anything, and spoils nothing later."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.core.types import PersonEstimate, PersonFlags
from hdnet_ros.tracking.tracking import PersonTracker

STEP_NS = 100_000_000


def person(x_mm=0.0, depth_mm=4000.0, height_px=425.0, sigma_mm=300.0, score=0.9, id=""):
    return PersonEstimate(
        id=id, score=score, box_xywh_center_px=np.array([320.0 + x_mm / 4.0, 240.0, 150.0, height_px]),
        root_camera_mm=np.array([x_mm, 0.0, depth_mm]), depth_sigma_mm=sigma_mm, normalised_depth=4.0,
        focal_px=1000.0, patch_px=1000.0, patch_focal_px=256.0,
    )  # fmt: skip


BAD = {
    "a box of nothing": person(height_px=1e-12),
    "a box of 1e-155": person(height_px=1e-155),
    "an infinite box": person(height_px=np.inf),
    "a root of NaN": person(x_mm=np.nan),
    "behind the camera": person(depth_mm=-4000.0),
    "a root at 1e300": person(depth_mm=1e300),
    "a sigma of NaN": person(sigma_mm=np.nan),
    "a sigma of 1e200": person(sigma_mm=1e200),
    "a depth of 1e-200": person(depth_mm=1e-200),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("pose", [None, np.eye(4)], ids=["camera", "odom"])
def test_a_bad_person_is_untracked_and_the_others_are_as_without(name, pose):
    tracker, alone = PersonTracker(), PersonTracker()
    for step in range(12):
        good = [person(-800.0 + 30.0 * step), person(900.0, 6000.0)]
        bad = [BAD[name]] if step in (1, 4, 5) else []
        told = tracker.update((step + 1) * STEP_NS, [*bad, *good], pose)
        expected = alone.update((step + 1) * STEP_NS, good, pose)
        for item in told[: len(bad)]:
            assert item.number < 0 and item.estimate.flags & PersonFlags.UNTRACKED_ID
        assert [item.estimate.id for item in told[len(bad) :]] == [item.estimate.id for item in expected]
        for mine, theirs in zip(tracker.tracks(), alone.tracks(), strict=True):
            np.testing.assert_array_equal(mine.position_mm, theirs.position_mm)
            np.testing.assert_array_equal(mine.covariance, theirs.covariance)


numbers = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-1e4, 1e4)


@settings(deadline=None)
@given(st.lists(st.tuples(numbers, numbers, numbers, numbers), max_size=4), st.integers(1, 10**18))
def test_whatever_came_the_next_good_image_is_answered_to_the_millimetre(values, stamp_ns):
    tracker = PersonTracker()
    with np.errstate(all="ignore"):
        tracker.update(stamp_ns, [person(*numbers_of) for numbers_of in values])
    for step in range(1, 4):
        tracker.update(stamp_ns + step * STEP_NS, [person(500.0, 4000.0)])
    for track in tracker.tracks():
        assert np.isfinite(track.position_mm).all() and np.isfinite(track.covariance).all()
    seen = [track for track in tracker.tracks() if track.person_index == 0]
    if not values:
        np.testing.assert_allclose(seen[0].position_mm, [500.0, 0.0, 4000.0], atol=1.0)
    assert len(seen) == 1
