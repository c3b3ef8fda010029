"""QoS of inputs and results, each open to overrides, each mismatch told with its topic."""

from collections.abc import Callable

from rclpy.node import Node
from rclpy.qos import (
    QoSDurabilityPolicy,
    QoSHistoryPolicy,
    QoSPolicyKind,
    QoSProfile,
    QoSReliabilityPolicy,
    qos_policy_name_from_kind,
    qos_profile_sensor_data,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

from hdnet_ros.messages.door import check

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

SENSOR_DATA = qos_profile_sensor_data
# The same for what is small: a burst that came while the node was busy is not lost.
SMALL_SENSOR_DATA = QoSProfile(
    history=QoSHistoryPolicy.KEEP_LAST, depth=50, reliability=QoSReliabilityPolicy.BEST_EFFORT
)
RESULTS = QoSProfile(
    history=QoSHistoryPolicy.KEEP_LAST, depth=10, reliability=QoSReliabilityPolicy.RELIABLE
)
# Reliable as well, but a slow subscriber must not make whole pictures pile up.
PICTURES = QoSProfile(
    history=QoSHistoryPolicy.KEEP_LAST, depth=2, reliability=QoSReliabilityPolicy.RELIABLE
)
# What was said once, before this node was there: a camera info by a driver that repeats nothing.
LATCHED = QoSProfile(
    history=QoSHistoryPolicy.KEEP_LAST,
    depth=10,
    reliability=QoSReliabilityPolicy.RELIABLE,
    durability=QoSDurabilityPolicy.TRANSIENT_LOCAL,
)
_OVERRIDABLE = (
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY,
)
_IMAGE, _COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
_ADVICE = {
    (_COMPRESSED, _IMAGE): ": set image_transport to compressed and remap image/compressed to it",
    (_IMAGE, _COMPRESSED): ": set image_transport to raw and remap image to it",
}


def subscribe(
    node: Node, kind, topic: str, callback: Callable, mismatch: Callable[[str, str], None], qos=SENSOR_DATA
):
    """Subscribe with sensor-data QoS that `qos_overrides.<topic>.subscription.*` overrides.

    `mismatch` is called with the topic and a sentence when a publisher's QoS does not fit.
    """
    resolved = node.resolve_topic_name(topic)

    def incompatible(event) -> None:
        mismatch(resolved, _sentence("publisher", resolved, event, "requested"))

    return node.create_subscription(
        kind,
        topic,
        callback,
        qos,
        event_callbacks=SubscriptionEventCallbacks(incompatible_qos=incompatible),
        qos_overriding_options=QoSOverridingOptions(_OVERRIDABLE),
    )


def subscribe_latched(node: Node, kind, topic: str, callback: Callable):
    """Subscribe beside `subscribe` to what publishers keep for those who come late.

    Publishers that keep nothing do not fit, and say nothing of it: the other subscription hears them.
    """
    silent = SubscriptionEventCallbacks(use_default_callbacks=False)
    return node.create_subscription(kind, topic, callback, LATCHED, event_callbacks=silent)


def keeps_for_late(node: Node, topic: str) -> bool:
    """Say whether somebody publishes a topic and keeps what was said for subscribers that come later."""
    found = node.get_publishers_info_by_topic(topic)
    return any(info.qos_profile.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL for info in found)


def described_publishers(node: Node, topic: str, wanted) -> str:
    """Return how many publish a topic, or, where what they publish is of another type, that type."""
    found = node.get_publishers_info_by_topic(topic)
    name = f"{wanted.__module__.partition('.')[0]}/msg/{wanted.__name__}"
    other = sorted({info.topic_type for info in found} - {name})
    if other:
        return f"published as {', '.join(other)}, expected {name}{_ADVICE.get((other[0], name), '')}"
    return f"{len(found)} publisher{'s' if len(found) != 1 else ''}"


def advertise(
    create: Callable, node: Node, kind, topic: str, qos, mismatch: Callable[[str, str], None]
):
    """Create a publisher with `create`, open to `qos_overrides.<topic>.publisher.*`.

    Its `publish` raises an UnsoundMessage instead of sending what is not finite.
    """
    resolved = node.resolve_topic_name(topic)

    def incompatible(event) -> None:
        mismatch(resolved, _sentence("subscriber", resolved, event, "offered"))

    return _with_door(create(
        kind,
        topic,
        qos,
        event_callbacks=PublisherEventCallbacks(incompatible_qos=incompatible),
        qos_overriding_options=QoSOverridingOptions(_OVERRIDABLE),
    ))  # fmt: skip


def advertise_quietly(node: Node, kind, topic: str, qos):
    """Create a publisher that comes and goes while the node runs, without overrides and events.

    The executor waits for a publisher's events, and does not bear that one goes meanwhile.
    """
    silent = PublisherEventCallbacks(use_default_callbacks=False)
    return _with_door(node.create_publisher(kind, topic, qos, event_callbacks=silent))


def _with_door(publisher):
    """Return the publisher, whose every message is checked before it is sent."""
    send = publisher.publish

    def publish(message) -> None:
        check(message)
        send(message)

    publisher.publish = publish
    return publisher


def _sentence(other: str, topic: str, event, role: str) -> str:
    policy = qos_policy_name_from_kind(event.last_policy_kind)
    return (
        f"a {other} of {topic} has incompatible QoS: {policy} is not what is {role} here "
        f"({event.total_count} so far); nothing passes between the two, see parameters "
        f"qos_overrides.{topic}"
    )
