"""Small helpers to write poses down in degrees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hdnet_ros.data.synthetic.rig import POSE_INDEX, POSE_JOINTS, rotation_vector_matrix


def turn(axis: str, degrees: float) -> NDArray:
    """Rotation (3, 3) about a person's axis: "x" forward, "y" left, "z" up."""
    angle = np.radians(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    if axis == "x":
        return np.array([[1.0, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    if axis == "y":
        return np.array([[cosine, 0, sine], [0, 1.0, 0], [-sine, 0, cosine]])
    if axis == "z":
        return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1.0]])
    raise ValueError(f"axis is {axis!r}, expected 'x', 'y' or 'z'")


class PoseBuilder:
    """Sets joints by anatomical angles; flexion is forward (knees: backward), abduction away from the body.

    `set` values accumulate in the matrices `pose` (P, 3, 3) of rig.POSE_JOINTS.
    """

    def __init__(self) -> None:
        self.pose = np.tile(np.eye(3), (len(POSE_JOINTS), 1, 1))

    def pelvis(self, lean: float = 0.0, tilt: float = 0.0, yaw: float = 0.0) -> PoseBuilder:
        """Forward lean, tilt towards the right side, and yaw to the left, in degrees."""
        self.pose[POSE_INDEX["pelvis"]] = turn("z", yaw) @ turn("x", tilt) @ turn("y", lean)
        return self

    def spine(self, bend: float = 0.0, side: float = 0.0, twist: float = 0.0) -> PoseBuilder:
        self.pose[POSE_INDEX["spine"]] = turn("z", twist) @ turn("x", side) @ turn("y", bend)
        return self

    def neck(self, bend: float = 0.0, side: float = 0.0, twist: float = 0.0) -> PoseBuilder:
        self.pose[POSE_INDEX["neck"]] = turn("z", twist) @ turn("x", side) @ turn("y", bend)
        return self

    def leg(self, side: str, flexion: float, knee: float, ankle: float = 0.0, abduction: float = 0.0,
            rotation: float = 0.0, toes: float = 0.0) -> PoseBuilder:
        """`ankle` is dorsiflexion (toes up), `rotation` outward."""
        out = 1.0 if side == "left" else -1.0
        self.pose[POSE_INDEX[f"{side}_hip"]] = (
            turn("x", out * abduction) @ turn("y", -flexion) @ turn("z", out * rotation))
        self.pose[POSE_INDEX[f"{side}_knee"]] = turn("y", max(knee, 0.0))
        self.pose[POSE_INDEX[f"{side}_ankle"]] = turn("y", -ankle)
        self.pose[POSE_INDEX[f"{side}_toes"]] = turn("y", -toes)
        return self

    def arm(self, side: str, flexion: float, elbow: float, abduction: float = 6.0, rotation: float = 0.0,
            pronation: float = 0.0, wrist: float = 0.0, fingers: float = 20.0) -> PoseBuilder:
        """`rotation` turns the upper arm inwards, so that a bent forearm comes in front of the body."""
        out = 1.0 if side == "left" else -1.0
        shoulder = turn("x", out * abduction) @ turn("y", -flexion) @ turn("z", -out * rotation)
        self.pose[POSE_INDEX[f"{side}_shoulder"]] = shoulder
        lifted = max(0.0, abduction - 35.0)
        self.pose[POSE_INDEX[f"{side}_clavicle"]] = turn("x", out * 0.3 * lifted) @ turn("z", -out * 0.08 * flexion)
        self.pose[POSE_INDEX[f"{side}_elbow"]] = turn("y", -max(elbow, 0.0))
        self.pose[POSE_INDEX[f"{side}_forearm"]] = turn("z", -out * pronation)
        self.pose[POSE_INDEX[f"{side}_wrist"]] = turn("x", -out * wrist)
        self.pose[POSE_INDEX[f"{side}_fingers"]] = turn("x", -out * fingers)
        return self

    def with_noise(self, rng: np.random.Generator, degrees: float) -> PoseBuilder:
        """Add independent normal noise to limbs, spine and neck (wrists and feet included, pelvis not)."""
        noise = np.radians(rng.normal(0.0, degrees, (len(POSE_JOINTS), 3)))
        noise = np.clip(noise, -np.radians(2.5 * degrees), np.radians(2.5 * degrees))
        for name, index in POSE_INDEX.items():
            if name.endswith(("knee", "elbow")):
                # Hinges only flex; noise about their other axes would bend them sideways.
                noise[index, [0, 2]] = 0.0
            if name.endswith(("clavicle", "toes", "pelvis", "fingers")):
                noise[index] = 0.0
            self.pose[index] = self.pose[index] @ rotation_vector_matrix(noise[index])
        return self
