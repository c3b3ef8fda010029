"""Types of messages that boxes may come in; `messages/detection_types.py` reads them."""

VISION_MSGS = "vision_msgs/Detection2DArray"
DETECTION_TYPES = (
    VISION_MSGS,
    "yolo_msgs/DetectionArray",
    "yolov8_msgs/DetectionArray",
    "depthai_ros_msgs/SpatialDetectionArray",
    "depthai_ros_msgs/TrackDetection2DArray",
    "jsk_recognition_msgs/RectArray",
    "darknet_ros_msgs/BoundingBoxes",
)
