"""How a published sigma becomes what a filter may average and what not."""

import numpy as np
import pytest

from hdnet_ros.core.human_size import STATURE_SIGMA_RELATIVE
from hdnet_ros.tracking.root_noise import (
    hidden_shares,
    implied_stature_mm,
    lateral_sigma_mm,
    root_covariance_mm2,
    root_measurement,
)
from hdnet_ros.core.types import PersonEstimate, PersonFlags


def person(box=(0.0, 0.0, 100.0, 340.0), z_mm=5000.0, sigma=0.09, **changes):
    values = dict(
        id="", score=0.9, box_xywh_center_px=np.array(box),
        root_camera_mm=np.array([0.0, 0.0, z_mm]), depth_sigma_mm=sigma * z_mm,
        normalised_depth=np.nan, focal_px=1000.0, patch_px=np.nan, patch_focal_px=np.nan,
    )  # fmt: skip
    return PersonEstimate(**{**values, **changes})


def along(covariance_mm2):
    return np.sqrt(covariance_mm2[2, 2]) / 5000.0


def test_the_parts_of_the_sigma_add_up_to_the_published_one():
    seen = root_measurement(person(), np.eye(4))
    parts = (STATURE_SIGMA_RELATIVE, along(seen.view_covariance_mm2), along(seen.white_covariance_mm2))
    assert np.sqrt(np.square(parts).sum()) == pytest.approx(0.09)


def test_a_sigma_below_what_heights_allow_is_not_believed():
    seen = root_measurement(person(sigma=0.01), np.eye(4))
    assert seen.height_sigma == STATURE_SIGMA_RELATIVE
    assert along(seen.view_covariance_mm2) == pytest.approx(0.02)
    assert along(seen.white_covariance_mm2) == pytest.approx(0.015)


def test_the_covariance_turns_with_the_camera():
    pose = np.eye(4)
    pose[:3, :3] = [[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]
    pose[:3, 3] = 1000.0, 2000.0, 3000.0
    seen = root_measurement(person(), pose)
    np.testing.assert_allclose(seen.root_mm, [6000.0, 2000.0, 3000.0])
    np.testing.assert_allclose(seen.bearing, [1.0, 0.0, 0.0], atol=1e-12)
    sigmas = np.sqrt(np.diag(seen.white_covariance_mm2))
    assert sigmas[0] > 2 * sigmas[1] and sigmas[1] == pytest.approx(sigmas[2])
    # 340 px of f = 1000 are 0.34 of the distance.
    assert seen.size == pytest.approx(0.34)


def test_a_cut_box_is_less_sure_and_tells_no_height():
    whole = root_measurement(person(), np.eye(4))
    cut = root_measurement(person(flags=PersonFlags.TRUNCATED_BOX), np.eye(4))
    assert along(cut.view_covariance_mm2) == pytest.approx(2 * along(whole.view_covariance_mm2))
    assert np.isnan(cut.size)
    assert np.isnan(implied_stature_mm(person(flags=PersonFlags.TRUNCATED_BOX)))
    assert implied_stature_mm(person()) == pytest.approx(1700.0)


def test_who_is_hidden_by_how_much():
    near = person((0.0, 50.0, 100.0, 400.0))
    half_behind = person((50.0, 20.0, 100.0, 200.0))
    apart = person((500.0, 20.0, 100.0, 200.0))
    assert hidden_shares([near, half_behind, apart]) == pytest.approx([0.0, 0.5, 0.0])
    assert hidden_shares([]) == []
    hidden = root_measurement(person(), np.eye(4), hidden_share=0.5)
    ratio = along(hidden.view_covariance_mm2) / along(root_measurement(person(), np.eye(4)).view_covariance_mm2)
    assert ratio == pytest.approx(4.0)


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
    assert lateral_sigma_mm(person()) == pytest.approx(0.04 * 1700.0)
