"""Message classes: ROS's own where it is installed, else equal ones made from the same definitions.

What turns people into messages imports them from here, so that bags are answered without ROS by
the code that answers live. All or nothing: one package that is missing makes all of them plain,
for a message of one kind does not go into one of the other.
"""

# ruff: noqa: F401
try:
    from builtin_interfaces.msg import Duration, Time
    from geometry_msgs.msg import (
        Point,
        Pose,
        PoseWithCovariance,
        Quaternion,
        Transform,
        TransformStamped,
        Twist,
        TwistWithCovariance,
        Vector3,
    )
    from sensor_msgs.msg import CameraInfo, CompressedImage, Image
    from std_msgs.msg import ColorRGBA, Header
    from tf2_msgs.msg import TFMessage
    from vision_msgs.msg import (
        BoundingBox2D,
        BoundingBox3D,
        Detection2D,
        Detection2DArray,
        Detection3D,
        Detection3DArray,
        ObjectHypothesisWithPose,
    )
    from visualization_msgs.msg import Marker, MarkerArray

    from hdnet_ros.msg import Keypoint, PersonRoot, PersonRootArray, PersonTrack, PersonTrackArray

    MISSING_OF_ROS = ""
except (ImportError, AttributeError) as error:
    MISSING_OF_ROS = str(error)
    try:
        from hdnet_ros.messages.plain_messages import plain_classes
    except ImportError as other:
        raise ImportError(f"{MISSING_OF_ROS}; {other}") from other

    Duration, Time = plain_classes("builtin_interfaces", "Duration", "Time")
    (Point, Pose, PoseWithCovariance, Quaternion, Transform, TransformStamped, Twist, TwistWithCovariance, Vector3) = (
        plain_classes(
            "geometry_msgs", "Point", "Pose", "PoseWithCovariance", "Quaternion", "Transform", "TransformStamped",
            "Twist", "TwistWithCovariance", "Vector3",
        )
    )  # fmt: skip
    CameraInfo, CompressedImage, Image = plain_classes("sensor_msgs", "CameraInfo", "CompressedImage", "Image")
    ColorRGBA, Header = plain_classes("std_msgs", "ColorRGBA", "Header")
    (TFMessage,) = plain_classes("tf2_msgs", "TFMessage")
    (
        BoundingBox2D, BoundingBox3D, Detection2D, Detection2DArray, Detection3D, Detection3DArray,
        ObjectHypothesisWithPose,
    ) = plain_classes(
        "vision_msgs", "BoundingBox2D", "BoundingBox3D", "Detection2D", "Detection2DArray", "Detection3D",
        "Detection3DArray", "ObjectHypothesisWithPose",
    )  # fmt: skip
    Marker, MarkerArray = plain_classes("visualization_msgs", "Marker", "MarkerArray")
    Keypoint, PersonRoot, PersonRootArray, PersonTrack, PersonTrackArray = plain_classes(
        "hdnet_ros", "Keypoint", "PersonRoot", "PersonRootArray", "PersonTrack", "PersonTrackArray"
    )


def duration(seconds: float) -> Duration:
    """Return a builtin_interfaces/Duration of seconds >= 0."""
    whole, nanoseconds = divmod(round(seconds * 1e9), 1_000_000_000)
    return Duration(sec=whole, nanosec=nanoseconds)
