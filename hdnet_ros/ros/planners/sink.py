"""What the outputs for planners have in common: their message package, publishers, and a name."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import Header

from hdnet_ros.ros.logbook import Logbook
from hdnet_ros.ros.qos import RESULTS, advertise


class MissingPackage(ImportError):
    """A message package is not installed, or lacks a message; its name is `name`."""


def message_classes(package: str, *names: str) -> SimpleNamespace:
    """Return message classes of a package by name.

    Raises
    ------
    MissingPackage
        If the package is not installed, or has no such message.
    """
    try:
        module = import_module(f"{package}.msg")
        return SimpleNamespace(**{name: getattr(module, name) for name in names})
    except (ImportError, AttributeError) as error:
        raise MissingPackage(str(error), name=package) from error


class OneTopic:
    """An output with a single lifecycle publisher.

    A subclass says `_message(told)`, None to stay silent, and `_nobody(header)`.
    """

    def __init__(self, node: LifecycleNode, logbook: Logbook, kind: type, topic: str):
        self._node = node
        self._publisher = advertise(
            node.create_lifecycle_publisher, node, kind, topic, RESULTS, logbook.qos_mismatch
        )
        self._last_header: Header | None = None

    def publish(self, told) -> None:
        """Publish what is told of an image."""
        message = self._message(told)
        if message is not None:
            self._publisher.publish(message)
            self._last_header = message.header

    def reset(self) -> None:
        """Say that nobody is there: planners keep the last message however old it is."""
        if self._last_header is not None:
            self._publisher.publish(self._nobody(self._last_header))
            self._last_header = None

    def close(self) -> None:
        """Destroy the publisher."""
        self._node.destroy_lifecycle_publisher(self._publisher)
