"""QoS of inputs and results, each open to overrides, each mismatch told with its topic."""

from collections.abc import Callable

from rclpy.node import Node
from rclpy.qos import (
    QoSHistoryPolicy,
    QoSProfile,
    QoSReliabilityPolicy,
    qos_policy_name_from_kind,
    qos_profile_sensor_data,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

SENSOR_DATA = qos_profile_sensor_data
RESULTS = QoSProfile(
    history=QoSHistoryPolicy.KEEP_LAST, depth=10, reliability=QoSReliabilityPolicy.RELIABLE
)
# Reliable as well, but a slow subscriber must not make whole pictures pile up.
PICTURES = QoSProfile(
    history=QoSHistoryPolicy.KEEP_LAST, depth=2, reliability=QoSReliabilityPolicy.RELIABLE
)


def subscribe(
    node: Node, kind, topic: str, callback: Callable, mismatch: Callable[[str, str], None]
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
        SENSOR_DATA,
        event_callbacks=SubscriptionEventCallbacks(incompatible_qos=incompatible),
        qos_overriding_options=QoSOverridingOptions.with_default_policies(),
    )


def advertise(
    create: Callable, node: Node, kind, topic: str, qos, mismatch: Callable[[str, str], None]
):
    """Create a publisher with `create`, open to `qos_overrides.<topic>.publisher.*`."""
    resolved = node.resolve_topic_name(topic)

    def incompatible(event) -> None:
        mismatch(resolved, _sentence("subscriber", resolved, event, "offered"))

    return create(
        kind,
        topic,
        qos,
        event_callbacks=PublisherEventCallbacks(incompatible_qos=incompatible),
        qos_overriding_options=QoSOverridingOptions.with_default_policies(),
    )


def advertise_quietly(node: Node, kind, topic: str, qos):
    """Create a publisher that comes and goes while the node runs, without overrides and events.

    The executor waits for a publisher's events, and does not bear that one goes meanwhile.
    """
    silent = PublisherEventCallbacks(use_default_callbacks=False)
    return node.create_publisher(kind, topic, qos, event_callbacks=silent)


def _sentence(other: str, topic: str, event, role: str) -> str:
    policy = qos_policy_name_from_kind(event.last_policy_kind)
    return (
        f"a {other} of {topic} has incompatible QoS: {policy} is not what is {role} here "
        f"({event.total_count} so far); nothing passes between the two, see parameters "
        f"qos_overrides.{topic}"
    )
