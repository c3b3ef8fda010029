"""People of one image, in the camera's frame, as messages."""

import math
from collections.abc import Sequence

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.heading import CAMERA_UP, heading_of
from hdnet_ros.tracking.root_noise import (
    box_at_distance,
    implied_stature_mm,
    lateral_sigma_mm,
    root_covariance_mm2,
)
from hdnet_ros.tracking.track import TrackedPerson, somebodies
from hdnet_ros.core.types import PersonEstimate
from hdnet_ros.messages.convert.fields import (
    MM_PER_M,
    UNKNOWN_VARIANCE,
    box_msg,
    facing_quaternion,
    hypothesis_msg,
    point_msg,
    pose_covariance,
    vector_msg,
)
from hdnet_ros.messages.message_types import (
    Detection3D,
    Detection3DArray,
    Header,
    Keypoint,
    PersonRoot,
    PersonRootArray,
    Quaternion,
    TransformStamped,
    Vector3,
)
from hdnet_ros.messages.views import PersonView


def persons_to_msg(
    header: Header, persons: Sequence[TrackedPerson], estimator: str
) -> PersonRootArray:
    """Return the people of one image in metres, with the image's header."""
    msg = PersonRootArray(header=header, estimator=estimator)
    msg.persons = [_person_root(person) for person in persons]
    return msg


def detections_3d_to_msg(
    header: Header, persons: Sequence[TrackedPerson], camera: Camera
) -> Detection3DArray:
    """Return people as boxes at the root's depth; each is as deep as it is wide.

    The hypothesis carries the root's pose and covariance, the box encloses the 2D box.
    """
    msg = Detection3DArray(header=header)
    for person in somebodies(persons):
        estimate = person.estimate
        (width, height), distance_mm = box_at_distance(estimate)
        metres_per_px = distance_mm / estimate.focal_px / MM_PER_M
        item = Detection3D(header=header, id=estimate.id)
        hypothesis = hypothesis_msg("person", estimate.score)
        _fill_pose(hypothesis.pose, estimate)
        item.results = [hypothesis]
        centre_px = estimate.box_xywh_center_px[:2]
        centre_mm = camera.backproject(centre_px, estimate.root_camera_mm[2])
        centre_mm = centre_mm + camera.centre_mm
        if not np.isfinite(centre_mm).all():
            centre_mm = estimate.root_camera_mm
        item.bbox.center.position = point_msg(centre_mm)
        width_m, height_m = float(width * metres_per_px), float(height * metres_per_px)
        item.bbox.size = Vector3(x=width_m, y=height_m, z=width_m)
        msg.detections.append(item)
    return msg


def transforms_from_persons(
    header: Header, persons: Sequence[TrackedPerson], prefix: str
) -> list[TransformStamped]:
    """Return a frame <prefix><id> per person (REP-155) in the frame of the image's header.

    The origin is the root joint. How a person stands is not estimated: z (to the head) is taken to
    be the camera's up. x is the way that hips and shoulders face; without a 3D pose it points level
    at the camera.
    """
    transforms = []
    for person in somebodies(persons):
        root_mm = person.estimate.root_camera_mm
        msg = TransformStamped(header=header, child_frame_id=prefix + person.estimate.id)
        msg.transform.translation = vector_msg(root_mm)
        msg.transform.rotation = _body_rotation(person.estimate)
        transforms.append(msg)
    return transforms


def views_from_persons(persons: Sequence[TrackedPerson], camera: Camera) -> list[PersonView]:
    """Return what markers show; joints without a 3D pose are put at the root's depth."""
    views = []
    for person in somebodies(persons):
        estimate = person.estimate
        joints_mm = estimate.joints_camera_mm
        if joints_mm is None:
            joints_mm = camera.backproject(estimate.joints_px, estimate.root_camera_mm[2]) + camera.centre_mm
        views.append(
            PersonView(
                number=person.number,
                id=estimate.id,
                root_m=estimate.root_camera_mm / MM_PER_M,
                depth_sigma_m=float(estimate.depth_sigma_mm) / MM_PER_M,
                joints_m=joints_mm / MM_PER_M,
            )
        )
    return views


