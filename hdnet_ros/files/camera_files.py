"""Camera calibrations from files: those of ROS, OpenCV, Kalibr, ORB-SLAM, and JSON of ROS's keys."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hdnet_ros.core.calibration import Calibration
from hdnet_ros.core.camera import Camera
from hdnet_ros.files.camera_dialects import calibration_of, calibration_of_ost, numbers
from hdnet_ros.files.limited_text import MOST_YAML_BYTES, parse_json, parse_yaml, read_text

_ROTATION = "world_to_camera_rotation_row_major"
_TRANSLATION = "world_to_camera_translation_mm"
_OST_SUFFIXES = (".txt", ".ini")
# What calibration tools leave behind and is no text: first bytes, what it is, what to do.
_OTHER_FILES = (
    (b"\x1f\x8b", "a compressed archive", "unpack it (tar xf) and give its ost.yaml"),
    (b"PK", "an archive of NumPy or others", "write image_width, image_height, camera_matrix and distortion_coefficients as YAML"),
    (b"\x93NUMPY", "a NumPy array", "write image_width, image_height, camera_matrix and distortion_coefficients as YAML"),
    (b"MATLAB", "a MATLAB file", "write image_width, image_height, camera_matrix and distortion_coefficients as YAML"),
    (b"<?xml", "XML (OpenCV's?)", "write it as YAML: cv2.FileStorage with a name that ends in .yaml"),
)


def load_camera(path: str | Path, rectified: bool = False) -> Camera:
    """Camera from a calibration file.

    Read are camera_calibration's YAML and ost.txt, what `ros2 topic echo` prints of a CameraInfo,
    OpenCV's FileStorage as YAML, Kalibr's camchain of one camera, ORB-SLAM's settings, and JSON of
    ROS's keys. Matrices may be nested lists, flat row-major lists, or mappings with rows, cols and
    data; binning and ROI count as in messages.

    Parameters
    ----------
    path : the file; .json, .txt and .ini are told by their names, the rest is YAML
    rectified : the images are rectified: take the projection matrix and no distortion

    Raises
    ------
    ValueError : no such file, or one that is malformed; the message says which file and key
    """
    path = Path(path)
    try:
        if path.suffix.lower() in _OST_SUFFIXES:
            calibration = _of_ost(path)
        else:
            calibration = calibration_of(_load_mapping(path))
        return calibration.camera(rectified)
    except ValueError as error:
        raise ValueError(_with_path(path, error)) from error


def load_camera_pose(path: str | Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Pose of a fixed camera, where the file holds one.

    Returns
    -------
    rotation_world_to_camera (3, 3) and translation_world_to_camera_mm (3,), so that
    point_camera = rotation @ point_world + translation; None where the file has no pose

    Raises
    ------
    ValueError : the file is malformed, or its rotation is none
    """
    path = Path(path)
    if path.suffix.lower() in _OST_SUFFIXES:
        return None
    values = _load_mapping(path)
    if _ROTATION not in values and _TRANSLATION not in values:
        return None
    try:
        rotation = numbers(values, (_ROTATION,), 9).reshape(3, 3)
        translation_mm = numbers(values, (_TRANSLATION,), 3)
    except ValueError as error:
        raise ValueError(_with_path(path, error)) from error
    proper = np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-4)
    if not proper or np.linalg.det(rotation) < 0.0:
        raise ValueError(f"{path}: {_ROTATION} is not a rotation: {rotation.ravel().tolist()}")
    return rotation, translation_mm


def _of_ost(path: Path) -> Calibration:
    try:
        return calibration_of_ost(_text(path))
    except ValueError as error:
        raise ValueError(
            f"{error}; of files in {path.suffix} only camera_calibration's ost.txt is read: give Kalibr's "
            "camchain-*.yaml, or the numbers as YAML"
        ) from error


def _load_mapping(path: Path) -> dict:
    text = _text(path)
    # Only the first of the documents that `ros2 topic echo` separates by ---.
    values = parse_json(path, text) if path.suffix.lower() == ".json" else parse_yaml(path, text)
    if not isinstance(values, dict):
        raise ValueError(f"{path}: holds {type(values).__name__}, expected a mapping of keys")
    return values


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError:
        head = b""
    for start, kind, way in _OTHER_FILES:
        if head.startswith(start):
            raise ValueError(f"{path}: {kind}, expected a calibration as text; {way}")
    return read_text(path, MOST_YAML_BYTES)


def _with_path(path: Path, error: ValueError) -> str:
    told = str(error)
    return told if told.startswith(str(path)) else f"{path}: {told}"
