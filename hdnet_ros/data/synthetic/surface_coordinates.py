"""Body-independent coordinates of the skin, in which clothes, hair and patterns are described.

Every body shares the mesh, so one set of coordinates per vertex serves all of them. Columns:
x, y, z (metres on the template body, for noise and patterns), `arm`, `height` and `hair`.

- `arm`: 0 at the shoulder joint, 0.5 at the elbow, 1 at the wrist, above 1 on the hand; negative off the arm.
- `height`: 1.2 at the sole, 1 at the ankle, 0.5 at the knee, 0 at the hip joint, -1 at the neck's base, below on the head.
- `hair`: signed distance in metres to an ordinary hairline, positive where hair grows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hdnet_ros.data.synthetic.rig import Rig

COORDINATE_NAMES = ("x", "y", "z", "arm", "height", "hair")
ARM, HEIGHT, HAIR = 3, 4, 5


def bone_share(rig: Rig, bones: NDArray, weights: NDArray, stems: tuple[str, ...]) -> NDArray:
    """Total skin weight (V,) of the bones whose label starts with one of `stems`."""
    member = np.array([label.startswith(stems) for label in rig.labels])
    return np.sum(weights * member[bones], axis=1)


def surface_coordinates(
    template: NDArray, heads: NDArray, rig: Rig, bones: NDArray, weights: NDArray
) -> NDArray:
    """Coordinates (V, 6) float32 of the template's vertices (V, 3), from its bones (B, 3)."""
    arm = np.full(len(template), -0.3)
    for side in "LR":
        shoulder, elbow, wrist, knuckle = (
            heads[rig.index(f"{name}.{side}")] for name in ("upperarm01", "lowerarm01", "wrist", "finger3-1"))
        chain = (f"upperarm01.{side}", f"upperarm02.{side}", f"lowerarm01.{side}", f"lowerarm02.{side}",
                 f"wrist.{side}", "finger", "metacarpal")
        on_side = (template[:, 1] > 0) == (side == "L")
        share = bone_share(rig, bones, weights, chain) * on_side
        along = _along_chain(template, shoulder, elbow, wrist, knuckle)
        blend = np.clip(share / 0.5, 0.0, 1.0)
        arm = np.where(share > 0.02, blend * along + (1.0 - blend) * np.minimum(along, -0.05), arm)
    height = _height(template, heads, rig)
    hair = _hairline_distance(template, heads, rig)
    hair = np.where(bone_share(rig, bones, weights, ("head", "neck0", "eye")) > 0.6, hair, -0.2)
    return np.column_stack([template, arm, height, hair]).astype(np.float32)


def _along_chain(points: NDArray, shoulder: NDArray, elbow: NDArray, wrist: NDArray, knuckle: NDArray) -> NDArray:
    def fraction(start: NDArray, end: NDArray) -> NDArray:
        axis = end - start
        return (points - start) @ axis / (axis @ axis)

    upper, fore, hand = fraction(shoulder, elbow), fraction(elbow, wrist), fraction(wrist, knuckle)
    along = np.where(fore > 0.0, 0.5 + 0.5 * fore, 0.5 * np.minimum(upper, 1.0))
    return np.where(hand > 0.0, 1.0 + 0.2 * hand, along)


def _height(template: NDArray, heads: NDArray, rig: Rig) -> NDArray:
    levels = [template[:, 2].min()]
    levels += [heads[rig.index(f"{name}.L"), 2] for name in ("foot", "lowerleg01", "upperleg01")]
    levels += [heads[rig.index("neck01"), 2], template[:, 2].max()]
    return np.interp(template[:, 2], levels, [1.2, 1.0, 0.5, 0.0, -1.0, -1.6])


def _hairline_distance(template: NDArray, heads: NDArray, rig: Rig) -> NDArray:
    eye = heads[rig.index("eye.L")]
    middle_x = heads[rig.index("head"), 0]
    forward, up = template[:, 0] - middle_x, template[:, 2] - eye[2]
    front = 0.62 * (up - 0.055) - 0.78 * (forward - 0.075)
    # Sideburns end in front of the ear; the nape ends a little above the collar.
    side = -(forward - 0.02) + np.maximum(up - 0.02, 0.0)
    nape = up + 0.075
    ear = np.where((np.abs(up + 0.005) < 0.035) & (np.abs(template[:, 1]) > 0.076), -0.02, 1.0)
    return np.minimum(np.minimum(np.maximum(front, -0.1), nape), np.minimum(np.maximum(side, front), ear))
