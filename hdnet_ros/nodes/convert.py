"""ROS messages to core types and back: the one file that knows both. Metres on the ROS side."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hdnet_ros.core.boxes import box_problem
from hdnet_ros.core.camera import Camera
from hdnet_ros.core.heading import CAMERA_UP, heading_of
from hdnet_ros.core.root_noise import implied_stature_mm, lateral_sigma_mm, root_covariance_mm2
from hdnet_ros.core.track import TrackedPerson, TrackState
from hdnet_ros.core.types import Detection, PersonEstimate, PersonFlags
from hdnet_ros.nodes.bad_input import BadInput
from hdnet_ros.nodes.message_types import (
    BoundingBox2D,
    CameraInfo,
    Detection2D,
    Detection2DArray,
    Detection3D,
    Detection3DArray,
    Header,
    Keypoint,
    ObjectHypothesisWithPose,
    PersonRoot,
    PersonRootArray,
    PersonTrack,
    PersonTrackArray,
    Point,
    Quaternion,
    TransformStamped,
    Vector3,
)
from hdnet_ros.nodes.views import PersonView, TrackView

MM_PER_M = 1000.0
_UNKNOWN_VARIANCE = 1e6
_DISTORTION_ALIASES = {"": "none", "fisheye": "equidistant"}


@dataclass(frozen=True)
class DetectionFilter:
    """Which boxes of a detector are people.

    Parameters
    ----------
    class_ids : class ids that mean a person; empty: every box counts, whatever its class
    min_score : least score, 0..1
    max_people : only so many, those of the highest score
    scale : px of the image per px of the detector's image
    """

    class_ids: tuple[str, ...] = ("person", "0")
    min_score: float = 0.0
    max_people: int = 50
    scale: float = 1.0


def stamp_ns(header: Header) -> int:
    """Return a header's stamp in ns."""
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec


def camera_from_info(msg: CameraInfo, rectified: bool) -> Camera:
    """Return the camera of the images that a CameraInfo goes with (REP-104).

    Raw images take K and D, rectified ones the left 3 x 3 of P and no distortion. K and P are of
    the full sensor; ROI and binning (0 means 1) lead to the image's own size.

    Raises
    ------
    BadInput
        Intrinsics that are zero or not finite, a size of zero, an unknown distortion model or
        a number of coefficients that it does not have, an ROI outside the sensor.
    """
    name = "P" if rectified else "K"
    matrix = np.array(msg.p, dtype=np.float64).reshape(3, 4)[:, :3] if rectified else msg.k
    matrix = np.array(matrix, dtype=np.float64).reshape(3, 3)
    if matrix[0, 0] == 0.0 or matrix[1, 1] == 0.0:
        raise BadInput(
            "camera_info",
            f"{name} has fx = {matrix[0, 0]:g}, fy = {matrix[1, 1]:g}: not calibrated; run "
            "camera_calibration or give the driver a camera_info_url",
        )
    model = msg.distortion_model.strip().lower()
    model = "none" if rectified else _DISTORTION_ALIASES.get(model, model)
    distortion = () if rectified else tuple(msg.d)
    roi = msg.roi
    if roi.x_offset + roi.width > msg.width or roi.y_offset + roi.height > msg.height:
        raise BadInput(
            "camera_info",
            f"ROI {roi.width} x {roi.height} at ({roi.x_offset}, {roi.y_offset}) leaves the "
            f"sensor of {msg.width} x {msg.height} px",
        )
    try:
        camera = Camera.from_matrix(matrix, (msg.width, msg.height), model, distortion)
        camera = camera.region_of_interest(roi.x_offset, roi.y_offset, roi.width, roi.height)
        return camera.binned(msg.binning_x, msg.binning_y)
    except ValueError as error:
        raise BadInput("camera_info", str(error)) from None


def info_from_camera(header: Header, camera: Camera) -> CameraInfo:
    """Return a CameraInfo of raw images of a camera; P repeats K, for nothing is rectified."""
    K = camera.K
    model = "plumb_bob" if camera.distortion_model == "none" else camera.distortion_model
    msg = CameraInfo(header=header, distortion_model=model)
    msg.width, msg.height = camera.size_wh_px
    msg.d = list(camera.distortion) or [0.0] * 5
    msg.k = K.ravel().tolist()
    msg.r = np.eye(3).ravel().tolist()
    msg.p = np.hstack([K, np.zeros((3, 1))]).ravel().tolist()
    return msg


