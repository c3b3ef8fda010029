"""Tiny data sets in exactly the files that people have: three frames, one or two people of known joints."""

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import scipy.io

from hdnet_ros.core.skeleton import JOINT_NAMES

# Root-relative joints of someone who stands, in the optical frame (y down), mm; no two are alike.
STANDING_MM = np.array(
    [
        [0, 0, 0], [-100, 10, 1], [-110, 430, 20], [-111, 830, -20], [100, 12, 2], [110, 432, 21],
        [112, 831, -21], [0, -230, 10], [3, -480, 4], [5, -600, -90], [0, -760, -10], [170, -470, 5],
        [220, -190, 22], [221, 40, -40], [-170, -471, 6], [-222, -191, 20], [-220, 41, -41],
    ],
    dtype=float,
)  # fmt: skip
MUPOTS_ORDER = (
    "head_top thorax right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip "
    "right_knee right_ankle left_hip left_knee left_ankle pelvis spine"
).split()
FX, FY, CX, CY = 1100.0, 1150.0, 510.0, 490.0
SIZE_WH = (1000, 1002)


def project(joints_mm):
    joints_mm = np.asarray(joints_mm, float)
    return joints_mm[..., :2] / joints_mm[..., 2:] * (FX, FY) + (CX, CY)


def in_mupots_order(joints, extra):
    """Our 17 joints in MuPoTS's order, with `extra` further joints nobody asks for."""
    rows = [JOINT_NAMES.index(name) for name in MUPOTS_ORDER]
    return np.concatenate([joints[rows], np.full((extra, joints.shape[1]), 7.0) * joints[:1]])


def write_image(path, grey, size_wh=SIZE_WH):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((size_wh[1], size_wh[0], 3), grey, np.uint8))


def tight_box(joints_px):
    """Left, top, width, height."""
    low, high = joints_px.min(axis=0), joints_px.max(axis=0)
    return [*low, *(high - low)]


def dump(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def h5_take(path, key, attributes, **columns):
    import h5py

    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "a") as file:
        group = file.create_group(key)
        group.attrs.update(attributes)
        for name, values in columns.items():
            group[name] = values


@pytest.fixture
def files():
    """What the tests need to write files and to know what is in them."""
    return SimpleNamespace(
        STANDING_MM=STANDING_MM, SIZE_WH=SIZE_WH, FOCAL_CENTRE=(FX, FY, CX, CY), project=project,
        in_mupots_order=in_mupots_order, write_image=write_image, tight_box=tight_box, dump=dump,
        h5_take=h5_take,
    )  # fmt: skip


@pytest.fixture
def authors_human36m(tmp_path) -> Path:
    """Subjects 9 and 11 of HDNet's authors: 130 frames of one take, and 65 of the broken one."""
    folder = tmp_path / "annotations"
    for subject, action, subaction, frames in ((9, 14, 1, 130), (11, 2, 2, 65)):
        roots = np.stack([[100.0 + n, -50.0, 4000.0 + 10 * n] for n in range(frames)])
        joints_mm = STANDING_MM + roots[:, None]
        take = {"subject": subject, "action": action, "subaction": subaction, "camera_id": 3}
        h5_take(
            folder / f"subject_{subject}.h5", "0", take | {"action_name": "Walking"},
            f=np.tile([FX, FY], (frames, 1)), c=np.tile([CX, CY], (frames, 1)),
            joints_2d=project(joints_mm).reshape(frames, 34), joints_3d=joints_mm,
        )  # fmt: skip
        h5_take(
            folder / f"subject_{subject}_cpn.h5", "0", take,
            joints_2d_cpn=np.concatenate([project(joints_mm) + (3.0, -2.0), np.zeros((4, 17, 2))]),
        )  # fmt: skip
        name = f"s_{subject:02d}_act_{action:02d}_subact_{subaction:02d}_ca_03"
        for frame in (1, 65, 129):
            write_image(tmp_path / "images/test" / name / f"{name}_{frame:06d}.jpg", frame)
    return tmp_path


def rootnet_subject(folder, subject, camera_t_is_position):
    """Two frames (0 and 64, and 1, which is not taken) of one take in RootNet's three files."""
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    position = np.array([200.0, -4000.0, 1000.0])
    t = position if camera_t_is_position else -turn @ position
    images, people, world = [], [], {}
    for number, frame in enumerate((0, 1, 64)):
        joints_mm = STANDING_MM + [10.0 * number, 20.0, 4000.0 + frame]
        world[str(frame)] = (joints_mm @ turn + position).tolist()
        name = f"s_{subject:02d}_act_05_subact_02_ca_01"
        images.append({
            "id": 100 * subject + number, "file_name": f"{name}/{name}_{frame + 1:06d}.jpg", "width": SIZE_WH[0],
            "height": SIZE_WH[1], "subject": subject, "action_name": "Greeting", "action_idx": 5,
            "subaction_idx": 2, "cam_idx": 1, "frame_idx": frame,
        })  # fmt: skip
        people.append({
            "id": number, "image_id": 100 * subject + number, "bbox": tight_box(project(joints_mm)),
            "keypoints_vis": [True] * 17,
        })  # fmt: skip
        write_image(folder.parent / "images" / images[-1]["file_name"], 50 + number)
    start = folder / f"Human36M_subject{subject}"
    dump(Path(f"{start}_data.json"), {"images": images, "annotations": people[::-1]})
    camera = {"R": turn.tolist(), "t": t.tolist(), "f": [FX, FY], "c": [CX, CY]}
    dump(Path(f"{start}_camera.json"), {"1": camera})
    dump(Path(f"{start}_joint_3d.json"), {"5": {"2": world}})


