"""Messages that come in: camera info, boxes and recorded people, as core types and back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hdnet_ros.core.boxes import are_shares, detection_problem
from hdnet_ros.core.calibration import Calibration
from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection, PersonEstimate, PersonFlags
from hdnet_ros.files.picture_header import picture_header
from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.pipeline.wanted import DetectionFilter
from hdnet_ros.messages.convert.fields import MM_PER_M, box_msg, hypothesis_msg
from hdnet_ros.messages.message_types import (
    BoundingBox2D,
    CameraInfo,
    Detection2D,
    Detection2DArray,
    Header,
    PersonRootArray,
)

# A picture declares its size in its first bytes, after what EXIF and a thumbnail take.
_HEADER_BYTES = 1 << 17


def stamp_ns(header: Header) -> int:
    """Return a header's stamp in ns."""
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec


def known_stamp_ns(header: Header) -> int:
    """Return a header's stamp in ns, 0 where it tells no time: negative ones come of broken clocks."""
    return max(0, stamp_ns(header))


def detections_header(msg: Detection2DArray) -> Header:
    """Return the header that counts: the array's, or that of all its items where the array has no stamp.

    Items of different stamps belong to different images; then the array's counts, zero as it is.
    """
    if stamp_ns(msg.header) or len({stamp_ns(item.header) for item in msg.detections}) != 1:
        return msg.header
    return msg.detections[0].header


def camera_from_info(msg: CameraInfo, rectified: bool) -> Camera:
    """Return the camera of the images that a CameraInfo goes with (REP-104).

    Raw images take K and D, rectified ones P and no distortion. K and P are of the full sensor; ROI
    and binning (0 means 1) lead to the image's own size.

    Raises
    ------
    BadInput
        Intrinsics that are zero or not finite, a size of zero, an unknown distortion model or
        a number of coefficients that it does not have, an ROI outside the sensor.
    """
    roi = msg.roi
    calibration = Calibration(
        size_wh_px=(msg.width, msg.height),
        K=msg.k,
        distortion_model=msg.distortion_model,
        distortion=msg.d,
        P=msg.p,
        binning_xy=(msg.binning_x, msg.binning_y),
        roi_xywh_px=(roi.x_offset, roi.y_offset, roi.width, roi.height),
    )
    try:
        return calibration.camera(rectified)
    except ValueError as error:
        raise BadInput("camera_info", str(error)) from None


def info_size_px(msg: CameraInfo, rectified: bool) -> tuple[int, int]:
    """Return the size of the images that a CameraInfo goes with; of one that cannot be used, the sensor's."""
    try:
        return camera_from_info(msg, rectified).size_wh_px
    except BadInput:
        return msg.width, msg.height


def info_content(msg: CameraInfo) -> tuple:
    """Return all that a CameraInfo says but its header, to be compared."""
    roi = msg.roi
    return (
        (msg.width, msg.height, msg.binning_x, msg.binning_y, msg.distortion_model),
        (roi.x_offset, roi.y_offset, roi.width, roi.height),
        *(np.asarray(values).tobytes() for values in (msg.k, msg.d, msg.p)),
    )


def image_size_px(msg) -> tuple[int, int] | None:
    """Return the size that an Image or CompressedImage declares, None where it or another message does not."""
    if hasattr(msg, "width"):
        return msg.width, msg.height
    header = picture_header(bytes(msg.data[:_HEADER_BYTES])) if hasattr(msg, "data") else None
    return header.size_wh_px if header else None


def frame_id(header: Header) -> str:
    """Return a header's frame as tf2 has it: without the slash that ROS 1 put first."""
    return header.frame_id.lstrip("/")


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
    negative, in shares of the image, tiny, wholly outside the image, a score that is not 0 to 1) is
    left out with a reason. Of a turned box its upright bounds count.
    """
    detections, rejected = [], []
    for index, item in enumerate(msg.detections):
        score = _person_score(item, wanted)
        if score is None:
            continue
        # Scores of one detector's float32 may be a hair above 1.
        score = 1.0 if 1.0 < score < 1.0 + 1e-5 else score
        raw = _upright_box(item.bbox)
        joints_px = getattr(item, "joints_px", None)
        if joints_px is not None:
            joints_px = _scaled_px(joints_px, wanted)
        detection = Detection(_scaled_box(raw, wanted), score=score, id=item.id, joints_px=joints_px)
        if not abs(item.bbox.center.theta) <= 2.0 * math.pi:
            problem = f"theta is {item.bbox.center.theta:g} rad, expected -2 pi to 2 pi (is it in degrees?)"
        elif are_shares(raw) and raw[2:].min() > 0.0:
            problem = f"box {raw.tolist()} is in shares of the image (0 to 1), expected px"
        else:
            problem = detection_problem(detection, size_wh_px)
        if problem:
            rejected.append(f"number {index}: {problem}")
        else:
            detections.append(detection)
    kept, too_many = wanted.best(detections)
    return kept, rejected + too_many


def classes_of(msg: Detection2DArray) -> list[list[str]]:
    """Return the class ids of every box."""
    return [[result.hypothesis.class_id for result in item.results] for item in msg.detections]


def detections_to_msg(
    header: Header, detections: Sequence[Detection], class_id: str
) -> Detection2DArray:
    """Return boxes as a Detection2DArray with the image's header."""
    msg = Detection2DArray(header=header)
    for detection in detections:
        item = Detection2D(header=header, id=detection.id, bbox=box_msg(detection))
        item.results = [hypothesis_msg(class_id, detection.score)]
        msg.detections.append(item)
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
                existence=person.existence,
                child_probability=person.child_probability,
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
                flags=PersonFlags(person.flags & ~PersonFlags.NOBODY),
            )
        )
    return people


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


def _upright_box(bbox: BoundingBox2D) -> np.ndarray:
    """Return the bounds (4,) x, y, width, height of a box that may be turned by theta about its centre."""
    centre, theta = bbox.center.position, bbox.center.theta
    width, height = bbox.size_x, bbox.size_y
    if theta:
        # An infinite theta makes NaN of both, which is refused by name.
        across, along = (abs(math.cos(theta)), abs(math.sin(theta))) if math.isfinite(theta) else (math.nan, math.nan)
        width, height = width * across + height * along, width * along + height * across
    return np.array([centre.x, centre.y, width, height])


def _scaled_box(box_xywh: np.ndarray, wanted: DetectionFilter) -> np.ndarray:
    return np.concatenate([_scaled_px(box_xywh[:2], wanted), box_xywh[2:] * wanted.scale])


def _scaled_px(points_px: np.ndarray, wanted: DetectionFilter) -> np.ndarray:
    # The outer borders of both images coincide, pixel centres are integers.
    return (points_px - wanted.offset_px + 0.5) * wanted.scale - 0.5
