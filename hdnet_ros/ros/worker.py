"""The one thread that answers images: everything that takes time happens here."""

import threading
import traceback
from collections.abc import Sequence
from dataclasses import replace

from rclpy.lifecycle import LifecycleNode

from hdnet_ros.locate.protocol import Estimator
from hdnet_ros.locate.detectors import Detector
from hdnet_ros.pipeline.pipeline import detect, locate
from hdnet_ros.pipeline.scene import LocatedShot, Shot
from hdnet_ros.ros.camera_line import CameraLine
from hdnet_ros.ros.outputs import Outputs

_WAIT_S = 0.2
# TF has no bell; an image that waits for it asks this often.
_TF_POLL_S = 0.01


class Worker:
    """Answers the cameras in turn: of each the newest image, all that came together in one batch.

    A camera that is faster than the others is answered once per round like them, and one that
    died has nothing to answer and is not waited for.

    Parameters
    ----------
    node : asked for the time, and told when something fails
    estimator : of the backend
    cameras : one or several
    outputs : where answers go
    arrived : set when a message came
    on_reset : called when the clock was set back
    detector : finds the people of images that come without boxes; None: all come with theirs
    """

    def __init__(
        self,
        node: LifecycleNode,
        estimator: Estimator,
        cameras: Sequence[CameraLine],
        outputs: Outputs,
        arrived: threading.Event,
        on_reset=lambda: None,
        detector: Detector | None = None,
    ):
        self._node = node
        self._options = node.options
        self._estimator = estimator
        self._cameras = list(cameras)
        self._outputs = outputs
        self._arrived = arrived
        self._on_reset = on_reset
        self._detector = detector
        self._running = threading.Event()
        self._running.set()
        self._thread = threading.Thread(target=self._work, name="hdnet_worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the image at hand and end."""
        self._running.clear()
        self._arrived.set()
        self._thread.join()

    def _work(self) -> None:
        while self._running.is_set():
            is_waiting = any(camera.is_waiting for camera in self._cameras)
            self._arrived.wait(_TF_POLL_S if is_waiting else _WAIT_S)
            self._arrived.clear()
            # Whatever fails, this thread lives on: without it the node is up and answers nobody.
            self._guarded(self._cameras[0], self._round)

    def _round(self) -> None:
        jumped = [camera for camera in self._cameras if camera.clock_jumped()]
        if jumped:
            self._reset(jumped)
        self._locate()
        for camera in self._cameras:
            while self._running.is_set() and self._answer_next(camera):
                pass

    def _reset(self, jumped: Sequence[CameraLine]) -> None:
        for camera in self._cameras:
            camera.forget()
            if camera not in jumped:
                # Its clock is about to follow: what it has is of the time before.
                camera.inputs.pairing.reset()
        self._guarded(self._cameras[0], self._outputs.delete_all)
        self._on_reset()

    def _locate(self) -> None:
        """Take the newest image of every camera that has one, and locate the people of all."""
        ready = []
        for camera in self._cameras:
            shot = self._guarded(camera, camera.next_shot)
            if shot is not None:
                ready.append((camera, shot))
        if not ready or not self._running.is_set():
            return
        found = self._guarded(ready[0][0], lambda: self._located(ready))
        if found is None and len(ready) > 1:
            # One image must not cost the others their answer.
            alone = [self._guarded(camera, lambda r=(camera, shot): self._located([r])) for camera, shot in ready]
            found = [one[0] if one else None for one in alone]
        for (camera, _), located in zip(ready, found or [None] * len(ready), strict=True):
            if located is not None:
                camera.add(located)

    def _located(self, ready: Sequence[tuple[CameraLine, Shot]]) -> list[LocatedShot]:
        """Return the people of images, found first where a detector is at hand."""
        shots, detection_ms = [shot for _, shot in ready], 0.0
        if self._detector is not None:
            shots, detection_ms = detect(self._detector, shots, self._options)
        now_ns = self._node.get_clock().now().nanoseconds
        cameras = [camera for camera, _ in ready]
        shots = [camera.with_those_in_budget(shot, now_ns, len(ready)) for camera, shot in zip(cameras, shots)]
        located = locate(self._estimator, shots)
        looks = sum(len(shot.detections) for shot in shots)
        for camera, each in zip(cameras, located, strict=True):
            camera.budget.spent(each.inference_ms, looks)
        return [replace(each, inference_ms=each.inference_ms + detection_ms) for each in located]

    def _answer_next(self, camera: CameraLine) -> bool:
        """Publish the oldest scene of a camera that is there; say whether there was one."""
        scene = self._guarded(camera, camera.next_scene)
        if scene is None:
            return False
        self._guarded(camera, lambda: self._outputs.publish(scene))
        age_ms = None
        if scene.shot.time_ns:
            age_ms = (self._node.get_clock().now().nanoseconds - scene.shot.time_ns) * 1e-6
        camera.statistics.answer(len(scene.people), scene.located.inference_ms, age_ms)
        for remark in scene.remarks:
            camera.logbook.bad_input(remark)
        return True

    def _guarded(self, camera: CameraLine, call):
        """Return what a call returns; where it fails, tell it and return None."""
        try:
            return call()
        except Exception as error:  # noqa: BLE001  (one image must not end the node)
            if self._node.context.ok():
                camera.logbook.failure("an image could not be answered", error)
                self._node.get_logger().debug(traceback.format_exc())
            return None
