"""Bodies drawn from the bank and posed: vertices, bones and the 17 joints of Human3.6M."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hdnet_ros.data.synthetic.body_bank import ensure_bank
from hdnet_ros.data.synthetic.drape import neighbour_table
from hdnet_ros.data.synthetic.rig import Rig, bone_transforms, skin_vertices
from hdnet_ros.data.synthetic.statures import Identity, leg_factor
from hdnet_ros.data.synthetic.surface_coordinates import HAIR, HEIGHT, bone_share


@dataclass(frozen=True, eq=False)
class Body:
    """A rest body scaled to an exact stature: vertices (V, 3), bone heads (B, 3), zeroing rotations (B, 3, 3)."""

    identity: Identity
    vertices: NDArray
    heads: NDArray
    zero: NDArray

    def limb_length_m(self, rig: Rig, first: str, last: str) -> float:
        """Distance between the heads of two bones in the rest pose."""
        return float(np.linalg.norm(self.heads[rig.index(first)] - self.heads[rig.index(last)]))


@dataclass(frozen=True, eq=False)
class PosedBody:
    """Skinned vertices (V, 3) float32, bone rotations (B, 3, 3) from rest to world, and posed heads (B, 3)."""

    vertices: NDArray
    rotations: NDArray
    heads: NDArray


class BodyBank:
    """Rest bodies of one split; `draw` picks one for a person and scales it to the exact stature."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as stored:
            data = {name: stored[name] for name in stored.files}
        self.rig = Rig(tuple(str(label) for label in data["labels"]), data["parents"])
        self.rest_vertices, self.rest_heads = data["vertices"], data["heads"]
        self.faces, self.bones, self.weights = data["faces"], data["bones"], data["weights"]
        self.coordinates, self.template = data["coordinates"], data["template"]
        self.gender, self.age_years, self.stature_m = data["gender"], data["age_years"], data["stature_m"]
        self.nose, self.head_top = int(data["nose"]), int(data["head_top"])
        self.joint_bones = self._joint_bones()
        eye = self.rig.index("eye.L")
        template_heads = data["template_heads"]
        self.template_eye_m = template_heads[eye]
        legs = ("upperleg", "lowerleg", "foot", "toe")
        self.leg_bones = np.array([label.startswith(legs) for label in self.rig.labels])
        self.leg_share = bone_share(self.rig, self.bones, self.weights, legs).astype(np.float32)
        self.neighbours = neighbour_table(self.faces, len(self.coordinates))
        self.scalp_vertices = np.flatnonzero(self.coordinates[:, HAIR] > 0.0)
        self.foot_vertices, self.foot_smoothing = self._shoe_smoothing()
        share = bone_share(self.rig, self.bones, self.weights, ("upperleg", "pelvis", "root"))
        self.seat_vertices = np.flatnonzero((share > 0.9) & (np.abs(self.coordinates[:, HEIGHT] - 0.03) < 0.14))

    def _joint_bones(self) -> NDArray:
        names = ["upperleg01.R", "lowerleg01.R", "foot.R", "upperleg01.L", "lowerleg01.L", "foot.L", "spine03", "neck01",
                 "upperarm01.L", "lowerarm01.L", "wrist.L", "upperarm01.R", "lowerarm01.R", "wrist.R"]
        return np.array([self.rig.index(name) for name in names])

    def draw(self, rng: np.random.Generator, identity: Identity) -> Body:
        """A body of the identity's gender and about its age and stature, scaled to the stature exactly."""
        age_gap = np.abs(self.age_years - identity.age_years) / (0.1 * identity.age_years + 0.7)
        stature_gap = np.abs(self.stature_m / identity.stature_m - 1.0) / 0.02
        gap = np.maximum(np.where(identity.is_adult & (self.age_years >= 18), age_gap / 3.0, age_gap), stature_gap)
        gap = gap + np.where(self.gender == identity.gender, 0.0, 100.0)
        candidates = np.flatnonzero(gap <= max(1.0, float(np.partition(gap, 4)[4])))
        chosen = int(candidates[rng.integers(len(candidates))])
        vertices, heads = self.rest_vertices[chosen].astype(np.float32), self.rest_heads[chosen].astype(np.float64)
        vertices, heads, longer_m = self._with_legs(vertices, heads, leg_factor(rng, identity.age_years))
        scale = identity.stature_m / (float(self.stature_m[chosen]) + longer_m)
        return Body(identity, vertices * np.float32(scale), heads * scale, self._zero(chosen))

    def _with_legs(self, vertices: NDArray, heads: NDArray, factor: float) -> tuple[NDArray, NDArray, float]:
        """A rest body with legs `factor` times as long, and by how much that makes it taller, metres."""
        hip_m = heads[self.rig.index("upperleg01.L"), 2]
        longer_m = (factor - 1.0) * (hip_m - vertices[:, 2].min())
        vertices, heads = vertices.copy(), heads.copy()
        vertices[:, 2] += np.float32(factor - 1.0) * self.leg_share * np.minimum(vertices[:, 2] - np.float32(hip_m), 0.0)
        heads[self.leg_bones, 2] += (factor - 1.0) * np.minimum(heads[self.leg_bones, 2] - hip_m, 0.0)
        return vertices, heads, float(longer_m)

    @lru_cache(maxsize=4096)  # noqa: B019  (one bank lives as long as the process)
    def _zero(self, chosen: int) -> NDArray:
        return self.rig.zeroing_rotations(self.rest_heads[chosen].astype(np.float64))

    def pose(self, body: Body, pose: NDArray, vertices: NDArray | None = None) -> PosedBody:
        """Pose a body; `vertices` (V, 3) replaces its rest vertices, for clothes."""
        local = self.rig.local_rotations(pose)
        rotations, heads = bone_transforms(self.rig.parents, body.heads, body.zero, local)
        rest = body.vertices if vertices is None else vertices
        posed = skin_vertices(rest, self.weights, self.bones, rotations, body.heads, heads)
        return PosedBody(posed, rotations, heads)

    def _shoe_smoothing(self) -> tuple[NDArray, NDArray]:
        """Vertices of both feet (N,) and the matrix (N, N) that rounds toes and arches into a shoe."""
        feet = np.flatnonzero(self.coordinates[:, HEIGHT] > 1.0)
        number = np.full(len(self.coordinates), -1)
        number[feet] = np.arange(len(feet))
        step = np.eye(len(feet))
        inner = number[self.faces[(number[self.faces] >= 0).all(axis=1)]]
        for first, second in ((0, 1), (1, 2), (2, 0)):
            step[inner[:, first], inner[:, second]] = step[inner[:, second], inner[:, first]] = 1.0
        step /= step.sum(axis=1, keepdims=True)
        return feet, np.linalg.matrix_power(step, 14).astype(np.float32)

    def bare_landmarks(self, body: Body, posed: PosedBody) -> NDArray:
        """Nose and head top (2, 3) of the posed body without hair or hat."""
        index = self.rig.index("head")
        rest = body.vertices[[self.nose, self.head_top]] - body.heads[index]
        return rest @ posed.rotations[index].T + posed.heads[index]

    def joints(self, posed: PosedBody) -> NDArray:
        """The 17 joints (17, 3) of core/skeleton.py; the root is the middle of the hip joints."""
        bones = posed.heads[self.joint_bones]
        joints = np.empty((17, 3))
        joints[0] = 0.5 * (bones[0] + bones[3])
        joints[1:9] = bones[:8]
        joints[9], joints[10] = posed.vertices[self.nose], posed.vertices[self.head_top]
        joints[11:17] = bones[8:]
        return joints


@lru_cache(maxsize=4)
def load_bank(split: str, cache_dir: str | Path | None = None) -> BodyBank:
    """The bank of a split, built on first use and shared within the process."""
    return BodyBank(ensure_bank(split, cache_dir))
