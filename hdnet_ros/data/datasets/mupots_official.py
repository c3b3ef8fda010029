"""MuPoTS-3D in its official files: annot.mat and occlusion.mat of each sequence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io
from scipy.io.matlab import MatReadError

from hdnet_ros.data.datasets.columns import Columns, offsets_by_group
from hdnet_ros.data.datasets.joints import MUPOTS_JOINTS, skeleton_rows, to_skeleton
from hdnet_ros.data.datasets.pictures import box_around_joints

_ROWS = skeleton_rows(MUPOTS_JOINTS)
# Cameras of the set reproject its own annotation to well under this.
_LARGEST_MEDIAN_ERROR_PX = 5.0


def sequences_in(folder: Path) -> list[str]:
    """Names TS1, TS2, ... of the sequences in a folder, in the order of their numbers."""
    names = [p.name for p in folder.glob("TS*") if p.is_dir() and p.name[2:].isdecimal()]
    return sorted(names, key=lambda name: int(name[2:]))


def official_table(folder: Path) -> dict[str, np.ndarray]:
    """Columns of a PictureTable from MultiPersonTestSet/TSx/annot.mat and occlusion.mat.

    `annotations{frame, person}` has annot2 (2, 17) px, annot3 and univ_annot3 (3, 17) mm and
    isValidFrame; `occlusion_labels{frame, person}` is (1, 17). The files hold no intrinsics: they
    are fitted, for each sequence, to annot2 and annot3.

    Raises
    ------
    FileNotFoundError : a sequence lacks one of the files, or there is no sequence
    ValueError : a file is not a .mat, lacks a variable or field, or no pinhole fits its annotation
    """
    names = sequences_in(folder)
    if not names:
        raise FileNotFoundError(f"{folder}: no TS1 to TS20")
    pictures = Columns(file_name=((), "S40"), focal_centre_px=((4,), "f8"), size_wh_px=((2,), "i4"))
    people = Columns(
        picture=((), "i8"), person_id=((), "i8"), joints_px=((17, 2), "f4"), joints_camera_mm=((17, 3), "f4"),
        universal_joints_mm=((17, 3), "f4"), joint_occluded=((17,), "?"), is_valid=((), "?"),
    )  # fmt: skip
    for name in names:
        _append_sequence(folder / name, pictures, people)
    table = people.arrays()
    picture = table.pop("picture")
    return {
        **pictures.arrays(),
        **table,
        "first_person": offsets_by_group(picture, len(pictures)),
        "box_xywh_center_px": box_around_joints(table["joints_px"].astype(np.float64)),
        "joint_visible": ~table["joint_occluded"] & np.isfinite(table["joints_px"]).all(-1),
    }


def _append_sequence(folder: Path, pictures: Columns, people: Columns) -> None:
    annotations = _variable(folder / "annot.mat", "annotations")
    occlusion = _variable(folder / "occlusion.mat", "occlusion_labels")
    if annotations.shape != occlusion.shape:
        sizes = f"{occlusion.shape}, expected {annotations.shape} as annotations"
        raise ValueError(f"{folder / 'occlusion.mat'}: occlusion_labels is {sizes}")
    found = [
        (frame, person, _person(f"{folder / 'annot.mat'}: annotations{{{frame + 1},{person + 1}}}", cell))
        for (frame, person), cell in np.ndenumerate(annotations)
    ]
    valid = [person for _, _, person in found if person["is_valid"]]
    focal_centre = _fitted_intrinsics(folder / "annot.mat", valid)
    first = len(pictures)
    for frame in range(len(annotations)):
        pictures.append(
            file_name=f"{folder.name}/img_{frame:06d}.jpg", focal_centre_px=focal_centre, size_wh_px=(0, 0)
        )
    for frame, number, person in found:
        labels = np.asarray(occlusion[frame, number], dtype=np.float64).reshape(-1, 1)
        occluded = np.nan_to_num(to_skeleton(labels, _ROWS)[:, 0]) > 0
        people.append(picture=first + frame, person_id=number, joint_occluded=occluded, **person)


def _person(where: str, cell) -> dict[str, np.ndarray]:
    fields = {"annot2": 2, "annot3": 3, "univ_annot3": 3}
    missing = [n for n in (*fields, "isValidFrame") if cell.dtype.names is None or n not in cell.dtype.names]
    if missing:
        raise ValueError(f"{where} has no field {missing[0]!r}")
    record = cell.reshape(-1)[0]
    joints = {}
    for name, size in fields.items():
        values = np.asarray(record[name], dtype=np.float64)
        if values.shape != (size, len(MUPOTS_JOINTS)):
            raise ValueError(f"{where}.{name} has shape {values.shape}, expected ({size}, 17)")
        joints[name] = to_skeleton(values.T, _ROWS)
    return {
        "joints_px": joints["annot2"],
        "joints_camera_mm": joints["annot3"],
        "universal_joints_mm": joints["univ_annot3"],
        "is_valid": bool(np.any(record["isValidFrame"])),
    }


def _fitted_intrinsics(path: Path, people: list[dict]) -> np.ndarray:
    """(4,) fx, fy, cx, cy of the pinhole without a lens that shows annot3 at annot2."""
    if not people:
        raise ValueError(f"{path}: no valid person to fit the camera to")
    joints_mm = np.concatenate([p["joints_camera_mm"] for p in people])
    joints_px = np.concatenate([p["joints_px"] for p in people])
    known = np.isfinite(joints_mm).all(-1) & np.isfinite(joints_px).all(-1)
    joints_mm, joints_px = joints_mm[known], joints_px[known]
    slopes = joints_mm[:, :2] / joints_mm[:, 2:]
    fits = [np.polyfit(slopes[:, axis], joints_px[:, axis], 1) for axis in (0, 1)]
    (fx, cx), (fy, cy) = fits
    error_px = np.abs(slopes * (fx, fy) + (cx, cy) - joints_px)
    if min(fx, fy) <= 0 or np.median(error_px) > _LARGEST_MEDIAN_ERROR_PX:
        raise ValueError(
            f"{path}: no pinhole shows annot3 at annot2 (fx {fx:.0f}, fy {fy:.0f} px, "
            f"median error {np.median(error_px):.1f} px)"
        )
    return np.array([fx, fy, cx, cy])


def _variable(path: Path, name: str) -> np.ndarray:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        content = scipy.io.loadmat(path)
    except (MatReadError, ValueError, NotImplementedError, TypeError) as error:
        raise ValueError(f"{path}: not a .mat file that scipy reads ({error})") from error
    if name not in content:
        raise ValueError(f"{path}: variable {name!r} is missing")
    return np.atleast_2d(content[name])
