"""A node that hands on every message of the demo as it came, and people as plain numbers."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection2DArray, Detection3DArray
from visualization_msgs.msg import MarkerArray

from hdnet_ros.core.types import PersonFlags
from hdnet_ros.files.roots_file import person_record
from hdnet_ros.messages.convert import estimates_from_msg
from hdnet_ros.msg import PersonRootArray, PersonTrackArray
from hdnet_ros.ros.background_node import BackgroundNode

IMAGE_TOPIC = "/image"
PERSONS_TOPIC = "/hdnet_node/persons"
_TOPICS = {
    IMAGE_TOPIC: (Image, "sensor_msgs/msg/Image"),
    "/camera_info": (CameraInfo, "sensor_msgs/msg/CameraInfo"),
    "/detections": (Detection2DArray, "vision_msgs/msg/Detection2DArray"),
    PERSONS_TOPIC: (PersonRootArray, "hdnet_ros/msg/PersonRootArray"),
    "/hdnet_node/tracks": (PersonTrackArray, "hdnet_ros/msg/PersonTrackArray"),
    "/hdnet_node/detections_3d": (Detection3DArray, "vision_msgs/msg/Detection3DArray"),
    "/hdnet_node/markers": (MarkerArray, "visualization_msgs/msg/MarkerArray"),
    "/tf": (TFMessage, "tf2_msgs/msg/TFMessage"),
    "/diagnostics": (DiagnosticArray, "diagnostic_msgs/msg/DiagnosticArray"),
}
_QOS = QoSProfile(
    history=QoSHistoryPolicy.KEEP_LAST, depth=50, reliability=QoSReliabilityPolicy.RELIABLE
)


class PersonsAnswer(NamedTuple):
    """People of one image: header stamp and arrival in ns, estimator, records as in roots.jsonl."""

    stamp_ns: int
    arrival_ns: int
    estimator: str
    persons: list[dict]


class Recorder:
    """Spin a recording node in a thread of its own until `close`.

    Images are subscribed last, once every other topic has its publisher: a video that waits for its
    subscribers starts when nothing of what follows from it can be missed.

    Parameters
    ----------
    store : called with topic, type name, arrival in ns and the serialized message

    Attributes
    ----------
    image_stamps_ns : stamps of the images in order of arrival
    answers : what came on the persons topic, in order of arrival
    errors : node name to message, of diagnostics at level ERROR
    """

    def __init__(self, store: Callable[[str, str, int, bytes], None]):
        self._store = store
        self.image_stamps_ns: list[int] = []
        self.answers: list[PersonsAnswer] = []
        self.errors: dict[str, str] = {}
        self._background = BackgroundNode("demo_recorder")
        self._node = self._background.node
        self._awaited = set(_TOPICS) - {IMAGE_TOPIC}
        for topic in sorted(self._awaited):
            self._subscribe(topic)
        self._background.start()

    def close(self) -> None:
        """Stop listening."""
        self._background.stop()
        self._background.destroy()

    def _subscribe(self, topic: str) -> None:
        kind, type_name = _TOPICS[topic]
        self._node.create_subscription(
            kind, topic, self._callback(topic, type_name), _QOS, raw=True,
            event_callbacks=SubscriptionEventCallbacks(matched=lambda _: self._heard(topic)),
        )  # fmt: skip

    def _heard(self, topic: str) -> None:
        if topic in self._awaited:
            self._awaited.remove(topic)
            if not self._awaited:
                self._subscribe(IMAGE_TOPIC)

    def _callback(self, topic: str, type_name: str) -> Callable[[bytes], None]:
        def on_message(cdr: bytes) -> None:
            arrival_ns = self._node.get_clock().now().nanoseconds
            if topic == IMAGE_TOPIC:
                self.image_stamps_ns.append(_stamp_ns(deserialize_message(cdr, Header)))
            elif topic == PERSONS_TOPIC:
                self.answers.append(_answer(deserialize_message(cdr, PersonRootArray), arrival_ns))
            elif topic == "/diagnostics":
                self._note_errors(deserialize_message(cdr, DiagnosticArray))
            self._store(topic, type_name, arrival_ns, cdr)

        return on_message

    def _note_errors(self, msg: DiagnosticArray) -> None:
        for status in msg.status:
            if status.level == DiagnosticStatus.ERROR:
                self.errors[status.name] = status.message


def _answer(msg: PersonRootArray, arrival_ns: int) -> PersonsAnswer:
    people = [
        replace(person, id=told.id, flags=PersonFlags(told.flags))
        for person, told in zip(estimates_from_msg(msg), msg.persons, strict=True)
    ]
    persons = [person_record(person) for person in people]
    return PersonsAnswer(_stamp_ns(msg.header), arrival_ns, msg.estimator, persons)


def _stamp_ns(header: Header) -> int:
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec
