"""What a node counts between two diagnostics; nothing of ROS, safe from any thread."""

import statistics
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from hdnet_ros.pipeline.bad_input import bounded

RECENT_S = 5.0


@dataclass
class Report:
    """A name, whether all is well, one sentence, and numbers by name."""

    level: str  # "ok", "warn" or "error"
    message: str
    values: dict[str, str] = field(default_factory=dict)


class Meter:
    """Events of one kind: how many, how often of late, and how long ago."""

    def __init__(self, clock=time.monotonic):
        self._clock = clock
        self._times: deque[float] = deque(maxlen=512)
        self.total = 0

    def tick(self) -> None:
        self._times.append(self._clock())
        self.total += 1

    def rate_hz(self) -> float:
        """Return events per second over the last `RECENT_S` seconds."""
        since = self._clock() - RECENT_S
        recent = [moment for moment in list(self._times) if moment >= since]
        if len(recent) < 2:
            return len(recent) / RECENT_S
        return (len(recent) - 1) / max(recent[-1] - recent[0], 1e-9)

    def age_s(self) -> float:
        """Return seconds since the last event, infinite before the first."""
        return self._clock() - self._times[-1] if self._times else float("inf")


class NodeStatistics:
    """Everything that /diagnostics says, gathered where it happens.

    Parameters
    ----------
    inputs : names of the inputs, as in BadInput.source
    """

    def __init__(self, inputs: tuple[str, ...], clock=time.monotonic):
        self._lock = threading.Lock()
        self._clock = clock
        self.inputs = {name: Meter(clock) for name in inputs}
        self.answered = Meter(clock)
        self.bad = Meter(clock)
        self.facts: dict[str, str] = {}
        self.without_tf = Meter(clock)
        self._last_bad = ""
        self._last_late_tf = ""
        self._inference_ms: deque[float] = deque(maxlen=100)
        self._stamp_age_ms: float | None = None
        self._people = 0
        self._mismatches: dict[str, None] = {}
        self.standing_error = ""
        self.standing_warning = ""

    def answer(self, people: int, inference_ms: float, stamp_age_ms: float | None) -> None:
        """Count an image that was answered; no stamp age for an image without a stamp."""
        with self._lock:
            self.answered.tick()
            self._people = people
            self._inference_ms.append(inference_ms)
            self._stamp_age_ms = stamp_age_ms

    def bad_input(self, sentence: str) -> None:
        with self._lock:
            self.bad.tick()
            self._last_bad = bounded(sentence)

    def late_tf(self, sentence: str) -> None:
        """Count an image whose people could not be tracked, for TF did not come in time."""
        with self._lock:
            self.without_tf.tick()
            self._last_late_tf = bounded(sentence)

    def qos_mismatch(self, topic: str) -> None:
        with self._lock:
            self._mismatches[topic] = None

    def report(self, missing: str = "") -> Report:
        """Return the state of now; `missing` says which inputs do not come."""
        with self._lock:
            level, message = self._verdict(missing)
            return Report(level, message, self._values())

    def _verdict(self, missing: str) -> tuple[str, str]:
        if self.standing_error:
            return "error", self.standing_error
        if self.bad.age_s() < RECENT_S:
            return "warn", self._last_bad
        if self.without_tf.age_s() < RECENT_S:
            return "warn", self._last_late_tf
        if missing:
            return "warn", missing
        if self._mismatches:
            return "warn", f"incompatible QoS on {', '.join(self._mismatches)}"
        if self.standing_warning:
            return "warn", self.standing_warning
        return "ok", f"{self.answered.rate_hz():.1f} images/s, {self._people} people"

    def _values(self) -> dict[str, str]:
        values = dict(self.facts)
        for name, meter in self.inputs.items():
            values[f"{name} rate (Hz)"] = f"{meter.rate_hz():.1f}"
            values[f"{name} received"] = str(meter.total)
        values["answered rate (Hz)"] = f"{self.answered.rate_hz():.1f}"
        values["answered"] = str(self.answered.total)
        values["answered without tracks, TF late"] = str(self.without_tf.total)
        values["people in the last image"] = str(self._people)
        if self._inference_ms:
            values["inference median (ms)"] = f"{statistics.median(self._inference_ms):.1f}"
            values["inference worst (ms)"] = f"{max(self._inference_ms):.1f}"
        if self._stamp_age_ms is not None:
            values["stamp age (ms)"] = f"{self._stamp_age_ms:.1f}"
        values["bad input"] = str(self.bad.total)
        values["last bad input"] = self._last_bad or "none"
        values["QoS mismatches"] = ", ".join(self._mismatches) or "none"
        return values
