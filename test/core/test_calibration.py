import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdnet_ros.core.calibration import Calibration, lens

K = [700.0, 0.0, 330.0, 0.0, 690.0, 250.0, 0.0, 0.0, 1.0]
P = [650.0, 0.0, 320.0, 0.0, 0.0, 655.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0]
PLUMB_BOB = (-0.25, 0.08, 0.001, -0.002, 0.01)
FISHEYE = (0.1, 0.01, -0.002, 0.003)


def calibration(**changes):
    return Calibration(**{"size_wh_px": (640, 480), "K": K, "P": P, **changes})


@pytest.mark.parametrize(
    "name", ["plumb_bob", "Plumb Bob", "plumb-bob", "radtan", "radial-tangential", "Brown_Conrady", "brown-conrady"]
)
def test_lens_knows_what_others_call_plumb_bob(name):
    assert lens(name, PLUMB_BOB) == ("plumb_bob", PLUMB_BOB)


@pytest.mark.parametrize("name", ["equidistant", "equi", "fisheye", "Fisheye", "KANNALA_BRANDT4", "KannalaBrandt8", "kb4"])
def test_lens_knows_what_others_call_equidistant(name):
    assert lens(name, FISHEYE) == ("equidistant", FISHEYE)


@pytest.mark.parametrize("name", ["rational_polynomial", "Rational Polynomial", "rational"])
def test_lens_knows_what_others_call_rational_polynomial(name):
    eight = (*PLUMB_BOB, 0.1, 0.2, 0.3)
    assert lens(name, eight) == ("rational_polynomial", eight)


@pytest.mark.parametrize("camera_model", ["fisheye", "Fisheye", "equidistant"])
@pytest.mark.parametrize("distortion_model", ["", "pinhole"])
def test_lens_is_the_camera_models_where_no_other_is_named(distortion_model, camera_model):
    assert lens(distortion_model, FISHEYE, camera_model) == ("equidistant", FISHEYE)


@pytest.mark.parametrize(
    "name, given, taken",
    [
        ("plumb_bob", [*PLUMB_BOB, 0.0, 0.0, 0.0], PLUMB_BOB),
        ("plumb_bob", [*PLUMB_BOB] + [0.0] * 9, PLUMB_BOB),
        ("equidistant", [*FISHEYE, 0.0], FISHEYE),
        ("equidistant", [*FISHEYE, 0.0, 0.0, 0.0, 0.0], FISHEYE),
        ("rational_polynomial", [*PLUMB_BOB], (*PLUMB_BOB, 0.0, 0.0, 0.0)),
        ("rational_polynomial", [*PLUMB_BOB, 0.1, 0.2, 0.3] + [0.0] * 2, (*PLUMB_BOB, 0.1, 0.2, 0.3)),
        ("equidistant", [0.0] * 5, (0.0,) * 4),
    ],
)
def test_zeros_behind_the_last_coefficient_say_nothing(name, given, taken):
    assert lens(name, given) == (name, taken)


@pytest.mark.parametrize("name", ["", "plumb_bob", "rational_polynomial", "radtan", "none", "Inverse Brown Conrady"])
@pytest.mark.parametrize("count", [1, 5, 8, 14])
def test_a_lens_of_zeros_is_none(name, count):
    assert lens(name, [0.0] * count) == ("none", ())


@pytest.mark.parametrize("count, model", [(5, "plumb_bob"), (8, "rational_polynomial"), (14, "rational_polynomial")])
def test_lens_without_a_name_is_told_by_the_count(count, model):
    assert lens("", [0.1] * count) == (model, (0.1,) * count)


@pytest.mark.parametrize(
    "name, camera_model, given, words",
    [
        ("", "", FISHEYE, "may be plumb_bob's or equidistant's"),
        ("plumb_bob", "fisheye", FISHEYE, "are two lenses"),
        ("plumb_bob", "", [0.1] * 3, "3 coefficients, expected 4 or 5"),
        ("plumb_bob", "", [0.1] * 7, "7 coefficients, expected 4 or 5"),
        ("plumb_bob", "", [0.1] * 8, "8 coefficients, expected 4 or 5; is it rational_polynomial"),
        ("equidistant", "", [0.1] * 5, "5 coefficients, expected 4"),
        ("equidistant", "", [], "0 coefficients, expected 4"),
        ("rational_polynomial", "", [0.1] * 15, "15 coefficients"),
        ("none", "", PLUMB_BOB, "none has 5 coefficients, expected 0"),
        ("double_sphere", "", PLUMB_BOB, "expected one of none, plumb_bob.*; calibrate again"),
        ("Inverse Brown Conrady", "", PLUMB_BOB, "expected one of none, plumb_bob"),
        ("x" * 100_000, "", PLUMB_BOB, "'x{80}', expected"),
        ("plumb_bob", "", [float("nan")] * 5, "non-finite"),
    ],
)
def test_a_lens_that_is_not_sure_is_refused_by_name(name, camera_model, given, words):
    with pytest.raises(ValueError, match=words):
        lens(name, given, camera_model)


