"""Ids of people: short, fit for a TF frame's name, never given twice within a run."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

from hdnet_ros.core.types import PersonEstimate

_SAFE_ID = re.compile(r"[A-Za-z][A-Za-z0-9]{0,15}")
_OWN_ID = re.compile(r"[pu][0-9]+")


class IdSource:
    """Gives ids; one source for everything that publishes people of one run."""

    def __init__(self):
        self._given = 0
        self._taken: set[str] = set()

    def take(self, wanted: str = "") -> tuple[str, int]:
        """Return an id and its number; a wanted id is given where it was never given before."""
        self._given += 1
        if wanted and wanted not in self._taken:
            self._taken.add(wanted)
            return wanted, self._given
        return f"p{self._given}", self._given


def detector_names(persons: Sequence[PersonEstimate]) -> list[str]:
    """Return the detector's ids made fit for a TF frame; the second of a double id counts as none."""
    names: list[str] = []
    for person in persons:
        name = public_id(person.id) if person.id else ""
        names.append("" if name in names else name)
    return names


def public_id(detector_id: str) -> str:
    """Return a short id that starts with a letter, the same for the same detector id."""
    if detector_id.isdecimal() and detector_id.isascii() and len(detector_id) < 16:
        return f"d{detector_id}"
    if _SAFE_ID.fullmatch(detector_id) and not _OWN_ID.fullmatch(detector_id):
        return detector_id
    return f"x{zlib.crc32(detector_id.encode()):08x}"
