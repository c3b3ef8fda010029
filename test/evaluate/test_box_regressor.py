"""The box-only regressor: what it is told, and that it learns Z = f h / box."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the regressor needs the learn requirements")

from hdnet_ros.core.camera import Camera
from hdnet_ros.data.boxes import box_features
from hdnet_ros.evaluate.box_regressor import BoxRegressor


def camera(focal_px, distortion=()):
    K = np.array([[focal_px, 0, 319.5], [0, focal_px, 239.5], [0, 0, 1]])
    return Camera(K, (640, 480), "plumb_bob" if distortion else "none", distortion)


def rows(count, seed):
    """People of 1.70 m and cameras of 300 to 900 px: features and depths."""
    rng = np.random.default_rng(seed)
    depth_mm = np.exp(rng.uniform(np.log(2000), np.log(20_000), count))
    features = []
    for z in depth_mm:
        f = rng.uniform(300, 900)
        height = f * 1700 / z
        features.append(box_features(camera(f), np.array([*rng.uniform(200, 400, 2), 0.35 * height, height])))
    return np.array(features), depth_mm


def test_features_of_a_centred_box():
    found = box_features(camera(500.0), np.array([319.5, 239.5, 50.0, 200.0]))
    assert found == pytest.approx([np.log(0.4), np.log(0.1), np.log(4.0), 0.0, 0.0])


def test_features_do_not_change_with_resolution():
    small = box_features(camera(500.0), np.array([119.5, 339.5, 50.0, 200.0]))
    large = box_features(camera(1000.0), np.array([-80.5, 439.5, 100.0, 400.0]))
    assert large == pytest.approx(small)


def test_features_see_through_the_lens():
    lens = camera(500.0, (-0.2, 0.05, 0.0, 0.0, 0.0))
    corners = lens.project(np.array([[0.4, -0.2, 1.0], [0.4, 0.2, 1.0]]))
    x, height = corners[:, 0].mean(), corners[1, 1] - corners[0, 1]
    found = box_features(lens, np.array([x, 239.5, 50.0, height]))
    assert np.exp(found[0]) == pytest.approx(0.4, rel=1e-4)


def test_regressor_is_fitted_in_one_thread(monkeypatch):
    from threadpoolctl import threadpool_info

    regressor, threads = BoxRegressor(), []
    said = lambda *_: threads.extend(p["num_threads"] for p in threadpool_info() if p["user_api"] == "openmp")  # noqa: E731
    monkeypatch.setattr(regressor._model, "fit", said)
    regressor.fit(*rows(3, seed=1))
    assert set(threads) == {1}


def test_regressor_learns_depth_from_angular_height():
    regressor = BoxRegressor().fit(*rows(800, seed=1))
    features, depth_mm = rows(200, seed=2)
    error = np.abs(regressor.predict(features) / depth_mm - 1)
    assert np.mean(error) < 0.02  # guessing the median depth leaves about 90 %
    at_5_m = np.array([[np.log(0.34), np.log(0.34 * 0.35), -np.log(0.35), 0.0, 0.0]])
    assert regressor.predict(at_5_m) == pytest.approx([5000.0], rel=0.03)
