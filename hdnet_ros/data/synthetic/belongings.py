"""What people ride, push, lean on or hold over themselves: meshes of their own, as detectors do not take them for people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hdnet_ros.data.synthetic.clothes import cloth
from hdnet_ros.data.synthetic.garments import blob_mesh, grid_faces, place
from hdnet_ros.data.synthetic.mesh import TWO_SIDED, Mesh, join_meshes, plain_material
from hdnet_ros.data.synthetic.palettes import cloth_colour, shoe_colour
from hdnet_ros.data.synthetic.poses import DrawnPose

Rng = np.random.Generator
RUBBER = plain_material((0.012, 0.012, 0.013), noise=0.1)
METAL = plain_material((0.35, 0.36, 0.37), gloss=0.4, noise=0.03)


def tube(start_m, end_m, radius_m: float, material: NDArray, sides: int = 6) -> Mesh:
    """An open tube between two points (3,)."""
    start, end = np.asarray(start_m, np.float64), np.asarray(end_m, np.float64)
    way = (end - start) / max(float(np.linalg.norm(end - start)), 1e-6)
    across = np.cross(way, [0.0, 0.0, 1.0] if abs(way[2]) < 0.9 else [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    angle = np.linspace(0.0, 2.0 * np.pi, sides, endpoint=False)
    ring = radius_m * (np.outer(np.cos(angle), across) + np.outer(np.sin(angle), np.cross(way, across)))
    return Mesh.of_one_material(np.concatenate([start + ring, end + ring]), grid_faces(2, sides), _both_sides(material))


def wheel(centre_m, radius_m: float, tyre_m: float, material: NDArray = RUBBER) -> Mesh:
    """An upright wheel that rolls along x: a tyre, a hub and six spokes."""
    round_, section = (
        np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False),
        np.linspace(0.0, 2.0 * np.pi, 5, endpoint=False),
    )
    reach = radius_m - tyre_m + tyre_m * np.cos(section)[:, None]
    x, z = reach * np.cos(round_), reach * np.sin(round_)
    y = np.broadcast_to(tyre_m * np.sin(section)[:, None], x.shape)
    points = np.stack([x, y, z], -1).reshape(-1, 3)
    closing = grid_faces(2, 24)
    closing = np.where(closing < 24, closing + 4 * 24, closing - 24)
    faces = np.concatenate([grid_faces(5, 24), closing])
    tyre = Mesh.of_one_material(points + centre_m, faces, _both_sides(material))
    spokes = [
        tube(centre_m, centre_m + (radius_m - tyre_m) * np.array([np.cos(a), 0.0, np.sin(a)]), 0.004, METAL, 3)
        for a in np.arange(6) * np.pi / 3
    ]
    return join_meshes([tyre, *spokes])


def _both_sides(material: NDArray) -> NDArray:
    row = material.copy()
    row[TWO_SIDED] = 1.0
    return row


def _paint(rng: Rng) -> NDArray:
    colour = shoe_colour(rng) if rng.random() < 0.5 else cloth_colour(rng)
    return plain_material(colour, gloss=0.3, noise=0.03, seed=int(rng.integers(1 << 20)))


def _slab(centre_m, half_m, material: NDArray) -> Mesh:
    return place(blob_mesh(np.asarray(half_m, np.float64), material, 0.9), np.eye(3), np.asarray(centre_m))


def belongings_of(
    rng: Rng, joints_m: NDArray, hands_m: tuple[NDArray, NDArray], floor_m: float, pose: DrawnPose
) -> Mesh | None:
    """What goes with a pose of somebody who faces +x, in the axes of the joints (17, 3); None for nothing.

    Parameters
    ----------
    hands_m : middle of the left and of the right hand, (3,) each
    floor_m : height of the floor in these axes
    """
    parts: list[Mesh] = []
    if pose.ride is not None:
        parts += _VEHICLES[pose.ride.kind](rng, joints_m, hands_m, floor_m, pose)
    for side, thing in pose.carries.items():
        if thing in _HELD:
            parts += _HELD[thing](rng, joints_m, hands_m, floor_m, side)
    return join_meshes(parts) if parts else None


def _bicycle(rng: Rng, joints_m, hands_m, floor_m: float, pose: DrawnPose) -> list[Mesh]:
    size, paint = pose.ride.size, _paint(rng)
    hip = joints_m[0]
    bracket = hip + np.array([pose.ride.bracket_m[0], 0.0, -pose.ride.bracket_m[1]])
    bar = 0.5 * (hands_m[0] + hands_m[1]) * (1, 0, 1)
    radius, tyre = 0.345 * np.clip(size, 0.55, 1.0), rng.uniform(0.014, 0.028)
    rear = np.array([bracket[0] - 0.43 * np.clip(size, 0.6, 1.05), 0.0, floor_m + radius])
    front = np.array([max(bar[0] + 0.08, bracket[0] + 0.55 * size), 0.0, floor_m + radius])
    saddle = hip + np.array([-0.05, 0.0, -0.09]) * size
    head_top, head_low = bar + np.array([0.02, 0.0, -0.05]), front + 0.55 * (bar - front)
    low = rng.random() < 0.35  # a frame to step through
    top_from = bracket + (0.25 if low else 0.75) * (saddle - bracket)
    frame = ((bracket, saddle), (top_from, head_low if low else head_top), (bracket, head_low), (bracket, rear),
             (rear, top_from), (front, head_top), (head_top, bar))  # fmt: skip
    parts = [wheel(rear, radius, tyre), wheel(front, radius, tyre)]
    parts += [tube(start, end, 0.01 if end is rear else 0.018, paint) for start, end in frame]
    half_bar = max(0.2 * size, 0.5 * abs(hands_m[0][1] - hands_m[1][1]))
    parts.append(tube(bar - (0, half_bar, 0), bar + (0, half_bar, 0), 0.014, METAL))
    parts.append(_slab(saddle, np.array([0.13, 0.07, 0.03]) * size, RUBBER))
    parts += _pedals(bracket, pose, size)
    return parts + _bicycle_loads(rng, rear, front, radius, size)


def _pedals(bracket: NDArray, pose: DrawnPose, size: float) -> list[Mesh]:
    angle, crank, parts = pose.ride.crank_rad, 0.17 * min(size, 1.05), []
    for turn, side in ((0.0, 1.0), (np.pi, -1.0)):
        pedal = bracket + np.array([crank * np.cos(angle + turn), side * 0.06, -crank * np.sin(angle + turn)])
        parts += [
            tube(bracket + (0, side * 0.06, 0), pedal, 0.01, METAL, 4),
            _slab(pedal + (0, side * 0.05, 0), (0.05, 0.045, 0.01), RUBBER),
        ]
    return parts


def _bicycle_loads(rng: Rng, rear: NDArray, front: NDArray, radius: float, size: float) -> list[Mesh]:
    """A basket, panniers, a child's seat, or nothing."""
    draw, material = rng.random(), cloth(rng, cloth_colour(rng), patterned=0.1)
    if draw < 0.2:
        return [_slab(front + (0.02, 0.0, radius + 0.22 * size), np.array([0.15, 0.18, 0.13]) * size, material)]
    if draw < 0.4:
        return [
            _slab(rear + (0.0, s * 0.14, 0.5 * radius), np.array([0.16, 0.06, 0.17]) * size, material) for s in (-1, 1)
        ]
    if draw < 0.47:
        return [_slab(rear + (0.0, 0.0, radius + 0.25 * size), np.array([0.16, 0.16, 0.24]) * size, material)]
    return []