def detections_from_msg(
    msg: Detection2DArray, wanted: DetectionFilter, size_wh_px: tuple[int, int]
) -> tuple[list[Detection], list[str]]:
    """Return the people among the boxes, best first beyond `max_people`, and what was wrong.

    A box that is no person is left out silently; one that cannot be right (not finite, empty,
    negative, wholly outside the image) is left out with a reason.
    """
    detections, rejected = [], []
    for index, item in enumerate(msg.detections):
        score = _person_score(item, wanted)
        if score is None or score < wanted.min_score:
            continue
        box = _scaled_box(item.bbox, wanted.scale)
        problem = box_problem(box, size_wh_px)
        if problem is None and not math.isfinite(score):
            problem = f"score is {score}, expected 0 to 1"
        if problem:
            rejected.append(f"number {index}: {problem}")
            continue
        detections.append(Detection(box, score=score, id=item.id))
    if len(detections) > wanted.max_people:
        best = sorted(range(len(detections)), key=lambda i: -detections[i].score)
        rejected.append(
            f"{len(detections)} people, the {wanted.max_people} of the highest score are "
            "answered (parameter max_people)"
        )
        detections = [detections[i] for i in sorted(best[: wanted.max_people])]
    return detections, rejected


def detections_to_msg(
    header: Header, detections: Sequence[Detection], class_id: str
) -> Detection2DArray:
    """Return boxes as a Detection2DArray with the image's header."""
    msg = Detection2DArray(header=header)
    for detection in detections:
        item = Detection2D(header=header, id=detection.id, bbox=_bbox(detection))
        item.results = [_hypothesis(class_id, detection.score)]
        msg.detections.append(item)
    return msg


def persons_to_msg(
    header: Header, persons: Sequence[TrackedPerson], estimator: str
) -> PersonRootArray:
    """Return the people of one image in metres, with the image's header."""
    msg = PersonRootArray(header=header, estimator=estimator)
    msg.persons = [_person_root(person) for person in persons]
    return msg


def estimates_from_msg(msg: PersonRootArray) -> list[PersonEstimate]:
    """Return the people of a message as they were located: without the ids that tracking gave."""
    people = []
    for person in msg.persons:
        centre, root = person.box.center.position, person.root_pose.pose.position
        points_m = np.array([[k.point_m.x, k.point_m.y, k.point_m.z] for k in person.keypoints])
        has_pose = all(k.has_point for k in person.keypoints)
        people.append(
            PersonEstimate(
                id="",
                score=person.score,
                box_xywh_center_px=np.array([centre.x, centre.y, person.box.size_x, person.box.size_y]),
                root_camera_mm=np.array([root.x, root.y, root.z]) * MM_PER_M,
                depth_sigma_mm=person.depth_sigma_m * MM_PER_M,
                normalised_depth=person.normalised_depth,
                focal_px=person.focal_px,
                patch_px=person.patch_px,
                patch_focal_px=person.patch_focal_px,
                joints_px=np.array([[k.u_px, k.v_px] for k in person.keypoints]),
                joint_confidence=np.array([k.confidence for k in person.keypoints]),
                joints_camera_mm=points_m * MM_PER_M if has_pose else None,
                flags=PersonFlags(person.flags),
            )
        )
    return people


def detections_3d_to_msg(
    header: Header, persons: Sequence[TrackedPerson], camera: Camera
) -> Detection3DArray:
    """Return people as boxes at the root's depth; each is as deep as it is wide.

    The hypothesis carries the root's pose and covariance, the box encloses the 2D box.
    """
    msg = Detection3DArray(header=header)
    for person in persons:
        estimate = person.estimate
        x, y, width, height = estimate.box_xywh_center_px
        depth_mm = estimate.root_camera_mm[2]
        metres_per_px = depth_mm / estimate.focal_px / MM_PER_M
        item = Detection3D(header=header, id=estimate.id)
        hypothesis = _hypothesis("person", estimate.score)
        _fill_pose(hypothesis.pose, estimate)
        item.results = [hypothesis]
        centre_mm = camera.backproject(np.array([x, y]), depth_mm)
        if not np.isfinite(centre_mm).all():
            centre_mm = estimate.root_camera_mm
        item.bbox.center.position = _point(centre_mm)
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
    for person in persons:
        root_mm = person.estimate.root_camera_mm
        msg = TransformStamped(header=header, child_frame_id=prefix + person.estimate.id)
        x, y, z = (float(value) / MM_PER_M for value in root_mm)
        msg.transform.translation = Vector3(x=x, y=y, z=z)
        msg.transform.rotation = _body_rotation(person.estimate)
        transforms.append(msg)
    return transforms


