"""Which of a detector's boxes are answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hdnet_ros.core.types import Detection


@dataclass(frozen=True)
class DetectionFilter:
    """Which boxes of a detector are people.

    Parameters
    ----------
    class_ids : class ids that mean a person; empty: every box counts, whatever its class
    min_score : least score, 0..1
    max_people : only so many, those of the highest score
    scale : px of the image per px of the detector's image
    offset_px : x, y of the image's upper left corner in the detector's image, px of that: the bars of
        a letterbox
    """

    class_ids: tuple[str, ...] = ("person", "0")
    min_score: float = 0.0
    max_people: int = 50
    scale: float = 1.0
    offset_px: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> DetectionFilter:
        """Return the filter that values of `HDNET_SETTINGS` ask for."""
        return cls(
            class_ids=tuple(name for name in options["class_ids"] if name),
            min_score=options["min_score"],
            max_people=options["max_people"],
            scale=options["detections_scale"],
            offset_px=(options["detections_offset_x_px"], options["detections_offset_y_px"]),
        )

    def best(self, detections: Sequence[Detection]) -> tuple[list[Detection], list[str]]:
        """Return those of enough score, the best where they are too many, and a sentence on the others."""
        kept = [detection for detection in detections if detection.score >= self.min_score]
        if len(kept) <= self.max_people:
            return kept, []
        order = sorted(range(len(kept)), key=lambda i: -kept[i].score)
        told = (
            f"{len(kept)} people, the {self.max_people} of the highest score are answered (parameter max_people)"
        )
        return [kept[i] for i in sorted(order[: self.max_people])], [told]
