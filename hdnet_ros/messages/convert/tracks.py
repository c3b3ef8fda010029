"""Everybody who is followed, in the tracking frame, as messages."""

from collections.abc import Sequence

import numpy as np

from hdnet_ros.tracking.track import TrackState
from hdnet_ros.messages.convert.fields import (
    MM_PER_M,
    UNKNOWN_VARIANCE,
    facing_quaternion,
    point_msg,
    pose_covariance,
    vector_msg,
)
from hdnet_ros.messages.message_types import (
    Header,
    PersonTrack,
    PersonTrackArray,
    TransformStamped,
)
from hdnet_ros.messages.views import TrackView


def tracks_to_msg(header: Header, tracks: Sequence[TrackState]) -> PersonTrackArray:
    """Return everybody who is followed, in metres, with the image's stamp and the tracking frame."""
    return PersonTrackArray(header=header, tracks=[_person_track(track) for track in tracks])


def transforms_from_tracks(
    header: Header, tracks: Sequence[TrackState], prefix: str, camera_mm: np.ndarray
) -> list[TransformStamped]:
    """Return a frame <prefix><id> per track (REP-155), seen in this image or not, in the header's frame.

    z is up there, x points out of the body where the heading is known, else level at the camera
    (3,), mm in that frame.
    """
    transforms = []
    for track in tracks:
        msg = TransformStamped(header=header, child_frame_id=prefix + track.id)
        msg.transform.translation = vector_msg(track.position_mm)
        facing = track.facing
        if facing is None:
            facing = _level(camera_mm - track.position_mm, track.up)
        msg.transform.rotation = facing_quaternion(facing, track.up)
        transforms.append(msg)
    return transforms


def _level(direction: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Return the level part of a direction, (3,) of length 1; where there is none, one that is level."""
    level = direction - (direction @ up) * up
    length = np.linalg.norm(level)
    if length > 1e-9:
        return level / length
    return np.cross(up, np.eye(3)[np.argmin(np.abs(up))])


def views_from_tracks(tracks: Sequence[TrackState]) -> list[TrackView]:
    """Return what markers show of tracks."""
    return [
        TrackView(
            number=track.number,
            position_m=track.position_mm / MM_PER_M,
            velocity_m_s=track.velocity_mm_s / MM_PER_M,
            covariance_m2=track.covariance[:3, :3] / MM_PER_M**2,
            is_moving=track.is_moving,
            is_seen=track.person_index >= 0,
        )
        for track in tracks
    ]


def _person_track(track: TrackState) -> PersonTrack:
    msg = PersonTrack(id=track.id, is_moving=track.is_moving, has_heading=track.facing is not None)
    msg.pose.pose.position = point_msg(track.position_mm)
    angles = UNKNOWN_VARIANCE
    if track.facing is not None:
        msg.pose.pose.orientation = facing_quaternion(track.facing, track.up)
        angles = _angle_covariance(track.up, track.heading_sigma_rad)
    msg.pose.covariance = pose_covariance(track.covariance[:3, :3], angles)
    msg.velocity.twist.linear = vector_msg(track.velocity_mm_s)
    msg.velocity.covariance = pose_covariance(track.covariance[3:, 3:])
    msg.heading_sigma_rad = float(track.heading_sigma_rad)
    msg.age_s, msg.unseen_s = float(track.age_s), float(track.unseen_s)
    msg.person_index = track.person_index
    msg.score = float(track.score)
    msg.existence = float(track.existence)
    msg.child_probability = float(track.child_probability)
    msg.stature_m = float(track.stature_mm) / MM_PER_M
    msg.flags = int(track.flags)
    return msg


def _angle_covariance(up: np.ndarray, sigma_rad: float) -> np.ndarray:
    """Return variances (3,) about the axes: the heading's about the one that is up, else unknown."""
    return np.where(np.abs(up) > 0.5, sigma_rad**2, UNKNOWN_VARIANCE)
