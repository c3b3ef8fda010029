"""One status per node on /diagnostics, once a second."""

from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from hdnet_ros.ros.statistics import Report

PERIOD_S = 1.0
_LEVELS = {
    "ok": DiagnosticStatus.OK,
    "warn": DiagnosticStatus.WARN,
    "error": DiagnosticStatus.ERROR,
}


class DiagnosticsPublisher:
    """Publish what `report` returns, from the start of the node to its end, in every state.

    Parameters
    ----------
    node : the node; its full name is the status' name, before `part` where there is one
    hardware_id : what the status is about, e.g. the image topic
    report : called once a second, in real time even when the node's clock is a simulation's
    part : what of the node the status is about; empty: all of it
    """

    def __init__(
        self, node: Node, hardware_id: str, report: Callable[[], Report], part: str = ""
    ):
        self._node = node
        self._name = node.get_fully_qualified_name().lstrip("/") + (f": {part}" if part else "")
        self._hardware_id = hardware_id
        self._report = report
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(PERIOD_S, self.publish, clock=clock)

    def publish(self) -> None:
        """Publish the state of now."""
        report = self._report()
        status = DiagnosticStatus(
            level=_LEVELS[report.level],
            name=self._name,
            message=report.message,
            hardware_id=self._hardware_id,
            values=[KeyValue(key=key, value=value) for key, value in report.values.items()],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
