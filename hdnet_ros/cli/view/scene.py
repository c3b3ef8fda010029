"""Messages as the plain numbers that the page draws; takes any objects with the messages' fields."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

# Of an optical frame (x right, z forward) and of a frame with z up (x forward, y left) to (right, forward).
_OPTICAL_TO_GROUND = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
_UPRIGHT_TO_GROUND = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
TAIL_S = 4.0


def scene(
    persons: Any, tracks: Any | None = None, camera_to_tracking: np.ndarray | None = None, info: Any | None = None
) -> dict:
    """One image's people as the page takes them; metres, seconds and pixels.

    The bird's-eye view is drawn in the tracking frame where there are tracks, else in the camera's.

    Parameters
    ----------
    persons : PersonRootArray
    tracks : PersonTrackArray of the same stamp, or None
    camera_to_tracking : (4, 4) that takes points of the camera's frame to the tracks', m, at the stamp;
        None where TF does not say. Not needed where the tracks are in the camera's own frame.
    info : CameraInfo for the wedge of what the picture shows, or None
    """
    camera_frame = persons.header.frame_id
    is_camera = tracks is None or tracks.header.frame_id == camera_frame
    to_ground = _OPTICAL_TO_GROUND if is_camera else _UPRIGHT_TO_GROUND
    pose = np.eye(4) if is_camera else camera_to_tracking
    camera_to_ground = None if pose is None else (to_ground @ pose[:3, :3], to_ground @ pose[:3, 3])
    return {
        "stamp_s": stamp_ns(persons) * 1e-9,
        "estimator": persons.estimator,
        "camera_frame": camera_frame,
        "ground_frame": camera_frame if is_camera else tracks.header.frame_id,
        "camera": _camera(camera_to_ground, info),
        "persons": [_person(person, camera_to_ground) for person in persons.persons],
        "tracks": None if tracks is None else [_track(track, to_ground) for track in tracks.tracks],
    }


def stamp_ns(message: Any) -> int:
    """The header's stamp."""
    stamp = message.header.stamp
    return stamp.sec * 1_000_000_000 + stamp.nanosec


def tails(scenes: Iterable[dict]) -> dict[str, list[list[float]]]:
    """Id to its places (right, forward) in m, oldest first, of the last 4 s before the newest scene.

    Places in another ground frame than the newest scene's are left out.
    """
    found = list(scenes)
    newest = found[-1]
    result: dict[str, list[list[float]]] = {}
    for one in found:
        recent = 0 <= newest["stamp_s"] - one["stamp_s"] <= TAIL_S
        if not recent or one["ground_frame"] != newest["ground_frame"]:
            continue
        for person in one["persons"] if one["tracks"] is None else one["tracks"]:
            if person["ground"] is not None:
                result.setdefault(person["id"], []).append(person["ground"])
    return result


def _person(person: Any, camera_to_ground) -> dict:
    root = _vector(person.root_pose.pose.position)
    centre = person.box.center.position
    joints = [
        [round(float(k.u_px), 1), round(float(k.v_px), 1)] if k.confidence > 0 and k.u_px == k.u_px else None
        for k in person.keypoints
    ]
    placed = _placed(root, person.root_pose.covariance, camera_to_ground)
    return {
        "id": person.id,
        "distance_m": _number(np.linalg.norm(root)),
        "sigma_m": _number(person.depth_sigma_m),
        "box": [float(v) for v in (centre.x, centre.y, person.box.size_x, person.box.size_y)],
        "joints": joints,
        "flags": int(person.flags),
    } | placed


def _track(track: Any, to_ground: np.ndarray) -> dict:
    velocity = to_ground @ _vector(track.velocity.twist.linear)
    return {
        "id": track.id,
        "velocity": [round(float(v), 3) for v in velocity] if np.isfinite(velocity).all() else None,
        "is_moving": bool(track.is_moving),
        "unseen_s": float(track.unseen_s),
        "heading": _heading(track, to_ground),
    } | _placed(_vector(track.pose.pose.position), track.pose.covariance, (to_ground, np.zeros(2)))


def _placed(point_m: np.ndarray, covariance_6x6, to_ground) -> dict:
    """Place (right, forward) in m and its covariance [rr, rf, ff] in m^2; None where it cannot be placed."""
    if to_ground is None or not np.isfinite(point_m).all():
        return {"ground": None, "covariance": None}
    turn, offset = to_ground
    spread = np.nan_to_num(turn @ np.asarray(covariance_6x6, float).reshape(6, 6)[:3, :3] @ turn.T)
    place = turn @ point_m + offset
    return {
        "ground": [round(float(v), 3) for v in place],
        "covariance": [float(v) for v in (spread[0, 0], spread[0, 1], spread[1, 1])],
    }


def _heading(track: Any, to_ground: np.ndarray) -> list[float] | None:
    """Unit vector (right, forward) of where a person faces, None where unknown."""
    if not track.has_heading:
        return None
    q = track.pose.pose.orientation
    # The first column of the quaternion's rotation: where x points.
    facing = np.array([1 - 2 * (q.y**2 + q.z**2), 2 * (q.x * q.y + q.w * q.z), 2 * (q.x * q.z - q.w * q.y)])
    right, forward = to_ground @ facing
    length = math.hypot(right, forward)
    return [right / length, forward / length] if length > 1e-6 else None


def _camera(camera_to_ground, info: Any | None) -> dict | None:
    """Where the camera stands, where it looks, and the directions of its picture's left and right edge."""
    if camera_to_ground is None:
        return None
    turn, offset = camera_to_ground
    forward = [float(v) for v in turn @ np.array([0.0, 0.0, 1.0])]
    edges = None
    k = None if info is None else np.asarray(info.k, float)
    if k is not None and k[0] > 0:
        rays = [np.array([(u - k[2]) / k[0], 0.0, 1.0]) for u in (0.0, float(info.width))]
        edges = [[float(v) for v in turn @ ray] for ray in rays]
    return {"ground": [float(v) for v in offset], "forward": forward, "edges": edges}


def _number(value: float) -> float | None:
    """A number that JSON has; None for those it lacks."""
    return float(value) if math.isfinite(value) else None


def _vector(message: Any) -> np.ndarray:
    return np.array([message.x, message.y, message.z], float)
