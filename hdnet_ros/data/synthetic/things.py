"""Hair, hats, bags and carried objects of one posed person, as meshes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hdnet_ros.data.synthetic.bodies import Body, BodyBank, PosedBody
from hdnet_ros.data.synthetic.clothes import BOTTOM_ROW, HAIR_ROW, HAT_ROW, OUTER_ROW, Outfit, cloth
from hdnet_ros.data.synthetic.garments import LEG_FRACTIONS, blob_mesh, place, skirt_mesh
from hdnet_ros.data.synthetic.hair import Skull, cloth_around_head, hair_meshes, shell_mesh
from hdnet_ros.data.synthetic.mesh import Mesh
from hdnet_ros.data.synthetic.palettes import cloth_colour, shoe_colour
from hdnet_ros.data.synthetic.poses import UPRIGHT_KINDS, DrawnPose
from hdnet_ros.data.synthetic.surface_coordinates import ARM, HEIGHT


class Hanger:
    """Places things on a posed body: `at` by a bone of the trunk or head, `hand` by a hand."""

    def __init__(self, bank: BodyBank, body: Body, posed: PosedBody) -> None:
        self.rig, self.body, self.posed = bank.rig, body, posed
        self.coordinates = bank.coordinates
        self.scalp = bank.scalp_vertices
        self.hip = bank.rig.index("upperleg01.L")
        self.scale = body.identity.stature_m / 1.75

    def frame(self, bone: str) -> tuple[NDArray, NDArray]:
        """Rotation from the person's axes and posed head of a bone."""
        index = self.rig.index(bone)
        return self.posed.rotations[index] @ self.body.zero[index].T, self.posed.heads[index]

    def at(self, mesh: Mesh, bone: str, offset_m: tuple[float, float, float]) -> Mesh:
        rotation, head = self.frame(bone)
        return place(mesh, rotation, head + rotation @ np.array(offset_m))

    def hand_m(self, side: str) -> NDArray:
        rotation, wrist = self.frame(f"wrist.{side[0].upper()}")
        return wrist + rotation @ np.array([0.01, 0.0, -0.085 * self.scale])

    def heading(self) -> NDArray:
        """Upright rotation whose x is where the pelvis faces."""
        forward = self.frame("root")[0][:, 0] * np.array([1.0, 1.0, 0.0])
        length = np.linalg.norm(forward)
        forward = forward / length if length > 0.1 else np.array([1.0, 0.0, 0.0])
        return np.column_stack([forward, [-forward[1], forward[0], 0.0], [0.0, 0.0, 1.0]])

    def leg_sections_m(self) -> NDArray:
        """Ellipses (5, 3) around the left leg's bones at garments.LEG_FRACTIONS: ahead, half depth, half width."""
        hip, knee, ankle = (self.body.heads[self.rig.index(f"{name}.L")] for name in ("upperleg01", "lowerleg01", "foot"))
        height, off_arm = self.coordinates[:, HEIGHT], self.coordinates[:, ARM] < 0.0
        sections = []
        for fraction in LEG_FRACTIONS:
            ring = self.body.vertices[(np.abs(height - fraction) < 0.04) & off_arm & (self.body.vertices[:, 1] > 0.02)]
            start, end = (hip, knee) if fraction < 0.5 else (knee, ankle)
            share = 2.0 * fraction - (0.0 if fraction < 0.5 else 1.0)
            low, high = np.percentile(ring, (2, 98), axis=0) - (start + share * (end - start))
            sections.append((0.5 * (low[0] + high[0]), 0.5 * (high[0] - low[0]), high[1]))
        return np.array(sections)

    def back_x(self, bone: str) -> float:
        """How far behind a bone of the spine (negative) the back's surface is, metres."""
        head = self.body.heads[self.rig.index(bone)]
        near = self.body.vertices[self.coordinates[:, ARM] < 0.0] - head
        return float(near[(np.abs(near[:, 2]) < 0.06) & (np.abs(near[:, 1]) < 0.1), 0].min())

    def skull(self) -> Skull:
        """Extents of the scalp, in the head's axes."""
        head = self.body.heads[self.rig.index("head")]
        scalp = self.body.vertices[self.scalp] - head
        low, high = scalp.min(axis=0), scalp.max(axis=0)
        brow = self.eye_offset()[2] + 0.3 * (high[2] - self.eye_offset()[2])
        return Skull(0.5 * (low[0] + high[0]), 0.5 * (high[0] - low[0]), 0.5 * (high[1] - low[1]), high[2], brow)

    def eye_offset(self) -> NDArray:
        """From the head bone to the point between the eyes, in the head's axes (3,)."""
        eye = self.body.heads[self.rig.index("eye.L")] - self.body.heads[self.rig.index("head")]
        return eye * np.array([1.0, 0.0, 1.0])


