"""From the parameter `outputs` to what publishes for planners."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from rclpy.lifecycle import LifecycleNode

from hdnet_ros.ros.logbook import Logbook
from hdnet_ros.ros.planners.cohan import CohanSink
from hdnet_ros.ros.planners.ground_points import GroundPointsSink
from hdnet_ros.ros.planners.people import PeopleSink
from hdnet_ros.ros.planners.ros4hri import Ros4HriSink
from hdnet_ros.ros.planners.sink import MissingPackage

_KINDS = {
    "people": PeopleSink,
    "ros4hri": Ros4HriSink,
    "cohan": CohanSink,
    "ground_points": GroundPointsSink,
}


def make_planner_sink(
    name: str, node: LifecycleNode, logbook: Logbook, options: Mapping[str, Any]
):
    """Return the output of a name; None where the parameter `outputs` does not name it.

    One whose message package is missing is said, once, and left out.
    """
    if name not in options["outputs"]:
        return None
    try:
        return _KINDS[name](node, logbook, options)
    except MissingPackage as missing:
        logbook.warn(
            f"output {name!r} is left out: message package {missing.name} is not installed ({missing})"
        )
        return None


PLANNER_SINKS = tuple(partial(make_planner_sink, name) for name in _KINDS)
