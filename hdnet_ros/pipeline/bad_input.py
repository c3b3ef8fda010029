"""What a node says about a message that it cannot use."""

import math
import re
import time

# What others sent is told so far, a sentence so far: a name may be of ten megabytes, and new every time.
_LONGEST_QUOTE = 80
_LONGEST = 600
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
# Numbers and what others sent differ from message to message; the complaint is the same.
_NUMBERS = re.compile(r"[-+]?(?:\d[\d.,]*(?:e[-+]?\d+)?|\bnan\b|\binf\b)", re.IGNORECASE)
# Kinds that a throttle tells apart; all beyond are one.
_MOST_KINDS = 200


def kind(sentence: str) -> str:
    """Return a sentence without numbers and quoted text: the same for every message that it is about."""
    return _NUMBERS.sub("#", _QUOTED.sub("''", sentence))


def bounded(sentence: str) -> str:
    """Return a sentence whose quoted text and whole length are cut where they are endless."""

    def cut(found: re.Match) -> str:
        quoted = found.group()
        return quoted if len(quoted) <= _LONGEST_QUOTE + 2 else f"{quoted[: _LONGEST_QUOTE + 1]}...{quoted[0]}"

    if len(sentence) > _LONGEST_QUOTE:
        sentence = _QUOTED.sub(cut, sentence)
    return sentence if len(sentence) <= _LONGEST else f"{sentence[:_LONGEST]} ..."


class BadInput(ValueError):
    """A message that cannot be answered.

    Parameters
    ----------
    source : str
        The input it came by: "image", "camera_info" or "detections".
    reason : str
        The value seen and what was expected; what is endless in it is cut.
    """

    def __init__(self, source: str, reason: str):
        reason = bounded(reason)
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason


def kind_of(fault: BadInput) -> str:
    """Return the complaint without its numbers, the same for every message that it is about."""
    return fault.source + kind(fault.reason)


class Throttle:
    """Let one line of a kind through per period, and say how many were held back.

    Kinds that have been quiet for ten periods are forgotten, so memory stays flat.
    """

    def __init__(self, period_s: float = 5.0, clock=time.monotonic):
        self._period_s = period_s
        self._clock = clock
        self._said: dict[str, tuple[float, int]] = {}

    def admit(self, kind: str) -> int | None:
        """Return how many were held back since the last line, or None to hold this one back."""
        now = self._clock()
        if kind not in self._said and len(self._said) >= _MOST_KINDS:
            kind = "something else"
        said_s, held = self._said.get(kind, (-math.inf, 0))
        if now - said_s < self._period_s:
            self._said[kind] = (said_s, held + 1)
            return None
        stale = now - 10 * self._period_s
        self._said = {key: value for key, value in self._said.items() if value[0] > stale}
        self._said[kind] = (now, 0)
        return held
