"""The calibration files that the field's tools write, each as a `Calibration`.

ROS's camera_info YAML and `ros2 topic echo`, JSON of the same keys, OpenCV's FileStorage, Kalibr's
camchain, ORB-SLAM's settings and camera_calibration's ost.txt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hdnet_ros.core.calibration import Calibration

# The calibration file's name first, then the message's, then OpenCV's samples'.
_WIDTH = ("image_width", "width", "image_Width")
_HEIGHT = ("image_height", "height", "image_Height")
_SIZE = ("cameraResolution", "resolution", "image_size")
_MATRIX = ("camera_matrix", "k", "K", "Camera_Matrix", "cameraMatrix", "intrinsic_matrix")
_PROJECTION = ("projection_matrix", "p", "P")
_COEFFICIENTS = ("distortion_coefficients", "d", "D", "Distortion_Coefficients", "dist_coeffs", "distCoeffs")
_STEREO = ("M1", "D1", "cameraMatrix1", "K1")
_NO_NUMBERS = np.zeros(0)


def calibration_of(values: Mapping[str, Any]) -> Calibration:
    """Return the calibration that a file's keys describe, whichever tool wrote them.

    Raises
    ------
    ValueError : a key that is missing or holds no number; a file of several cameras
    """
    for is_written_by, read in _DIALECTS:
        if is_written_by(values):
            return read(values)
    return _ros_or_opencv(values)


def calibration_of_ost(text: str) -> Calibration:
    """Return the calibration of an ost.txt or .ini: names on lines of their own, numbers below them.

    Raises
    ------
    ValueError : a name that is missing, or without its numbers
    """
    numbers: dict[str, list[float]] = {}
    name = ""
    for line in (line.strip() for line in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        try:
            numbers.setdefault(name, []).extend(float(word) for word in line.split())
        except ValueError:
            name = line.lower()
            numbers.pop(name, None)
    values = {
        "image_width": next(iter(numbers.get("width", [])), None),
        "image_height": next(iter(numbers.get("height", [])), None),
        "camera_matrix": numbers.get("camera matrix"),
        "distortion_coefficients": numbers.get("distortion"),
        "projection_matrix": numbers.get("projection"),
    }
    return _ros_or_opencv(values)


def numbers(values: Mapping[str, Any], names: tuple[str, ...], count: int | None = None) -> np.ndarray:
    """Return the finite numbers of the first key there is, nested, flat, or under "data".

    Raises
    ------
    ValueError : no such key, something that is no number, another count than `count`
    """
    name, value = _required(values, names)
    if isinstance(value, dict):
        if "data" not in value:
            raise ValueError(f"key {name}.data is missing")
        name, value = f"{name}.data", value["data"]
    try:
        found = np.array(value, dtype=np.float64).ravel()
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} is {_cut(value)}, expected numbers") from None
    if count is not None and found.size != count:
        raise ValueError(f"{name} has {found.size} numbers, expected {count}")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} has non-finite numbers: {_cut(found.tolist())}")
    return found


def _ros_or_opencv(values: Mapping[str, Any]) -> Calibration:
    matrix = numbers(values, _MATRIX, 9)
    coefficients = numbers(values, _COEFFICIENTS) if _find(values, _COEFFICIENTS) else _NO_NUMBERS
    roi = values.get("roi") or {}
    if not isinstance(roi, Mapping):
        raise ValueError(f"roi is {_cut(roi)}, expected x_offset, y_offset, width and height")
    return Calibration(
        size_wh_px=_size(values),
        K=matrix,
        distortion_model=_text(values, "distortion_model"),
        distortion=coefficients,
        P=numbers(values, _PROJECTION, 12) if _find(values, _PROJECTION) else None,
        camera_model=_text(values, "camera_model") or ("fisheye" if values.get("fisheye_model") else ""),
        binning_xy=(_count(values, "binning_x"), _count(values, "binning_y")),
        roi_xywh_px=tuple(_count(roi, name) for name in ("x_offset", "y_offset", "width", "height")),
    )


def _is_kalibr(values: Mapping[str, Any]) -> bool:
    return _is_kalibr_camera(values) or any(_is_kalibr_camera(value) for value in values.values())


def _is_kalibr_camera(values: Any) -> bool:
    return isinstance(values, Mapping) and "intrinsics" in values and "distortion_coeffs" in values


def _kalibr(values: Mapping[str, Any]) -> Calibration:
    cameras = {name: value for name, value in values.items() if _is_kalibr_camera(value)}
    if len(cameras) > 1:
        raise ValueError(
            f"Kalibr's file of {len(cameras)} cameras ({', '.join(map(str, cameras))[:80]}), expected one; "
            "keep what is below one of these names in a file of its own"
        )
    camera = next(iter(cameras.values()), values)
    if _text(camera, "camera_model") not in ("pinhole", ""):
        raise ValueError(
            f"Kalibr's camera_model {_text(camera, 'camera_model')!r}, expected 'pinhole'; calibrate with "
            "--models pinhole-radtan or pinhole-equi"
        )
    fx, fy, cx, cy = numbers(camera, ("intrinsics",), 4)
    return Calibration(
        size_wh_px=_size(camera),
        K=[fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        distortion_model=_text(camera, "distortion_model"),
        distortion=numbers(camera, ("distortion_coeffs",)),
    )


def _is_orb_slam(values: Mapping[str, Any]) -> bool:
    return "Camera.fx" in values or "Camera1.fx" in values


def _orb_slam(values: Mapping[str, Any]) -> Calibration:
    if "Camera1.fx" in values and "Camera2.fx" in values:
        raise ValueError("ORB-SLAM's file of two cameras, expected one; leave out the lines of the other, Camera1.* or Camera2.*")
    prefix = "Camera1." if "Camera1.fx" in values else "Camera."
    fx, fy, cx, cy = (float(numbers(values, (prefix + name,), 1)[0]) for name in ("fx", "fy", "cx", "cy"))
    kind = _text(values, "Camera.type")
    is_fisheye = kind.lower().startswith("kannala")
    names = ("k1", "k2", "k3", "k4") if is_fisheye else ("k1", "k2", "p1", "p2", "k3")
    given = [numbers(values, (prefix + name,), 1)[0] if prefix + name in values else 0.0 for name in names]
    return Calibration(
        size_wh_px=_size({"image_width": values.get("Camera.width"), "image_height": values.get("Camera.height")}, "Camera."),
        K=[fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        distortion_model="equidistant" if is_fisheye else "plumb_bob",
        distortion=given,
    )


def _is_stereo(values: Mapping[str, Any]) -> bool:
    return _find(values, _STEREO) is not None and _find(values, _MATRIX) is None


def _stereo(values: Mapping[str, Any]) -> Calibration:
    raise ValueError(
        f"OpenCV's file of a stereo pair ({_find(values, _STEREO)}, ...), which holds no image size; write one "
        "camera's image_width, image_height, camera_matrix and distortion_coefficients into a file"
    )


_DIALECTS: tuple[tuple[Callable[[Mapping[str, Any]], bool], Callable[[Mapping[str, Any]], Calibration]], ...] = (
    (_is_kalibr, _kalibr),
    (_is_orb_slam, _orb_slam),
    (_is_stereo, _stereo),
)


def _size(values: Mapping[str, Any], prefix: str = "") -> tuple[int, int]:
    if _find(values, _SIZE) and not _find(values, _WIDTH):
        width, height = numbers(values, _SIZE, 2).tolist()
        values = {"image_width": width, "image_height": height}
    try:
        return _whole(*_required(values, _WIDTH), least=1), _whole(*_required(values, _HEIGHT), least=1)
    except ValueError as error:
        if not prefix:
            raise
        raise ValueError(f"{error}; add {prefix}width and {prefix}height, px of the images") from None


def _find(values: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if values.get(name) is not None), None)


def _required(values: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, Any]:
    name = _find(values, names)
    if name is None:
        raise ValueError(f"key {names[0]} is missing")
    return name, values[name]


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name} is {_cut(value)}, expected a name")
    return value


def _count(values: Mapping[str, Any], name: str) -> int:
    return _whole(name, values.get(name, 0) or 0, least=0)


def _whole(name: str, value: Any, least: int) -> int:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or value != value // 1 or not least <= value <= 1_000_000:
        raise ValueError(f"{name} is {_cut(value)}, expected a whole number of px, {least} or more")
    return int(value)


def _cut(value: Any) -> str:
    told = repr(value)
    return told if len(told) <= 80 else told[:77] + "..."