def tracks_to_msg(header: Header, tracks: Sequence[TrackState]) -> PersonTrackArray:
    """Return everybody who is followed, in metres, with the image's stamp and the tracking frame."""
    return PersonTrackArray(header=header, tracks=[_person_track(track) for track in tracks])


def transforms_from_tracks(
    header: Header, tracks: Sequence[TrackState], prefix: str, camera_mm: np.ndarray
) -> list[TransformStamped]:
    """Return a frame <prefix><id> per track (REP-155) in a tracking frame whose z is up.

    x points out of the body where the heading is known, else level at the camera (3,), mm.
    """
    transforms = []
    for track in tracks:
        facing = track.facing
        if facing is None:
            facing = (camera_mm - track.position_mm) * [1.0, 1.0, 0.0]
        msg = TransformStamped(header=header, child_frame_id=prefix + track.id)
        x, y, z = (float(value) / MM_PER_M for value in track.position_mm)
        msg.transform.translation = Vector3(x=x, y=y, z=z)
        yaw_rad = math.atan2(facing[1], facing[0])
        msg.transform.rotation = Quaternion(z=math.sin(yaw_rad / 2), w=math.cos(yaw_rad / 2))
        transforms.append(msg)
    return transforms


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


def views_from_persons(persons: Sequence[TrackedPerson], camera: Camera) -> list[PersonView]:
    """Return what markers show; joints without a 3D pose are put at the root's depth."""
    views = []
    for person in persons:
        estimate = person.estimate
        joints_mm = estimate.joints_camera_mm
        if joints_mm is None:
            joints_mm = camera.backproject(estimate.joints_px, estimate.root_camera_mm[2])
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


def _person_score(item: Detection2D, wanted: DetectionFilter) -> float | None:
    """Return the best score among the classes that mean a person, None when none does."""
    if not item.results and not wanted.class_ids:
        return 1.0
    scores = [
        result.hypothesis.score
        for result in item.results
        if not wanted.class_ids or result.hypothesis.class_id in wanted.class_ids
    ]
    return max(scores, default=None)


def _scaled_box(bbox: BoundingBox2D, scale: float) -> np.ndarray:
    centre = bbox.center.position
    # The outer borders of both images coincide, pixel centres are integers.
    x, y = ((value + 0.5) * scale - 0.5 for value in (centre.x, centre.y))
    return np.array([x, y, bbox.size_x * scale, bbox.size_y * scale])


def _person_root(person: TrackedPerson) -> PersonRoot:
    estimate = person.estimate
    msg = PersonRoot(id=estimate.id, score=float(estimate.score), flags=int(estimate.flags))
    msg.box = _bbox(estimate)
    _fill_pose(msg.root_pose, estimate)
    msg.has_velocity = person.has_velocity
    _fill_velocity(msg.root_velocity, person)
    msg.depth_sigma_m = float(estimate.depth_sigma_mm) / MM_PER_M
    msg.normalised_depth = float(estimate.normalised_depth)
    msg.focal_px = float(estimate.focal_px)
    msg.patch_px = float(estimate.patch_px)
    msg.patch_focal_px = float(estimate.patch_focal_px)
    msg.implied_stature_m = implied_stature_mm(estimate) / MM_PER_M
    msg.keypoints = [_keypoint(estimate, joint) for joint in range(PersonRoot.KEYPOINT_COUNT)]
    return msg


def _person_track(track: TrackState) -> PersonTrack:
    msg = PersonTrack(id=track.id, is_moving=track.is_moving, has_heading=track.facing is not None)
    msg.pose.pose.position = _point(track.position_mm)
    angles = np.full(3, _UNKNOWN_VARIANCE)
    if track.facing is not None:
        msg.pose.pose.orientation = _facing(track.facing, track.up)
        angles = _angle_covariance(track.up, track.heading_sigma_rad)
    msg.pose.covariance = _covariance(track.covariance[:3, :3], angles)
    x, y, z = (float(value) / MM_PER_M for value in track.velocity_mm_s)
    msg.velocity.twist.linear = Vector3(x=x, y=y, z=z)
    msg.velocity.covariance = _covariance(track.covariance[3:, 3:], np.full(3, _UNKNOWN_VARIANCE))
    msg.heading_sigma_rad = float(track.heading_sigma_rad)
    msg.age_s, msg.unseen_s = float(track.age_s), float(track.unseen_s)
    msg.person_index = track.person_index
    msg.score = float(track.score)
    msg.stature_m = float(track.stature_mm) / MM_PER_M
    msg.flags = int(track.flags)
    return msg


