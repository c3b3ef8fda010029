"""Camera calibrations from files: ROS camera_info YAML, and JSON of the same fields."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import yaml

from hdnet_ros.core.camera import Camera

# The calibration file's name first, then the message's, as `ros2 topic echo` prints it.
_WIDTH = ("image_width", "width")
_HEIGHT = ("image_height", "height")
_MATRIX = ("camera_matrix", "k", "K")
_PROJECTION = ("projection_matrix", "p", "P")
_COEFFICIENTS = ("distortion_coefficients", "d", "D")
_ROTATION = "world_to_camera_rotation_row_major"
_TRANSLATION = "world_to_camera_translation_mm"


def load_camera(path: str | Path, rectified: bool = False) -> Camera:
    """Camera from a calibration file.

    Matrices may be nested lists, flat row-major lists, or mappings with rows, cols and data.

    Parameters
    ----------
    path : YAML as camera_calibration writes it, or JSON
    rectified : the images are rectified: take the projection matrix and no distortion

    Raises
    ------
    ValueError : no such file, or one that is malformed; the message says which file and key
    """
    path = Path(path)
    values = _load_mapping(path)
    size = (_integer(path, values, _WIDTH), _integer(path, values, _HEIGHT))
    if rectified:
        matrix, model, coefficients = _numbers(path, values, _PROJECTION, 12), "none", []
        K = matrix.reshape(3, 4)[:, :3]
    else:
        K = _numbers(path, values, _MATRIX, 9).reshape(3, 3)
        coefficients = _numbers(path, values, _COEFFICIENTS) if _find(values, _COEFFICIENTS) else []
        model = values.get("distortion_model") or ("plumb_bob" if len(coefficients) else "none")
    try:
        return Camera.from_matrix(K, size, model, coefficients)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error


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
    values = _load_mapping(path)
    if _ROTATION not in values and _TRANSLATION not in values:
        return None
    rotation = _numbers(path, values, (_ROTATION,), 9).reshape(3, 3)
    translation_mm = _numbers(path, values, (_TRANSLATION,), 3)
    proper = np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-4)
    if not proper or np.linalg.det(rotation) < 0.0:
        raise ValueError(f"{path}: {_ROTATION} is not a rotation: {rotation.ravel().tolist()}")
    return rotation, translation_mm


def _load_mapping(path: Path) -> dict:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error
    try:
        # Only the first of the documents that `ros2 topic echo` separates by ---.
        values = json.loads(text) if path.suffix == ".json" else _first_yaml_document(text)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: malformed: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path}: holds {type(values).__name__}, expected a mapping of keys")
    return values


def _first_yaml_document(text: str):
    return next((document for document in yaml.safe_load_all(text) if document), None)


def _find(values: dict, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if values.get(name) is not None), None)


def _required(path: Path, values: dict, names: tuple[str, ...]) -> tuple[str, object]:
    name = _find(values, names)
    if name is None:
        raise ValueError(f"{path}: key {names[0]} is missing")
    return name, values[name]


def _integer(path: Path, values: dict, names: tuple[str, ...]) -> int:
    name, value = _required(path, values, names)
    whole = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value // 1
    if not whole or value < 1:
        raise ValueError(f"{path}: {name} is {value!r}, expected a whole number of px, 1 or more")
    return int(value)


def _numbers(
    path: Path, values: dict, names: tuple[str, ...], count: int | None = None
) -> np.ndarray:
    name, value = _required(path, values, names)
    if isinstance(value, dict):
        if "data" not in value:
            raise ValueError(f"{path}: key {name}.data is missing")
        name, value = f"{name}.data", value["data"]
    try:
        numbers = np.array(value, dtype=np.float64).ravel()
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {name} is {value!r}, expected numbers") from error
    if count is not None and numbers.size != count:
        raise ValueError(f"{path}: {name} has {numbers.size} numbers, expected {count}")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{path}: {name} has non-finite numbers: {numbers.tolist()}")
    return numbers
