"""Fields of today's messages in ROS 1's definitions, in those of vision_msgs before 4.0, and in earlier ones of ours."""

import math
from typing import Any

# (type, field that an older definition lacks): what stands there instead
ALIASES = {
    ("sensor_msgs/msg/CameraInfo", "d"): lambda info: info.D,
    ("sensor_msgs/msg/CameraInfo", "k"): lambda info: info.K,
    ("sensor_msgs/msg/CameraInfo", "r"): lambda info: info.R,
    ("sensor_msgs/msg/CameraInfo", "p"): lambda info: info.P,
    ("vision_msgs/msg/Detection2D", "id"): lambda item: getattr(item, "tracking_id", ""),
    ("vision_msgs/msg/Pose2D", "position"): lambda centre: centre,
    ("vision_msgs/msg/ObjectHypothesisWithPose", "hypothesis"): lambda result: result,
    ("vision_msgs/msg/ObjectHypothesis", "class_id"): lambda result: str(result.id),
    ("hdnet_ros/msg/PersonRoot", "existence"): lambda person: 1.0,
    ("hdnet_ros/msg/PersonRoot", "child_probability"): lambda person: math.nan,
}


def strip_slashes(message: Any) -> None:
    """Take the leading slash off frame names, in place: tf of ROS 1 wrote one, tf2 has none."""
    for item in (message, *getattr(message, "transforms", ())):
        if hasattr(item, "header"):
            item.header.frame_id = item.header.frame_id.lstrip("/")
        if hasattr(item, "child_frame_id"):
            item.child_frame_id = item.child_frame_id.lstrip("/")
