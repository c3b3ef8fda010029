"""What is to be done with one recording, and the node's parameters for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hdnet_ros.bags.errors import BagError
from hdnet_ros.bags.source import Topics
from hdnet_ros.pipeline.setting import Setting, SettingError, filled, from_file
from hdnet_ros.pipeline.settings import DETECTOR_SETTINGS, HDNET_SETTINGS

NODE = "hdnet_node"


@dataclass(frozen=True)
class BagJob:
    """One recording to answer.

    Parameters
    ----------
    source : the recording
    target : folder of the rosbag2 that is written
    topics : what to take from the recording
    camera_file : calibration that stands in for camera_info; empty: the recording's
    options : parameters of hdnet_node by name, complete
    detector_options : parameters of detector_node, complete
    detect : run the detector even where the recording has detections
    node : full name of the node whose topics are written
    storage : "mcap" or "sqlite3"
    overwrite : do it again where the target is there
    """

    source: Path
    target: Path
    options: dict[str, Any]
    detector_options: dict[str, Any]
    topics: Topics = field(default_factory=Topics)
    camera_file: str = ""
    detect: bool = False
    node: str = "/" + NODE
    storage: str = "mcap"
    overwrite: bool = False


def node_options(
    file: str | Path | None, given: Mapping[str, Any], table: Sequence[Setting] = HDNET_SETTINGS, node: str = NODE
) -> tuple[dict[str, Any], list[str]]:
    """Return a node's parameters, and remarks on the file's that it does not know.

    Parameters
    ----------
    file : YAML as `ros2 run --params-file` takes it; it counts less than `given`
    given : values by name; text is read as YAML, as `-p name:=value` is

    Raises
    ------
    BagError : an unknown name, or a value of another type, outside its range or choices
    """
    try:
        values, remarks = from_file(file, table, node) if file else ({}, [])
        return filled(table, {**values, **given}), remarks
    except SettingError as error:
        raise BagError(str(error)) from error


def detector_options(file: str | Path | None, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return detector_node's parameters, as `node_options` does."""
    return node_options(file, given, DETECTOR_SETTINGS, "detector_node")
