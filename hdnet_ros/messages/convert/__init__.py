"""ROS messages to core types and back: the one place that knows both. Metres on the ROS side."""

from hdnet_ros.messages.convert.inputs import (
    DetectionFilter,
    camera_from_info,
    classes_of,
    detections_from_msg,
    detections_header,
    detections_to_msg,
    estimates_from_msg,
    frame_id,
    image_size_px,
    info_content,
    info_from_camera,
    info_size_px,
    known_stamp_ns,
    stamp_ns,
)
from hdnet_ros.messages.convert.persons import (
    detections_3d_to_msg,
    persons_to_msg,
    transforms_from_persons,
    views_from_persons,
)
from hdnet_ros.messages.convert.tracks import (
    tracks_to_msg,
    transforms_from_tracks,
    views_from_tracks,
)

__all__ = [
    "DetectionFilter",
    "camera_from_info",
    "classes_of",
    "detections_3d_to_msg",
    "detections_from_msg",
    "detections_header",
    "detections_to_msg",
    "estimates_from_msg",
    "frame_id",
    "image_size_px",
    "info_content",
    "info_from_camera",
    "info_size_px",
    "known_stamp_ns",
    "persons_to_msg",
    "stamp_ns",
    "tracks_to_msg",
    "transforms_from_persons",
    "transforms_from_tracks",
    "views_from_persons",
    "views_from_tracks",
]
