"""Everyday poses drawn at random: standing, walking with things, sitting, bending, reaching, crouching, lying.

Every generator takes the random generator and returns a `DrawnPose`; angles are in degrees and stay
within ordinary joint limits. Which are drawn how often is `POSE_SHARES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hdnet_ros.data.synthetic.gait import running, walking
from hdnet_ros.data.synthetic.pose_math import PoseBuilder

# "motion", the captured clips, is off: where they were recorded can no longer be traced (see motion.py).
POSE_SHARES = {"walking": 0.37, "upright": 0.27, "running": 0.05, "sitting": 0.12, "bending": 0.07,
               "crouching": 0.05, "motion": 0.0, "lying": 0.02, "cycling": 0.03, "scooter": 0.01, "wheelchair": 0.01}
UPRIGHT_KINDS = frozenset({"walking", "upright", "running"})


@dataclass(frozen=True)
class Ride:
    """A vehicle that a pose is made for.

    kind : "cycling", "scooter" or "wheelchair";  hip_height_m : of the hips above the floor, on a bicycle
    size : 1 for a grown-up's;  bracket_m : of a bicycle's bottom bracket, ahead of and below the hips;  crank_rad : left pedal
    """

    kind: str
    hip_height_m: float
    size: float
    bracket_m: tuple[float, float] = (0.0, 0.0)
    crank_rad: float = 0.0


@dataclass(frozen=True, eq=False)
class DrawnPose:
    """A pose (P, 3, 3), its kind, what the hands carry, and how it meets the floor.

    `contact` is "feet" (lowest foot on z = 0), "lowest" (lowest vertex of all on z = 0), "seat", or "ride" (the hips at
    ride.hip_height_m).
    """

    kind: str
    pose: NDArray
    contact: str = "feet"
    carries: dict[str, str] = field(default_factory=dict)
    seat_height_m: float | None = None
    activity: str = ""
    ride: Ride | None = None


def _hanging(builder: PoseBuilder, rng: np.random.Generator, side: str) -> str:
    builder.arm(side, rng.normal(0, 6), abs(rng.normal(14, 8)), abduction=max(3, rng.normal(8, 4)),
                rotation=rng.uniform(-5, 30), pronation=rng.uniform(-10, 50), fingers=rng.uniform(10, 45))
    return ""


def _pocket(builder: PoseBuilder, rng: np.random.Generator, side: str) -> str:
    builder.arm(side, rng.normal(-12, 6), rng.uniform(35, 55), abduction=rng.uniform(12, 24), rotation=rng.uniform(10, 25),
                fingers=30)
    return ""


def _on_hip(builder: PoseBuilder, rng: np.random.Generator, side: str) -> str:
    builder.arm(side, rng.uniform(-30, -15), rng.uniform(85, 105), abduction=rng.uniform(35, 50),
                rotation=rng.uniform(40, 60), wrist=-20)
    return ""


def _phone(builder: PoseBuilder, rng: np.random.Generator, side: str) -> str:
    builder.arm(side, rng.uniform(5, 40), rng.uniform(75, 115), abduction=rng.uniform(3, 12), rotation=rng.uniform(15, 45),
                fingers=45)
    return "phone"


def _phone_at_ear(builder: PoseBuilder, rng: np.random.Generator, side: str) -> str:
    builder.arm(side, rng.uniform(25, 45), rng.uniform(132, 145), abduction=rng.uniform(20, 45),
                rotation=rng.uniform(5, 20), fingers=50)
    return "phone"


def _drinking(builder: PoseBuilder, rng: np.random.Generator, side: str) -> str:
    builder.arm(side, rng.uniform(10, 50), rng.uniform(80, 130), abduction=rng.uniform(5, 25), rotation=rng.uniform(5, 30),
                fingers=40)
    return "cup"


def _carrying(builder: PoseBuilder, rng: np.random.Generator, side: str) -> str:
    builder.arm(side, rng.normal(0, 5), rng.uniform(3, 15), abduction=rng.uniform(5, 14), fingers=75)
    return "bag"


def _shoulder_strap(builder: PoseBuilder, rng: np.random.Generator, side: str) -> str:
    builder.arm(side, rng.uniform(0, 20), rng.uniform(110, 135), abduction=rng.uniform(8, 20), rotation=rng.uniform(0, 20),
                fingers=70)
    return ""


def _pointing(builder: PoseBuilder, rng: np.random.Generator, side: str) -> str:
    builder.arm(side, rng.uniform(40, 110), rng.uniform(0, 35), abduction=rng.uniform(0, 45), pronation=40,
                fingers=rng.uniform(5, 40))
    return ""


def _raised(builder: PoseBuilder, rng: np.random.Generator, side: str) -> str:
    builder.arm(side, rng.uniform(-10, 40), rng.uniform(10, 90), abduction=rng.uniform(90, 160), fingers=15)
    return ""


def _gesturing(builder: PoseBuilder, rng: np.random.Generator, side: str) -> str:
    builder.arm(side, rng.uniform(0, 45), rng.uniform(40, 110), abduction=rng.uniform(5, 35), rotation=rng.uniform(-25, 45),
                pronation=rng.uniform(-40, 40), fingers=rng.uniform(5, 40))
    return ""


def _umbrella(builder: PoseBuilder, rng: np.random.Generator, side: str) -> str:
    builder.arm(side, rng.uniform(10, 40), rng.uniform(85, 125), abduction=rng.uniform(3, 14), rotation=rng.uniform(5, 30),
                fingers=70)
    return "umbrella"


def _cane(builder: PoseBuilder, rng: np.random.Generator, side: str) -> str:
    builder.arm(side, rng.uniform(-5, 20), rng.uniform(12, 40), abduction=rng.uniform(6, 15), fingers=70)
    return "cane"


_ARMS: dict[Callable, float] = {
    _hanging: 0.46, _pocket: 0.13, _on_hip: 0.04, _phone: 0.06, _phone_at_ear: 0.03, _drinking: 0.03,
    _carrying: 0.10, _shoulder_strap: 0.03, _pointing: 0.03, _raised: 0.02, _gesturing: 0.07, _umbrella: 0.012,
    _cane: 0.015,
}


def _choose(rng: np.random.Generator, shares: dict) -> object:
    names = list(shares)
    weights = np.array([shares[name] for name in names])
    return names[int(np.searchsorted(np.cumsum(weights / weights.sum()), rng.random(), side="right").clip(0, len(names) - 1))]


def _both_arms(builder: PoseBuilder, rng: np.random.Generator) -> tuple[str, dict[str, str]]:
    """Arms that act together: (activity, carries); an empty activity when they do not."""
    draw = rng.random()
    if draw < 0.05:
        upper, other = ("left", "right") if rng.random() < 0.5 else ("right", "left")
        builder.arm(upper, 33, 102, abduction=8, rotation=62, fingers=15)
        builder.arm(other, 24, 96, abduction=12, rotation=58, fingers=15)
        return "arms crossed", {}
    if draw < 0.09:
        flexion, elbow = rng.uniform(15, 55), rng.uniform(30, 85)
        for side in ("left", "right"):
            builder.arm(side, flexion, elbow, abduction=rng.uniform(3, 12), rotation=rng.uniform(0, 15), fingers=70)
        return "pushing", {"both": "pushed" if rng.random() < 0.7 else ""}
    if draw < 0.13:
        flexion, elbow = rng.uniform(10, 40), rng.uniform(60, 95)
        for side in ("left", "right"):
            builder.arm(side, flexion, elbow, abduction=rng.uniform(5, 14), rotation=rng.uniform(5, 20), fingers=40)
        return "carrying a box", {"both": "box"}
    if draw < 0.16:
        for side in ("left", "right"):
            builder.arm(side, rng.uniform(-38, -25), rng.uniform(30, 60), abduction=4, rotation=45)
        return "hands behind the back", {}
    if draw < 0.20:
        for side in ("left", "right"):
            builder.arm(side, rng.uniform(12, 24), rng.uniform(55, 80), abduction=4, rotation=48, fingers=40)
        return "hands folded", {}
    return "", {}


def _arms(builder: PoseBuilder, rng: np.random.Generator) -> tuple[str, dict[str, str]]:
    activity, carries = _both_arms(builder, rng)
    if activity:
        return activity, carries
    names = []
    for side in ("left", "right"):
        action = _choose(rng, _ARMS)
        thing = action(builder, rng, side)
        names.append(action.__name__.strip("_"))
        if thing:
            carries[side] = thing
    return " and ".join(names), carries


def _standing_legs(builder: PoseBuilder, rng: np.random.Generator) -> None:
    stance, shift = rng.uniform(-3.5, 6.0), rng.normal(0, 2.5)
    relaxed = rng.random()
    bent = rng.uniform(8, 28) if relaxed < 0.45 else abs(rng.normal(2, 2))
    free = "left" if rng.random() < 0.5 else "right"
    for side in ("left", "right"):
        knee = bent if side == free else abs(rng.normal(2, 2))
        step = rng.uniform(-5, 14) if side == free and relaxed < 0.6 else rng.normal(0, 2)
        builder.leg(side, step + 0.5 * knee, knee, 0.5 * knee - step, abduction=stance + (shift if side == "left" else -shift),
                    rotation=rng.uniform(0, 18))


def upright(rng: np.random.Generator) -> DrawnPose:
    """Standing, with arms doing one of many things."""
    builder = PoseBuilder()
    _standing_legs(builder, rng)
    builder.pelvis(lean=rng.normal(0, 2.5), tilt=rng.normal(0, 2)).spine(
        bend=rng.normal(3, 6), side=rng.normal(0, 3), twist=rng.normal(0, 7))
    builder.neck(bend=rng.normal(4, 9), side=rng.normal(0, 4), twist=rng.normal(0, 24))
    activity, carries = _arms(builder, rng)
    if "phone" in activity and "ear" not in activity:
        builder.neck(bend=rng.uniform(15, 38), twist=rng.normal(0, 6))
    return DrawnPose("upright", builder.with_noise(rng, 2.0).pose, carries=carries, activity=activity)


def walk(rng: np.random.Generator) -> DrawnPose:
    """Walking; in a third of the draws the arms do something else than swing."""
    carries: dict[str, str] = {}
    activity = "swinging arms"
    free_arms = rng.random() < 0.62
    builder = walking(rng)
    if not free_arms:
        if rng.random() < 0.45:
            activity, carries = _arms(builder, rng)
        else:
            side = "left" if rng.random() < 0.5 else "right"
            action = _choose(rng, {_pocket: 3, _phone: 2, _phone_at_ear: 1, _carrying: 4, _shoulder_strap: 1, _drinking: 1,
                                   _umbrella: 0.6, _cane: 0.5})
            thing = action(builder, rng, side)
            activity = action.__name__.strip("_")
            if thing:
                carries[side] = thing
    return DrawnPose("walking", builder.with_noise(rng, 1.5).pose, carries=carries, activity=activity)


def run(rng: np.random.Generator) -> DrawnPose:
    """Running or jogging."""
    return DrawnPose("running", running(rng).with_noise(rng, 2.0).pose)


def bending(rng: np.random.Generator) -> DrawnPose:
    """Bent forward: picking up, tying a shoe, leaning over a table, reaching far."""
    builder = PoseBuilder()
    depth = rng.uniform(0.25, 1.0)
    knee = rng.uniform(2, 65) * depth
    hip = 85.0 * depth
    lean = 55.0 * depth + rng.normal(0, 6)
    stride = rng.uniform(0, 16)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        builder.leg(side, lean + 0.55 * knee + sign * stride - 8 * depth, knee, 0.45 * knee + 8 * depth - sign * 0.7 * stride,
                    abduction=rng.uniform(0, 9), rotation=rng.uniform(0, 15))
        builder.arm(side, rng.uniform(20, 100), rng.uniform(0, 60), abduction=rng.uniform(0, 20),
                    rotation=rng.uniform(0, 25), fingers=35)
    builder.pelvis(lean=lean, yaw=rng.normal(0, 5)).spine(bend=0.5 * hip, twist=rng.normal(0, 10))
    builder.neck(bend=rng.uniform(-25, 25), twist=rng.normal(0, 12))
    carries = {}
    if rng.random() < 0.25:
        # Both arms alike around what is lifted.
        flexion, elbow = rng.uniform(30, 80), rng.uniform(10, 60)
        for side in ("left", "right"):
            builder.arm(side, flexion, elbow, abduction=rng.uniform(3, 10), rotation=rng.uniform(0, 15), fingers=40)
        carries = {"both": "box"}
    return DrawnPose("bending", builder.with_noise(rng, 2.5).pose, carries=carries)


def sitting(rng: np.random.Generator, thigh_height_offset_m: float = 0.0, shin_m: float = 0.42) -> DrawnPose:
    """Sitting on something 0.25 to 0.75 m high; feet reach the floor where the legs are long enough.

    `shin_m` is the height of the knee joint above the sole with a vertical shin, and
    `thigh_height_offset_m` the height of the hip joint above the seat.
    """
    builder = PoseBuilder()
    seat = float(np.clip(rng.normal(0.46, 0.07), 0.25, 0.78))
    knee_drop = seat + thigh_height_offset_m
    recline = rng.uniform(-18, 22)
    dangling = knee_drop > shin_m * 1.2
    crossed = rng.random() < 0.15
    for side in ("left", "right"):
        thigh_up = rng.uniform(-3, 4)
        if dangling:
            shin_angle = rng.uniform(-12, 25)
        else:
            # A low seat lifts the knees; the rest of the reach is the shin's slope.
            slope = rng.uniform(-22, 28)
            rise = shin_m * np.cos(np.radians(slope)) - knee_drop
            thigh_up = float(np.degrees(np.arcsin(np.clip(rise / max(shin_m * 0.95, 0.2), -0.25, 0.6))))
            shin_angle = slope
        knee = 90.0 + thigh_up - shin_angle
        if crossed and side == "right":
            builder.leg(side, recline + 100, rng.uniform(80, 100), 0, abduction=-16, rotation=4)
            continue
        builder.leg(side, recline + 90 + thigh_up, max(5.0, knee), 0.0 if dangling else -shin_angle,
                    abduction=rng.uniform(-3, 14), rotation=rng.uniform(-5, 12))
    builder.pelvis(lean=recline).spine(bend=rng.uniform(-6, 18) - 0.5 * min(recline, 0), twist=rng.normal(0, 8))
    builder.neck(bend=rng.normal(4, 10), twist=rng.normal(0, 22))
    activity = _seated_arms(builder, rng)
    return DrawnPose("sitting", builder.with_noise(rng, 1.5).pose, contact="seat", seat_height_m=seat, activity=activity)


def _seated_arms(builder: PoseBuilder, rng: np.random.Generator) -> str:
    if rng.random() < 0.2:
        return _arms(builder, rng)[0]
    typing = rng.random() < 0.4
    for side in ("left", "right"):
        flexion, elbow = (rng.uniform(20, 50), rng.uniform(55, 85)) if typing else (rng.uniform(12, 35), rng.uniform(35, 70))
        builder.arm(side, flexion, elbow, abduction=rng.uniform(3, 14), rotation=rng.uniform(5, 35), pronation=50, fingers=20)
    return "hands forward" if typing else "hands on the lap"
