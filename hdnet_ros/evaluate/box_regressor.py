"""The fair bar: a gradient-boosted regressor that sees only the box and the camera."""

from __future__ import annotations

import numpy as np

from hdnet_ros.core.camera import Camera


def box_features(camera: Camera, box_xywh_center_px: np.ndarray) -> np.ndarray:
    """What a box says about depth: its angular height and width, aspect, and where it is, (5,)."""
    x, y, w, h = (float(v) for v in box_xywh_center_px)
    corners = np.array([[x, y - h / 2], [x, y + h / 2], [x - w / 2, y], [x + w / 2, y]])
    top, bottom, left, right = camera.rays(corners)
    height = np.linalg.norm(bottom - top)
    width = np.linalg.norm(right - left)
    centre = camera.rays(np.array([[x, y]]))[0]
    return np.array([np.log(height), np.log(width), np.log(height / width), centre[0], centre[1]])


class BoxRegressor:
    """Histogram gradient boosting from `box_features` to log depth."""

    def __init__(self):
        from sklearn.ensemble import HistGradientBoostingRegressor

        # Beyond 10 000 rows a part drawn at random decides when to stop: the seed makes it repeatable.
        self._model = HistGradientBoostingRegressor(
            loss="absolute_error", max_iter=300, learning_rate=0.06, random_state=0
        )

    def fit(self, features: np.ndarray, depth_mm: np.ndarray) -> "BoxRegressor":
        """Fit on (N, 5) features, NaN where unknown, and (N,) depths in mm."""
        from threadpoolctl import threadpool_limits

        # Its threads meet after every leaf: with other work on the machine, two take minutes where one
        # takes a second.
        with threadpool_limits(1, user_api="openmp"):
            self._model.fit(features, np.log(depth_mm))
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Depths in mm, (N,)."""
        return np.exp(self._model.predict(features))
