"""The three inputs of a camera: stored as they come, watched for silence."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from hdnet_ros.locate.detectors import NO_DETECTOR
from hdnet_ros.messages import convert
from hdnet_ros.messages.convert import detections_header, known_stamp_ns
from hdnet_ros.messages.detection_types import as_detection_2d_array, class_of, short_name
from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.pipeline.camera_infos import CameraInfos
from hdnet_ros.pipeline.detection_types import DETECTION_TYPES, VISION_MSGS
from hdnet_ros.ros.logbook import Logbook
from hdnet_ros.pipeline.pairing import FramePairing, Pair
from hdnet_ros.ros.qos import (
    SENSOR_DATA,
    SMALL_SENSOR_DATA,
    described_publishers,
    keeps_for_late,
    subscribe,
    subscribe_latched,
)
from hdnet_ros.ros.statistics import NodeStatistics

INPUTS = ("image", "camera_info", "detections")
SILENCE_S = 2.0
# Images come so much later than their boxes at most; beyond, the two have different clocks.
_LATEST_S = 60.0
# An image's own camera info comes at the same moment, if it comes.
_INFO_WAIT_S = 0.1


def input_topics(node: Node, image_transport: str, camera: str = "") -> dict[str, str]:
    """Return the full topic name of each input, remapping counted.

    Parameters
    ----------
    camera : namespace of the camera's topics; empty: none of its own
    """
    prefix = f"{camera}/" if camera else ""
    topics = {name: node.resolve_topic_name(prefix + name) for name in INPUTS}
    if image_transport == "compressed":
        topics["image"] = node.resolve_topic_name(topics["image"] + "/compressed")
    return topics


class Inputs:
    """Subscriptions of an active node. Callbacks only store; `take` hands pairs to the worker.

    Parameters
    ----------
    node, options : the node and its parameters
    logbook, statistics : where oddities and counts go
    arrived : set whenever a message came
    camera : namespace of the camera's topics; empty: none of its own
    """

    def __init__(
        self,
        node: Node,
        options: Mapping[str, Any],
        logbook: Logbook,
        statistics: NodeStatistics,
        arrived: threading.Event,
        camera: str = "",
    ):
        self._node = node
        self._detects_inside = options["detector"] != NO_DETECTOR
        self._type_is_given = options["detections_type"] in DETECTION_TYPES
        self._detections_type = options["detections_type"] if self._type_is_given else VISION_MSGS
        self._arrived = arrived
        self._logbook = logbook
        self._statistics = statistics
        self._since_s = time.monotonic()
        self._rectified = options["image_is_rectified"]
        slop_ns = round(options["slop_s"] * 1e9)
        self._infos = CameraInfos(slop_ns, content=convert.info_content)
        self._infos_lock = threading.Lock()
        self._awaited = (0, 0.0)  # the image that waits for its info, and since when
        self.pairing = FramePairing(slop_ns, options["images_kept"])
        self._images_kept = options["images_kept"]
        compressed = options["image_transport"] == "compressed"
        self.topics = input_topics(node, options["image_transport"], camera)
        self._kinds = {
            "image": CompressedImage if compressed else Image,
            "camera_info": CameraInfo,
            "detections": Detection2DArray,
        }
        self._subscriptions = []
        self._boxes_subscription = None
        self._hears_latched = False
        try:
            self._subscribe()
            if not self._detects_inside:
                self._subscribe_to_boxes()
        except Exception:
            self.close()
            raise

    def _subscribe(self) -> None:
        callbacks = {"image": (self._on_image, SENSOR_DATA), "camera_info": (self._on_info, SMALL_SENSOR_DATA)}
        for name, (callback, qos) in callbacks.items():
            kind, topic = self._kinds[name], self.topics[name]
            self._subscriptions.append(
                subscribe(self._node, kind, topic, callback, self._logbook.qos_mismatch, qos)
            )

    def _subscribe_to_boxes(self) -> None:
        """Subscribe to detections, of the type that is wanted or that somebody publishes.

        Raises
        ------
        DetectionTypeError : the package of that type is not installed
        """
        if not self._type_is_given:
            self._detections_type = self._published_type() or self._detections_type
        kind, topic = class_of(self._detections_type), self.topics["detections"]
        self._kinds["detections"] = kind
        self._boxes_subscription = subscribe(
            self._node, kind, topic, self._on_detections, self._logbook.qos_mismatch, SMALL_SENSOR_DATA
        )

    def _published_type(self) -> str:
        """Return the known type that somebody publishes detections in, vision_msgs first; empty: none."""
        infos = self._node.get_publishers_info_by_topic(self.topics["detections"])
        types = {short_name(info.topic_type) for info in infos}
        return next((name for name in DETECTION_TYPES if name in types), "")

    def follow_type(self) -> None:
        """Subscribe anew where detections turn out to be published in another known type."""
        published = "" if self._detects_inside or self._type_is_given else self._published_type()
        if published and published != self._detections_type:
            self._node.destroy_subscription(self._boxes_subscription)
            self._boxes_subscription = None
            self._detections_type = published
            self._subscribe_to_boxes()

    def close(self) -> None:
        """Unsubscribe and forget what waits."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        if self._boxes_subscription is not None:
            self._node.destroy_subscription(self._boxes_subscription)
        self._subscriptions, self._boxes_subscription = [], None
        self.pairing.reset()

    def take(self) -> tuple[Pair, CameraInfo] | None:
        """Return the newest complete pair and the camera info of its image, or None."""
        with self._infos_lock:
            # Pairs wait for the first camera info instead of being lost before it.
            pair = self.pairing.take(self._has_its_info)
            return None if pair is None else (pair, self._infos.of_image(*_chosen_by(pair.image)))

    def _has_its_info(self, pair: Pair) -> bool:
        """Say whether the image's own info is there, or need not be waited for any longer."""
        if not self._infos:
            return False
        if not self._infos.may_come(*_chosen_by(pair.image)):
            return True
        now_s = time.monotonic()
        if self._awaited[0] != pair.stamp_ns:
            self._awaited = (pair.stamp_ns, now_s)
        if now_s - self._awaited[1] < _INFO_WAIT_S:
            return False
        self._infos.stop_waiting()
        return True

    def hear_latched_info(self) -> None:
        """Subscribe once more to camera info where it is kept for those who come late, and none came yet.

        Not before somebody offers that: to others it would be a subscriber that does not fit, and they
        would warn.
        """
        topic = self.topics["camera_info"]
        if not self._infos and not self._hears_latched and keeps_for_late(self._node, topic):
            self._hears_latched = True
            self._subscriptions.append(
                subscribe_latched(self._node, CameraInfo, topic, self._on_latched_info)
            )

    def missing(self) -> str:
        """Return a sentence on what has not come for two seconds, empty when all is well."""
        if time.monotonic() - self._since_s < SILENCE_S:
            return ""
        inputs = [name for name in INPUTS if not (self._detects_inside and name == "detections")]
        ages_s = {name: self._statistics.inputs[name].age_s() for name in inputs}
        # Camera info is cached: once is enough.
        silent = [
            name
            for name in inputs
            if ages_s[name] > SILENCE_S and not (name == "camera_info" and self._infos)
        ]
        if silent:
            told = ", ".join(f"{self.topics[name]} ({self._publishers(name)})" for name in silent)
            return f"nothing for {SILENCE_S:g} s on {told}"
        return self._far_apart() if self._statistics.answered.age_s() > SILENCE_S else ""

    def _far_apart(self) -> str:
        """Return why images and detections that both arrive find no partner, and what helps; empty: they do."""
        both = f"{self.topics['image']} and {self.topics['detections']} both arrive, but"
        needed = self.pairing.images_needed()
        if needed:
            return (
                f"{both} boxes come {needed - 1} images after theirs, of which {self._images_kept} wait: "
                f"set images_kept to more than {needed} (at most 300), or lower the camera's rate"
            )
        gap_ns = self.pairing.gap_ns()
        # A pair that has just matched waits for the worker: nothing is wrong with its stamps.
        if gap_ns is None or gap_ns <= self.pairing.slop_ns:
            return ""
        ahead_s = self.pairing.ahead_ns() * 1e-9
        if SILENCE_S < ahead_s < _LATEST_S:
            return f"{both} the newest boxes are {ahead_s:.1f} s newer than the newest image: images are late"
        rate_hz = self._statistics.inputs["image"].rate_hz()
        return (
            f"{both} their stamps are {gap_ns * 1e-9:.3f} s apart at best, more than slop_s, with images every "
            f"{1.0 / max(rate_hz, 1e-3):.3f} s: have the detector copy its image's stamp; a slop_s of half "
            "that interval and more pairs boxes with another image's people"
        )

    def _publishers(self, name: str) -> str:
        return described_publishers(self._node, self.topics[name], self._kinds[name])

    def _on_image(self, msg: Image | CompressedImage) -> None:
        self._statistics.inputs["image"].tick()
        self._tell("image", msg.header, self.pairing.offer_image(known_stamp_ns(msg.header), msg))
        if self._detects_inside:
            # Boxes are found when the image is answered; until then nobody is in them.
            nobody = Detection2DArray(header=msg.header)
            self.pairing.offer_detections(known_stamp_ns(msg.header), nobody)
        self._arrived.set()

    def _on_info(self, msg: CameraInfo) -> None:
        self._statistics.inputs["camera_info"].tick()
        self._keep_info(msg)

    def _on_latched_info(self, msg: CameraInfo) -> None:
        # What is repeated comes by the other subscription as well.
        if not self._infos:
            self._statistics.inputs["camera_info"].tick()
        self._keep_info(msg)

    def _keep_info(self, msg: CameraInfo) -> None:
        size_wh_px = convert.info_size_px(msg, self._rectified)
        frame = convert.frame_id(msg.header)
        with self._infos_lock:
            self._infos.offer(known_stamp_ns(msg.header), frame, size_wh_px, msg)
        self._arrived.set()

    def _on_detections(self, msg: Any) -> None:
        self._statistics.inputs["detections"].tick()
        msg = as_detection_2d_array(msg, self._detections_type)
        header = detections_header(msg)
        self._tell("detections", header, self.pairing.offer_detections(known_stamp_ns(header), msg))
        self._arrived.set()

    def _tell(self, name: str, header: Header, oddity: str | None) -> None:
        stamp_s = f"{header.stamp.sec}.{header.stamp.nanosec:09d}"
        if oddity == "late":
            reason = f"stamp {stamp_s} s is out of order, not newer than what was answered: dropped"
        elif oddity == "clock jumped back":
            reason = f"stamp {stamp_s} s: the clock jumped back, starting over"
        else:
            # A stamp of zero is remarked upon when the frame is answered.
            return
        self._logbook.bad_input(BadInput(name, reason))


def _chosen_by(image: Image | CompressedImage) -> tuple[int, str, tuple[int, int] | None]:
    """Return what an image's camera info is chosen by: stamp, frame, size."""
    return known_stamp_ns(image.header), convert.frame_id(image.header), convert.image_size_px(image)
