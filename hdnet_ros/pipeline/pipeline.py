"""From images with boxes to scenes: locate, then follow. No ROS, no messages."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hdnet_ros.locate.detectors import Detector
from hdnet_ros.locate.protocol import BoxedImage, Estimator
from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.pipeline.floor import FloorFinder
from hdnet_ros.pipeline.scene import LocatedShot, Scene, Shot
from hdnet_ros.pipeline.tracking_frame import NO_FRAME, TfLookup, TrackingFrame, wanted_frame
from hdnet_ros.tracking.track_ids import IdSource
from hdnet_ros.tracking.tracking import PersonTracker, TrackerConfig, Trackers


def locate(estimator: Estimator, shots: Sequence[Shot]) -> list[LocatedShot]:
    """Return the people of every image, in order; they share batches."""
    started = time.perf_counter()
    found = estimator.localize_many([BoxedImage(s.image_rgb, s.detections, s.camera) for s in shots])
    inference_ms = 1000.0 * (time.perf_counter() - started)
    return [
        LocatedShot(shot, located.people, located.rejected, inference_ms)
        for shot, located in zip(shots, found, strict=True)
    ]


def detect(detector: Detector, shots: Sequence[Shot], options: Mapping[str, Any]) -> tuple[list[Shot], float]:
    """Return images with the boxes that a detector finds in them, and how many ms it took.

    Parameters
    ----------
    options : values of `HDNET_SETTINGS`: `max_people` of the highest score are kept, `min_score` counts
        where it is above 0
    """
    if options["min_score"]:
        detector.score_threshold = options["min_score"]
    started = time.perf_counter()
    found = detector.detect_many([shot.image_rgb for shot in shots if shot.image_rgb is not None])
    detection_ms = 1000.0 * (time.perf_counter() - started)
    best = [sorted(people, key=lambda d: -d.score)[: options["max_people"]] for people in found]
    return [replace(shot, detections=people) for shot, people in zip(shots, best, strict=True)], detection_ms


class Pipeline:
    """Follow the people of one camera, image after image; used by one thread.

    Parameters
    ----------
    trackers : give ids and velocities; shared by cameras that see the same people
    options : values of `HDNET_SETTINGS`, read anew for every image
    frame : what people are followed in; None: the camera's frame
    camera_name : of several cameras; empty where there is one
    floor : finds the floor; None: not known
    """

    def __init__(
        self,
        trackers: Trackers,
        options: Mapping[str, Any],
        frame: TrackingFrame | None = None,
        camera_name: str = "",
        floor: FloorFinder | None = None,
    ):
        self._trackers = trackers
        self._frame = frame or TrackingFrame(NO_FRAME, None, lambda sentence: None)
        self._camera_name = camera_name
        self._floor = floor or FloorFinder(None, options, lambda sentence: None)

    def reset(self) -> None:
        """Forget everybody, for the clock was set back."""
        self._trackers.reset()

    def frame_name(self, camera_frame: str) -> str:
        """Return the frame that people seen by a camera are followed in."""
        return self._frame.name(camera_frame) or camera_frame

    def scene(self, located: LocatedShot) -> Scene:
        """Return the scene; where TF does not give the camera's pose, people are not tracked in it."""
        return self.follow(located) or self.give_up(located)

    def follow(self, located: LocatedShot) -> Scene | None:
        """Track the people of an image; None where TF does not have the camera's pose (yet)."""
        shot = located.shot
        frame = self._frame.name(shot.frame_id)
        # Without a stamp nobody can say how far somebody went since.
        if not shot.time_ns or (frame and not shot.frame_id):
            return self.give_up(located)
        try:
            pose = self._frame.camera_pose_mm(shot.time_ns, shot.frame_id) if frame else None
        except BadInput as fault:
            shot.remarks.append(fault)
            return self.give_up(located)
        if frame and pose is None:
            return None
        tracker = self._tracker(frame, shot.frame_id)
        people = self._floor.applied(located.people, shot.camera, shot.time_ns, shot.frame_id)
        people = [person.moved(shot.camera.centre_mm) for person in people]
        followed = tracker.update(shot.time_ns, people, pose, self._camera_name)
        return self._scene(located, followed, tracker, frame, True, pose)

    def give_up(self, located: LocatedShot) -> Scene:
        """Return the scene of people who are not tracked in this image: TF did not come."""
        shot = located.shot
        frame = self._frame.name(shot.frame_id)
        tracker = self._tracker(frame, shot.frame_id)
        tracker.coast(shot.time_ns)
        people = [person.moved(shot.camera.centre_mm) for person in located.people]
        return self._scene(located, tracker.untracked(people), tracker, frame, False, None)

    def _tracker(self, frame: str, camera_frame: str) -> PersonTracker:
        """Return who follows people in a frame, or in this camera's own, which no other camera shares
        whatever it is called."""
        return self._trackers.of(frame or f"{self._camera_name}:{camera_frame}")

    def _scene(self, located: LocatedShot, people, tracker, frame: str, is_followed: bool, pose) -> Scene:
        shot = located.shot
        frame = frame or shot.frame_id
        return Scene(
            located=located,
            camera_name=self._camera_name,
            people=people,
            frame=frame,
            tracks=tracker.tracks(shot.time_ns),
            is_followed=is_followed,
            camera_to_frame_mm=pose,
            floor=self._floor.for_discs(shot.time_ns, frame),
        )


def make_trackers(options: Mapping[str, Any], ids: IdSource | None = None) -> Trackers:
    """Return trackers that know nobody yet, from values of `HDNET_SETTINGS`.

    `ids` is that of earlier trackers of the same run, whose ids are not to come again.
    """
    return Trackers(
        TrackerConfig(
            enabled=options["tracking"],
            gate_sigmas=options["track_gate_sigmas"],
            keep_s=options["track_keep_s"],
            birth_sightings=options["track_birth_sightings"],
            min_existence=options["min_existence"],
        ),
        ids,
    )


def make_pipeline(options: Mapping[str, Any], lookup: TfLookup | None, say: Callable[[str], None]) -> Pipeline:
    """Return the pipeline of one camera whose images are answered one after another.

    Parameters
    ----------
    lookup : TF, or what stands in for it; None: there is none
    say : told which frame people are followed in, and what is missing
    """
    frame = TrackingFrame(wanted_frame(options), lookup, say)
    return Pipeline(make_trackers(options), options, frame, floor=FloorFinder(lookup, options, say))
