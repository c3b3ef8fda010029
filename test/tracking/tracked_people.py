"""People at known places, as an estimator says them, for the tests of tracking."""

import numpy as np

from hdnet_ros.core.types import PersonEstimate

FOCAL_PX = 1000.0


def person_at(x_mm, y_mm, z_mm, id="", sigma_relative=0.08):
    height_px = 1700.0 * FOCAL_PX / z_mm
    box = np.array([x_mm * FOCAL_PX / z_mm, y_mm * FOCAL_PX / z_mm, 0.4 * height_px, height_px])
    return PersonEstimate(
        id=id, score=0.9, box_xywh_center_px=box, root_camera_mm=np.array([x_mm, y_mm, z_mm]),
        depth_sigma_mm=sigma_relative * z_mm, normalised_depth=np.nan, focal_px=FOCAL_PX,
        patch_px=np.nan, patch_focal_px=np.nan,
    )  # fmt: skip


def ids_of(tracked):
    return [person.estimate.id for person in tracked]


# A camera 1.5 m over the ground that looks along x of a frame whose z is up.
OPTICAL_TO_LEVEL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def camera_pose(x_mm=0.0, y_mm=0.0, yaw_rad=0.0):
    cosine, sine = np.cos(yaw_rad), np.sin(yaw_rad)
    turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    pose = np.eye(4)
    pose[:3, :3] = turn @ OPTICAL_TO_LEVEL
    pose[:3, 3] = x_mm, y_mm, 1500.0
    return pose


def person_in(pose, position_mm, depth_factor=1.0, id=""):
    """Somebody at a place of the tracking frame as a camera sees them, so much too far."""
    return person_at(*(depth_factor * (position_mm - pose[:3, 3]) @ pose[:3, :3]), id=id)
