import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.core.camera import Camera, crop_image, resize_image

K = (700.0, 0.0, 330.0, 0.0, 690.0, 250.0, 0.0, 0.0, 1.0)
LENSES = {
    "none": (),
    "plumb_bob": (-0.25, 0.08, 0.001, -0.002, 0.01),
    "plumb_bob ": (-0.25, 0.08, 0.001, -0.002),
    "rational_polynomial": (0.3, 0.1, 0.001, -0.002, 0.01, 0.5, 0.2, 0.02),
    "rational_polynomial ": (0.3, 0.1, 1e-3, -2e-3, 0.01, 0.5, 0.2, 0.02, 1e-3, 2e-3, -1e-3, 1e-3),
    "rational_polynomial  ": (0.3, 0.1, 1e-3, -2e-3, 0.01, 0.5, 0.2, 0.02, 1e-3, 2e-3, -1e-3, 1e-3, 0.02, -0.03),
    "equidistant": (0.01, -0.002, 0.001, -0.0005),
}  # fmt: skip


def make_camera(lens: str) -> Camera:
    return Camera.from_matrix(K, (640, 480), lens.strip(), LENSES[lens])


pixels = st.tuples(st.floats(0.0, 639.0), st.floats(0.0, 479.0))


@pytest.mark.parametrize("lens", LENSES)
@settings(max_examples=60, deadline=None)
@given(px=pixels, depth_mm=st.floats(300.0, 50_000.0))
def test_project_inverts_backproject_to_a_millionth_px(lens, px, depth_mm):
    camera = make_camera(lens)
    point = camera.backproject(np.array(px), depth_mm)
    assert point[2] == pytest.approx(depth_mm)
    assert camera.project(point) == pytest.approx(np.array(px), abs=1e-6)


@pytest.mark.parametrize("lens", LENSES)
def test_project_agrees_with_opencv(lens):
    camera = make_camera(lens)
    rng = np.random.default_rng(3)
    points = rng.normal(size=(200, 3)) * [250.0, 180.0, 100.0] + [0.0, 0.0, 1000.0]
    zero = np.zeros(3)
    if lens == "equidistant":
        D = np.array(camera.distortion)
        expected, _ = cv2.fisheye.projectPoints(points[:, None], zero, zero, camera.K, D)
    else:
        D = np.array(camera.distortion or [0.0] * 4)
        expected, _ = cv2.projectPoints(points[:, None], zero, zero, camera.K, D)
    assert camera.project(points) == pytest.approx(expected[:, 0], abs=1e-8)