def _covariance(linear_mm2: np.ndarray, angular_variances: np.ndarray) -> list[float]:
    """Return 36 numbers: (3, 3) mm^2 as m^2, and the variances (3,) of what turns."""
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = linear_mm2 / MM_PER_M**2
    covariance[[3, 4, 5], [3, 4, 5]] = angular_variances
    return covariance.ravel().tolist()


def _angle_covariance(up: np.ndarray, sigma_rad: float) -> np.ndarray:
    """Return variances (3,) about the axes: the heading's about the one that is up, else unknown."""
    return np.where(np.abs(up) > 0.5, sigma_rad**2, _UNKNOWN_VARIANCE)


def _facing(facing: np.ndarray, up: np.ndarray) -> Quaternion:
    """Return body to frame: x to where the person faces, z up."""
    rotation = Rotation.from_matrix(np.stack([facing, np.cross(up, facing), up], axis=1))
    x, y, z, w = (float(value) for value in rotation.as_quat())
    return Quaternion(x=x, y=y, z=z, w=w)


def _keypoint(estimate: PersonEstimate, joint: int) -> Keypoint:
    u_px, v_px = (float(value) for value in estimate.joints_px[joint])
    msg = Keypoint(u_px=u_px, v_px=v_px, confidence=float(estimate.joint_confidence[joint]))
    point_mm = np.full(3, np.nan)
    if estimate.joints_camera_mm is not None:
        point_mm = estimate.joints_camera_mm[joint]
    msg.has_point = bool(np.isfinite(point_mm).all())
    msg.point_m = _point(point_mm)
    return msg


def _fill_pose(pose, estimate: PersonEstimate) -> None:
    """Fill a PoseWithCovariance: x y z in m, orientation unknown (variance 1e6 rad^2)."""
    root_mm = estimate.root_camera_mm
    pose.pose.position = _point(root_mm)
    covariance = np.zeros((6, 6))
    lateral_mm = lateral_sigma_mm(estimate)
    covariance[:3, :3] = root_covariance_mm2(root_mm, estimate.depth_sigma_mm, lateral_mm)
    covariance[:3, :3] /= MM_PER_M**2
    covariance[[3, 4, 5], [3, 4, 5]] = _UNKNOWN_VARIANCE
    pose.covariance = covariance.ravel()


def _fill_velocity(velocity, person: TrackedPerson) -> None:
    covariance = np.diag(np.full(6, _UNKNOWN_VARIANCE))
    if person.has_velocity:
        x, y, z = (float(value) / MM_PER_M for value in person.velocity_camera_mm_s)
        velocity.twist.linear = Vector3(x=x, y=y, z=z)
        covariance[:3, :3] = person.velocity_covariance_mm2_s2 / MM_PER_M**2
    velocity.covariance = covariance.ravel()


def _bbox(boxed: Detection | PersonEstimate) -> BoundingBox2D:
    x, y, width, height = (float(value) for value in boxed.box_xywh_center_px)
    bbox = BoundingBox2D(size_x=width, size_y=height)
    bbox.center.position.x, bbox.center.position.y = x, y
    return bbox


def _hypothesis(class_id: str, score: float) -> ObjectHypothesisWithPose:
    msg = ObjectHypothesisWithPose()
    msg.hypothesis.class_id = class_id
    msg.hypothesis.score = float(score)
    return msg


def _point(point_mm: np.ndarray) -> Point:
    x, y, z = (float(value) / MM_PER_M for value in point_mm)
    return Point(x=x, y=y, z=z)


def _body_rotation(estimate: PersonEstimate) -> Quaternion:
    joints_mm, root_mm = estimate.joints_camera_mm, estimate.root_camera_mm
    heading = None if joints_mm is None else heading_of(joints_mm, CAMERA_UP)
    if heading is None:
        return _facing_the_camera(math.atan2(root_mm[0], root_mm[2]))
    return _facing(heading.forward, heading.up)


def _facing_the_camera(azimuth_rad: float) -> Quaternion:
    """Return body to optical: z is the camera's -y, x points back along the level ray."""
    sine, cosine = math.sin(azimuth_rad / 2), math.cos(azimuth_rad / 2)
    # The rotation by the azimuth about y, after (0.5, 0.5, -0.5, 0.5), which turns body x to
    # the camera's -z and body z to its -y.
    x, y = 0.5 * (cosine - sine), 0.5 * (cosine + sine)
    return Quaternion(x=x, y=y, z=-y, w=x)
