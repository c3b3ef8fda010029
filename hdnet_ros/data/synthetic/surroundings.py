"""What encloses a scene: rooms with doors and pictures, buildings and hedges behind the people."""

from __future__ import annotations

import numpy as np

from hdnet_ros.data.synthetic.cameras import CameraView
from hdnet_ros.data.synthetic.furniture import PrimitiveList, random_tint
from hdnet_ros.data.synthetic.raycast import BOX, ELLIPSOID

Rng = np.random.Generator


def add_room(out: PrimitiveList, rng: Rng, view: CameraView, meshes) -> None:
    """Four walls and a ceiling around camera and people, with doors and pictures on the walls."""
    yaw = rng.uniform(0, np.pi)
    c, s = np.cos(yaw), np.sin(yaw)
    points = np.concatenate([view.position_world_m[None, :2]] + [m.vertices_world_m[::50, :2] for m in meshes])
    local = points @ np.array([[c, -s], [s, c]])
    low = local.min(0) - rng.uniform(0.4, 4.0, 2)
    high = local.max(0) + rng.uniform(0.4, 4.0, 2)
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    height = max(rng.uniform(2.4, 4.0), view.position_world_m[2] + 0.3)
    centre = np.array([c * middle[0] - s * middle[1], s * middle[0] + c * middle[1]])
    tint = random_tint(rng, 0.03)
    out.add(
        rng,
        BOX,
        (*centre, height / 2 - 1),
        (*half, height / 2 + 1),
        yaw,
        kind="wall_indoor",
        tint=tint,
        casts=False,
        room=True,
    )
    out.rows[-1][10] = out.bank.pick(rng, "plain")
    for _ in range(int(rng.integers(0, 9))):
        out.next_thing()
        side, is_door = int(rng.integers(4)), rng.random() < 0.4
        size = (rng.uniform(0.4, 0.6), 1.02) if is_door else rng.uniform(0.2, 0.9, 2)
        along = rng.uniform(-1, 1) * max(half[1 - side % 2] - size[0], 0.1)
        level = 1.02 if is_door else rng.uniform(1.2, 1.9)
        sign = 1 if side < 2 else -1
        place = np.array([sign * half[0], along]) if side % 2 == 0 else np.array([along, sign * half[1]])
        place = centre + np.array([c * place[0] - s * place[1], s * place[0] + c * place[1]])
        flat = (0.03, size[0], size[1]) if side % 2 == 0 else (size[0], 0.03, size[1])
        out.add(
            rng,
            BOX,
            (*place, level),
            flat,
            yaw,
            kind="surface" if is_door else rng.choice(["sign", "plain", "surface"]),
            casts=False,
        )


def add_buildings(out: PrimitiveList, rng: Rng, view: CameraView) -> None:
    """Buildings and hedges behind the people, sometimes one close to the side."""
    away = -view.position_world_m[:2]
    distance = float(np.linalg.norm(away))
    away = away / max(distance, 1e-6)
    side = np.array([-away[1], away[0]])
    yaw = np.arctan2(away[1], away[0]) + rng.normal(0, 0.35)
    for _ in range(int(rng.integers(0, 4))):
        out.next_thing()
        half = np.array([rng.uniform(3, 8), rng.uniform(4, 18), rng.uniform(1.3, 8)])
        behind = rng.uniform(1.5, 30) + half[0] + 0.3 * half[1]
        place = behind * away + rng.uniform(-1, 1) * (0.6 * distance + 8) * side
        if np.linalg.norm(place) < half[:2].max() + 1.5:
            continue
        out.add(rng, BOX, (*place, half[2]), half, yaw, kind="wall_outdoor", tint=random_tint(rng, 0.08))
    for _ in range(int(rng.integers(0, 5))):
        out.next_thing()
        size = rng.uniform(0.6, 3, 3)
        place = (rng.uniform(2, 25) + size[0]) * away + rng.uniform(-1, 1) * (0.6 * distance + 6) * side
        out.add(rng, ELLIPSOID, (*place, 0.3 * size[2]), size, kind="foliage")
