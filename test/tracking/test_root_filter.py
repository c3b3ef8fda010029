"""The Kalman filter of one root: what it may conclude, and what it must not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.tracking.root_filter import POSITION, VELOCITY, RootFilter, white_acceleration
from hdnet_ros.core.human_size import STATURE_SIGMA_RELATIVE
from hdnet_ros.tracking.root_noise import RootMeasurement, root_covariance_mm2

SECOND_NS = 1_000_000_000
DENSITY = 600.0**2 * np.diag([1.0, 1.0, 0.1])


def measured(root_mm, camera_mm=(0.0, 0.0, 0.0), camera="", white=0.03, view=0.05):
    """A sighting along the ray from the camera to the root; sigmas relative to the range."""
    root_mm, camera_mm = np.array(root_mm, float), np.array(camera_mm, float)
    ray = root_mm - camera_mm
    # root_covariance_mm2 wants a depth: turn the ray to z and back.
    turn = rotation_from_z(ray / np.linalg.norm(ray))
    range_mm = np.linalg.norm(ray)
    def covariance(sigma):
        local = root_covariance_mm2([0.0, 0.0, range_mm], sigma * range_mm, 60.0)
        return turn @ local @ turn.T
    return RootMeasurement(camera, root_mm, camera_mm, STATURE_SIGMA_RELATIVE, covariance(view), covariance(white))


def rotation_from_z(direction):
    helper = np.array([1.0, 0.0, 0.0]) if abs(direction[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    across = np.cross(helper, direction)
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(direction, across), direction], axis=1)


def started(measurement, stamp_ns=0):
    return RootFilter(measurement, stamp_ns, 1500.0**2 * np.eye(3), DENSITY)


def sigma_along(root, direction):
    direction = np.array(direction) / np.linalg.norm(direction)
    return np.sqrt(direction @ root.covariance[POSITION, POSITION] @ direction)


@given(st.floats(0.01, 2.0), st.floats(0.01, 2.0))
def test_two_short_steps_add_as_much_noise_as_one_long(first_s, second_s):
    step = np.eye(6)
    step[:3, 3:] = second_s * np.eye(3)
    apart = step @ white_acceleration(first_s, DENSITY) @ step.T
    apart += white_acceleration(second_s, DENSITY)
    np.testing.assert_allclose(apart, white_acceleration(first_s + second_s, DENSITY), rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_the_covariance_stays_symmetric_and_positive(seed, count):
    rng = np.random.default_rng(seed)
    root = started(measured(rng.normal(0.0, 3000.0, 3) + [0.0, 0.0, 12000.0]))
    for _ in range(count):
        root.predict(root.stamp_ns + int(rng.exponential(3e8)))
        camera_mm = rng.normal(0.0, 2000.0, 3)
        name = rng.choice(["front", "rear"])
        root.correct(measured(rng.normal(0.0, 2000.0, 3) + [0.0, 0.0, 12000.0], camera_mm, name))
        covariance = root.covariance
        np.testing.assert_array_equal(covariance, covariance.T)
        assert np.linalg.eigvalsh(covariance).min() > 0.0


def test_a_fixed_camera_never_learns_the_depth_better_than_people_differ_in_height():
    root = started(measured([0.0, 0.0, 10000.0]))
    for frame in range(1, 600):
        root.predict(frame * SECOND_NS // 10)
        root.correct(measured([0.0, 0.0, 10000.0]))
    assert sigma_along(root, [0.0, 0.0, 1.0]) >= 0.97 * STATURE_SIGMA_RELATIVE * 10000.0
    # Across the ray only the view's error stays, and it is short.
    assert sigma_along(root, [1.0, 0.0, 0.0]) < 80.0


def test_a_camera_that_drives_past_somebody_who_stands_sees_nobody_move():
    true_mm = np.array([0.0, 3000.0, 900.0])
    root = None
    for frame in range(60):
        camera_mm = np.array([-6000.0 + 200.0 * frame, 0.0, 900.0])
        # 6 % too far, from wherever it is seen: a short person.
        seen = measured(camera_mm + 1.06 * (true_mm - camera_mm), camera_mm)
        root = root or started(seen)
        root.predict(frame * SECOND_NS // 10)
        root.correct(seen)
    error_mm = root.position_mm - true_mm
    assert np.linalg.norm(seen.root_mm - true_mm) == pytest.approx(393.0, abs=2.0)
    assert error_mm @ np.linalg.solve(root.covariance[POSITION, POSITION], error_mm) < 7.8
    assert not root.is_moving(250.0)


def test_somebody_who_walks_away_is_not_sent_farther_by_noise():
    rng = np.random.default_rng(0)
    root = None
    for frame in range(300):
        true_mm = np.array([0.0, 0.0, 12000.0 + 60.0 * frame])
        seen = measured(true_mm * (1.0 + rng.normal(0.0, 0.06)), white=0.02, view=0.03)
        root = root or started(seen)
        root.predict(frame * SECOND_NS // 10)
        root.correct(seen)
    assert abs(root.position_mm[2] - true_mm[2]) < 0.056 * true_mm[2]
    assert sigma_along(root, [0.0, 0.0, 1.0]) >= 0.97 * STATURE_SIGMA_RELATIVE * true_mm[2]


def test_a_second_camera_beside_the_first_does_not_make_the_height_known():
    alone, both = (started(measured([0.0, 0.0, 10000.0])) for _ in range(2))
    for frame in range(1, 50):
        for root in (alone, both):
            root.predict(frame * SECOND_NS // 10)
            root.correct(measured([0.0, 0.0, 10000.0]))
        both.correct(measured([0.0, 0.0, 10000.0], [20.0, 0.0, 0.0], "other"))
    floor_mm = 0.97 * STATURE_SIGMA_RELATIVE * 10000.0
    assert floor_mm <= sigma_along(both, [0, 0, 1]) <= sigma_along(alone, [0, 0, 1])


def test_a_walk_is_found_within_its_own_sigma():
    rng = np.random.default_rng(1)
    velocity = np.array([1400.0, 0.0, 0.0])
    root = None
    for frame in range(40):
        true_mm = [-3000.0, 0.0, 10000.0] + velocity * frame / 10
        seen = measured(true_mm + rng.normal(0.0, [60.0, 60.0, 300.0]))
        root = root or started(seen)
        root.predict(frame * SECOND_NS // 10)
        root.correct(seen)
    error = root.velocity_mm_s - velocity
    sigmas = np.sqrt(np.diag(root.covariance[VELOCITY, VELOCITY]))
    assert np.all(np.abs(error) < 3.0 * sigmas)
    assert sigmas[0] < 400.0 and root.is_moving(250.0)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_somebody_who_stands_is_seldom_said_to_move(seed):
    rng = np.random.default_rng(seed)
    moving = 0
    height = rng.normal(0.0, STATURE_SIGMA_RELATIVE)
    view = np.zeros(3)
    root = None
    for frame in range(150):
        view = np.exp(-0.1 / 1.7) * view + np.sqrt(1 - np.exp(-0.2 / 1.7)) * rng.normal(
            0.0, [60.0, 60.0, 500.0]
        )
        error = view + rng.normal(0.0, [60.0, 60.0, 300.0]) + [0.0, 0.0, height * 10000.0]
        seen = measured([0.0, 0.0, 10000.0] + error)
        root = root or started(seen)
        root.predict(frame * SECOND_NS // 10)
        root.correct(seen)
        moving += root.is_moving(250.0)
    assert moving <= 15


def test_a_late_sighting_speaks_of_where_the_person_was():
    def walked():
        root = started(measured([0.0, 0.0, 10000.0]))
        for frame in range(1, 30):
            root.predict(frame * SECOND_NS // 10)
            root.correct(measured([140.0 * frame, 0.0, 10000.0]))
        return root

    late = measured([140.0 * 27, 0.0, 10000.0], camera="other")
    root = walked()
    (residual_mm,), _ = root.innovations([late], delay_s=0.2)
    assert abs(residual_mm[0]) < 60.0
    (residual_mm,), _ = root.innovations([late])
    assert residual_mm[0] == pytest.approx(-280.0, abs=60.0)


def test_a_stamp_that_is_not_later_moves_nobody():
    root = started(measured([0.0, 0.0, 10000.0]), stamp_ns=SECOND_NS)
    before = root.covariance
    root.predict(SECOND_NS)
    root.predict(0)
    assert root.stamp_ns == SECOND_NS
    np.testing.assert_array_equal(root.covariance, before)
