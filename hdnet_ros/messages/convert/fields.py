"""Fields that several messages share."""

import numpy as np
from scipy.spatial.transform import Rotation

from hdnet_ros.core.types import Detection, PersonEstimate
from hdnet_ros.messages.message_types import (
    BoundingBox2D,
    ObjectHypothesisWithPose,
    Point,
    Quaternion,
    Vector3,
)

MM_PER_M = 1000.0
UNKNOWN_VARIANCE = 1e6


def box_msg(boxed: Detection | PersonEstimate) -> BoundingBox2D:
    """Return a box in px of the image."""
    x, y, width, height = np.asarray(boxed.box_xywh_center_px, dtype=np.float64).tolist()
    bbox = BoundingBox2D(size_x=width, size_y=height)
    bbox.center.position.x, bbox.center.position.y = x, y
    return bbox


def hypothesis_msg(class_id: str, score: float) -> ObjectHypothesisWithPose:
    """Return a class and its score, without a pose."""
    msg = ObjectHypothesisWithPose()
    msg.hypothesis.class_id = class_id
    msg.hypothesis.score = float(score)
    return msg


def point_msg(point_mm: np.ndarray) -> Point:
    """Return a point (3,) mm in m."""
    x, y, z = (point_mm / MM_PER_M).tolist()
    return Point(x=x, y=y, z=z)


def vector_msg(vector_mm: np.ndarray) -> Vector3:
    """Return a vector (3,) mm or mm/s in m or m/s."""
    x, y, z = (vector_mm / MM_PER_M).tolist()
    return Vector3(x=x, y=y, z=z)


def pose_covariance(
    linear_mm2: np.ndarray, angular_variances: np.ndarray | float = UNKNOWN_VARIANCE
) -> np.ndarray:
    """Return (36,): the covariance (3, 3) mm^2 in m^2, and the variances (3,) of what turns."""
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = linear_mm2 / MM_PER_M**2
    covariance[[3, 4, 5], [3, 4, 5]] = angular_variances
    return covariance.ravel()


def facing_quaternion(facing: np.ndarray, up: np.ndarray) -> Quaternion:
    """Return body to frame: x to where the person faces, z up."""
    rotation = Rotation.from_matrix(np.stack([facing, np.cross(up, facing), up], axis=1))
    x, y, z, w = rotation.as_quat().tolist()
    return Quaternion(x=x, y=y, z=z, w=w)
