"""Which way a person faces, kept over time: an angle about the vertical, with its sigma."""

from __future__ import annotations

import numpy as np

# People turn; an old heading is worth little after a few seconds.
TURN_SIGMA_RAD = 0.7  # per square root of a second
# Nobody walks exactly where the chest points, and skeletons are wrong for frames on end.
LEAST_SIGMA_RAD = 0.15
_GATE_SIGMAS = 4.0


class HeadingFilter:
    """Heading about the vertical of the tracking frame.

    Parameters
    ----------
    ahead, up : (3,) unit vectors of the tracking frame; the heading is 0 along ahead and grows to
        the left of it

    Attributes
    ----------
    sigma_rad : one standard deviation; infinite while nothing is known
    """

    def __init__(self, ahead: np.ndarray, up: np.ndarray):
        self.up = up
        self._ahead, self._left = ahead, np.cross(up, ahead)
        self._angle_rad = 0.0
        self.sigma_rad = np.inf

    @property
    def facing(self) -> np.ndarray:
        """(3,) horizontal unit vector; meaningless while sigma_rad is infinite."""
        return np.cos(self._angle_rad) * self._ahead + np.sin(self._angle_rad) * self._left

    def predict(self, dt_s: float) -> None:
        self.sigma_rad = float(np.hypot(self.sigma_rad, TURN_SIGMA_RAD * np.sqrt(dt_s)))

    def see_motion(self, velocity_mm_s: np.ndarray, covariance_mm2_s2: np.ndarray) -> None:
        """Take the direction of a walk (3,), where it is better known than the heading so far."""
        angle_rad, across = self._angle_and_across(velocity_mm_s)
        speed_mm_s = np.hypot(velocity_mm_s @ self._ahead, velocity_mm_s @ self._left)
        sigma_mm_s = np.sqrt(across @ covariance_mm2_s2 @ across)
        sigma_rad = max(LEAST_SIGMA_RAD, float(sigma_mm_s / max(speed_mm_s, 1e-9)))
        if sigma_rad < self.sigma_rad:
            self._angle_rad, self.sigma_rad = angle_rad, sigma_rad

    def see_facing(self, facing: np.ndarray, sigma_rad: float) -> None:
        """Correct with the chest's direction (3,) of a skeleton; a flip by half a turn is refused."""
        angle_rad, _ = self._angle_and_across(facing)
        if not np.isfinite(self.sigma_rad):
            self._angle_rad, self.sigma_rad = angle_rad, max(sigma_rad, LEAST_SIGMA_RAD)
            return
        difference_rad = (angle_rad - self._angle_rad + np.pi) % (2.0 * np.pi) - np.pi
        spread = self.sigma_rad**2 + sigma_rad**2
        if difference_rad**2 > _GATE_SIGMAS**2 * spread:
            return
        gain = self.sigma_rad**2 / spread
        self._angle_rad += gain * difference_rad
        self.sigma_rad = max(float(np.sqrt(1.0 - gain) * self.sigma_rad), LEAST_SIGMA_RAD)

    def _angle_and_across(self, direction: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the angle of a direction and the horizontal unit vector across it."""
        angle_rad = float(np.arctan2(direction @ self._left, direction @ self._ahead))
        return angle_rad, np.cos(angle_rad) * self._left - np.sin(angle_rad) * self._ahead
