"""Which classes a detector's boxes have, for whoever wonders why nobody is ever answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

# A detector names eighty or a thousand; a sentence needs a few.
_MOST_CLASSES = 20
_LONGEST = 80
_NO_CLASS = "no results"


class ClassCensus:
    """Counts the classes of boxes until one is a person's; then there is nothing more to say."""

    def __init__(self):
        self._seen: Counter = Counter()
        self._images = 0
        self._has_people = False

    def note(self, boxes: Iterable[Sequence[str]], wanted: Sequence[str]) -> None:
        """Count the boxes of an image.

        Parameters
        ----------
        boxes : the class ids of each box, of which a detector may give several or none
        wanted : those that mean a person; empty: every one does
        """
        if self._has_people:
            return
        boxes = list(boxes)
        self._images += bool(boxes)
        self._has_people = bool(boxes) and (not wanted or any(set(names) & set(wanted) for names in boxes))
        for names in boxes:
            for name in names or (_NO_CLASS,):
                name = repr(name[:_LONGEST]) if name is not _NO_CLASS else name
                if name in self._seen or len(self._seen) < _MOST_CLASSES:
                    self._seen[name] += 1

    def sentence(self, wanted: Sequence[str], images: int = 5) -> str:
        """Return what came instead of people, empty where people came.

        Parameters
        ----------
        wanted : as in `note`
        images : with boxes, before which nothing is said: a first picture may well be empty
        """
        if self._has_people or self._images < max(1, images):
            return ""
        came = ", ".join(name for name, _ in self._seen.most_common())
        return (
            f"no box so far has a class of class_ids ({', '.join(map(repr, wanted))}); what came: {came}. "
            "Give class_ids the one that means a person, or [''] to take every box for one"
        )