def _person_root(person: TrackedPerson) -> PersonRoot:
    estimate = person.estimate
    msg = PersonRoot(id=estimate.id, score=float(estimate.score), flags=int(estimate.flags))
    msg.existence = float(estimate.existence)
    msg.child_probability = float(estimate.child_probability)
    msg.box = box_msg(estimate)
    _fill_pose(msg.root_pose, estimate)
    msg.has_velocity = person.has_velocity
    _fill_velocity(msg.root_velocity, person)
    msg.depth_sigma_m = float(estimate.depth_sigma_mm) / MM_PER_M
    msg.normalised_depth = float(estimate.normalised_depth)
    msg.focal_px = float(estimate.focal_px)
    msg.patch_px = float(estimate.patch_px)
    msg.patch_focal_px = float(estimate.patch_focal_px)
    msg.implied_stature_m = implied_stature_mm(estimate) / MM_PER_M
    _fill_keypoints(msg.keypoints, estimate)
    return msg


def _fill_keypoints(keypoints: Sequence[Keypoint], estimate: PersonEstimate) -> None:
    """Fill the keypoints that a message was made with: made anew they would cost twice the time."""
    points_mm = estimate.joints_camera_mm
    if points_mm is None:
        points_mm = np.full((PersonRoot.KEYPOINT_COUNT, 3), np.nan)
    rows = zip(
        keypoints,
        estimate.joints_px.tolist(),
        estimate.joint_confidence.tolist(),
        (points_mm.astype(np.float64) / MM_PER_M).tolist(),
        np.isfinite(points_mm).all(axis=1).tolist(),
    )
    for msg, (u_px, v_px), confidence, (x_m, y_m, z_m), has_point in rows:
        msg.u_px, msg.v_px, msg.confidence, msg.has_point = u_px, v_px, confidence, has_point
        msg.point_m.x, msg.point_m.y, msg.point_m.z = x_m, y_m, z_m


def _fill_pose(pose, estimate: PersonEstimate) -> None:
    """Fill a PoseWithCovariance: x y z in m, orientation unknown (variance 1e6 rad^2)."""
    root_mm = estimate.root_camera_mm
    pose.pose.position = point_msg(root_mm)
    lateral_mm = lateral_sigma_mm(estimate)
    linear_mm2 = root_covariance_mm2(root_mm, estimate.depth_sigma_mm, lateral_mm)
    pose.covariance = pose_covariance(linear_mm2)


def _fill_velocity(velocity, person: TrackedPerson) -> None:
    linear_mm2 = UNKNOWN_VARIANCE * MM_PER_M**2 * np.eye(3)
    if person.has_velocity:
        velocity.twist.linear = vector_msg(person.velocity_camera_mm_s)
        linear_mm2 = person.velocity_covariance_mm2_s2
    velocity.covariance = pose_covariance(linear_mm2)


def _body_rotation(estimate: PersonEstimate) -> Quaternion:
    joints_mm, root_mm = estimate.joints_camera_mm, estimate.root_camera_mm
    heading = None if joints_mm is None else heading_of(joints_mm, CAMERA_UP)
    if heading is None:
        return _facing_the_camera(math.atan2(root_mm[0], root_mm[2]))
    return facing_quaternion(heading.forward, heading.up)


def _facing_the_camera(azimuth_rad: float) -> Quaternion:
    """Return body to optical: z is the camera's -y, x points back along the level ray."""
    sine, cosine = math.sin(azimuth_rad / 2), math.cos(azimuth_rad / 2)
    # The rotation by the azimuth about y, after (0.5, 0.5, -0.5, 0.5), which turns body x to
    # the camera's -z and body z to its -y.
    x, y = 0.5 * (cosine - sine), 0.5 * (cosine + sine)
    return Quaternion(x=x, y=y, z=-y, w=x)
