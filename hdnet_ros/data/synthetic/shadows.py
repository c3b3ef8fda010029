"""Soft shadows of people: a light-space map for the sun and a floor map of contact shadows."""

from __future__ import annotations

import cv2
import numba
import numpy as np

from hdnet_ros.data.synthetic.raycast import BOX

_jit = numba.njit(cache=True, nogil=True)


@_jit
def _splat(points, faces, a_axis, b_axis, light, frame, opacity, toward):
    """Mark the cells that vertices and face centres fall into and keep the value nearest to the light."""
    for k in range(points.shape[0] + faces.shape[0]):
        if k < points.shape[0]:
            x, y, z = points[k, 0], points[k, 1], points[k, 2]
        else:
            f = faces[k - points.shape[0]]
            x = (points[f[0], 0] + points[f[1], 0] + points[f[2], 0]) / 3
            y = (points[f[0], 1] + points[f[1], 1] + points[f[2], 1]) / 3
            z = (points[f[0], 2] + points[f[1], 2] + points[f[2], 2]) / 3
        i = int((x * a_axis[0] + y * a_axis[1] + z * a_axis[2] - frame[9]) * frame[11])
        j = int((x * b_axis[0] + y * b_axis[1] + z * b_axis[2] - frame[10]) * frame[11])
        if 0 <= i < opacity.shape[1] and 0 <= j < opacity.shape[0]:
            opacity[j, i] = 1.0
            toward[j, i] = max(toward[j, i], x * light[0] + y * light[1] + z * light[2])


def sun_shadow_map(meshes, light_direction: np.ndarray, softness_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Map (2,h,w) of the people's shadow (share of light taken, place along the light) and its 12-number frame.

    Parameters
    ----------
    meshes : people in world metres
    light_direction : (3,) unit vector towards the light
    softness_m : blur of the shadow's edge
    """
    a_axis = np.cross([0.0, 0.0, 1.0], light_direction)
    a_axis = a_axis / np.linalg.norm(a_axis) if np.linalg.norm(a_axis) > 1e-3 else np.array([1.0, 0, 0])
    b_axis = np.cross(light_direction, a_axis)
    everything = np.concatenate([np.asarray(m.vertices_world_m)[::13] for m in meshes])
    a, b = everything @ a_axis, everything @ b_axis
    margin = 0.1 + 3 * softness_m
    span = max(np.ptp(a), np.ptp(b)) + 2 * margin
    cell = max(0.014, span / 320)
    frame = np.array([*a_axis, *b_axis, 0, 0, 0, a.min() - margin, b.min() - margin, 1 / cell])
    size = int((np.ptp(b) + 2 * margin) / cell) + 2, int((np.ptp(a) + 2 * margin) / cell) + 2
    opacity, toward = np.zeros(size, np.float32), np.full(size, -1e6, np.float32)
    for mesh in meshes:
        _splat(
            np.asarray(mesh.vertices_world_m),
            mesh.faces,
            a_axis,
            b_axis,
            light_direction,
            frame,
            opacity,
            toward,
        )
    opacity = cv2.morphologyEx(opacity, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    reach = int(np.ceil(2 * softness_m / cell)) + 1
    toward = cv2.dilate(toward, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    opacity = cv2.GaussianBlur(opacity, (0, 0), max(softness_m / cell, 0.6))
    return np.stack([opacity, toward - 0.05]), frame


@_jit
def _splat_floor(points, frame, cover):
    for k in range(points.shape[0]):
        z = points[k, 2]
        if z > 0.9:
            continue
        i, j = int((points[k, 0] - frame[0]) * frame[2]), int((points[k, 1] - frame[1]) * frame[2])
        if 0 <= i < cover.shape[1] and 0 <= j < cover.shape[0]:
            strength = 1.0 if z < 0.06 else max(0.0, 0.5 * np.exp(-(z - 0.06) / 0.2))
            cover[j, i] = max(cover[j, i], strength)


def contact_map(meshes, primitives: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Map (h,w) of ambient light taken from the floor near feet and furniture, and its frame (x0, y0, cells
    per metre)."""
    points = [np.asarray(m.vertices_world_m) for m in meshes]
    low = np.min([p[:, :2].min(0) for p in points], axis=0) - 1.0
    high = np.max([p[:, :2].max(0) for p in points], axis=0) + 1.0
    cell = max(0.02, (high - low).max() / 256)
    frame = np.array([low[0], low[1], 1 / cell])
    cover = np.zeros((int((high[1] - low[1]) / cell) + 2, int((high[0] - low[0]) / cell) + 2), np.float32)
    for p in primitives:
        if p[16] < 0.5 and p[3] - p[8] < 0.15:
            _fill_footprint(cover, p, frame)
    for p in points:
        _splat_floor(p, frame, cover)
    tight = cv2.GaussianBlur(cover, (0, 0), max(0.03 / cell, 0.6))
    wide = cv2.GaussianBlur(cover, (0, 0), 0.16 / cell)
    return np.clip(strength * (0.55 * tight + 1.1 * wide), 0, 0.9), frame


def _fill_footprint(cover: np.ndarray, p: np.ndarray, frame: np.ndarray) -> None:
    half = p[6:8] if p[0] == BOX else np.array([p[6], p[6]]) * 0.8
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    turned = corners @ np.array([[p[4], p[5]], [-p[5], p[4]]]) + p[1:3]
    cells = np.clip((turned - frame[:2]) * frame[2], -1e4, 1e4)
    cv2.fillConvexPoly(cover, np.round(cells).astype(np.int32), 0.8)
