"""What is to be done with one recording, and the node's parameters for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hdnet_ros.bags.errors import BagError
from hdnet_ros.bags.source import Topics
from hdnet_ros.pipeline.options import DETECTOR_PARAMETERS, HDNET_PARAMETERS
from hdnet_ros.pipeline.parameter_spec import ParameterSpec

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


def node_options(file: str | Path | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return hdnet_node's parameters: defaults, then a parameter file's, then those given.

    Parameters
    ----------
    file : YAML as `ros2 run --params-file` takes it; only hdnet_node's part is read
    given : values by name; text is read as YAML, as `-p name:=value` is

    Raises
    ------
    BagError : an unknown name, or a value of another type, outside its range or choices
    """
    return _filled(HDNET_PARAMETERS, {**_from_file(file, NODE), **given})


def detector_options(file: str | Path | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return detector_node's parameters, as `node_options` does."""
    return _filled(DETECTOR_PARAMETERS, {**_from_file(file, "detector_node"), **given})


def _filled(specs: tuple[ParameterSpec, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    by_name = {spec.name: spec for spec in specs}
    values = {spec.name: spec.default for spec in specs}
    for name, value in given.items():
        if name not in by_name:
            raise BagError(f"parameter {name!r} is unknown, expected one of {', '.join(by_name)}")
        values[name] = _checked(by_name[name], value)
    return values


def _checked(spec: ParameterSpec, value: Any) -> Any:
    kind = type(spec.default)
    if isinstance(value, str) and kind is not str:
        value = yaml.safe_load(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind:
        raise BagError(f"parameter {spec.name} is {value!r}, expected a {kind.__name__}")
    if spec.span and not spec.span[0] <= value <= spec.span[1]:
        low, high = spec.span
        raise BagError(f"parameter {spec.name} is {value}, expected {low:g} to {high:g}")
    fault = spec.fault(value)
    if fault:
        raise BagError(f"parameter {fault}")
    return value


def _from_file(file: str | Path | None, node: str) -> dict[str, Any]:
    """Return the parameters of every entry whose name ends in the node's, later ones first."""
    if not file:
        return {}
    try:
        entries = yaml.safe_load(Path(file).read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BagError(f"{file}: {error}") from error
    values: dict[str, Any] = {}
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        if name in ("/**", "**") or name.rpartition("/")[2] == node:
            values.update((entry or {}).get("ros__parameters") or {})
    return values
