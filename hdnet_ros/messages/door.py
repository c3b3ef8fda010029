"""The door that every message goes through on its way out: numbers are finite, covariances are ones.

What comes before refuses bad input by name; this is for what nobody thought of. A planner that gets
an infinite position or a negative variance has nobody to ask.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

# Fields that a message's definition allows to be NaN: unknown. Infinite is nothing at any time.
_MAY_BE_NAN = {"child_probability", "heading_sigma_rad", "implied_stature_m", "stature_m"}
_MAY_HOLD_NAN = {"Keypoint", "NormalizedPointOfInterest2D"}
_COVARIANCE = 36
# Rounding of a covariance that is singular may make its least eigenvalue this share of the largest below 0.
_ROUNDING = 1e-6


class UnsoundMessage(ValueError):
    """A message that must not go out; says which field holds what."""


class _Plan(NamedTuple):
    """How to get at the numbers of a message class, nested messages included."""

    finite: Callable[[Any], tuple]  # floats that must be finite
    known_or_nan: Callable[[Any], tuple]
    sequences: tuple[Callable[[Any], Any], ...]  # arrays of numbers, and of messages


def check(message: Any) -> None:
    """Raise an UnsoundMessage where a number is not finite, or a covariance none.

    Parameters
    ----------
    message : a generated message or a plain one
    """
    finite: list[float] = []
    known_or_nan: list[float] = []
    covariances: list[np.ndarray] = []
    is_sound = _gather(message, False, finite, known_or_nan, covariances)
    is_sound = is_sound and bool(np.isfinite(finite).all()) and not np.isinf(known_or_nan).any()
    if is_sound and covariances:
        is_sound = _are_covariances(np.array(covariances).reshape(-1, 6, 6))
    if not is_sound:
        # The slow way, which knows the name of the field.
        _walk(message, type(message).__name__, False)


def _gather(message: Any, nan_allowed: bool, finite: list, known_or_nan: list, covariances: list) -> bool:
    """Gather every number of a message; return whether its arrays are finite."""
    kind = type(message)
    plan = _plan(kind)
    nan_allowed = nan_allowed or kind.__name__ in _MAY_HOLD_NAN
    (known_or_nan if nan_allowed else finite).extend(plan.finite(message))
    known_or_nan.extend(plan.known_or_nan(message))
    is_sound = True
    for get in plan.sequences:
        items = get(message)
        if len(items) == 0 or getattr(items, "typecode", "d") not in "fd" or isinstance(items, (str, bytes)):
            continue
        if isinstance(items, (list, tuple)) and not isinstance(items[0], float):
            if not isinstance(items[0], (str, int, bytes)):
                for item in items:
                    is_sound &= _gather(item, nan_allowed, finite, known_or_nan, covariances)
            continue
        numbers = np.asarray(items)
        if numbers.dtype.kind == "f":
            is_sound &= bool(np.isfinite(numbers).all())
            if numbers.size == _COVARIANCE:
                covariances.append(numbers)
    return is_sound


@cache
def _plan(kind: type) -> _Plan:
    finite, known_or_nan, sequences = _paths(kind())
    return _Plan(_getter(finite), _getter(known_or_nan), tuple(attrgetter(path) for path in sequences))


def _getter(paths: list[str]) -> Callable[[Any], tuple]:
    if len(paths) > 1:
        return attrgetter(*paths)
    if paths:
        return lambda message, get=attrgetter(paths[0]): (get(message),)
    return lambda message: ()


def _paths(sample: Any, prefix: str = "") -> tuple[list[str], list[str], list[str]]:
    """Return the dotted names of floats, of floats that may be NaN, and of sequences."""
    finite, known_or_nan, sequences = [], [], []
    for name in _fields(type(sample)):
        value, path = getattr(sample, name), prefix + name
        if isinstance(value, float):
            (known_or_nan if name in _MAY_BE_NAN else finite).append(path)
        elif hasattr(value, "__len__") and not isinstance(value, (str, bytes)):
            sequences.append(path)
        elif not isinstance(value, (str, int, bytes)) and value is not None:
            inner = _paths(value, path + ".")
            is_nan_allowed = type(value).__name__ in _MAY_HOLD_NAN
            (known_or_nan if is_nan_allowed else finite).extend(inner[0])
            known_or_nan += inner[1]
            sequences += inner[2]
    return finite, known_or_nan, sequences


def _are_covariances(covariances: np.ndarray) -> bool:
    largest = np.abs(covariances).max(axis=(1, 2))
    skew = np.abs(covariances - covariances.transpose(0, 2, 1)).max(axis=(1, 2))
    least = np.linalg.eigvalsh(covariances)[:, 0]
    return bool((skew <= _ROUNDING * largest).all() and (least >= -_ROUNDING * largest).all())


def _walk(value: Any, place: str, nan_allowed: bool) -> None:
    """Check a message field by field; `place` is where it stands, for the words."""
    nan_allowed = nan_allowed or type(value).__name__ in _MAY_HOLD_NAN
    for name in _fields(type(value)):
        item = getattr(value, name)
        if isinstance(item, float):
            if item - item != 0.0 and not (item != item and (nan_allowed or name in _MAY_BE_NAN)):
                raise UnsoundMessage(f"{place}.{name} is {item}, expected a finite number")
        elif isinstance(item, (str, int, bytes)):
            continue
        elif hasattr(item, "typecode") or isinstance(item, np.ndarray):
            _check_array(item, f"{place}.{name}", nan_allowed)
        elif isinstance(item, (list, tuple)):
            if item and isinstance(item[0], float):
                _check_array(item, f"{place}.{name}", nan_allowed)
            elif item and not isinstance(item[0], (str, int, bytes)):
                for index, part in enumerate(item):
                    _walk(part, f"{place}.{name}[{index}]", nan_allowed)
        elif item is not None:
            _walk(item, f"{place}.{name}", nan_allowed)


@cache
def _fields(kind: type) -> tuple[str, ...]:
    makers = getattr(kind, "_makers", None)
    return tuple(makers if makers is not None else kind.get_fields_and_field_types())


def _check_array(values: Any, place: str, nan_allowed: bool) -> None:
    if getattr(values, "typecode", "d") not in "fd":
        return
    numbers = np.asarray(values)
    if numbers.dtype.kind != "f":
        return
    if np.isinf(numbers).any() or (not nan_allowed and np.isnan(numbers).any()):
        raise UnsoundMessage(f"{place} holds {numbers[~np.isfinite(numbers)][0]}, expected finite numbers")
    if numbers.size == _COVARIANCE and place.endswith("covariance"):
        _check_covariance(numbers.reshape(6, 6), place)


def _check_covariance(covariance: np.ndarray, place: str) -> None:
    largest = float(np.abs(covariance).max())
    if not np.allclose(covariance, covariance.T, rtol=0.0, atol=_ROUNDING * largest):
        raise UnsoundMessage(f"{place} is not symmetric")
    least = float(np.linalg.eigvalsh(covariance)[0])
    if least < -_ROUNDING * largest:
        raise UnsoundMessage(f"{place} has a variance of {least:g}, expected at least 0")