def worn_things(rng: np.random.Generator, hanger: Hanger, outfit: Outfit, pose: DrawnPose) -> list[Mesh]:
    """Skirt, coat tails, hair, hat, bags and what the hands hold."""
    meshes = _tails(rng, hanger, outfit, pose) + _head(rng, hanger, outfit)
    if pose.contact == "feet":
        meshes += _bags(rng, hanger)
    for side, thing in pose.carries.items():
        meshes += _both_hands(rng, hanger, thing) if side == "both" else _one_hand(rng, hanger, side, thing)
    return meshes


def _tails(rng: np.random.Generator, hanger: Hanger, outfit: Outfit, pose: DrawnPose) -> list[Mesh]:
    if outfit.skirt_hem is None and outfit.coat_hem is None:
        return []
    legs = [np.stack([hanger.posed.heads[hanger.rig.index(f"{bone}.{side}")]
                      for bone in ("upperleg01", "lowerleg01", "foot")]) for side in "LR"]
    rotation, _ = hanger.frame("root")
    spine = hanger.posed.heads[hanger.rig.index("spine04")]
    sections = hanger.leg_sections_m()
    if pose.kind not in UPRIGHT_KINDS:
        sections = sections * 1.2  # bent knees reach farther than straight ones
    hips = hanger.body.vertices[np.abs(hanger.body.vertices[:, 2] - hanger.body.heads[hanger.hip, 2] + 0.03) < 0.03]
    hips = hips[np.abs(hips[:, 1]) < 0.24 * hanger.scale]
    half_width, half_depth = 0.5 * np.ptp(hips[:, 1]), 0.5 * np.ptp(hips[:, 0])
    meshes = []
    for hem, row, flare, lift in ((outfit.skirt_hem, BOTTOM_ROW, rng.uniform(0.0, 0.5), 0.010),
                                  (outfit.coat_hem, OUTER_ROW, rng.uniform(0.0, 0.2), 0.014 + outfit.fit_m["outer"])):
        if hem is None:
            continue
        waist_radii = (0.72 * half_depth + lift, 0.74 * half_width + lift)
        meshes.append(skirt_mesh(legs[0], legs[1], rotation, spine, waist_radii, sections + np.array([0.0, lift, lift]), hem, flare,
                                 rng.uniform(0, 6.28), outfit.materials[row]))
    return meshes


def _head(rng: np.random.Generator, hanger: Hanger, outfit: Outfit) -> list[Mesh]:
    lift = outfit.fit_m["hair"] if not outfit.hat else min(outfit.fit_m["hair"], outfit.fit_m["hat"])
    if outfit.hat == "hood":
        shell = cloth_around_head(rng, hanger.skull(), outfit.fit_m["hat"])
        rotation, head_m = hanger.frame("head")
        return [shell_mesh(rng, hanger.skull(), shell, head_m, rotation, outfit.materials[OUTER_ROW])]
    return hair_meshes(rng, hanger, outfit.hair_style, outfit.materials[HAIR_ROW], lift) + _hat(rng, hanger, outfit)


