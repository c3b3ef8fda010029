"""A Kalman filter of one person's root: constant velocity, and errors that do not average out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import chi2

from hdnet_ros.tracking.root_noise import RootMeasurement

POSITION, VELOCITY = slice(0, 3), slice(3, 6)
_HEIGHT = 6
# What a pose or a view does to the root is forgotten within about this time: on the real clip the
# relative depth error of a person falls to 0.44 in 0.3 s, to 0.25 in 1.1 s, to 0.13 in 2 s.
VIEW_ERROR_S = 1.7
_MOVING_SQUARE = float(chi2.ppf(0.99, 3))


class RootFilter:
    """Position and velocity of a root in the tracking frame, with their covariance.

    The state is position (mm), velocity (mm/s), the relative depth error of the person (no unit;
    unknown height, constant), and per camera an error of the view (3, mm; first order, 1.7 s). The
    height's error counts in every covariance but is itself never estimated (Schmidt's filter): a
    camera that stands still cannot tell it from the distance, and a filter that tries, linearised
    anew at every picture, believes it can and drifts away. So the position stays as uncertain along
    the ray as its depth, however many pictures agree.

    Parameters
    ----------
    measurement : the first sighting
    stamp_ns : its time
    velocity_covariance : (3, 3) of the unknown velocity, (mm/s)^2
    acceleration_density : (3, 3) white acceleration, (mm/s)^2 per s
    """

    def __init__(
        self,
        measurement: RootMeasurement,
        stamp_ns: int,
        velocity_covariance: np.ndarray,
        acceleration_density: np.ndarray,
    ):
        self.stamp_ns = stamp_ns
        self._density = acceleration_density
        self._views: dict[str, tuple[slice, np.ndarray]] = {}  # where in the state, covariance
        self._state: np.ndarray = np.zeros(7)
        self._state[POSITION] = measurement.root_mm
        # root = measured - error * ray - view error - white noise, so they are correlated.
        ray_mm = measurement.root_mm - measurement.camera_mm
        height = measurement.height_sigma**2
        self._covariance: np.ndarray = np.zeros((7, 7))
        self._covariance[VELOCITY, VELOCITY] = velocity_covariance
        self._covariance[_HEIGHT, _HEIGHT] = height
        self._covariance[POSITION, _HEIGHT] = self._covariance[_HEIGHT, POSITION] = -height * ray_mm
        self._covariance[POSITION, POSITION] = (
            height * np.outer(ray_mm, ray_mm)
            + measurement.view_covariance_mm2
            + measurement.white_covariance_mm2
        )
        view = self._view_of(measurement)
        self._covariance[POSITION, view] = -measurement.view_covariance_mm2
        self._covariance[view, POSITION] = -measurement.view_covariance_mm2

    @property
    def position_mm(self) -> np.ndarray:
        return self._state[POSITION].copy()

    @property
    def velocity_mm_s(self) -> np.ndarray:
        return self._state[VELOCITY].copy()

    @property
    def covariance(self) -> np.ndarray:
        """(6, 6) over position mm and velocity mm/s."""
        return self._covariance[:6, :6].copy()

    def before(self, delay_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Return position (3,) mm and covariance (6, 6) as of `delay_s` before the state.

        The person is taken back along the velocity, and what may have changed since is added.
        """
        back = np.eye(6)
        back[POSITION, VELOCITY] = -delay_s * np.eye(3)
        noise = back @ white_acceleration(delay_s, self._density) @ back.T
        position_mm = self._state[POSITION] - delay_s * self._state[VELOCITY]
        return position_mm, back @ self._covariance[:6, :6] @ back.T + noise

    def predict(self, stamp_ns: int) -> None:
        """Move the state on to a stamp; an earlier one changes nothing."""
        dt_s = (stamp_ns - self.stamp_ns) * 1e-9
        if dt_s <= 0.0:
            return
        self.stamp_ns = stamp_ns
        keep = np.exp(-dt_s / VIEW_ERROR_S)
        step = np.eye(len(self._state))
        step[POSITION, VELOCITY] = dt_s * np.eye(3)
        for view, _ in self._views.values():
            step[view, view] = keep * np.eye(3)
        self._state = step @ self._state
        self._covariance = step @ self._covariance @ step.T
        self._covariance[:6, :6] += white_acceleration(dt_s, self._density)
        for view, covariance_mm2 in self._views.values():
            self._covariance[view, view] += (1.0 - keep**2) * covariance_mm2

    def innovations(
        self, measurements: Sequence[RootMeasurement], delay_s: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return how far sightings of one picture are from where this person is expected.

        Parameters
        ----------
        measurements : N of one camera
        delay_s : how much older than the state the picture is; the person is taken back along the
            velocity, and what may have changed since is added to the noise

        Returns
        -------
        (N, 3) mm and the covariances (N, 3, 3) mm^2
        """
        expected_mm, jacobian, noise = self._expected(measurements[0], delay_s)
        spread = jacobian @ self._covariance @ jacobian.T + noise
        white = np.array([measurement.white_covariance_mm2 for measurement in measurements])
        if measurements[0].camera not in self._views:
            white = white + [measurement.view_covariance_mm2 for measurement in measurements]
        residuals_mm = np.array([measurement.root_mm for measurement in measurements]) - expected_mm
        return residuals_mm, spread + white

    def correct(self, measurement: RootMeasurement, delay_s: float = 0.0) -> None:
        """Kalman update with a sighting, in Joseph's form so that the covariance stays positive.

        Raises
        ------
        ArithmeticError, numpy.linalg.LinAlgError : the result is no state; the filter's stays as it was
        """
        self._view_of(measurement)
        expected_mm, jacobian, noise = self._expected(measurement, delay_s)
        noise = noise + measurement.white_covariance_mm2
        spread = jacobian @ self._covariance @ jacobian.T + noise
        gain = np.linalg.solve(spread, jacobian @ self._covariance).T
        gain[_HEIGHT] = 0.0
        state = self._state + gain @ (measurement.root_mm - expected_mm)
        left = np.eye(len(self._state)) - gain @ jacobian
        covariance = left @ self._covariance @ left.T + gain @ noise @ gain.T
        if not (np.isfinite(state).all() and np.isfinite(covariance).all() and (np.diag(covariance) > 0.0).all()):
            raise ArithmeticError("a sighting leads to no finite position")
        self._state, self._covariance = state, 0.5 * (covariance + covariance.T)

    def is_moving(self, least_speed_mm_s: float) -> bool:
        """Say whether the velocity is above a speed and differs from zero at the 99 % level."""
        velocity = self._state[VELOCITY]
        if np.linalg.norm(velocity) < least_speed_mm_s:
            return False
        try:
            square = velocity @ np.linalg.solve(self._covariance[VELOCITY, VELOCITY], velocity)
        except np.linalg.LinAlgError:
            return False
        return bool(square > _MOVING_SQUARE)

    def _expected(
        self, measurement: RootMeasurement, delay_s: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return where the camera should see the root (3,) mm, the Jacobian (3, S), and the noise
        (3, 3) of a delay; of the measurement only the camera counts.
        """
        position_mm = self._state[POSITION] - delay_s * self._state[VELOCITY]
        ray_mm = position_mm - measurement.camera_mm
        expected_mm = position_mm
        jacobian = np.zeros((3, len(self._state)))
        jacobian[:, POSITION] = np.eye(3)
        jacobian[:, VELOCITY] = -delay_s * np.eye(3)
        jacobian[:, _HEIGHT] = ray_mm
        if measurement.camera in self._views:
            view, _ = self._views[measurement.camera]
            expected_mm = expected_mm + self._state[view]
            jacobian[:, view] = np.eye(3)
        return expected_mm, jacobian, delay_s**3 / 3.0 * self._density

    def _view_of(self, measurement: RootMeasurement) -> slice:
        """Return where a camera's view error is in the state; a camera that is new to it is added."""
        known = self._views.get(measurement.camera)
        if known is None:
            size = len(self._state)
            view = slice(size, size + 3)
            self._state = np.concatenate([self._state, np.zeros(3)])
            self._covariance = np.pad(self._covariance, (0, 3))
            self._covariance[view, view] = measurement.view_covariance_mm2
        else:
            view = known[0]
        self._views[measurement.camera] = view, measurement.view_covariance_mm2
        return view


def white_acceleration(dt_s: float, density: np.ndarray) -> np.ndarray:
    """Return the (6, 6) noise of a constant velocity under (3, 3) white acceleration, position first.

    Two steps of dt add up to one of 2 dt, so it does not matter how often pictures come
    (Bar-Shalom, Li & Kirubarajan 2001, eq. 6.2.2-12).
    """
    over_time = np.array([[dt_s**3 / 3.0, dt_s**2 / 2.0], [dt_s**2 / 2.0, dt_s]])
    return np.kron(over_time, density)