def _scooter(rng: Rng, joints_m, hands_m, floor_m: float, pose: DrawnPose) -> list[Mesh]:
    paint = _paint(rng)
    ankles, bar = 0.5 * (joints_m[3] + joints_m[6]), 0.5 * (hands_m[0] + hands_m[1])
    radius = rng.uniform(0.07, 0.13)
    deck_top = floor_m + SCOOTER_DECK_M
    front = np.array([max(ankles[0] + 0.38, bar[0] + 0.04), 0.0, floor_m + radius])
    rear = np.array([ankles[0] - 0.4, 0.0, floor_m + radius])
    half_bar = max(0.2, 0.5 * abs(hands_m[0][1] - hands_m[1][1]))
    middle = 0.5 * (front + rear)
    return [
        wheel(front, radius, 0.025), wheel(rear, radius, 0.025),
        _slab((middle[0] - 0.03, 0.0, deck_top - 0.025), (0.5 * (front[0] - rear[0]) - 0.1, 0.075, 0.025), paint),
        tube(front, (bar[0], 0.0, bar[2]), 0.024, paint), tube(front, (front[0] - 0.14, 0.0, deck_top - 0.02), 0.03, paint),
        tube((bar[0], -half_bar, bar[2]), (bar[0], half_bar, bar[2]), 0.015, RUBBER),
    ]  # fmt: skip