def test_project_behind_the_camera_is_nan():
    points = np.array([[0.0, 0.0, -1.0], [10.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    px = make_camera("plumb_bob").project(points)
    assert np.isnan(px[:2]).all()
    assert px[2] == pytest.approx([330.0, 250.0])


def test_project_beyond_the_fold_of_the_lens_is_nan():
    # x (1 - 0.25 x^2) grows up to x = sqrt(1 / 0.75) = 1.1547 and comes back after it.
    camera = Camera.from_matrix(K, (640, 480), "plumb_bob", (-0.25, 0.0, 0.0, 0.0))
    px = camera.project(np.array([[1.154, 0.0, 1.0], [1.156, 0.0, 1.0]]))
    assert np.isfinite(px[0]).all()
    assert np.isnan(px[1]).all()


def test_rays_that_no_lens_sends_there_are_nan():
    camera = Camera.from_matrix(K, (640, 480), "plumb_bob", (-0.25, 0.0, 0.0, 0.0))
    assert np.isnan(camera.rays([5000.0, 250.0])).all()


def test_undistort_points_moves_barrel_corners_outward():
    camera = make_camera("plumb_bob")
    assert camera.undistort_points([330.0, 250.0]) == pytest.approx([330.0, 250.0])
    assert camera.undistort_points([630.0, 250.0])[0] > 630.0


def test_focal_px_is_the_geometric_mean():
    assert make_camera("none").focal_px == pytest.approx(np.sqrt(700.0 * 690.0))


@pytest.mark.parametrize("lens", ["none", "plumb_bob", "equidistant"])
@settings(max_examples=40, deadline=None)
@given(
    px=pixels,
    window=st.tuples(st.integers(0, 300), st.integers(0, 200)),
    size=st.tuples(st.integers(50, 900), st.integers(50, 900)),
)
def test_crop_and_resize_keep_rays(lens, px, window, size):
    camera = make_camera(lens)
    px = np.array(px)
    cropped = camera.cropped(*window, 320, 240)
    assert cropped.rays(px - window) == pytest.approx(camera.rays(px), abs=1e-9)
    scale = np.array(size) / camera.size_wh_px
    assert camera.resized(size).rays((px + 0.5) * scale - 0.5) == pytest.approx(
        camera.rays(px), abs=1e-9
    )


def test_binned_0_means_1_and_2_halves():
    camera = make_camera("plumb_bob")
    assert camera.binned(0, 0).K == pytest.approx(camera.K)
    half = camera.binned(2, 2)
    assert half.size_wh_px == (320, 240)
    assert half.K[0, 0] == pytest.approx(350.0)
    assert half.K[0, 2] == pytest.approx((330.0 + 0.5) / 2 - 0.5)
    with pytest.raises(ValueError, match="binning is -1 x 0"):
        camera.binned(-1, 0)


def test_region_of_interest_of_zero_size_is_the_full_image():
    camera = make_camera("plumb_bob")
    assert camera.region_of_interest(0, 0, 0, 0) is camera
    roi = camera.region_of_interest(100, 50, 200, 100)
    assert roi.size_wh_px == (200, 100)
    assert roi.principal_point_px == pytest.approx([230.0, 200.0])


def test_crop_image_and_resize_image_return_the_camera_with_them():
    camera = make_camera("none")
    image = np.zeros((480, 640, 3), np.uint8)
    image[200:210, 300:310] = 255
    window, window_camera = crop_image(image, camera, 290, 190, 100, 80)
    assert window.shape == (80, 100, 3) and window_camera.size_wh_px == (100, 80)
    assert window[10:20, 10:20].min() == 255
    small, small_camera = resize_image(image, camera, (320, 240))
    assert small.shape == (240, 320, 3) and small_camera.size_wh_px == (320, 240)
    assert small[100:105, 150:155].min() == 255
    with pytest.raises(ValueError, match="window x 600..700"):
        crop_image(image, camera, 600, 0, 100, 80)
    with pytest.raises(ValueError, match="image is 100 x 80 px, its camera says 640 x 480"):
        resize_image(window, camera, (10, 10))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"K": [0.0] * 9}, "fx = 0, fy = 0 px, expected above 0"),
        ({"K": [np.nan] * 9}, "non-finite"),
        ({"K": [700, 5, 330, 0, 690, 250, 0, 0, 1]}, "expected \\[fx, 0, cx"),
        ({"K": [1.0] * 8}, "8 values, expected 9"),
        ({"size_wh_px": (0, 480)}, "image size is 0 x 480"),
        ({"distortion_model": "thin_lens"}, "'thin_lens', expected one of none, plumb_bob"),
        ({"distortion_model": "plumb_bob", "distortion": [0.1] * 3}, "3 coefficients, expected 4 or 5"),
        ({"distortion_model": "plumb_bob", "distortion": [np.inf] * 5}, "non-finite coefficients"),
    ],
)
def test_from_matrix_refuses_by_name(change, message):
    values = {"K": K, "size_wh_px": (640, 480)} | change
    with pytest.raises(ValueError, match=message):
        Camera.from_matrix(**values)


def test_from_matrix_takes_a_lens_of_zeros_as_none():
    assert Camera.from_matrix(K, (640, 480), "plumb_bob", [0.0] * 5).distortion_model == "none"
    assert Camera.from_matrix(K, (640, 480), "", []).distortion_model == "none"
    fisheye = Camera.from_matrix(K, (640, 480), "equidistant", [0.0] * 4)
    assert fisheye.distortion_model == "equidistant"
