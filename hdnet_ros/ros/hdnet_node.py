"""hdnet_node: images, camera info and person boxes in, people in metres out."""

import functools
import threading

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from hdnet_ros.locate.backends import BackendError, make_inner_detector
from hdnet_ros.locate.detectors import Detector
from hdnet_ros.locate.factory import EstimatorError, EstimatorSettings, make_estimator
from hdnet_ros.locate.protocol import Estimator
from hdnet_ros.messages.detection_types import DetectionTypeError
from hdnet_ros.ros.camera_line import CameraLine
from hdnet_ros.ros.diagnostics import DiagnosticsPublisher
from hdnet_ros.tracking.track_ids import IdSource
from hdnet_ros.pipeline.floor import FloorFinder
from hdnet_ros.ros.inputs import INPUTS, Inputs, input_topics
from hdnet_ros.ros.launch_arguments import namespace
from hdnet_ros.ros.logbook import Logbook
from hdnet_ros.pipeline.settings import HDNET_SETTINGS
from hdnet_ros.ros.outputs import Outputs
from hdnet_ros.ros.parameters import Parameters
from hdnet_ros.pipeline.pipeline import Pipeline, make_trackers
from hdnet_ros.ros.runner import run
from hdnet_ros.ros.statistics import NodeStatistics, Report
from hdnet_ros.ros.tf_lookup import TfListener
from hdnet_ros.pipeline.tracking_frame import NO_FRAME, TrackingFrame, wanted_frame
from hdnet_ros.ros.worker import Worker


