"""Messages without ROS: definitions, classes and serialisation, through rosbags."""

from __future__ import annotations

import os
import sys
from array import array
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

try:
    from rosbags.interfaces import Nodetype
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore
    from rosbags.typesys.store import Typestore
except ImportError as error:
    raise ImportError(
        f"bags and messages without ROS need the Python package rosbags (pip install rosbags): {error}"
    ) from error

# Packages that no type store of rosbags brings; their .msg files are read.
_OWN_PACKAGES = ("vision_msgs", "hdnet_ros")
# The defaults that message definitions write out; rosbags does not keep them.
_DEFAULTS = {"geometry_msgs/msg/Quaternion": {"w": 1.0}}
_ZEROS = {"string": "", "bool": False, "float32": 0.0, "float64": 0.0}


class PlainMessage:
    """What a generated message class is: fields with defaults, set by keyword or attribute."""

    _makers: dict[str, Any] = {}

    def __init__(self, **values):
        unknown = sorted(values.keys() - self._makers.keys())
        if unknown:
            raise TypeError(f"{type(self).__name__} has no fields {unknown}")
        for name, make in self._makers.items():
            setattr(self, name, values[name] if name in values else make())

    def __eq__(self, other) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_same(getattr(self, name), getattr(other, name)) for name in self._makers)

    __hash__ = None

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._makers)
        return f"{type(self).__name__}({shown})"


@cache
def typestore() -> Typestore:
    """Return the types of ROS 2 with vision_msgs and this package's own.

    Raises
    ------
    FileNotFoundError : the .msg files of a package are not there
    """
    store = get_typestore(Stores.ROS2_JAZZY)
    types: dict = {}
    for package in _OWN_PACKAGES:
        for path in sorted(_message_folder(package).glob("*.msg")):
            name = f"{package}/msg/{path.stem}"
            if name not in store.fielddefs:
                types.update(get_types_from_msg(path.read_text(encoding="utf-8"), name))
    store.register(types)
    return store


def type_name(kind: type) -> str:
    """Return "package/msg/Name" of a message class, ROS's own or plain."""
    return f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}"


@cache
def plain_class(name: str) -> type[PlainMessage]:
    """Return the class of "package/msg/Name": default-constructible, constants as attributes."""
    constants, fields = typestore().fielddefs[name]
    written = _DEFAULTS.get(name, {})
    makers = {field: _maker(kind, written.get(field)) for field, kind in fields}
    package, _, short = name.split("/")
    members = {constant: value for constant, _, value in constants}
    return type(short, (PlainMessage,), {**members, "_makers": makers, "__module__": f"{package}.msg"})


def plain_classes(package: str, *names: str) -> list[type[PlainMessage]]:
    """Return the classes of a package's messages by name, in order."""
    return [plain_class(f"{package}/msg/{name}") for name in names]


def to_cdr(message: Any) -> bytes:
    """Return a message, ROS's own or plain, serialised as DDS and rosbag2 do."""
    name = type_name(type(message))
    return bytes(typestore().serialize_cdr(_stored(message, name), name))


def from_stored(stored: Any, kind: type, aliases: dict | None = None) -> Any:
    """Return a message of a class from what rosbags read.

    Parameters
    ----------
    stored : message as rosbags deserialises it
    kind : class to make, ROS's own or plain
    aliases : (type name, field) to a function that takes such a value out of a message whose
        definition is an older one
    """
    name = type_name(kind)
    message = kind()
    for field, (node, detail) in typestore().fielddefs[name][1]:
        read = (aliases or {}).get((name, field))
        value = getattr(stored, field) if read is None or hasattr(stored, field) else read(stored)
        current = getattr(message, field)
        if node == Nodetype.NAME:
            value = from_stored(value, type(current), aliases)
        elif node != Nodetype.BASE:
            value = _read_many(value, detail[0], kind, aliases)
        setattr(message, field, value)
    return message


def _read_many(values, element, kind: type, aliases) -> Any:
    node, detail = element
    if node == Nodetype.NAME:
        return [from_stored(value, _sibling(detail, kind), aliases) for value in values]
    if detail[0] == "uint8":
        # ROS's message classes check a list byte by byte, an array.array it takes as it is.
        read = array("B")
        read.frombytes(np.ascontiguousarray(values).data)
        return read
    return list(values) if detail[0] == "string" else values.tolist()


def _sibling(name: str, kind: type) -> type:
    """Return the class of a type, plain or ROS's own as `kind` is."""
    if issubclass(kind, PlainMessage):
        return plain_class(name)
    from importlib import import_module

    package, _, short = name.split("/")
    return getattr(import_module(f"{package}.msg"), short)


def _maker(kind, written):
    """Return what makes the default of a field."""
    node, detail = kind
    if node == Nodetype.NAME:
        return lambda: plain_class(detail)()
    if node == Nodetype.SEQUENCE:
        return list
    if node == Nodetype.BASE:
        value = _ZEROS.get(detail[0], 0) if written is None else written
        return lambda: value
    (element, of), length = detail
    if element == Nodetype.NAME:
        return lambda: [plain_class(of)() for _ in range(length)]
    if of[0] == "string":
        return lambda: [""] * length
    return lambda: np.zeros(length, _dtype(of[0]))


def _stored(message: Any, name: str) -> Any:
    """Return a message as rosbags serialises it: primitives of lists as numpy arrays."""
    store = typestore()
    values = {}
    for field, (node, detail) in store.fielddefs[name][1]:
        value = getattr(message, field)
        if node == Nodetype.NAME:
            value = _stored(value, detail)
        elif node != Nodetype.BASE:
            element, of = detail[0]
            if element == Nodetype.NAME:
                value = [_stored(item, of) for item in value]
            elif of[0] != "string":
                value = _numbers(value, _dtype(of[0]))
        values[field] = value
    return store.types[name](**values)


def _numbers(values, dtype) -> np.ndarray:
    if isinstance(values, (bytes, bytearray, array, memoryview)):
        return np.frombuffer(values, dtype)
    return np.ascontiguousarray(values, dtype)


def _dtype(name: str) -> np.dtype:
    return np.dtype({"byte": "uint8", "char": "uint8"}.get(name, name))


def _same(one, other) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return one == other


def _message_folder(package: str) -> Path:
    """Return the folder of a package's .msg files: the checkout's, a workspace's, or pip's."""
    root = Path(__file__).resolve().parents[2]
    folders = [root / "msg" if package == "hdnet_ros" else root / "underlay" / package / "msg"]
    prefixes = [Path(p) for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    prefixes += [*Path(__file__).absolute().parents, Path(sys.prefix)]
    folders += [prefix / "share" / package / "msg" for prefix in prefixes]
    for folder in folders:
        if any(folder.glob("*.msg")):
            return folder
    raise FileNotFoundError(
        f"message definitions of {package} not found beside the package, on AMENT_PREFIX_PATH or in "
        f"{sys.prefix}/share"
    )
