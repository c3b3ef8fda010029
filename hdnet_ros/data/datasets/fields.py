"""Values of parsed files, with a message that names the file and the key when they are not there."""

from __future__ import annotations

import numpy as np


def field(where: str, mapping: object, key: str):
    """mapping[key].

    Raises
    ------
    ValueError : there is no such key; `where` (file and place in it) and the key are named
    """
    if not isinstance(mapping, dict) or key not in mapping:
        raise ValueError(f"{where}: {key!r} is missing")
    return mapping[key]


def numbers(where: str, mapping: object, key: str, count: int | None = None) -> np.ndarray:
    """mapping[key] as float64, in its own shape.

    Raises
    ------
    ValueError : there is no such key, or it does not hold numbers, or not `count` of them
    """
    value = field(where, mapping, key)
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{where}: {key!r} does not hold numbers") from None
    if count is not None and array.size != count:
        raise ValueError(f"{where}: {key!r} has {array.size} numbers, expected {count}")
    return array
