"""hdnet_node: images, camera info and person boxes in, people in metres out."""

import threading
import traceback

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import CameraInfo

from hdnet_ros.nodes.backends import (
    SKELETON_LINKS,
    Backend,
    BackendError,
    EstimatorRequest,
    make_backend,
    make_tracker,
)
from hdnet_ros.nodes.bad_input import BadInput
from hdnet_ros.nodes.diagnostics import DiagnosticsPublisher
from hdnet_ros.nodes.images import ImageDecoder
from hdnet_ros.nodes.inputs import INPUTS, Inputs, input_topics
from hdnet_ros.nodes.logbook import Logbook
from hdnet_ros.nodes.markers import MarkerPublisher
from hdnet_ros.nodes.options import HDNET_PARAMETERS
from hdnet_ros.nodes.outputs import Outputs
from hdnet_ros.nodes.pairing import Pair
from hdnet_ros.nodes.parameters import Parameters
from hdnet_ros.nodes.pipeline import Pipeline
from hdnet_ros.nodes.runner import run
from hdnet_ros.nodes.statistics import NodeStatistics, Report

_WAIT_S = 0.2


class HDNetNode(LifecycleNode):
    """Locate the people of a camera topic.

    Configuring loads the estimator; activating subscribes and starts the one thread that
    answers images and publishes. Callbacks only store messages. With `auto_activate` the node
    does both by itself; where configuring fails it stays, unconfigured, and says why.
    """

    def __init__(self, node_name: str = "hdnet_node", **kwargs):
        super().__init__(node_name, **kwargs)
        self.options = Parameters(self, HDNET_PARAMETERS)
        self.statistics = NodeStatistics(INPUTS)
        topics = input_topics(self, self.options["image_transport"])
        self._logbook = Logbook(self.get_logger(), self.statistics, topics)
        self.diagnostics = DiagnosticsPublisher(self, topics["image"], self._report)
        self._backend: Backend | None = None
        self._outputs: Outputs | None = None
        self._inputs: Inputs | None = None
        self._pipeline: Pipeline | None = None
        self._worker: threading.Thread | None = None
        self._running = threading.Event()
        if self.options["auto_activate"]:
            if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
                self.trigger_activate()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the estimator and create the publishers; FAILURE where it cannot be made."""
        wanted = EstimatorRequest(
            **{name: self.options[name] for name in EstimatorRequest.__dataclass_fields__}
        )
        self.statistics.standing_warning = ""
        try:
            self._backend = make_backend(wanted)
        except BackendError as error:
            self.statistics.standing_error = f"not configured: {error}"
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        self.statistics.standing_error = ""
        self.statistics.facts["estimator"] = self._backend.name
        self.statistics.facts["device"] = self._backend.device
        if self._backend.warning:
            self.statistics.standing_warning = self._backend.warning
            self.get_logger().warning(self._backend.warning)
        self._outputs = Outputs(self, self._logbook)
        self.get_logger().info(f"estimator {self._backend.name} on {self._backend.device}")
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and start the worker."""
        result = super().on_activate(state)
        options = self.options
        tracker = make_tracker(
            options["tracking"], options["track_gate_sigmas"], options["track_keep_s"]
        )
        markers = MarkerPublisher(SKELETON_LINKS, options["marker_lifetime_s"])
        decoder = ImageDecoder(self.get_logger().warning)
        self._pipeline = Pipeline(self._backend, tracker, decoder, markers, options)
        self._inputs = Inputs(self, options, self._logbook, self.statistics)
        self._running.set()
        self._worker = threading.Thread(target=self._work, name="hdnet_worker", daemon=True)
        self._worker.start()
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
        """Say whether the node is configured and somebody subscribes to ~/overlay."""
        return self._outputs is not None and self._outputs.overlay_is_wanted()

    def destroy_node(self) -> None:
        """Stop the worker before the publishers go."""
        self._stop()
        super().destroy_node()

    def _stop(self) -> None:
        self._running.clear()
        if self._inputs is not None:
            self._inputs.wake()
            self._worker.join()
            self._inputs.close()
            self._inputs = None
            self._delete_markers()

    def _release(self) -> None:
        if self._outputs is not None:
            self._outputs.close()
        self._outputs = self._pipeline = self._backend = None

    def _work(self) -> None:
        jumps = 0
        while self._running.is_set():
            taken = self._inputs.take(_WAIT_S)
            if self._inputs.pairing.clock_jumps != jumps:
                jumps = self._inputs.pairing.clock_jumps
                self._pipeline.reset()
                self._delete_markers()
            if taken is not None and self._running.is_set():
                self._answer(*taken)

    def _answer(self, pair: Pair, info: CameraInfo) -> None:
        """Answer one pair; whatever goes wrong is told, and the next pair comes."""
        try:
            answer = self._pipeline.answer(pair, info, self.overlay_is_wanted())
            self._outputs.publish(answer)
        except BadInput as fault:
            self._logbook.bad_input(fault)
            return
        except Exception as error:  # noqa: BLE001  (one frame must not end the node)
            if self.context.ok():
                self._logbook.failure("an image could not be answered", error)
                self.get_logger().debug(traceback.format_exc())
            return
        age_ms = None
        if pair.stamp_ns:
            age_ms = (self.get_clock().now().nanoseconds - pair.stamp_ns) * 1e-6
        self.statistics.answer(len(answer.persons.persons), answer.inference_ms, age_ms)
        for remark in answer.remarks:
            self._logbook.bad_input(remark)

    def _delete_markers(self) -> None:
        markers = self._pipeline.markers.delete_all(self._outputs.last_header)
        try:
            self._outputs.publish_markers(markers)
        except Exception:
            # An interrupt takes the context away at any moment; RViz then keeps to the lifetime.
            if self.context.ok():
                raise

    def _report(self) -> Report:
        inputs = self._inputs
        if inputs is None:
            report = self.statistics.report()
            if report.level == "ok":
                report.message = "not active"
            return report
        missing = inputs.missing()
        if missing:
            self._logbook.warn(missing)
        report = self.statistics.report(missing)
        counts = {
            "image": inputs.pairing.image_count,
            "detections": inputs.pairing.detections_count,
        }
        for name, count in counts.items():
            report.values[f"{name} matched"] = str(count.matched)
            report.values[f"{name} dropped"] = str(count.dropped)
        report.values["clock jumps"] = str(inputs.pairing.clock_jumps)
        return report


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run(HDNetNode, "hdnet_node", args)


if __name__ == "__main__":
    raise SystemExit(main())
