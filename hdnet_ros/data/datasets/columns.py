"""Rows of numbers appended one at a time and kept as numpy columns."""

from __future__ import annotations

import numpy as np


class Columns:
    """Growing columns; a row costs its numbers, not Python objects.

    Parameters
    ----------
    columns : name to (shape of one row, dtype); text is a dtype of bytes such as "S160"
    """

    def __init__(self, **columns: tuple[tuple[int, ...], str]) -> None:
        self._blocks = {name: np.empty((256, *shape), dtype) for name, (shape, dtype) in columns.items()}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, **values) -> None:
        """Add a row; every column needs its value.

        Raises
        ------
        ValueError : a value has another shape than its column, or a text does not fit
        """
        if self._count == len(next(iter(self._blocks.values()))):
            self._blocks = {name: _doubled(block) for name, block in self._blocks.items()}
        for name, block in self._blocks.items():
            value = values[name]
            if block.dtype.kind == "S":
                value = value.encode()
                if len(value) > block.dtype.itemsize:
                    raise ValueError(f"{name} has {len(value)} bytes, expected at most {block.dtype.itemsize}")
            elif np.shape(value) != block.shape[1:]:
                raise ValueError(f"{name} has shape {np.shape(value)}, expected {block.shape[1:]}")
            block[self._count] = value
        self._count += 1

    def arrays(self) -> dict[str, np.ndarray]:
        """Name to (rows, ...) array; text columns are cut to their longest row."""
        return {name: _trimmed(block[: self._count]) for name, block in self._blocks.items()}


def _doubled(block: np.ndarray) -> np.ndarray:
    larger = np.empty((2 * len(block), *block.shape[1:]), block.dtype)
    larger[: len(block)] = block
    return larger


def _trimmed(block: np.ndarray) -> np.ndarray:
    if block.dtype.kind != "S":
        return block.copy()
    longest = int(np.char.str_len(block).max()) if len(block) else 1
    return block.astype(f"S{max(longest, 1)}")


def offsets_by_group(group: np.ndarray, count: int) -> np.ndarray:
    """(count + 1,) where each group starts in rows that are sorted by their group's number."""
    return np.searchsorted(group, np.arange(count + 1))


def rows_of_ids(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Row of each wanted id among ids (any order, no id twice), -1 where there is none."""
    if not len(ids):
        return np.full(len(wanted), -1)
    order = np.argsort(ids, kind="stable")
    at = np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)
    rows = order[at]
    return np.where(ids[rows] == wanted, rows, -1)
