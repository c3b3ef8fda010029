"""What became of many images: counts, and each complaint once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hdnet_ros.pipeline.bad_input import BadInput, kind_of


@dataclass
class Tally:
    """What became of a recording or a video so far."""

    images: int = 0
    answered: int = 0
    people: int = 0
    failed: int = 0  # images on which the program itself failed
    remarks: Counter = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def remark(self, fault: BadInput, told: str = "") -> None:
        """Count a complaint, told in its own words or others; those that differ in numbers only are one."""
        kind = kind_of(fault)
        self.remarks[kind] += 1
        self.examples.setdefault(kind, told or str(fault))

    def failure(self, what: str, error: Exception) -> None:
        """Count an image on which the program itself failed; errors of one type are one."""
        kind = what + type(error).__name__
        self.failed += 1
        self.remarks[kind] += 1
        self.examples.setdefault(kind, f"{what}: {type(error).__name__}: {error}".strip())

    def sentences(self) -> list[str]:
        """Return each complaint once, with how often it was."""
        return [f"{self.examples[kind]} ({count} x)" for kind, count in self.remarks.items()]
