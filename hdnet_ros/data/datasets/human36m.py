"""Human3.6M in the files of HDNet's authors, and in RootNet's.

One person a picture, four cameras. Subjects 1, 5, 6, 7 and 8 train, every 5th frame of them; 9 and 11
test, every 64th. One camera's video of the second take of action 2 of subject 11 is broken: HDNet's
authors leave out that take, RootNet's files only the camera; each is read as its authors do.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from hdnet_ros.data.datasets.human36m_json import subject_from_json
from hdnet_ros.data.datasets.pictures import Description, PictureSet, PictureTable, box_around_joints

ACTIONS = (
    "Directions", "Discussion", "Eating", "Greeting", "Phoning", "Posing", "Purchases", "Sitting",
    "SittingDown", "Smoking", "Photo", "Waiting", "Walking", "WalkDog", "WalkTogether",
)  # fmt: skip
"""The actions numbered 2 to 16."""

SUBJECTS = {"train": (1, 5, 6, 7, 8), "test": (9, 11)}
EVERY = {"train": 5, "test": 64}

_NAME = re.compile(r"s_(\d+)_act_(\d+)_subact_(\d+)_ca_(\d+)_(\d+)\.")
_BROKEN_TAKE = (11, 2, 2)


def human36m(root: str | Path, split: str = "test") -> PictureSet:
    """The pictures of a split of Human3.6M.

    Parameters
    ----------
    root : folder with annotations/ and images/ (the authors' images/test/s_.../ or RootNet's
        images/s_.../). annotations/ holds subject_N.h5 and subject_N_cpn.h5, or
        Human36M_subjectN_data.json, _camera.json and _joint_3d.json.
    split : "train" or "test"

    Raises
    ------
    FileNotFoundError, ValueError : a file or a key in it is missing; both are named
    """
    if split not in SUBJECTS:
        raise ValueError(f"split is {split!r}, expected one of {', '.join(SUBJECTS)}")
    root, subjects, every = Path(root), SUBJECTS[split], EVERY[split]
    folder = root / "annotations"
    read, form = _reader_for(folder, subjects[0])
    parts = [read(folder, subject, every) for subject in subjects]
    table = _joined(parts)
    numbers = ", ".join(str(subject) for subject in subjects)
    return PictureSet(
        name=f"Human3.6M {split}",
        protocol=f"Human3.6M, subjects {numbers}, every {every}th frame, {form}, "
        "boxes around the true joints, enlarged 1.2 times",
        table=PictureTable(**table),
        image_folders=(root / "images" / split, root / "images"),
        describe=describe,
        rows=np.arange(len(table["file_name"])),
    )


def describe(file_name: str) -> Description:
    """Sequence, action and frame (counted from 1) in the name of a picture.

    Raises
    ------
    ValueError : the name is not s_SS_act_AA_subact_BB_ca_CC_FFFFFF.jpg
    """
    found = _NAME.search(file_name)
    if found is None or not 2 <= int(found[2]) <= 16:
        raise ValueError(f"{file_name}: expected s_SS_act_AA_subact_BB_ca_CC_FFFFFF.jpg, AA from 02 to 16")
    return found[0].rpartition("_")[0], ACTIONS[int(found[2]) - 2], int(found[5])


def picture_name(subject: int, action: int, subaction: int, camera: int, frame: int) -> str:
    """Folder and file of a picture; `frame` counts from 0, the name from 1."""
    sequence = f"s_{subject:02d}_act_{action:02d}_subact_{subaction:02d}_ca_{camera:02d}"
    return f"{sequence}/{sequence}_{frame + 1:06d}.jpg"


def _reader_for(folder: Path, subject: int):
    h5, data = folder / f"subject_{subject}.h5", folder / f"Human36M_subject{subject}_data.json"
    if h5.is_file():
        return subject_from_h5, "HDNet's h5 files"
    if data.is_file():
        return subject_from_json, "RootNet's JSON files"
    raise FileNotFoundError(f"{folder}: neither {h5.name} (HDNet's files) nor {data.name} (RootNet's)")


def subject_from_h5(folder: Path, subject: int, every: int) -> dict[str, np.ndarray]:
    """Columns of one subject from subject_N.h5 and subject_N_cpn.h5; one person for each picture."""
    import h5py

    paths = folder / f"subject_{subject}.h5", folder / f"subject_{subject}_cpn.h5"
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file")
    with h5py.File(paths[0]) as poses, h5py.File(paths[1]) as cpn:
        given = {_take(paths[1], key, group): group for key, group in cpn.items()}
        parts = [
            _take_columns(paths, key, poses[key], given, every) for key in sorted(poses, key=lambda k: int(k))
        ]
    if not parts:
        raise ValueError(f"{paths[0]}: no sequences, expected groups 0, 1, ...")
    return _without_broken_take({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _take(path: Path, key: str, group) -> tuple[int, int, int, int]:
    names = ("subject", "action", "subaction", "camera_id")
    missing = [name for name in names if name not in group.attrs]
    if missing:
        raise ValueError(f"{path}: group {key} has no attribute {missing[0]!r}")
    return tuple(int(group.attrs[name]) for name in names)


def _take_columns(paths, key: str, group, given: dict, every: int) -> dict[str, np.ndarray]:
    take = _take(paths[0], key, group)
    joints_mm = _strided(paths[0], key, group, "joints_3d", every).reshape(-1, 17, 3)
    count = len(joints_mm)
    joints_px = _strided(paths[0], key, group, "joints_2d", every).reshape(-1, 17, 2)
    focal, centre = (_strided(paths[0], key, group, n, every).reshape(-1, 2) for n in ("f", "c"))
    given_px = np.full((count, 17, 2), np.nan, np.float32)
    if take in given:  # CPN has more frames than there are poses, and a few takes are missing
        found = _strided(paths[1], key, given[take], "joints_2d_cpn", every).reshape(-1, 17, 2)[:count]
        given_px[: len(found)] = found
    for name, values in (("joints_2d", joints_px), ("f", focal), ("c", centre)):
        if len(values) != count:
            raise ValueError(f"{paths[0]}: {key}/{name} has {len(values)} frames, joints_3d has {count}")
    return {
        "file_name": np.array([picture_name(*take, frame * every).encode() for frame in range(count)], "S80"),
        "focal_centre_px": np.concatenate([focal, centre], axis=1).astype(np.float64),
        "size_wh_px": np.zeros((count, 2), np.int32),
        "box_xywh_center_px": box_around_joints(joints_px.astype(np.float64)),
        "joints_px": joints_px.astype(np.float32),
        "joints_camera_mm": joints_mm.astype(np.float32),
        "given_joints_px": given_px,
    }


def _strided(path: Path, key: str, group, name: str, every: int) -> np.ndarray:
    if name not in group:
        raise ValueError(f"{path}: {key}/{name} is missing")
    return group[name][::every]


def _without_broken_take(part: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    subject, action, subaction = _BROKEN_TAKE
    start = f"s_{subject:02d}_act_{action:02d}_subact_{subaction:02d}_".encode()
    kept = ~np.char.startswith(part["file_name"], start)
    return {name: column[kept] for name, column in part.items()}


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    count = len(table["file_name"])
    table |= {
        "first_person": np.arange(count + 1),
        "is_valid": np.ones(count, bool),
        "person_id": np.arange(count),
        "joint_visible": np.ones((count, 17), bool),
    }
    return table
