"""One setting as a line of a table, and values for it from text and parameter files."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hdnet_ros.files.limited_text import MOST_YAML_BYTES, parse_yaml, read_text

AT_ONCE = "at once"
AT_ACTIVATE = "when the node is activated"
AT_CONFIGURE = "when the node is configured"
AT_START = "at start only"
# What ROS itself declares for every node.
_OF_ROS = ("use_sim_time", "qos_overrides", "start_type_description_service")


class SettingError(ValueError):
    """A value or name that does not fit; says what was found and expected."""


@dataclass(frozen=True)
class Setting:
    """One setting: a ROS parameter, a command's option, a line of config/hdnet.yaml and of the docs.

    Parameters
    ----------
    name : of the parameter
    default : its type is the setting's; a list is never empty
    description : without unit, range, choices and effect
    unit : of a number; empty: it has none
    span : smallest and largest value of a number
    choices : what a string, or each of a list, may be; empty: anything
    effect : when a change counts; `AT_START` cannot be changed
    """

    name: str
    default: Any
    description: str
    unit: str = ""
    span: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    effect: str = AT_ONCE

    @property
    def read_only(self) -> bool:
        """Whether it can only be given at start."""
        return self.effect == AT_START

    @property
    def kind(self) -> str:
        """The type as ROS names it: "double", "string[]"."""
        names = {bool: "bool", int: "int", float: "double", str: "string"}
        if isinstance(self.default, list):
            return names[type(self.default[0])] + "[]"
        return names[type(self.default)]

    def sentence(self) -> str:
        """Description, unit and when a change counts, in one line."""
        unit = f" [{self.unit}]" if self.unit else ""
        effect = "" if self.effect in (AT_ONCE, AT_START) else f"; takes effect {self.effect}"
        return self.description + unit + effect

    def fault(self, value: Any) -> str | None:
        """Return why a value of the right type is refused, or None."""
        if self.span and not self.span[0] <= value <= self.span[1]:
            return f"{self.name} is {value}, expected {self.span[0]:g} to {self.span[1]:g}"
        # ROS has no empty list of strings: one empty string stands for it.
        given = [item for item in value if item] if isinstance(value, (list, tuple)) else [value]
        for item in given if self.choices else ():
            if item not in self.choices:
                return f"{self.name} is {item!r}, expected one of {', '.join(self.choices)}{nearest(str(item), self.choices)}"
        return None

    def checked(self, value: Any) -> Any:
        """Return a value as the setting has it; text is read as YAML, as `-p name:=value` is.

        Raises
        ------
        SettingError : another type, outside the range or not one of the choices
        """
        kind = type(self.default)
        if isinstance(value, str) and kind is not str:
            try:
                value = yaml.safe_load(value)
            except yaml.YAMLError as error:
                raise SettingError(f"parameter {self.name} is {value!r}: {error}") from error
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        items = value if isinstance(value, list) else [value]
        wanted = type(self.default[0]) if kind is list else kind
        if isinstance(value, list) != (kind is list) or any(type(item) is not wanted for item in items):
            raise SettingError(f"parameter {self.name} is {value!r}, expected a {self.kind}")
        fault = self.fault(value)
        if fault:
            raise SettingError(f"parameter {fault}")
        return value


def nearest(name: str, known: Sequence[str]) -> str:
    """Return ", did you mean ...?" for a name that is close to a known one, else nothing."""
    close = difflib.get_close_matches(name, known, 1)
    return f", did you mean {close[0]}?" if close else ""


def filled(table: Sequence[Setting], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of every setting: the given ones checked, defaults for the rest.

    Raises
    ------
    SettingError : an unknown name, or as `Setting.checked`
    """
    by_name = {setting.name: setting for setting in table}
    values = {setting.name: setting.default for setting in table}
    for name, value in given.items():
        if name not in by_name:
            hint = nearest(name, tuple(by_name)) or f", expected one of {', '.join(by_name)}"
            raise SettingError(f"parameter {name!r} is unknown{hint}")
        values[name] = by_name[name].checked(value)
    return values


def from_file(path: str | Path, table: Sequence[Setting], node: str) -> tuple[dict[str, Any], list[str]]:
    """Return what a parameter file (`ros2 run --params-file`) gives a node, and remarks on the rest.

    Entries count whose name is a wildcard or ends in the node's; of two the later one wins. As for
    a node, names that the table lacks are no error; here they are told.

    Raises
    ------
    SettingError : the file cannot be read, or is no parameter file
    """
    try:
        path = Path(path)
        entries = parse_yaml(path, read_text(path, MOST_YAML_BYTES)) or {}
    except ValueError as error:
        raise SettingError(str(error)) from error
    if not isinstance(entries, dict):
        raise SettingError(f"{path}: expected nodes with ros__parameters, found a {type(entries).__name__}")
    known = tuple(setting.name for setting in table)
    values: dict[str, Any] = {}
    remarks: list[str] = []
    for entry_name, entry in _entries(entries):
        own = entry_name.rpartition("/")[2]
        if own not in (node, "*", "**"):
            continue
        for name, value in entry.items():
            if name in known:
                values[name] = value
            elif own == node and name.split(".")[0] not in _OF_ROS:
                remarks.append(f"{path}: parameter {name!r} is unknown to {node}{nearest(name, known)}")
    return values, remarks


def _entries(tree: Mapping[str, Any], above: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Return (name, parameters) of every node in a file; namespaces may be nested."""
    found: list[tuple[str, dict[str, Any]]] = []
    for name, entry in tree.items():
        path = f"{above}/{str(name).strip('/')}"
        if isinstance(entry, dict) and isinstance(entry.get("ros__parameters"), dict):
            found.append((path, entry["ros__parameters"]))
        elif isinstance(entry, dict):
            found += _entries(entry, path)
    return found
