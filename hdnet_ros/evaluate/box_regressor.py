"""The fair bar: a gradient-boosted regressor that sees only the box and the camera."""

from __future__ import annotations

import numpy as np


class BoxRegressor:
    """Histogram gradient boosting from `box_features` to log depth."""

    def __init__(self):
        from sklearn.ensemble import HistGradientBoostingRegressor

        # Beyond 10 000 rows a part drawn at random decides when to stop: the seed makes it repeatable.
        self._model = HistGradientBoostingRegressor(
            loss="absolute_error", max_iter=300, learning_rate=0.06, random_state=0
        )

    def fit(self, features: np.ndarray, depth_mm: np.ndarray) -> BoxRegressor:
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
