"""A posable skeleton over Anny's bones, without Anny or torch at run time.

A pose is one rotation per pose joint, relative to its parent and in the person's own axes
(x forward, y to the person's left, z up). With every rotation the identity the person stands
upright with straight vertical legs and hanging arms, so angles mean the same on every body.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

POSE_JOINTS = (
    "pelvis", "spine", "neck",
    "left_shoulder", "left_elbow", "left_forearm", "left_wrist",
    "right_shoulder", "right_elbow", "right_forearm", "right_wrist",
    "left_hip", "left_knee", "left_ankle", "left_toes",
    "right_hip", "right_knee", "right_ankle", "right_toes",
    "left_fingers", "right_fingers",
    "left_clavicle", "right_clavicle",
)
POSE_INDEX = {name: index for index, name in enumerate(POSE_JOINTS)}
SPINE_BONES = ("spine05", "spine04", "spine03", "spine02", "spine01")
NECK_BONES = ("neck01", "neck02", "neck03", "head")
_CARRIERS = ("upperarm01", "lowerarm01", "wrist", "upperleg01", "lowerleg01", "foot")
DOWN = np.array([0.0, 0.0, -1.0])


def rotation_between(start: NDArray, end: NDArray) -> NDArray:
    """The shortest rotation (3, 3) that turns direction `start` (3,) into `end` (3,)."""
    start = start / np.sqrt(start @ start)
    end = end / np.sqrt(end @ end)
    (a, b, c), (d, e, f) = start.tolist(), end.tolist()
    axis = (b * f - c * e, c * d - a * f, a * e - b * d)
    cosine = a * d + b * e + c * f
    if cosine < -0.999999:
        raise ValueError("opposite directions have no unique shortest rotation")
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1.0 + cosine)


def rotation_vector_matrix(vector: NDArray) -> NDArray:
    """Rotation matrix (3, 3) of a rotation vector (3,) in radians (Rodrigues)."""
    angle = float(np.sqrt(vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2))
    if angle < 1e-9:
        return np.eye(3)
    x, y, z = (float(value) / angle for value in vector)
    sine, cosine = np.sin(angle), np.cos(angle)
    rest = 1.0 - cosine
    return np.array([
        [cosine + x * x * rest, x * y * rest - z * sine, x * z * rest + y * sine],
        [y * x * rest + z * sine, cosine + y * y * rest, y * z * rest - x * sine],
        [z * x * rest - y * sine, z * y * rest + x * sine, cosine + z * z * rest],
    ])


def matrix_rotation_vector(matrix: NDArray) -> NDArray:
    """Rotation vector (3,) in radians of a rotation matrix; angles up to just below pi."""
    axis = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0],
                     matrix[1, 0] - matrix[0, 1]])
    sine = 0.5 * np.sqrt(axis @ axis)
    angle = np.arctan2(sine, 0.5 * (np.trace(matrix) - 1.0))
    if sine < 1e-9:
        return 0.5 * axis
    return axis * (0.5 * angle / sine)


def split_twist(rotation: NDArray) -> tuple[NDArray, NDArray]:
    """Swing and twist about the limb axis z, with rotation = swing @ twist."""
    swing = rotation_between(DOWN, rotation @ DOWN) if rotation[2, 2] > -0.999 else rotation
    return swing, swing.T @ rotation


@dataclass(frozen=True, eq=False)
class Rig:
    """Bones shared by all bodies: labels, parents and which pose joint moves each."""

    labels: tuple[str, ...]
    parents: NDArray

    def index(self, label: str) -> int:
        return self.labels.index(label)

    def zeroing_rotations(self, heads: NDArray) -> NDArray:
        """Rotations (B, 3, 3) that take the rest pose to straight legs and hanging arms."""
        zero = np.tile(np.eye(3), (len(self.labels), 1, 1))
        for side in "LR":
            point = {name: heads[self.index(f"{name}.{side}")] for name in (
                "upperarm01", "lowerarm01", "wrist", "finger3-1", "upperleg01", "lowerleg01", "foot")}
            chains = (("upperarm01", "lowerarm01"), ("lowerarm01", "wrist"), ("wrist", "finger3-1"),
                      ("upperleg01", "lowerleg01"), ("lowerleg01", "foot"))
            carried: dict[str, NDArray] = {}
            for first, last in chains:
                before = {"lowerarm01": "upperarm01", "wrist": "lowerarm01", "lowerleg01": "upperleg01"}
                inherited = carried[before[first]] if first in before else np.eye(3)
                direction = inherited @ (point[last] - point[first])
                carried[first] = rotation_between(direction, DOWN) @ inherited
            carried["foot"] = np.eye(3)
            for bone, stem in self._carriers(side):
                zero[bone] = carried[stem]
        return zero

    @lru_cache(maxsize=2)  # noqa: B019  (a rig lives as long as the process)
    def _carriers(self, side: str) -> list[tuple[int, str]]:
        """Bones of a side below a limb's bone, and the stem of the nearest such bone above or at each."""
        found = []
        for bone, label in enumerate(self.labels):
            above = bone if label.endswith(f".{side}") else -1
            while above >= 0 and self.labels[above].split(".")[0] not in _CARRIERS:
                above = int(self.parents[above])
            if above >= 0:
                found.append((bone, self.labels[above].split(".")[0]))
        return found

    def local_rotations(self, pose: NDArray) -> NDArray:
        """Spread a pose (P, 3, 3) over all bones: (B, 3, 3) rotations relative to the parent bone."""
        local = np.tile(np.eye(3), (len(self.labels), 1, 1))
        local[0] = pose[POSE_INDEX["pelvis"]]
        for names, joint in ((SPINE_BONES, "spine"), (NECK_BONES, "neck")):
            vector = matrix_rotation_vector(pose[POSE_INDEX[joint]]) / len(names)
            share = rotation_vector_matrix(vector)
            for name in names:
                local[self.index(name)] = share
        for side, name in (("L", "left"), ("R", "right")):
            self._spread_limbs(local, pose, side, name)
        return local

    def _spread_limbs(self, local: NDArray, pose: NDArray, side: str, name: str) -> None:
        def joint(part: str) -> NDArray:
            return pose[POSE_INDEX[f"{name}_{part}"]]

        def assign(label: str, rotation: NDArray) -> None:
            local[self.index(f"{label}.{side}")] = rotation

        clavicle = joint("clavicle")
        assign("clavicle", clavicle)
        # Half of the twist on each half of the limb: linear skinning pinches at a full one.
        for limb, rotation in (("upperarm", clavicle.T @ joint("shoulder")), ("upperleg", joint("hip"))):
            swing, twist = split_twist(rotation)
            half = rotation_vector_matrix(0.5 * matrix_rotation_vector(twist))
            assign(f"{limb}01", swing @ half)
            assign(f"{limb}02", half)
        assign("lowerarm01", joint("elbow"))
        assign("lowerarm02", joint("forearm"))
        assign("wrist", joint("wrist"))
        assign("lowerleg01", joint("knee"))
        assign("foot", joint("ankle"))
        for toe in range(1, 6):
            assign(f"toe{toe}-1", joint("toes"))
        curl = joint("fingers")
        for finger in range(2, 6):
            for part in range(1, 4):
                assign(f"finger{finger}-{part}", curl)