def _wheelchair(rng: Rng, joints_m, hands_m, floor_m: float, pose: DrawnPose) -> list[Mesh]:
    paint, fabric = _paint(rng), cloth(rng, shoe_colour(rng), patterned=0.0)
    hip, half = joints_m[0], 0.5 * abs(joints_m[4][1] - joints_m[1][1]) + rng.uniform(0.12, 0.16)
    seat = float(hip[2]) - 0.09
    radius = rng.uniform(0.27, 0.31)
    parts = [_slab((hip[0] + 0.08, 0.0, seat - 0.02), (0.22, half - 0.02, 0.025), fabric),
             _slab((hip[0] - 0.16, 0.0, seat + 0.23), (0.025, half - 0.02, 0.22), fabric)]  # fmt: skip
    knee, foot = joints_m[5], joints_m[6]
    for side in (-1.0, 1.0):
        y = side * half
        parts += [
            wheel(np.array([hip[0] - 0.03, y + side * 0.05, floor_m + radius]), radius, 0.016),
            wheel(np.array([knee[0] - 0.02, y - side * 0.05, floor_m + 0.08]), 0.08, 0.02),
            tube((hip[0] - 0.18, y, seat + 0.45), (hip[0] - 0.18, y, floor_m + radius), 0.014, paint),
            tube((hip[0] - 0.18, y, seat + 0.45), (hip[0] - 0.3, y, seat + 0.43), 0.018, RUBBER),
            tube((hip[0] - 0.18, y, seat), (knee[0], y, seat), 0.014, paint),
            tube((knee[0], y, seat), (foot[0], y, foot[2] - 0.06), 0.014, paint),
            tube((hip[0] - 0.18, y, seat + 0.2), (hip[0] + 0.2, y, seat + 0.2), 0.018, RUBBER),
        ]
    parts.append(_slab((foot[0] + 0.08, 0.0, foot[2] - 0.09), (0.09, half - 0.03, 0.012), RUBBER))
    return parts


def _pushed(rng: Rng, joints_m, hands_m, floor_m: float, side: str) -> list[Mesh]:
    """A pram, a rollator, a shopping trolley or a loaded cart, whichever; its handle is in the hands."""
    hand, paint = 0.5 * (hands_m[0] + hands_m[1]), _paint(rng)
    half = max(0.18, 0.5 * abs(hands_m[0][1] - hands_m[1][1]))
    draw = rng.random()
    if draw < 0.4:
        return _pram(rng, hand, half, floor_m, paint)
    if draw < 0.65:
        return _rollator(hand, half, floor_m, paint)
    top = hand[2] - rng.uniform(0.03, 0.15)
    low = floor_m + rng.uniform(0.15, 0.45)
    long, wide = rng.uniform(0.25, 0.45), rng.uniform(0.22, 0.3)
    material = METAL if draw < 0.8 else cloth(rng, cloth_colour(rng), patterned=0.4, bump=0.05)
    centre = np.array([hand[0] + long + 0.1, 0.0, 0.5 * (top + low)])
    parts = [
        _slab(centre, (long, wide, max(0.5 * (top - low), 0.05)), material),
        tube(hand - (0, half, 0), hand + (0, half, 0), 0.015, paint),
    ]
    for x in (centre[0] - 0.8 * long, centre[0] + 0.8 * long):
        for y in (-0.8 * wide, 0.8 * wide):
            parts += [
                wheel(np.array([x, y, floor_m + 0.06]), 0.06, 0.02),
                tube((x, y, floor_m + 0.06), (x, y, low + 0.02), 0.012, paint, 4),
            ]
    return [
        *parts,
        *(tube((hand[0], s * half, hand[2]), (centre[0] - long, s * wide, top), 0.013, paint, 4) for s in (-1, 1)),
    ]