@pytest.fixture(params=["t is a translation", "t is the camera's position"])
def rootnet_human36m(tmp_path, request) -> Path:
    for subject in (9, 11):
        rootnet_subject(tmp_path / "annotations", subject, "position" in request.param)
    return tmp_path


@pytest.fixture
def muco_root(tmp_path) -> Path:
    """Two people 2 m apart; two of whom the farther one stands behind the other; one too near to train on."""
    places = [[(0, 0, 3000), (2000, 0, 4000)], [(0, 0, 3000), (300, 0, 4000)], [(0, 0, 1400)]]
    images, people = [], []
    for number, roots in enumerate(places):
        name = f"augmented_set/00/{number}.jpg"
        images.append({"id": 7 + number, "file_name": name, "width": SIZE_WH[0], "height": SIZE_WH[1],
                       "f": [FX, FY], "c": [CX, CY]})  # fmt: skip
        write_image(tmp_path / name, 20 + number)
        for root in roots:
            joints_mm = STANDING_MM + np.array(root, float)
            people.append({
                "id": len(people), "image_id": 7 + number, "bbox": tight_box(project(joints_mm)),
                "keypoints_cam": in_mupots_order(joints_mm, 5).tolist(),
                "keypoints_img": in_mupots_order(project(joints_mm), 5).tolist(),
                "keypoints_vis": [True] * 20 + [False],
            })  # fmt: skip
    dump(tmp_path / "MuCo-3DHP.json", {"images": images, "annotations": people[::-1]})
    return tmp_path


MUPOTS_ROOTS = ([(-600, 0, 3000), (600, 0, 3500)], [(-500, 0, 3000), (700, 0, 3600)])
MUPOTS_VALID = ((1, 1), (1, 0))
UNIVERSAL_SCALE = 0.9


@pytest.fixture
def mupots_json(tmp_path) -> Path:
    """MuPoTS-3D.json and RootNet's boxes for two frames of TS3; the second person of the second does not count."""
    images, people, boxes = [], [], []
    for frame, roots in enumerate(MUPOTS_ROOTS):
        name = f"TS3/img_{frame:06d}.jpg"
        images.append({"id": 40 + frame, "file_name": name, "width": SIZE_WH[0], "height": SIZE_WH[1],
                       "intrinsic": [FX, FY, CX, CY]})  # fmt: skip
        write_image(tmp_path / "MultiPersonTestSet" / name, 80 + frame)
        for root, valid in zip(roots, MUPOTS_VALID[frame], strict=True):
            joints_mm = STANDING_MM + np.array(root, float)
            bbox = tight_box(project(joints_mm))
            people.append({
                "id": len(people), "image_id": 40 + frame, "bbox": bbox, "is_valid": valid,
                "keypoints_cam": in_mupots_order(joints_mm, 1).tolist(),
                "keypoints_img": in_mupots_order(project(joints_mm), 1).tolist(),
                "keypoints_vis": [True] * 17,
            })  # fmt: skip
            boxes.append({"image_id": 40 + frame, "bbox": [bbox[0] + 4, *bbox[1:]], "score": 0.9, "category_id": 1})
    boxes.append({"image_id": 40, "bbox": [5.0, 6.0, 20.0, 30.0], "score": 0.3, "category_id": 1})
    dump(tmp_path / "MuPoTS-3D.json", {"images": images, "annotations": people})
    dump(tmp_path / "bbox" / "bbox_mupots_output.json", boxes)
    return tmp_path


@pytest.fixture
def mupots_official(tmp_path) -> Path:
    """annot.mat and occlusion.mat of TS3 with the people of `mupots_json`."""
    annotations, occlusion = np.empty((2, 2), object), np.empty((2, 2), object)
    for frame, roots in enumerate(MUPOTS_ROOTS):
        write_image(tmp_path / f"MultiPersonTestSet/TS3/img_{frame:06d}.jpg", 80 + frame)
        for person, root in enumerate(roots):
            joints_mm = in_mupots_order(STANDING_MM + np.array(root, float), 1)
            annotations[frame, person] = {
                "annot2": project(joints_mm).T, "annot3": joints_mm.T, "univ_annot3": UNIVERSAL_SCALE * joints_mm.T,
                "isValidFrame": MUPOTS_VALID[frame][person],
            }  # fmt: skip
            occlusion[frame, person] = np.zeros((1, 17), np.uint8)
    occlusion[0, 1][0, :8] = 1
    folder = tmp_path / "MultiPersonTestSet/TS3"
    scipy.io.savemat(folder / "annot.mat", {"annotations": annotations})
    scipy.io.savemat(folder / "occlusion.mat", {"occlusion_labels": occlusion})
    return tmp_path
