"""Draws whole people: body, pose, clothes, things, standing on z = 0 and facing +x.

Nothing here depends on a camera. The same random generator state gives the same person everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hdnet_ros.data.synthetic import low_poses, motion, poses, riding
from hdnet_ros.data.synthetic.belongings import SCOOTER_DECK_M, belongings_of
from hdnet_ros.data.synthetic.bodies import Body, BodyBank, load_bank
from hdnet_ros.data.synthetic.clothes import Outfit, draw_outfit, thickness
from hdnet_ros.data.synthetic.drape import drape
from hdnet_ros.data.synthetic.mesh import Mesh, join_meshes
from hdnet_ros.data.synthetic.poses import POSE_SHARES, UPRIGHT_KINDS, DrawnPose
from hdnet_ros.data.synthetic.raster import vertex_normals
from hdnet_ros.data.synthetic.statures import YOUNG_SHARE, Identity, draw_identity
from hdnet_ros.data.synthetic.surface_coordinates import HEIGHT
from hdnet_ros.data.synthetic.things import Hanger, worn_things

SOLE_HEIGHT = 1.1
SLACK_M = 0.08
DRAPE_ROUNDS = 27
PICTURED_CHILDREN = 0.24


@dataclass(frozen=True, eq=False)
class PersonMesh:
    """A drawn person in the world frame (metres, z up).

    Attributes
    ----------
    surface : the mesh with materials, for raster.render_people
    joints_world_m : (17, 3), order of core/skeleton.py
    stature_m : standing height barefoot
    attributes : pose_kind, activity, is_adult, is_upright, clothes; sitting people also seat_height_m and seat_centre_m
    belongings : what the person rides, pushes or holds overhead, or None; not part of the person's silhouette
    """

    surface: Mesh
    joints_world_m: NDArray
    stature_m: float
    age_years: float
    gender: str
    attributes: dict = field(default_factory=dict)
    belongings: Mesh | None = None

    @property
    def vertices_world_m(self) -> NDArray:
        return self.surface.vertices_world_m

    @property
    def faces(self) -> NDArray:
        return self.surface.faces

    def moved(self, yaw: float, translation_m: Sequence[float]) -> PersonMesh:
        """The person turned by `yaw` radians about the vertical through the origin, then shifted."""
        cosine, sine = np.cos(yaw), np.sin(yaw)
        turn = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])
        joints = self.joints_world_m @ turn + np.asarray(translation_m)
        attributes = dict(self.attributes)
        if "seat_centre_m" in attributes:
            attributes["seat_centre_m"] = attributes["seat_centre_m"] @ turn[:2, :2] + np.asarray(translation_m)[:2]
        belongings = None if self.belongings is None else self.belongings.moved(yaw, translation_m)
        return replace(self, surface=self.surface.moved(yaw, translation_m), joints_world_m=joints, attributes=attributes,
                       belongings=belongings)


class PeopleFactory:
    """Draws people of one split; bodies and captured motions differ between "train" and "holdout".

    Parameters
    ----------
    cache_dir : folder of the body bank, default $HDNET_CACHE or ~/.cache/hdnet_ros
    split : "train" or "holdout"
    """

    def __init__(self, cache_dir: str | Path | None = None, split: str = "train") -> None:
        self.bank: BodyBank = load_bank(split, cache_dir)
        self.split = split
        self.motions = motion.load_motions(split)

    def sample(self, rng: np.random.Generator, kind: str | None = None, identity: Identity | None = None) -> PersonMesh:
        """Draw a person at the origin, facing +x.

        Parameters
        ----------
        kind : one of poses.POSE_SHARES; drawn by these shares when None
        identity : gender, age and stature; drawn from the population when None
        """
        if kind is not None and kind not in POSE_SHARES:
            raise ValueError(f"kind is {kind!r}, expected one of {sorted(POSE_SHARES)}")
        if identity is None:
            identity = draw_identity(rng, PICTURED_CHILDREN, young_share=YOUNG_SHARE)
        body = self.bank.draw(rng, identity)
        kind = kind or draw_kind(rng, identity)
        pose = self._draw_pose(rng, kind, body)
        outfit = draw_outfit(rng, identity, self.bank.template_eye_m)
        return self._dress(rng, body, pose, outfit)

    def posed(self, rng: np.random.Generator, identity: Identity, pose: DrawnPose) -> PersonMesh:
        """A person in a pose: the same generator state gives the same body and clothes in every pose of a kind."""
        body = self.bank.draw(rng, identity)
        return self._dress(rng, body, pose, draw_outfit(rng, identity, self.bank.template_eye_m))

    def _draw_pose(self, rng: np.random.Generator, kind: str, body: Body) -> DrawnPose:
        rig = self.bank.rig
        shin = body.limb_length_m(rig, "lowerleg01.L", "foot.L")
        if kind == "cycling":
            return riding.cycling(rng, body.limb_length_m(rig, "upperleg01.L", "lowerleg01.L"), shin)
        if kind in ("sitting", "wheelchair"):
            ankle_height = body.heads[rig.index("foot.L"), 2] - body.vertices[:, 2].min()
            sit = poses.sitting if kind == "sitting" else riding.in_wheelchair
            return sit(rng, 0.065 * body.identity.stature_m / 1.7, shin + ankle_height)
        if kind == "motion":
            if not self.motions:
                return poses.bending(rng)
            return motion.draw_motion(rng, self.motions)
        generators = {"walking": poses.walk, "upright": poses.upright, "running": poses.run, "bending": poses.bending,
                      "crouching": low_poses.crouching, "lying": low_poses.lying, "scooter": riding.on_scooter}
        return generators[kind](rng)

    def _dress(self, rng: np.random.Generator, body: Body, pose: DrawnPose, outfit: Outfit) -> PersonMesh:
        bank = self.bank
        if outfit.skirt_hem is not None and pose.kind not in UPRIGHT_KINDS | {"sitting", "scooter"}:
            # A long tube folds badly around squatting legs.
            outfit = replace(outfit, skirt_hem=min(outfit.skirt_hem, 0.42))
        lift = thickness(rng, outfit, bank.coordinates)
        rest = body.vertices.copy()
        if outfit.shod:
            rounded = bank.foot_smoothing @ rest[bank.foot_vertices]
            # Rounding must not lift the sole off the floor.
            rounded[:, 2] = np.minimum(rounded[:, 2], rest[bank.foot_vertices, 2])
            rest[bank.foot_vertices] = rounded
        normals = vertex_normals(rest, bank.faces)
        rest += lift[:, None] * normals
        rest = drape(rest, normals, outfit.looseness(lift, bank.coordinates), *bank.neighbours, rounds=DRAPE_ROUNDS)
        soles = np.clip((bank.coordinates[:, HEIGHT] - SOLE_HEIGHT) / 0.05, 0.0, 1.0)
        rest[:, 2] -= outfit.sole_m * soles
        posed = bank.pose(body, pose.pose, rest)
        joints = bank.joints(posed)
        # Hair, hats and shoes are not part of the bare body's landmarks.
        joints[9:11] = bank.bare_landmarks(body, posed)
        parts = [Mesh(posed.vertices, bank.faces, bank.coordinates, np.zeros(len(bank.faces), np.int16), outfit.materials)]
        hanger = Hanger(bank, body, posed)
        surface = join_meshes(parts + worn_things(rng, hanger, outfit, pose))
        shift, extra = self._ground(rng, pose, posed.vertices, joints)
        hands = (hanger.hand_m("left"), hanger.hand_m("right"))
        owned = belongings_of(rng, joints, hands, -float(shift[2]), pose)
        attributes = {"pose_kind": pose.kind, "activity": pose.activity, "is_adult": body.identity.is_adult,
                      "is_upright": pose.kind in UPRIGHT_KINDS, "top": outfit.top, "outer": outfit.outer,
                      "bottom": outfit.bottom, "hair": outfit.hair_style, "hat": outfit.hat} | extra
        surface = surface.moved(0.0, shift)
        # Long hair and coats of those who lie or kneel spread on the floor.
        np.maximum(surface.vertices_world_m[:, 2], 0.0, out=surface.vertices_world_m[:, 2])
        return PersonMesh(surface, joints + shift, body.identity.stature_m, body.identity.age_years,
                          body.identity.gender, attributes, None if owned is None else owned.moved(0.0, shift))

    def _ground(self, rng: np.random.Generator, pose: DrawnPose, vertices: NDArray,
                joints: NDArray) -> tuple[NDArray, dict]:
        """Shift that puts the root over the origin and the lowest part on the floor."""
        feet = self.bank.coordinates[:, HEIGHT] > 0.95
        if pose.contact == "ride":
            return np.array([*-joints[0, :2], pose.ride.hip_height_m - joints[0, 2]]), {}
        lowest = float(vertices[feet, 2].min() if pose.contact != "lowest" else vertices[:, 2].min())
        shift = np.array([-joints[0, 0], -joints[0, 1], -lowest])
        if pose.contact != "seat":
            if pose.kind == "scooter":
                shift[2] += SCOOTER_DECK_M
            if pose.kind == "running" and rng.random() < 0.4:
                shift[2] += rng.uniform(0.0, 0.09)
            return shift, {}
        hips = self.bank.seat_vertices
        seat = float(vertices[hips, 2].min())
        # Short legs dangle: then the seat, not the floor, fixes the height. A small gap is closed by a lower seat.
        height, wanted = seat - lowest, pose.seat_height_m or 0.0
        if wanted - height > SLACK_M:
            height = wanted
        shift[2] = height - seat
        if pose.ride is not None:
            return shift, {}
        centre = vertices[hips, :2].mean(axis=0) + shift[:2]
        return shift, {"seat_height_m": height, "seat_centre_m": centre}


def draw_kind(rng: np.random.Generator, identity: Identity) -> str:
    """A pose kind by POSE_SHARES; old people neither run nor tumble."""
    kinds, shares = list(POSE_SHARES), np.array(list(POSE_SHARES.values()))
    kind = kinds[int(np.searchsorted(np.cumsum(shares) / shares.sum(), rng.random()))]
    if identity.age_years > 68 and kind in ("running", "motion", "crouching"):
        return "walking"
    return kind
