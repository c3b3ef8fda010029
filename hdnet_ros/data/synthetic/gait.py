"""Walking and running as joint angles over the gait cycle.

Angles follow the textbook shape of healthy gait (hip 30 to -10 degrees, knee peaks of 18 and 60,
ankle push-off), as periodic curves through a few rounded support points; stride, posture and arm swing vary.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from hdnet_ros.data.synthetic.pose_math import PoseBuilder

_WALK = {
    "hip": [(0, 30), (10, 25), (20, 16), (30, 5), (40, -5), (51, -10), (60, -3), (70, 14), (80, 27), (90, 33)],
    "knee": [(0, 4), (10, 15), (15, 18), (25, 13), (38, 5), (50, 11), (60, 36), (71, 61), (80, 50), (90, 17), (96, 4)],
    "ankle": [(0, 0), (7, -6), (20, 3), (40, 9), (48, 10), (55, 0), (62, -17), (70, -9), (80, 0), (92, 2)],
    "toes": [(0, 12), (10, 0), (40, 0), (52, 22), (60, 28), (68, 5), (85, 10)],
}
_RUN = {
    "hip": [(0, 38), (10, 30), (20, 12), (30, -5), (38, -12), (48, 0), (60, 30), (72, 58), (82, 60), (92, 46)],
    "knee": [(0, 20), (10, 40), (16, 44), (26, 28), (36, 16), (46, 45), (58, 95), (68, 108), (80, 70), (92, 24)],
    "ankle": [(0, 4), (10, 18), (18, 24), (28, 5), (38, -24), (50, -14), (65, 0), (85, 2)],
    "toes": [(0, 5), (20, 5), (34, 28), (44, 8), (60, 0), (85, 4)],
}


def _curves(points: dict[str, list[tuple[float, float]]]) -> dict[str, CubicSpline]:
    curves = {}
    for name, support in points.items():
        phase, angle = zip(*support, (support[0][0] + 100.0, support[0][1]))
        curves[name] = CubicSpline(np.array(phase) / 100.0, angle, bc_type="periodic")
    return curves


WALK_CURVES, RUN_CURVES = _curves(_WALK), _curves(_RUN)


def _legs(builder: PoseBuilder, rng: np.random.Generator, curves: dict, phase: float, stride: float,
          crouch: float) -> None:
    width, toe_out = rng.uniform(-3.5, 2.5), rng.uniform(0.0, 14.0)
    for side, shift in (("left", 0.0), ("right", 0.5)):
        at = (phase + shift) % 1.0
        hip = 8.0 + (float(curves["hip"](at)) - 8.0) * stride + crouch
        knee = 5.0 + (float(curves["knee"](at)) - 5.0) * (0.35 + 0.65 * stride) + 1.8 * crouch
        ankle = float(curves["ankle"](at)) * stride + crouch
        builder.leg(side, hip, knee, ankle, abduction=width, rotation=toe_out,
                    toes=float(curves["toes"](at)) * min(stride, 1.0))


def walking(rng: np.random.Generator, builder: PoseBuilder | None = None, arms: bool = True,
            phase: float | None = None) -> PoseBuilder:
    """A moment of walking, from a shuffle to a hurried stride.

    `phase` is 0 to 1 from one strike of the left heel to the next; drawn when None. The same generator state gives
    the same gait at every phase.
    """
    builder = builder or PoseBuilder()
    drawn, stride = rng.random(), float(np.clip(rng.normal(0.88, 0.2), 0.25, 1.3))
    phase = drawn if phase is None else phase
    swing = np.cos(2 * np.pi * phase)
    _legs(builder, rng, WALK_CURVES, phase, stride, crouch=max(0.0, rng.normal(0.0, 3.0)))
    builder.pelvis(lean=rng.normal(3.0, 2.5), tilt=rng.normal(0, 1.5) + 4 * np.sin(2 * np.pi * phase),
                   yaw=-5.0 * stride * swing)
    builder.spine(bend=rng.normal(2.0, 5.0), side=rng.normal(0, 2) - 3 * np.sin(2 * np.pi * phase),
                  twist=8.0 * stride * swing + rng.normal(0, 3))
    look_down = rng.random() < 0.3
    builder.neck(bend=rng.uniform(10, 32) if look_down else rng.normal(1, 5), twist=rng.normal(0, 16))
    if arms:
        amplitude = max(2.0, rng.normal(17.0, 8.0)) * stride
        for side, sign in (("left", -1.0), ("right", 1.0)):
            flexion = rng.normal(0, 4) + sign * swing * amplitude
            builder.arm(side, flexion, max(6.0, rng.normal(17, 8) + 0.6 * flexion), abduction=max(3.0, rng.normal(8, 3)),
                        rotation=rng.uniform(0, 30), pronation=rng.uniform(-15, 35), fingers=rng.uniform(10, 50))
    return builder


def running(rng: np.random.Generator) -> PoseBuilder:
    """A moment of jogging or running."""
    builder = PoseBuilder()
    phase, stride = rng.random(), rng.uniform(0.55, 1.15)
    swing = np.cos(2 * np.pi * phase)
    _legs(builder, rng, RUN_CURVES, phase, stride, crouch=rng.uniform(0, 4))
    builder.pelvis(lean=rng.uniform(4, 14), yaw=-7 * stride * swing)
    builder.spine(bend=rng.uniform(0, 10), twist=14 * stride * swing).neck(bend=rng.normal(-6, 6), twist=rng.normal(0, 10))
    for side, sign in (("left", -1.0), ("right", 1.0)):
        flexion = rng.normal(-8, 5) + sign * swing * rng.uniform(22, 42)
        builder.arm(side, flexion, rng.uniform(70, 105) + 0.3 * flexion, abduction=rng.uniform(8, 20),
                    rotation=rng.uniform(5, 30), fingers=rng.uniform(40, 80))
    return builder
