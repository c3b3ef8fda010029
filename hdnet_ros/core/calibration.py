"""What a calibration says about a camera, from a message or a file, and the `Camera` that it means.

The one place that reads distortion models, coefficients, ROI, binning and projection matrices, so
that a message and a file of the same numbers are the same camera (REP-104, sensor_msgs/CameraInfo).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.distortion import COEFFICIENT_COUNTS

# Spelled without blanks, hyphens and underscores; ROS's name, OpenCV's, Kalibr's, ORB-SLAM's,
# RealSense's and what people make of them.
_ALIASES = {
    "none": "none",
    "nodistortion": "none",
    "plumbbob": "plumb_bob",
    "radtan": "plumb_bob",
    "radialtangential": "plumb_bob",
    "brownconrady": "plumb_bob",
    "rationalpolynomial": "rational_polynomial",
    "rational": "rational_polynomial",
    "rationalpolynomialmodel": "rational_polynomial",
    "equidistant": "equidistant",
    "equi": "equidistant",
    "fisheye": "equidistant",
    "kannalabrandt": "equidistant",
    "kannalabrandt4": "equidistant",
    "kannalabrandt8": "equidistant",
    "kb4": "equidistant",
    "kb8": "equidistant",
}  # fmt: skip
# Names of a projection that say nothing of the lens.
_PINHOLES = ("", "pinhole", "perspective", "rectified")
# What calibration tools write besides; no formula of these is known here.
_FOREIGN = (
    "fov", "atan", "omni", "mei", "ds", "doublesphere", "eucm", "ucm", "division", "ftheta",
    "thinprism", "inversebrownconrady", "modifiedbrownconrady", "scaramuzza",
)  # fmt: skip
_PINHOLE_AT_ZERO = ("inversebrownconrady", "modifiedbrownconrady")
# A skew below this share of fx moves no pixel of an image by a hundredth.
_NO_SKEW = 1e-6
_WIDEST_PAIR_MM = 1e5
# Of the image's side; a pinhole of half of it sees 90 degrees, a fisheye of a sixth 180 and more.
_SHORTEST = 0.02
_MOST_ASPECT = 20.0
# Which of OpenCV's first coefficients are meant is only sure from four on (k1 k2 p1 p2).
_LEAST_GIVEN = 4


@dataclass(frozen=True, eq=False)
class Calibration:
    """A camera as calibration files and sensor_msgs/CameraInfo describe it; nothing is checked yet.

    Parameters
    ----------
    size_wh_px : of the full sensor, px
    K : 9 numbers, row-major, px
    distortion_model : a name of ROS's, OpenCV's, Kalibr's or ORB-SLAM's; empty where none is given
    distortion : coefficients in OpenCV's order; more than the model has must be zero
    P : 12 numbers of the rectified images, row-major, px and px m; None without
    camera_model : "pinhole" or "fisheye" where a file says so beside or instead of the lens
    binning_xy : 0 means 1
    roi_xywh_px : x, y, width, height on the full sensor; width and height 0 mean all of it
    """

    size_wh_px: tuple[int, int]
    K: Sequence[float]
    distortion_model: str = ""
    distortion: Sequence[float] = ()
    P: Sequence[float] | None = None
    camera_model: str = ""
    binning_xy: tuple[int, int] = (1, 1)
    roi_xywh_px: tuple[int, int, int, int] = (0, 0, 0, 0)

    def camera(self, rectified: bool = False) -> Camera:
        """Camera of the images that the calibration goes with.

        Raw images have K and the lens, rectified ones the left 3 x 3 of P, no lens, and the optical
        centre that P's fourth column puts beside the frame's origin.

        Raises
        ------
        ValueError
            Intrinsics that are zero or not finite, a skew, a size of zero, an unknown distortion
            model, coefficients that it does not have, an ROI outside the sensor.
        """
        _check_focal("P" if rectified else "K", self.P if rectified else self.K, rectified)
        if rectified:
            full = _rectified(self.P, self.size_wh_px)
        else:
            model, coefficients = lens(self.distortion_model, self.distortion, self.camera_model)
            K = _without_skew(self.K)
            full = Camera.from_matrix(K, self.size_wh_px, model, coefficients)
        _check_units(full)
        x, y, width, height = self.roi_xywh_px
        if min(x, y, width, height) < 0 or x + width > full.size_wh_px[0] or y + height > full.size_wh_px[1]:
            raise ValueError(
                f"ROI {width} x {height} at ({x}, {y}) leaves the sensor of "
                f"{full.size_wh_px[0]} x {full.size_wh_px[1]} px"
            )
        return full.region_of_interest(x, y, width, height).binned(*self.binning_xy)


def lens(
    distortion_model: str, coefficients: Sequence[float], camera_model: str = ""
) -> tuple[str, tuple[float, ...]]:
    """Name of a lens model as `core.distortion` has it, and as many coefficients as it takes.

    Zeros behind the last coefficient say nothing and are dropped or added. Without a name four
    numbers may be plumb_bob's or a fisheye's, and are refused; five can only be plumb_bob's, eight or
    more only rational_polynomial's.

    Parameters
    ----------
    distortion_model : any spelling; empty: to be told from `camera_model` and the coefficients
    coefficients : in OpenCV's order
    camera_model : what projects, "pinhole" or "fisheye", where a file says so

    Raises
    ------
    ValueError : an unknown model, or coefficients that it does not have
    """
    values = tuple(float(value) for value in coefficients)
    if not np.isfinite(values).all():
        raise ValueError(f"distortion has non-finite coefficients: {list(values)[:14]}")
    if values and not any(values) and _plain(distortion_model) in _PINHOLE_AT_ZERO:
        return "none", ()
    model = _model_name(distortion_model, camera_model)
    used = _without_trailing_zeros(values)
    if not used and model != "equidistant":
        return "none", ()
    if not model:
        model = _model_by_count(values)
    counts = COEFFICIENT_COUNTS[model]
    fits = [count for count in counts if count >= len(used)]
    if not fits or (len(values) < _LEAST_GIVEN and model != "none"):
        expected = " or ".join(str(count) for count in counts)
        raise ValueError(f"{model} has {len(values)} coefficients, expected {expected}{_hint(model, used)}")
    if len(values) in counts:
        return model, values
    return model, used + (0.0,) * (fits[0] - len(used))


def _model_name(distortion_model: str, camera_model: str) -> str:
    """Return the lens model that two names mean; empty where neither names one."""
    named, projection = _plain(distortion_model), _plain(camera_model)
    if named in _PINHOLES:
        named, distortion_model = projection, camera_model
    if named in _PINHOLES:
        return ""
    if named in _ALIASES:
        model = _ALIASES[named]
        if _ALIASES.get(projection, model) != model:
            raise ValueError(
                f"camera_model {str(camera_model)[:80]!r} and distortion_model {str(distortion_model)[:80]!r} "
                "are two lenses, expected one"
            )
        return model
    known = ", ".join(COEFFICIENT_COUNTS)
    way = ""
    if named in _FOREIGN:
        way = "; calibrate again with one of these (camera_calibration, or Kalibr's pinhole-radtan or pinhole-equi)"
    raise ValueError(f"distortion model {str(distortion_model)[:80]!r}, expected one of {known}{way}")


def _model_by_count(values: tuple[float, ...]) -> str:
    if len(values) == 4:
        raise ValueError(
            "4 coefficients without a distortion_model may be plumb_bob's or equidistant's (fisheye); say which"
        )
    return "plumb_bob" if len(values) <= 5 else "rational_polynomial"


def _without_trailing_zeros(values: tuple[float, ...]) -> tuple[float, ...]:
    count = len(values)
    while count and values[count - 1] == 0.0:
        count -= 1
    return values[:count]


def _hint(model: str, used: tuple[float, ...]) -> str:
    if model == "plumb_bob" and len(used) in COEFFICIENT_COUNTS["rational_polynomial"]:
        return "; is it rational_polynomial?"
    return ""


def _plain(name: str) -> str:
    return "".join(letter for letter in str(name).lower() if letter.isalnum())


def _check_focal(name: str, matrix: Sequence[float] | None, rectified: bool) -> None:
    numbers = np.asarray([] if matrix is None else matrix, dtype=np.float64).ravel()
    expected = 12 if rectified else 9
    if numbers.size != expected:
        raise ValueError(f"{name} has {numbers.size} values, expected {expected} (row-major)")
    fx, fy = numbers[0], numbers[5 if rectified else 4]
    if fx == 0.0 or fy == 0.0:
        raise ValueError(
            f"{name} has fx = {fx:g}, fy = {fy:g}: not calibrated; run camera_calibration or give the "
            "driver a camera_info_url"
        )


def _check_units(camera: Camera) -> None:
    """Raise a ValueError for focal lengths that are no pixels: shares of the image, or mm."""
    fx, fy = camera.K[0, 0], camera.K[1, 1]
    width, height = camera.size_wh_px
    if min(fx / width, fy / height) < _SHORTEST or not 1.0 / _MOST_ASPECT < fx / fy < _MOST_ASPECT:
        raise ValueError(
            f"fx is {fx:g}, fy {fy:g} px for an image of {width} x {height}, expected px (are they shares of "
            "the image, or mm?)"
        )


def _without_skew(K: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return K (3, 3) with a skew that is rounding noise taken for the nothing that it is."""
    matrix = np.array(K, dtype=np.float64).reshape(3, 3)
    if np.isfinite(matrix).all() and abs(matrix[0, 1]) <= _NO_SKEW * abs(matrix[0, 0]):
        matrix[0, 1] = 0.0
    return matrix


def _rectified(P: Sequence[float] | None, size_wh_px: tuple[int, int]) -> Camera:
    """Return the camera of rectified images: [u v w] = P [X Y Z 1], so its centre is at -P[:, 3] / f."""
    projection = np.array(P, dtype=np.float64).reshape(3, 4)
    camera = Camera.from_matrix(_without_skew(projection[:, :3]), size_wh_px)
    if not np.isfinite(projection).all() or projection[2, 3] != 0.0:
        raise ValueError(f"P is {projection.ravel().tolist()}, expected a last column of [Tx, Ty, 0]")
    x_mm, y_mm = 0.0 - 1000.0 * projection[:2, 3] / projection[[0, 1], [0, 1]]
    if max(abs(x_mm), abs(y_mm)) > _WIDEST_PAIR_MM:
        raise ValueError(f"P puts the cameras {x_mm / 1000.0:g}, {y_mm / 1000.0:g} m apart, expected below 100")
    return replace(camera, centre_mm=(float(x_mm), float(y_mm), 0.0))