def _pram(rng: Rng, hand: NDArray, half: float, floor_m: float, paint: NDArray) -> list[Mesh]:
    material = cloth(rng, cloth_colour(rng), patterned=0.15)
    middle = np.array([hand[0] + rng.uniform(0.42, 0.55), 0.0, floor_m + rng.uniform(0.55, 0.7)])
    parts = [_slab(middle, (0.36, 0.19, 0.13), material)]
    hood_at = middle + np.array([rng.choice([-0.22, 0.2]), 0.0, 0.14])
    parts.append(place(blob_mesh(np.array([0.2, 0.19, 0.2]), material, 0.15), np.eye(3), hood_at))
    for x in (-0.3, 0.32):
        radius = rng.uniform(0.09, 0.16)
        for s in (-1, 1):
            hub = np.array([middle[0] + x, s * 0.25, floor_m + radius])
            parts += [wheel(hub, radius, 0.02), tube(hub, middle + (-0.6 * x, s * 0.2, -0.1), 0.013, paint, 4)]
    parts += [tube((hand[0], s * half, hand[2]), middle + (-0.25, s * 0.2, -0.12), 0.014, paint, 4) for s in (-1, 1)]
    return [*parts, tube(hand - (0, half, 0), hand + (0, half, 0), 0.016, RUBBER)]


def _rollator(hand: NDArray, half: float, floor_m: float, paint: NDArray) -> list[Mesh]:
    parts = [_slab((hand[0] + 0.2, 0.0, 0.5 * (hand[2] + floor_m)), (0.14, 0.2, 0.015), RUBBER)]
    for s in (-1, 1):
        grip = np.array([hand[0], s * max(half, 0.24), hand[2]])
        for x in (-0.02, 0.5):
            hub = np.array([hand[0] + x, grip[1], floor_m + 0.1])
            parts += [wheel(hub, 0.1, 0.02), tube(hub, grip + (0.2 * (x > 0), 0, -0.25 * (x > 0)), 0.014, paint, 4)]
        parts.append(tube(grip - (0.08, 0, 0), grip + (0.08, 0, 0), 0.018, RUBBER))
    return parts


def _umbrella(rng: Rng, joints_m, hands_m, floor_m: float, side: str) -> list[Mesh]:
    hand = hands_m[0] if side == "left" else hands_m[1]
    radius, depth = rng.uniform(0.42, 0.62), rng.uniform(0.14, 0.24)
    above_head = max(joints_m[10][2] + rng.uniform(0.06, 0.22), hand[2] + 0.4)
    lean = 0.6 * (joints_m[10] - hand) * (1, 1, 0)
    top = np.array([hand[0] + lean[0], hand[1] + lean[1], above_head + depth])
    angle = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
    way = (top - hand) / np.linalg.norm(top - hand)
    across = np.cross(way, [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across)
    rows = []
    for share in (0.02, 0.35, 0.7, 1.0):
        scallop = 1.0 + 0.04 * share * np.cos(8 * angle)
        ring = (
            share
            * radius
            * scallop[:, None]
            * (np.outer(np.cos(angle), across) + np.outer(np.sin(angle), np.cross(way, across)))
        )
        rows.append(top + ring - depth * share**2 * way)
    canopy = cloth(rng, shoe_colour(rng) if rng.random() < 0.5 else cloth_colour(rng), patterned=0.2, bump=0.05)
    points = np.concatenate(rows)
    return [
        Mesh.of_one_material(points, grid_faces(4, 16), _both_sides(canopy)),
        tube(hand - 0.08 * way, top + 0.04 * way, 0.008, METAL, 4),
    ]


def _cane(rng: Rng, joints_m, hands_m, floor_m: float, side: str) -> list[Mesh]:
    """A cane, or a crutch up to the elbow."""
    hand = hands_m[0] if side == "left" else hands_m[1]
    foot = np.array([hand[0] + rng.uniform(0.0, 0.25), hand[1] + rng.normal(0, 0.03), floor_m])
    parts = [tube(foot, hand, 0.012, _paint(rng)), tube(hand - (0.06, 0, 0), hand + (0.06, 0, 0), 0.014, RUBBER)]
    if rng.random() < 0.4:
        parts.append(tube(hand, joints_m[12] if side == "left" else joints_m[15], 0.014, METAL))
    return parts


SCOOTER_DECK_M = 0.15
_VEHICLES = {"cycling": _bicycle, "scooter": _scooter, "wheelchair": _wheelchair}
_HELD = {"pushed": _pushed, "umbrella": _umbrella, "cane": _cane}
