"""What is to be done with one recording, and the node's parameters for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hdnet_ros.bags.source import Topics

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
