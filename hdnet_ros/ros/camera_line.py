"""What belongs to one camera of an active node: its inputs, its pipeline, its images in waiting."""

import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.ros.inputs import Inputs
from hdnet_ros.ros.logbook import Logbook
from hdnet_ros.pipeline.pairing import Pair
from hdnet_ros.pipeline.pipeline import Answer, Located, Pipeline, Prepared
from hdnet_ros.ros.statistics import NodeStatistics


class Waiting(NamedTuple):
    """People who wait for the camera's pose at their image's stamp, until a monotonic time."""

    located: Located
    stamp_ns: int
    until_s: float


class CameraLine:
    """One camera, from its messages to its answers; used by the worker's thread.

    Parameters
    ----------
    name : namespace of the camera's topics; empty for the only one
    inputs, pipeline, logbook, statistics : of this camera
    options : the node's parameters, read anew for every image
    """

    def __init__(
        self,
        name: str,
        inputs: Inputs,
        pipeline: Pipeline,
        logbook: Logbook,
        statistics: NodeStatistics,
        options: Mapping[str, Any],
    ):
        self.name = name
        self.inputs = inputs
        self.pipeline = pipeline
        self.logbook = logbook
        self.statistics = statistics
        self._options = options
        self._waiting: deque[Waiting] = deque()
        self._jumps = 0

    @property
    def is_waiting(self) -> bool:
        """Whether an image waits for TF."""
        return bool(self._waiting)

    def clock_jumped(self) -> bool:
        """Say whether the clock was set back since the last call."""
        jumps, self._jumps = self._jumps, self.inputs.pairing.clock_jumps
        return jumps != self._jumps

    def forget(self) -> None:
        """Forget the images that wait and the people."""
        self._waiting.clear()
        self.pipeline.reset()

    def next_prepared(self) -> tuple[Pair, Prepared] | None:
        """Return the newest image that can be answered; one that cannot be is told and left out."""
        taken = self.inputs.take()
        if taken is None:
            return None
        try:
            return taken[0], self.pipeline.prepare(*taken)
        except BadInput as fault:
            self.logbook.bad_input(fault)
            return None

    def add(self, pair: Pair, located: Located) -> None:
        """Let the people of an image wait their turn."""
        until_s = time.monotonic() + self._options["tf_wait_s"]
        self._waiting.append(Waiting(located, pair.stamp_ns, until_s))

    def next_answer(self, want_overlay: bool) -> tuple[Answer, int] | None:
        """Return the answer to the oldest image that waits and its stamp; None: wait for TF."""
        if not self._waiting:
            return None
        located, stamp_ns, until_s = self._waiting[0]
        try:
            answer = self.pipeline.finish(located, want_overlay)
            if answer is None and time.monotonic() < until_s:
                return None
        except BaseException:
            self._waiting.popleft()
            raise
        self._waiting.popleft()
        if answer is None:
            self._tell_late_tf(located)
            answer = self.pipeline.give_up(located, want_overlay)
        return answer, stamp_ns

    def _tell_late_tf(self, located: Located) -> None:
        frame = located.prepared.header.frame_id
        sentence = (
            f"TF did not give {frame!r} in {self.pipeline.frame_name(frame)!r} at the image's stamp "
            f"within {self._options['tf_wait_s']:g} s (parameter tf_wait_s): people told without tracks"
        )
        self.statistics.late_tf(sentence)
        self.logbook.warn(sentence)
