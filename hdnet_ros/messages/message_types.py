"""Message classes: ROS's own where it is installed, else equal ones made from the same definitions.

What turns people into messages imports them from here, so that bags are answered without ROS by
the code that answers live. All or nothing: one package that is missing makes all of them plain,
for a message of one kind does not go into one of the other.
"""

from importlib import import_module

_NAMES = {
    "builtin_interfaces": ("Duration", "Time"),
    "std_msgs": ("ColorRGBA", "Header"),
    "geometry_msgs": (
        "Point", "Pose", "PoseWithCovariance", "Quaternion", "Transform", "TransformStamped",
        "Twist", "TwistWithCovariance", "Vector3",
    ),
    "sensor_msgs": ("CameraInfo", "CompressedImage", "Image"),
    "tf2_msgs": ("TFMessage",),
    "vision_msgs": (
        "BoundingBox2D", "BoundingBox3D", "Detection2D", "Detection2DArray", "Detection3D",
        "Detection3DArray", "ObjectHypothesisWithPose",
    ),
    "visualization_msgs": ("Marker", "MarkerArray"),
    "hdnet_ros": ("Keypoint", "PersonRoot", "PersonRootArray", "PersonTrack", "PersonTrackArray"),
}  # fmt: skip


def _classes() -> tuple[dict[str, type], str]:
    """Return the classes by name, and what of ROS is missing (empty: they are ROS's own)."""
    try:
        return {
            name: getattr(import_module(f"{package}.msg"), name)
            for package, names in _NAMES.items()
            for name in names
        }, ""
    except (ImportError, AttributeError) as error:
        missing = str(error)
    try:
        from hdnet_ros.messages.plain_messages import plain_class
    except ImportError as error:
        raise ImportError(f"{missing}; {error}") from error
    return {
        name: plain_class(f"{package}/msg/{name}")
        for package, names in _NAMES.items()
        for name in names
    }, missing


_found, MISSING_OF_ROS = _classes()
globals().update(_found)


def duration(seconds: float):
    """Return a builtin_interfaces/Duration of seconds >= 0."""
    whole, nanoseconds = divmod(round(seconds * 1e9), 1_000_000_000)
    return _found["Duration"](sec=whole, nanosec=nanoseconds)
