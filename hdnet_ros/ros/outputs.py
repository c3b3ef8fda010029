"""The topics that hdnet_node publishes on: what `Publication` says, TF, and outputs for planners."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import Image
from tf2_ros import TransformBroadcaster

from hdnet_ros.messages.door import UnsoundMessage, check
from hdnet_ros.messages.publication import TF_TOPIC, Publication, topic
from hdnet_ros.msg import PersonRootArray, PersonTrackArray
from hdnet_ros.pipeline.scene import Scene
from hdnet_ros.ros.logbook import Logbook
from hdnet_ros.ros.planners.factory import PLANNER_SINKS
from hdnet_ros.ros.qos import PICTURES, RESULTS, advertise


class Told(NamedTuple):
    """A scene, and the messages about it that are out."""

    scene: Scene
    persons: PersonRootArray
    tracks: PersonTrackArray


class TrackSink(Protocol):
    """Something else that publishes what is known about people, in another package's messages."""

    def publish(self, told: Told) -> None:
        """Publish about one image; called after its tracks, on the worker's thread."""

    def reset(self) -> None:
        """Forget everybody: the clock was set back, or the node is no longer active."""

    def close(self) -> None:
        """Destroy the publishers."""


# Each makes a sink, or None where the parameters or missing packages leave it out.
TRACK_SINKS: tuple[Callable[[LifecycleNode, Logbook, Mapping[str, Any]], TrackSink | None], ...] = (
    PLANNER_SINKS
)


class Outputs:
    """Lifecycle publishers of every camera, those of all cameras together, and /tf.

    Parameters
    ----------
    node, logbook, options : of the node
    estimator : its name
    cameras : names of the cameras; one that is empty stands for the only one
    """

    def __init__(
        self,
        node: LifecycleNode,
        logbook: Logbook,
        options: Mapping[str, Any],
        estimator: str,
        cameras: Sequence[str] = ("",),
    ):
        self._node = node
        self._logbook = logbook
        self._options = options
        self._estimator = estimator
        self._cameras = list(cameras)
        self.renew()
        self._publishers = {
            name: advertise(
                node.create_lifecycle_publisher, node, kind, name,
                PICTURES if kind is Image else RESULTS, logbook.qos_mismatch,
            )
            for name, kind in self._publication.topics.items()
        }  # fmt: skip
        self._broadcaster = TransformBroadcaster(node)
        made = [make(node, logbook, options) for make in TRACK_SINKS]
        self._sinks = [sink for sink in made if sink is not None]

    def renew(self) -> None:
        """Take the parameters anew that count when the node is activated."""
        self._publication = Publication(self._options, self._estimator, self._cameras)

    def overlay_is_wanted(self, camera: str = "") -> bool:
        """Say whether somebody subscribes to the camera's overlay."""
        return self._publishers[topic(camera, "overlay")].get_subscription_count() > 0

    def publish(self, scene: Scene) -> None:
        """Publish everything about one image; what robots act on goes out first."""
        said: dict[str, Any] = {}
        for name, message in self._publication.of(scene, self.overlay_is_wanted(scene.camera_name)):
            try:
                self._send(name, message)
            except UnsoundMessage as error:
                # Only what is broken stays in; the rest of the scene goes out.
                self._logbook.failure(f"{name} is not published", error)
                continue
            said[name] = message
            persons = said.get(topic(scene.camera_name, "persons"))
            if name == "~/tracks" and persons is not None:
                told = Told(scene, persons, message)
                self._each_sink(lambda sink, told=told: sink.publish(told))

    def _send(self, name: str, message: Any) -> None:
        if name == TF_TOPIC:
            check(message)
            self._broadcaster.sendTransform(list(message.transforms))
        else:
            self._publishers[name].publish(message)

    def delete_all(self) -> None:
        """Remove every marker, and let the sinks forget everybody."""
        for name, message in self._publication.reset():
            self._publishers[name].publish(message)
        self._each_sink(lambda sink: sink.reset())

    def close(self) -> None:
        """Destroy the publishers."""
        self._each_sink(lambda sink: sink.close())
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._node.destroy_publisher(self._broadcaster.pub_tf)
        self._publishers, self._sinks = {}, []

    def _each_sink(self, call: Callable[[TrackSink], None]) -> None:
        for sink in self._sinks:
            try:
                call(sink)
            except Exception as error:  # noqa: BLE001  (one sink must not stop the others)
                if self._node.context.ok():
                    self._logbook.failure(type(sink).__name__, error)
