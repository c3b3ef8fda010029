"""What a node says about a message that it cannot use."""

import math
import time


class BadInput(ValueError):
    """A message that cannot be answered.

    Parameters
    ----------
    source : str
        The input it came by: "image", "camera_info" or "detections".
    reason : str
        The value seen and what was expected.
    """

    def __init__(self, source: str, reason: str):
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason


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
        said_s, held = self._said.get(kind, (-math.inf, 0))
        if now - said_s < self._period_s:
            self._said[kind] = (said_s, held + 1)
            return None
        stale = now - 10 * self._period_s
        self._said = {key: value for key, value in self._said.items() if value[0] > stale}
        self._said[kind] = (now, 0)
        return held
