"""The topics that hdnet_node publishes on, all with the image's header."""

from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from tf2_ros import TransformBroadcaster
from vision_msgs.msg import Detection3DArray
from visualization_msgs.msg import MarkerArray

from hdnet_ros.msg import PersonRootArray
from hdnet_ros.nodes.logbook import Logbook
from hdnet_ros.nodes.pipeline import Answer
from hdnet_ros.nodes.qos import PICTURES, RESULTS, advertise

_TOPICS = (
    ("persons", PersonRootArray, RESULTS),
    ("markers", MarkerArray, RESULTS),
    ("detections_3d", Detection3DArray, RESULTS),
    ("overlay", Image, PICTURES),
)


class Outputs:
    """Lifecycle publishers ~/persons, ~/markers, ~/detections_3d, ~/overlay, and /tf."""

    def __init__(self, node: LifecycleNode, logbook: Logbook):
        self._node = node
        self._publishers = {
            name: advertise(
                node.create_lifecycle_publisher, node, kind, f"~/{name}", qos, logbook.qos_mismatch
            )
            for name, kind, qos in _TOPICS
        }
        self._broadcaster = TransformBroadcaster(node)
        self._last_tf_stamp: tuple[int, int] | None = None
        self.last_header = Header()

    def overlay_is_wanted(self) -> bool:
        """Say whether somebody subscribes to ~/overlay."""
        return self._publishers["overlay"].get_subscription_count() > 0

    def publish(self, answer: Answer) -> None:
        """Publish everything about one image, TF first so that the rest can be placed."""
        header = answer.persons.header
        stamp = (header.stamp.sec, header.stamp.nanosec)
        # tf2 complains about the same frame at the same stamp.
        if answer.transforms and stamp != self._last_tf_stamp:
            self._broadcaster.sendTransform(answer.transforms)
            self._last_tf_stamp = stamp
        self._publishers["persons"].publish(answer.persons)
        self._publishers["detections_3d"].publish(answer.detections_3d)
        self._publishers["markers"].publish(answer.markers)
        if answer.overlay is not None:
            self._publishers["overlay"].publish(answer.overlay)
        self.last_header = header

    def publish_markers(self, markers: MarkerArray) -> None:
        self._publishers["markers"].publish(markers)

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._node.destroy_publisher(self._broadcaster.pub_tf)
        self._publishers = {}