def test_a_skew_of_nothing_is_none():
    camera = calibration(K=[700.0, 1e-9, 330.0, 0.0, 690.0, 250.0, 0.0, 0.0, 1.0]).camera()
    assert camera.K[0, 1] == 0.0
    with pytest.raises(ValueError, match="expected \\[fx, 0, cx"):
        calibration(K=[700.0, 2.0, 330.0, 0.0, 690.0, 250.0, 0.0, 0.0, 1.0]).camera()


def test_the_second_camera_of_a_rectified_pair_is_beside_the_frames_origin():
    tx_px_m, ty_px_m = -650.0 * 0.12, 655.0 * 0.02
    projection = [*P[:3], tx_px_m, *P[4:7], ty_px_m, *P[8:]]
    camera = calibration(P=projection).camera(rectified=True)
    assert camera.centre_mm == pytest.approx((120.0, -20.0, 0.0))
    # [u v w] = P [X Y Z 1], the definition in CameraInfo.msg
    point_m = np.array([0.5, 0.1, 4.0])
    u, v, w = np.reshape(projection, (3, 4)) @ [*point_m, 1.0]
    located_mm = camera.backproject(np.array([u / w, v / w]), 4000.0) + camera.centre_mm
    np.testing.assert_allclose(located_mm, 1000.0 * point_m, atol=1e-6)


def test_roi_and_binning_keep_the_optical_centre():
    projection = [*P[:3], -78.0, *P[4:]]
    camera = calibration(P=projection, binning_xy=(2, 2), roi_xywh_px=(100, 40, 400, 300)).camera(rectified=True)
    assert camera.centre_mm[0] == pytest.approx(120.0)
    assert camera.size_wh_px == (200, 150)
    assert camera.K[0, 2] == pytest.approx((320.0 - 100.0 + 0.5) / 2 - 0.5)


@pytest.mark.parametrize(
    "changes, rectified, words",
    [
        ({"K": [0.0] * 9}, False, "K has fx = 0, fy = 0: not calibrated"),
        ({"P": None}, True, "P has 0 values, expected 12"),
        ({"P": [0.0] * 12}, True, "P has fx = 0"),
        ({"P": [*P[:3], float("inf"), *P[4:]]}, True, "P is .*inf"),
        ({"P": [*P[:3], -1e9, *P[4:]]}, True, "m apart, expected below 100"),
        ({"K": [1e39, 0.0, 330.0, 0.0, 690.0, 250.0, 0.0, 0.0, 1.0]}, False, "expected lengths of 1e-7 to 1e7 px"),
        ({"K": [1.1, 0.0, 0.5, 0.0, 1.4, 0.5, 0.0, 0.0, 1.0]}, False, "fx is 1.1, fy 1.4 px for an image of 640 x 480, expected px"),
        ({"K": [700.0, 0.0, 330.0, 0.0, 7e4, 250.0, 0.0, 0.0, 1.0]}, False, "fx is 700, fy 70000 px"),
        ({"roi_xywh_px": (600, 0, 100, 480)}, False, "ROI 100 x 480 at \\(600, 0\\) leaves the sensor of 640 x 480"),
        ({"size_wh_px": (0, 480)}, False, "image size is 0 x 480"),
    ],
)
def test_what_cannot_be_a_camera_is_named(changes, rectified, words):
    with pytest.raises(ValueError, match=words):
        calibration(**changes).camera(rectified)


@given(st.text(max_size=30), st.lists(st.floats(), max_size=16), st.text(max_size=10))
def test_any_lens_is_a_model_that_the_camera_takes_or_a_value_error(name, coefficients, camera_model):
    try:
        model, values = lens(name, coefficients, camera_model)
    except ValueError:
        return
    assert Calibration((640, 480), K, name, coefficients, camera_model=camera_model).camera().distortion == values or not any(values)
    assert model in ("none", "plumb_bob", "rational_polynomial", "equidistant")