@njit(cache=True, nogil=True)
def bone_transforms(
    parents: NDArray, heads: NDArray, zero: NDArray, local: NDArray
) -> tuple[NDArray, NDArray]:
    """World rotations (B, 3, 3) and posed heads (B, 3) of all bones; the root's head stays."""
    count = len(parents)
    chain = np.empty((count, 3, 3))
    world = np.empty((count, 3, 3))
    posed = np.empty((count, 3))
    for bone in range(count):
        parent = parents[bone]
        if parent < 0:
            chain[bone] = local[bone]
            posed[bone] = heads[bone]
        else:
            chain[bone] = chain[parent] @ local[bone]
            posed[bone] = posed[parent] + world[parent] @ (heads[bone] - heads[parent])
        world[bone] = chain[bone] @ zero[bone]
    return world, posed


@njit(cache=True, nogil=True, fastmath=True)
def skin_vertices(
    vertices: NDArray, weights: NDArray, bones: NDArray, world: NDArray, heads: NDArray, posed: NDArray
) -> NDArray:
    """Linear blend skinning: (V, 3) rest vertices to (V, 3) posed vertices, float32."""
    count, influences = weights.shape
    affine = np.empty((len(world), 12), dtype=np.float32)
    for bone in range(len(world)):
        for row in range(3):
            offset = posed[bone, row]
            for column in range(3):
                affine[bone, row * 4 + column] = world[bone, row, column]
                offset -= world[bone, row, column] * heads[bone, column]
            affine[bone, row * 4 + 3] = offset
    result = np.empty((count, 3), dtype=np.float32)
    for vertex in range(count):
        x, y, z = vertices[vertex, 0], vertices[vertex, 1], vertices[vertex, 2]
        out_x = out_y = out_z = np.float32(0.0)
        for k in range(influences):
            weight = weights[vertex, k]
            if weight == 0.0:
                break
            a = affine[bones[vertex, k]]
            out_x += weight * (a[0] * x + a[1] * y + a[2] * z + a[3])
            out_y += weight * (a[4] * x + a[5] * y + a[6] * z + a[7])
            out_z += weight * (a[8] * x + a[9] * y + a[10] * z + a[11])
        result[vertex, 0], result[vertex, 1], result[vertex, 2] = out_x, out_y, out_z
    return result