def _told(transition):
    """Say what went wrong in a transition: rclpy makes it an ERROR without a word."""

    @functools.wraps(transition)
    def telling(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(self, state)
        except Exception as error:
            sentence = f"{transition.__name__} failed: {type(error).__name__}: {error}"
            self._tell_standing(error=sentence)
            self.get_logger().error(sentence)
            raise

    return telling


class HDNetNode(LifecycleNode):
    """Locate the people of a camera topic, or of several cameras with one estimator.

    Configuring loads the estimator; activating subscribes and starts the one thread that
    answers images and publishes. Callbacks only store messages. With `auto_activate` the node
    does both by itself; where configuring fails it stays, unconfigured, and says why.
    """

    def __init__(self, node_name: str = "hdnet_node", **kwargs):
        super().__init__(node_name, **kwargs)
        self.options = Parameters(self, HDNET_SETTINGS)
        self.cameras = camera_names(self.options["cameras"])
        self._statistics = {camera: NodeStatistics(INPUTS) for camera in self.cameras}
        self._logbooks = {}
        self._diagnostics = {}
        for camera, statistics in self._statistics.items():
            topics = input_topics(self, self.options["image_transport"], camera)
            self._logbooks[camera] = Logbook(self.get_logger(), statistics, topics)
            self._diagnostics[camera] = DiagnosticsPublisher(
                self, topics["image"], lambda name=camera: self._report(name), camera
            )
        self._estimator: Estimator | None = None
        self._detector: Detector | None = None
        self._outputs: Outputs | None = None
        self._lines: dict[str, CameraLine] = {}
        self._tf: TfListener | None = None
        self._worker: Worker | None = None
        self._ids = IdSource()
        if self.options["auto_activate"]:
            if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
                self.trigger_activate()

    @property
    def statistics(self) -> NodeStatistics:
        """Those of the first camera."""
        return self._statistics[self.cameras[0]]

    @property
    def diagnostics(self) -> DiagnosticsPublisher:
        """That of the first camera."""
        return self._diagnostics[self.cameras[0]]

    @_told
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the estimator and create the publishers; FAILURE where it cannot be made."""
        wanted = EstimatorSettings.of(self.options)
        try:
            self._estimator, remark = make_estimator(wanted, is_live=True)
            self._detector = make_inner_detector(self.options)
        except (EstimatorError, BackendError) as error:
            self._tell_standing(error=f"not configured: {error}")
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        self._tell_standing(warning=remark)
        if remark:
            self.get_logger().warning(remark)
        logbook = self._logbooks[self.cameras[0]]
        self._outputs = Outputs(self, logbook, self.options, self._estimator.name, self.cameras)
        boxes = f"detector {self.options['detector']} inside" if self._detector else "boxes from a topic"
        runs = f" ({self._estimator.engine})" if self._estimator.engine else ""
        self.get_logger().info(f"estimator {self._estimator.name} on {self._estimator.device}{runs}, {boxes}")
        return super().on_configure(state)

    @_told
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and start the worker."""
        result = super().on_activate(state)
        options = self.options
        wanted = wanted_frame(options)
        needs_tf = wanted != NO_FRAME or options["ground_frame"]
        self._tf = TfListener(self) if needs_tf else None
        logbook = self._logbooks[self.cameras[0]]
        frame = TrackingFrame(wanted, self._tf, logbook.tell)
        floor = FloorFinder(self._tf, options, logbook.warn)
        trackers = make_trackers(options, self._ids)
        self._outputs.renew()
        arrived = threading.Event()
        for camera in self.cameras:
            logbook, statistics = self._logbooks[camera], self._statistics[camera]
            pipeline = Pipeline(trackers, options, frame, camera, floor)
            inputs = Inputs(self, options, logbook, statistics, arrived, camera)
            self._lines[camera] = CameraLine(camera, inputs, pipeline, logbook, statistics, options)
        self._worker = Worker(
            self,
            self._estimator,
            list(self._lines.values()),
            self._outputs,
            arrived,
            self._tf.clear if self._tf else lambda: None,
            self._detector,
        )
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop the worker, unsubscribe and remove the markers."""
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let the estimator go."""
        self._release()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop from whatever state."""
        self._stop()
        self._release()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go back to unconfigured."""
        self._stop()
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def overlay_is_wanted(self) -> bool:
        """Say whether the node is configured and somebody subscribes to the first overlay."""
        return self._outputs is not None and self._outputs.overlay_is_wanted(self.cameras[0])

    def destroy_node(self) -> None:
        """Stop the worker before the publishers go."""
        self._stop()
        super().destroy_node()

    def _stop(self) -> None:
        """Undo on_activate, as far as it came."""
        was_answering = self._worker is not None
        if was_answering:
            self._worker.stop()
            self._worker = None
        for line in self._lines.values():
            line.inputs.close()
        self._lines = {}
        if self._tf is not None:
            self._tf.close()
            self._tf = None
        if not was_answering:
            return
        try:
            self._outputs.delete_all()
        except Exception:
            # An interrupt takes the context away at any moment; RViz then keeps to the lifetime.
            if self.context.ok():
                raise

    def _release(self) -> None:
        if self._outputs is not None:
            self._outputs.close()
        self._outputs = self._estimator = self._detector = None

    def _tell_standing(self, error: str = "", warning: str = "") -> None:
        for statistics in self._statistics.values():
            statistics.standing_error, statistics.standing_warning = error, warning
            if not error:
                statistics.facts["estimator"] = self._estimator.name
                statistics.facts["device"] = self._estimator.device
                statistics.facts["engine"] = self._estimator.engine or "none"

    def _types_missing(self, line: CameraLine) -> str:
        """Follow the type that detections are published in; return why that cannot be, or nothing."""
        try:
            line.inputs.follow_type()
        except DetectionTypeError as error:
            return str(error)
        return ""

    def _report(self, camera: str) -> Report:
        statistics = self._statistics[camera]
        line = self._lines.get(camera)
        if line is None:
            report = statistics.report()
            if report.level == "ok":
                report.message = "not active"
            return report
        line.inputs.hear_latched_info()
        missing = self._types_missing(line) or line.inputs.missing()
        if missing:
            self._logbooks[camera].warn(missing)
        strange = line.strange_classes()
        if strange:
            self._logbooks[camera].warn_once(strange)
        report = statistics.report(missing or strange)
        pairing = line.inputs.pairing
        counts = {"image": pairing.image_count, "detections": pairing.detections_count}
        for name, count in counts.items():
            report.values[f"{name} matched"] = str(count.matched)
            report.values[f"{name} dropped"] = str(count.dropped)
        report.values["clock jumps"] = str(pairing.clock_jumps)
        return report


def camera_names(given: list[str]) -> list[str]:
    """Return the cameras' namespaces without surrounding slashes; one empty name for the only one.

    Raises
    ------
    ValueError
        If ROS does not take a name, or one comes twice, or is empty beside others.
    """
    names = [namespace("cameras", name) for name in given]
    if len(set(names)) != len(names) or ("" in names and len(names) > 1):
        raise ValueError(f"cameras is {given}, expected different names, or one that is empty")
    return names or [""]


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run(HDNetNode, "hdnet_node", args)


if __name__ == "__main__":
    raise SystemExit(main())
