"""JSON and YAML from strangers: whatever is in the file, the answer or one sentence comes within a second.

Sizes, nesting and aliases are limited before anything is built of them (a YAML of a page can mean
billions of items), numbers of hundreds of digits become infinite and are refused where they are used.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

MOST_NESTING = 20
MOST_YAML_BYTES = 512 * 1024
MOST_JSON_BYTES = 256 * 1024 * 1024
_MOST_YAML_ITEMS = 50_000
# More digits than any double has; int() of thousands takes its time or refuses.
_MOST_INTEGER_DIGITS = 40
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_LOADER):  # type: ignore[misc, valid-type]
    """YAML's plain values; OpenCV's matrices are mappings, integers have an end."""


def read_text(path: Path, most_bytes: int) -> str:
    """Return the text of a file.

    Raises
    ------
    ValueError : it cannot be read, is larger than `most_bytes`, or is no UTF-8
    """
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > most_bytes:
        raise ValueError(f"{path}: larger than {most_bytes} bytes, which no such file is")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: malformed: no UTF-8 text (byte {error.start} is {content[error.start]:#04x})") from None


def parse_json(path: Path, text: str) -> Any:
    """Return what a JSON text holds; NaN and infinity are read, and refused where they are used.

    Raises
    ------
    ValueError : names the file, and where it is malformed
    """
    try:
        values = json.loads(text, parse_int=_integer)
    except RecursionError:
        raise ValueError(f"{path}: malformed: nested more than {MOST_NESTING} deep") from None
    except ValueError as error:
        raise ValueError(f"{path}: malformed: not JSON ({error})") from None
    if _depth_exceeds(values, MOST_NESTING):
        raise ValueError(f"{path}: malformed: nested more than {MOST_NESTING} deep")
    return values


def parse_yaml(path: Path, text: str) -> Any:
    """Return the first document with something in it; None where there is none.

    `ros2 topic echo` separates documents by ---, OpenCV begins its own with %YAML:1.0 and writes
    matrices under a tag of theirs.

    Raises
    ------
    ValueError : names the file, and where it is malformed
    """
    if text.startswith("%YAML:"):
        text = text.partition("\n")[2]
    try:
        _check_events(path, text)
        documents = yaml.load_all(text, Loader=_Loader)
        return next((document for document in documents if document), None)
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: malformed: {' '.join(str(error).split())[:300]}") from None
    except (ValueError, RecursionError, OverflowError) as error:
        told = str(error)
        raise ValueError(told if told.startswith(str(path)) else f"{path}: malformed: {told[:200]}") from None


def _check_events(path: Path, text: str) -> None:
    """Refuse what would take long or much to build, from the stream of events, which takes neither."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        if isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1
            raise ValueError(f"{path}: malformed: line {line} has an alias (*), which is not read; write the values out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_NESTING:
            raise ValueError(f"{path}: malformed: nested more than {MOST_NESTING} deep")
        if count > _MOST_YAML_ITEMS:
            raise ValueError(f"{path}: malformed: more than {_MOST_YAML_ITEMS} items")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_INTEGER_DIGITS else float(digits)


def _depth_exceeds(values: Any, limit: int) -> bool:
    level = [values]
    for _ in range(limit):
        level = [
            item
            for value in level
            if isinstance(value, (dict, list))
            for item in (value.values() if isinstance(value, dict) else value)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return False
    return True


def _yaml_integer(loader: Any, node: yaml.ScalarNode) -> int | float:
    digits = node.value.replace("_", "")
    if len(digits) > _MOST_INTEGER_DIGITS:
        return float(digits) if digits.lstrip("+-").isdecimal() else float("inf")
    return loader.construct_yaml_int(node)


def _matrix(loader: Any, node: yaml.MappingNode) -> dict:
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:int", _yaml_integer)
_Loader.add_constructor("tag:yaml.org,2002:opencv-matrix", _matrix)
