"""The topics that hdnet_node publishes on: results with the image's header, tracks in theirs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from geometry_msgs.msg import TransformStamped
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from tf2_ros import TransformBroadcaster
from vision_msgs.msg import Detection3DArray
from visualization_msgs.msg import Marker, MarkerArray

from hdnet_ros.msg import PersonRootArray, PersonTrackArray
from hdnet_ros.ros.logbook import Logbook
from hdnet_ros.pipeline.pipeline import Answer, Views
from hdnet_ros.ros.planners.factory import PLANNER_SINKS
from hdnet_ros.ros.qos import PICTURES, RESULTS, advertise

_CAMERA_TOPICS = (
    ("persons", PersonRootArray, RESULTS),
    ("detections_3d", Detection3DArray, RESULTS),
    ("markers", MarkerArray, RESULTS),
    ("overlay", Image, PICTURES),
)
_TF_REMEMBERED_S = 10
_COMMON_TOPICS = (("tracks", PersonTrackArray, RESULTS), ("markers", MarkerArray, RESULTS))


class TrackSink(Protocol):
    """Something else that publishes what is known about people, in another package's messages."""

    def publish(self, answer: Answer) -> None:
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

    One camera publishes ~/persons, ~/detections_3d, ~/markers and ~/overlay; several do so on
    ~/<camera>/persons and so on. ~/tracks is one for all, as are the markers of tracks on ~/markers.

    Parameters
    ----------
    node, logbook, options : of the node
    cameras : names of the cameras; one that is empty stands for the only one
    """

    def __init__(
        self,
        node: LifecycleNode,
        logbook: Logbook,
        options: Mapping[str, Any],
        cameras: Sequence[str] = ("",),
    ):
        self._node = node
        self._logbook = logbook
        topics = {name: (kind, qos) for name, kind, qos in _COMMON_TOPICS}
        for camera in cameras:
            topics |= {_topic(camera, name): (kind, qos) for name, kind, qos in _CAMERA_TOPICS}
        self._publishers = {
            name: advertise(
                node.create_lifecycle_publisher, node, kind, f"~/{name}", qos, logbook.qos_mismatch
            )
            for name, (kind, qos) in topics.items()
        }
        self._broadcaster = TransformBroadcaster(node)
        self._last_tf_stamps: dict[str, tuple[int, int]] = {}
        self._last_header = Header()
        made = [make(node, logbook, options) for make in TRACK_SINKS]
        self._sinks = [sink for sink in made if sink is not None]

    def overlay_is_wanted(self, camera: str = "") -> bool:
        """Say whether somebody subscribes to the camera's overlay."""
        return self._publishers[_topic(camera, "overlay")].get_subscription_count() > 0

    def publish(self, answer: Answer, camera: str = "") -> None:
        """Publish everything about one image, TF first so that the rest can be placed.

        What robots act on goes out before what people look at is even built.
        """
        self._last_header = answer.persons.header
        self._broadcast(answer.transforms)
        self._publishers[_topic(camera, "persons")].publish(answer.persons)
        self._publishers["tracks"].publish(answer.tracks)
        self._each_sink(lambda sink: sink.publish(answer))
        self._show(answer.views(), camera)

    def _show(self, views: Views, camera: str) -> None:
        self._publishers[_topic(camera, "detections_3d")].publish(views.detections_3d)
        markers = views.markers.markers + views.track_markers.markers
        if camera:
            self._publishers[_topic(camera, "markers")].publish(views.markers)
            markers = views.track_markers.markers
        self._publishers["markers"].publish(MarkerArray(markers=markers))
        if views.overlay is not None:
            self._publishers[_topic(camera, "overlay")].publish(views.overlay)

    def delete_all(self) -> None:
        """Remove every marker, and let the sinks forget everybody."""
        gone = MarkerArray(markers=[Marker(header=self._last_header, action=Marker.DELETEALL)])
        for name, publisher in self._publishers.items():
            if name.endswith("markers"):
                publisher.publish(gone)
        self._last_tf_stamps = {}
        self._each_sink(lambda sink: sink.reset())

    def close(self) -> None:
        """Destroy the publishers."""
        self._each_sink(lambda sink: sink.close())
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._node.destroy_publisher(self._broadcaster.pub_tf)
        self._publishers, self._sinks = {}, []

    def _broadcast(self, transforms: list[TransformStamped]) -> None:
        # tf2 complains about the same frame at the same stamp, and several cameras see one person.
        fresh = [
            t for t in transforms if _stamp(t) > self._last_tf_stamps.get(t.child_frame_id, (0, 0))
        ]
        if not fresh:
            return
        self._broadcaster.sendTransform(fresh)
        self._last_tf_stamps |= {t.child_frame_id: _stamp(t) for t in fresh}
        newest_s = max(seconds for seconds, _ in self._last_tf_stamps.values())
        self._last_tf_stamps = {
            name: stamp
            for name, stamp in self._last_tf_stamps.items()
            if stamp[0] > newest_s - _TF_REMEMBERED_S
        }

    def _each_sink(self, call: Callable[[TrackSink], None]) -> None:
        for sink in self._sinks:
            try:
                call(sink)
            except Exception as error:  # noqa: BLE001  (one sink must not stop the others)
                if self._node.context.ok():
                    self._logbook.failure(type(sink).__name__, error)


def _stamp(transform: TransformStamped) -> tuple[int, int]:
    return transform.header.stamp.sec, transform.header.stamp.nanosec


def _topic(camera: str, name: str) -> str:
    return f"{camera}/{name}" if camera else name