def _hat(rng: np.random.Generator, hanger: Hanger, outfit: Outfit) -> list[Mesh]:
    """What a hat has beyond the cloth on the skull: a peak, a brim, a bobble."""
    material, skull = outfit.materials[HAT_ROW], hanger.skull()
    size, level = skull.half_width / 0.076, hanger.eye_offset()[2] + 0.05
    front = skull.centre_x + skull.half_depth
    if outfit.hat == "cap":
        half = np.array([0.075, 0.07, 0.008]) * size
        return [hanger.at(blob_mesh(half, material), "head", (front + 0.03 * size, 0.0, level))]
    if outfit.hat == "brim":
        wide = rng.uniform(0.15, 0.24)
        half = np.array([wide, 0.9 * wide, 0.012]) * size
        return [hanger.at(blob_mesh(half, material), "head", (skull.centre_x, 0.0, level))]
    if outfit.hat == "bobble":
        top = skull.top + outfit.fit_m["hat"] + 0.02
        return [hanger.at(blob_mesh(np.full(3, rng.uniform(0.03, 0.05)), material), "head", (skull.centre_x, 0.0, top))]
    return []


def _bags(rng: np.random.Generator, hanger: Hanger) -> list[Mesh]:
    """Backpacks and shoulder bags; satchels are large on those who go to school."""
    draw, size, age = rng.random(), hanger.scale, hanger.body.identity.age_years
    material = cloth(rng, cloth_colour(rng), patterned=0.15)
    at_school = 6.0 < age < 17.0
    size = 0.45 + 0.55 * size if at_school else size
    if draw < (0.3 if at_school else 0.14):
        half = np.array([rng.uniform(0.06, 0.11), rng.uniform(0.12, 0.17), rng.uniform(0.16, 0.25)]) * size
        return [hanger.at(blob_mesh(half, material, rng.uniform(0.35, 0.7)), "spine02",
                          (hanger.back_x("spine02") - 0.9 * half[0], 0.0, 0.05 * size))]
    if draw < (0.34 if at_school else 0.26):
        side = 1.0 if rng.random() < 0.5 else -1.0
        half = np.array([rng.uniform(0.10, 0.19), rng.uniform(0.03, 0.07), rng.uniform(0.09, 0.17)]) * size
        offset = (rng.uniform(-0.08, 0.05), side * (0.17 * size + half[1]), rng.uniform(-0.12, 0.06))
        return [hanger.at(blob_mesh(half, material, rng.uniform(0.4, 0.8)), "root", offset)]
    return []


def _one_hand(rng: np.random.Generator, hanger: Hanger, side: str, thing: str) -> list[Mesh]:
    hand, heading = hanger.hand_m(side), hanger.heading()
    if thing == "phone":
        mesh = blob_mesh(np.array([0.008, 0.036, 0.072]), cloth(rng, shoe_colour(rng), patterned=0.0, bump=0.0), 0.9)
        return [place(mesh, hanger.frame(f"wrist.{side[0].upper()}")[0], hand)]
    if thing == "cup":
        mesh = blob_mesh(np.array([0.036, 0.036, 0.062]), cloth(rng, cloth_colour(rng), bump=0.0), 0.4)
        return [place(mesh, np.eye(3), hand + np.array([0, 0, 0.02]))]
    room = hand[2] - 0.03
    if thing != "bag" or room < 0.12:
        return []
    half = np.array([rng.uniform(0.08, 0.22), rng.uniform(0.03, 0.10), rng.uniform(0.10, 0.21)])
    half *= min(1.0, 0.45 * room / half[2]) * (0.4 + 0.6 * hanger.scale)
    mesh = blob_mesh(half, cloth(rng, cloth_colour(rng), patterned=0.3), rng.uniform(0.2, 0.9))
    return [place(mesh, heading, hand - np.array([0.0, 0.0, half[2] + rng.uniform(0.0, 0.06)]))]


def _both_hands(rng: np.random.Generator, hanger: Hanger, thing: str) -> list[Mesh]:
    left, right = hanger.hand_m("left"), hanger.hand_m("right")
    heading, middle = hanger.heading(), 0.5 * (left + right)
    apart = 0.5 * float(np.linalg.norm(left - right))
    material = cloth(rng, cloth_colour(rng), patterned=0.3, bump=0.05)
    if thing == "box":
        half = np.array([rng.uniform(0.08, 0.2), max(0.06, apart - 0.02), rng.uniform(0.06, 0.2)])
        return [place(blob_mesh(half, material, 0.95), heading, middle + heading[:, 0] * (half[0] - 0.02))]
    return []


