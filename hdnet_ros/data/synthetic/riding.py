"""Poses on bicycles and scooters and in wheelchairs, solved so that feet meet pedals and hips the saddle."""

from __future__ import annotations

import numpy as np

from hdnet_ros.data.synthetic.pose_math import PoseBuilder
from hdnet_ros.data.synthetic.poses import DrawnPose, Ride, sitting

RIDING_KINDS = ("cycling", "scooter", "wheelchair")
SEAT_TUBE_RAD = np.radians(72.0)


def leg_angles_deg(ahead_m: float, below_m: float, thigh_m: float, shin_m: float) -> tuple[float, float]:
    """Flexion of the thigh from the vertical and of the knee that bring an ankle there from the hip joint.

    Parameters
    ----------
    ahead_m, below_m : of the ankle from the hip; beyond reach the leg is stretched towards it
    """
    reach = float(np.clip(np.hypot(ahead_m, below_m), abs(thigh_m - shin_m) + 1e-3, 0.998 * (thigh_m + shin_m)))
    at_hip = np.arccos((thigh_m**2 + reach**2 - shin_m**2) / (2 * thigh_m * reach))
    at_knee = np.arccos((thigh_m**2 + shin_m**2 - reach**2) / (2 * thigh_m * shin_m))
    return float(np.degrees(np.arctan2(ahead_m, below_m) + at_hip)), float(180.0 - np.degrees(at_knee))


def cycling(rng: np.random.Generator, thigh_m: float, shin_m: float) -> DrawnPose:
    """On a bicycle that fits: upright on a town bicycle to bent over a sporting one, anywhere in the pedals' round."""
    builder = PoseBuilder()
    size = (thigh_m + shin_m) / 0.86
    crank, bracket_height = 0.17 * min(size, 1.05), 0.28 * np.clip(size, 0.65, 1.0)
    saddle = (0.955 if rng.random() < 0.8 else rng.uniform(0.85, 0.95)) * (thigh_m + shin_m) - crank + 0.07 * size
    bracket = saddle * np.array([np.cos(SEAT_TUBE_RAD), np.sin(SEAT_TUBE_RAD)])  # ahead of and below the hips
    pelvis, spine = rng.uniform(-4, 30), rng.uniform(5, 32)
    crank_angle = rng.uniform(0, 2 * np.pi)
    coasts_on_foot = rng.random() < 0.08
    for side, turn in (("left", 0.0), ("right", np.pi)):
        pedal = bracket + crank * np.array([np.cos(crank_angle + turn), np.sin(crank_angle + turn)])
        ahead, below = pedal + np.array([-0.11, -0.085]) * size
        if coasts_on_foot and side == "left":
            ahead, below = 0.05, bracket[1] + bracket_height - 0.09 * size
        thigh, knee = leg_angles_deg(ahead, below, thigh_m, shin_m)
        builder.leg(side, thigh + pelvis, knee, np.clip(knee - thigh, -30, 25), abduction=rng.uniform(-2, 6))
        lifted = rng.uniform(38, 72)
        builder.arm(side, lifted + 0.8 * (pelvis + spine), rng.uniform(8, 45), abduction=rng.uniform(5, 16),
                    rotation=rng.uniform(0, 12), fingers=70)  # fmt: skip
    builder.pelvis(lean=pelvis).spine(bend=spine).neck(
        bend=-0.7 * (pelvis + spine) + rng.normal(8, 8), twist=rng.normal(0, 18))  # fmt: skip
    hip_height = float(bracket[1] + bracket_height)
    ride = Ride("cycling", hip_height, size, (float(bracket[0]), float(bracket[1])), crank_angle)
    return DrawnPose("cycling", builder.with_noise(rng, 1.0).pose, contact="ride", ride=ride, activity="cycling")


def on_scooter(rng: np.random.Generator) -> DrawnPose:
    """Standing on a kick scooter, both hands on its bar."""
    builder = PoseBuilder()
    bent = rng.uniform(2, 25)
    front = "left" if rng.random() < 0.5 else "right"
    for side in ("left", "right"):
        step = rng.uniform(4, 12) * (1 if side == front else -1)
        builder.leg(side, 0.5 * bent + step, bent, 0.5 * bent - step, abduction=-1.5, rotation=rng.uniform(0, 25))
        builder.arm(side, rng.uniform(22, 48), rng.uniform(25, 75), abduction=rng.uniform(4, 14),
                    rotation=rng.uniform(0, 15), fingers=70)  # fmt: skip
    builder.pelvis(lean=rng.uniform(-2, 8)).spine(bend=rng.uniform(-2, 14)).neck(
        bend=rng.normal(2, 7), twist=rng.normal(0, 20))  # fmt: skip
    ride = Ride("scooter", 0.0, 1.0)
    return DrawnPose("scooter", builder.with_noise(rng, 1.0).pose, contact="feet", ride=ride, activity="on a scooter")


def in_wheelchair(rng: np.random.Generator, thigh_height_m: float, shin_m: float) -> DrawnPose:
    """Sitting in a wheelchair, hands on the lap or the rims."""
    seated = sitting(rng, thigh_height_m, shin_m)
    builder = PoseBuilder()
    builder.pose[:] = seated.pose
    if rng.random() < 0.5:
        for side in ("left", "right"):
            builder.arm(side, rng.uniform(-25, 20), rng.uniform(20, 60), abduction=rng.uniform(12, 22), fingers=50)
    ride = Ride("wheelchair", 0.0, 1.0)
    return DrawnPose("wheelchair", builder.pose, contact="seat", seat_height_m=float(rng.uniform(0.46, 0.56)), ride=ride,
                     activity="in a wheelchair")  # fmt: skip
