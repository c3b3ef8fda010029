"""What belongs to one camera of an active node: its inputs, its pipeline, its images in waiting."""

import dataclasses
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.ros.inputs import Inputs
from hdnet_ros.ros.logbook import Logbook
from hdnet_ros.messages.convert import DetectionFilter, classes_of
from hdnet_ros.messages.images import ImageDecoder
from hdnet_ros.messages.shot import shot_from_messages
from hdnet_ros.pipeline.class_census import ClassCensus
from hdnet_ros.pipeline.look_budget import LookBudget
from hdnet_ros.pipeline.pipeline import Pipeline
from hdnet_ros.pipeline.scene import LocatedShot, Scene, Shot
from hdnet_ros.ros.statistics import NodeStatistics


# What is left when the deadline has passed: one look.
_LEAST_BUDGET_MS = 1e-6
# Stamps so far from the node's clock are of another one, a recording's for instance, or none at all.
_OTHER_CLOCK_MS = 60_000.0


class Waiting(NamedTuple):
    """People who wait for the camera's pose at their image's stamp, until a monotonic time."""

    located: LocatedShot
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
        self._decoder = ImageDecoder()
        self.classes = ClassCensus()
        self.budget = LookBudget()
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
        self.budget = LookBudget()
        self.pipeline.reset()

    def strange_classes(self) -> str:
        """Return a sentence on the boxes' classes where not one was a person's so far, else nothing."""
        return self.classes.sentence(self._wanted_classes())

    def _wanted_classes(self) -> tuple[str, ...]:
        return DetectionFilter.of(self._options).class_ids

    def next_shot(self) -> Shot | None:
        """Return the newest image that can be answered; one that cannot be is told and left out."""
        taken = self.inputs.take()
        if taken is None:
            return None
        pair, info = taken
        self.classes.note(classes_of(pair.detections), self._wanted_classes())
        try:
            return shot_from_messages(pair.image, pair.detections, info, self._options, self._decoder)
        except BadInput as fault:
            self.logbook.bad_input(fault)
            return None

    def with_those_in_budget(self, shot: Shot, now_ns: int, images: int) -> Shot:
        """Return the shot with the people that are looked at in it; the tracker coasts the others.

        Parameters
        ----------
        now_ns : by the clock that stamps are of
        images : that share the time until the deadline
        """
        budget_ms, deadline_ms = self._options["look_budget_ms"], self._options["look_deadline_ms"]
        age_ms = (now_ns - shot.time_ns) * 1e-6
        if deadline_ms > 0.0 and abs(age_ms) < _OTHER_CLOCK_MS:
            left_ms = max(deadline_ms - age_ms, _LEAST_BUDGET_MS) / images
            budget_ms = min(budget_ms, left_ms) if budget_ms > 0.0 else left_ms
        chosen = self.budget.chosen(shot.detections, budget_ms)
        left = len(shot.detections) - len(chosen)
        self.statistics.facts["people not looked at in the last image (look_budget_ms, look_deadline_ms)"] = str(left)
        if not left:
            return shot
        return dataclasses.replace(shot, detections=[shot.detections[i] for i in chosen])

    def add(self, located: LocatedShot) -> None:
        """Let the people of an image wait their turn."""
        self._waiting.append(Waiting(located, time.monotonic() + self._options["tf_wait_s"]))

    def next_scene(self) -> Scene | None:
        """Return the scene of the oldest image that waits; None: wait for TF."""
        if not self._waiting:
            return None
        located, until_s = self._waiting[0]
        try:
            scene = self.pipeline.follow(located)
            if scene is None and time.monotonic() < until_s:
                return None
        except BaseException:
            self._waiting.popleft()
            raise
        self._waiting.popleft()
        if scene is None:
            self._tell_late_tf(located)
            scene = self.pipeline.give_up(located)
        return scene

    def _tell_late_tf(self, located: LocatedShot) -> None:
        frame = located.shot.frame_id
        sentence = (
            f"TF did not give {frame!r} in {self.pipeline.frame_name(frame)!r} at the image's stamp "
            f"within {self._options['tf_wait_s']:g} s (parameter tf_wait_s): people told without tracks"
        )
        self.statistics.late_tf(sentence)
        self.logbook.warn(sentence)
