"""Poses near the floor: squatting, kneeling, sitting on it, lying."""

from __future__ import annotations

import numpy as np

from hdnet_ros.data.synthetic.pose_math import PoseBuilder, turn
from hdnet_ros.data.synthetic.poses import DrawnPose
from hdnet_ros.data.synthetic.rig import POSE_INDEX


def on_the_floor(rng: np.random.Generator) -> DrawnPose:
    """Sitting on the floor, legs stretched, drawn up or crossed."""
    builder = PoseBuilder()
    lean = rng.uniform(-25, 15)
    drawn_up, open_deg = rng.uniform(0, 1), rng.uniform(0, 30)
    for side in ("left", "right"):
        knee = 125 * drawn_up + rng.uniform(0, 15)
        builder.leg(side, lean + 88 + 0.35 * knee, knee, rng.uniform(-15, 10), abduction=open_deg, rotation=rng.uniform(0, 25))
        builder.arm(side, rng.uniform(10, 60) - min(lean, 0), rng.uniform(10, 80), abduction=rng.uniform(3, 25),
                    rotation=rng.uniform(0, 30), fingers=30)
    builder.pelvis(lean=lean).spine(bend=rng.uniform(0, 30), twist=rng.normal(0, 8))
    builder.neck(bend=rng.normal(2, 12), twist=rng.normal(0, 22))
    return DrawnPose("crouching", builder.with_noise(rng, 2.0).pose, contact="lowest", activity="sitting on the floor")


def crouching(rng: np.random.Generator) -> DrawnPose:
    """Squatting on both feet, kneeling on one knee or both, or sitting on the floor."""
    if rng.random() < 0.25:
        return on_the_floor(rng)
    builder = PoseBuilder()
    style = rng.random()
    lean = rng.uniform(5, 35)
    for side in ("left", "right"):
        if style < 0.5:
            knee = rng.uniform(105, 138)
            builder.leg(side, lean + 0.72 * knee, knee, 0.28 * knee, abduction=rng.uniform(0, 20), rotation=rng.uniform(0, 20))
        elif side == "left" or style > 0.85:
            builder.leg(side, lean + rng.uniform(-10, 12), rng.uniform(88, 112), -25, abduction=rng.uniform(0, 8))
        else:
            builder.leg(side, lean + rng.uniform(78, 96), rng.uniform(82, 100), 3, abduction=rng.uniform(0, 12))
        builder.arm(side, rng.uniform(5, 75), rng.uniform(10, 95), abduction=rng.uniform(0, 25),
                    rotation=rng.uniform(0, 35), fingers=35)
    builder.pelvis(lean=lean).spine(bend=rng.uniform(0, 35), twist=rng.normal(0, 8))
    builder.neck(bend=rng.uniform(-20, 20), twist=rng.normal(0, 20))
    return DrawnPose("crouching", builder.with_noise(rng, 2.5).pose, contact="lowest")


def lying(rng: np.random.Generator) -> DrawnPose:
    """Lying on the back, the belly or a side, limbs relaxed."""
    builder = PoseBuilder()
    for side in ("left", "right"):
        builder.leg(side, rng.uniform(-4, 30), rng.uniform(0, 45), -rng.uniform(5, 25), abduction=rng.uniform(0, 14),
                    rotation=rng.uniform(0, 30))
        builder.arm(side, rng.uniform(-5, 50), rng.uniform(5, 70), abduction=rng.uniform(5, 70), rotation=rng.uniform(0, 40))
    builder.spine(bend=rng.normal(3, 5), twist=rng.normal(0, 5)).neck(bend=rng.normal(5, 8), twist=rng.normal(0, 25))
    roll = (0.0, 180.0, 90.0, -90.0)[int(rng.integers(4))] + rng.normal(0, 8)
    builder.pose[POSE_INDEX["pelvis"]] = turn("y", -90.0) @ turn("z", roll)
    return DrawnPose("lying", builder.with_noise(rng, 3.0).pose, contact="lowest")
