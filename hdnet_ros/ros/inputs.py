"""The three inputs of a camera: stored as they come, watched for silence."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from hdnet_ros.messages.convert import detections_header, known_stamp_ns
from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.ros.logbook import Logbook
from hdnet_ros.pipeline.pairing import FramePairing, Pair
from hdnet_ros.ros.qos import subscribe
from hdnet_ros.ros.statistics import NodeStatistics

INPUTS = ("image", "camera_info", "detections")
SILENCE_S = 2.0


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
        self._arrived = arrived
        self._logbook = logbook
        self._statistics = statistics
        self._since_s = time.monotonic()
        self._info: CameraInfo | None = None
        self.pairing = FramePairing(round(options["slop_s"] * 1e9), options["images_kept"])
        compressed = options["image_transport"] == "compressed"
        self.topics = input_topics(node, options["image_transport"], camera)
        kinds = {
            "image": (CompressedImage if compressed else Image, self._on_image),
            "camera_info": (CameraInfo, self._on_info),
            "detections": (Detection2DArray, self._on_detections),
        }
        self._subscriptions = []
        try:
            for name, (kind, callback) in kinds.items():
                self._subscriptions.append(
                    subscribe(node, kind, self.topics[name], callback, logbook.qos_mismatch)
                )
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Unsubscribe and forget what waits."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []
        self.pairing.reset()

    def take(self) -> tuple[Pair, CameraInfo] | None:
        """Return the newest complete pair and the latest camera info, or None."""
        # Pairs wait for the first camera info instead of being lost before it.
        if self._info is None:
            return None
        pair = self.pairing.take()
        return None if pair is None else (pair, self._info)

    def missing(self) -> str:
        """Return a sentence on what has not come for two seconds, empty when all is well."""
        if time.monotonic() - self._since_s < SILENCE_S:
            return ""
        ages_s = {name: self._statistics.inputs[name].age_s() for name in INPUTS}
        # Camera info is cached: once is enough.
        silent = [
            name
            for name in INPUTS
            if ages_s[name] > SILENCE_S and not (name == "camera_info" and self._info is not None)
        ]
        if silent:
            told = ", ".join(f"{self.topics[name]} ({self._publishers(name)})" for name in silent)
            return f"nothing for {SILENCE_S:g} s on {told}"
        gap_ns = self.pairing.gap_ns()
        # A pair that has just matched waits for the worker: nothing is wrong with its stamps.
        far_apart = gap_ns is not None and gap_ns > self.pairing.slop_ns
        if self._statistics.answered.age_s() > SILENCE_S and far_apart:
            return (
                f"{self.topics['image']} and {self.topics['detections']} both arrive, but their "
                f"stamps are {gap_ns * 1e-9:.3f} s apart at best, more than slop_s"
            )
        return ""

    def _publishers(self, name: str) -> str:
        count = self._node.count_publishers(self.topics[name])
        return f"{count} publisher{'s' if count != 1 else ''}"

    def _on_image(self, msg: Image | CompressedImage) -> None:
        self._statistics.inputs["image"].tick()
        self._tell("image", msg.header, self.pairing.offer_image(known_stamp_ns(msg.header), msg))
        self._arrived.set()

    def _on_info(self, msg: CameraInfo) -> None:
        self._statistics.inputs["camera_info"].tick()
        self._info = msg
        self._arrived.set()

    def _on_detections(self, msg: Detection2DArray) -> None:
        self._statistics.inputs["detections"].tick()
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
