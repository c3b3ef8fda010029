"""detector_node: images in, boxes of people out, with the image's header."""

import threading
import time

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from hdnet_ros.messages import convert
from hdnet_ros.locate.backends import make_people_detector
from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.ros.diagnostics import DiagnosticsPublisher
from hdnet_ros.messages.images import ImageDecoder
from hdnet_ros.ros.inputs import SILENCE_S, input_topics
from hdnet_ros.ros.logbook import Logbook
from hdnet_ros.pipeline.settings import DETECTOR_SETTINGS
from hdnet_ros.ros.parameters import Parameters
from hdnet_ros.ros.qos import RESULTS, advertise, described_publishers, subscribe
from hdnet_ros.ros.runner import run
from hdnet_ros.ros.statistics import NodeStatistics, Report

_WAIT_S = 0.2


class DetectorNode(Node):
    """Detect people on `image`, publish `detections`.

    The callback stores the newest image, one thread detects; images that come meanwhile are
    dropped but for the newest. An image without people gives an empty array.

    Raises
    ------
    BackendError
        From the constructor, if the detector's weights are missing or do not fit.
    """

    def __init__(self, node_name: str = "detector_node", **kwargs):
        super().__init__(node_name, **kwargs)
        self.options = options = Parameters(self, DETECTOR_SETTINGS)
        self.statistics = NodeStatistics(("image",))
        self._topic = input_topics(self, options["image_transport"])["image"]
        self._logbook = Logbook(self.get_logger(), self.statistics, {"image": self._topic})
        self._decoder = ImageDecoder()
        self._detector, device = make_people_detector(options)
        engine = getattr(self._detector, "engine", "none")
        self.statistics.facts.update(detector=options["detector"], device=device, engine=engine)
        self._publisher = advertise(
            self.create_publisher,
            self,
            Detection2DArray,
            "detections",
            RESULTS,
            self._logbook.qos_mismatch,
        )
        self._kind = CompressedImage if options["image_transport"] == "compressed" else Image
        self._newest: Image | CompressedImage | None = None
        self._dropped = 0
        self._arrived = threading.Condition()
        self._running = True
        self._worker = threading.Thread(target=self._work, name="detector_worker", daemon=True)
        self._worker.start()
        subscribe(self, self._kind, self._topic, self._on_image, self._logbook.qos_mismatch)
        self._diagnostics = DiagnosticsPublisher(self, self._topic, self._report)
        self._since_s = time.monotonic()
        runs = "" if engine == "none" else f" ({engine})"
        self.get_logger().info(f"detector {options['detector']} on {device}{runs}")

    def destroy_node(self) -> None:
        """Stop the worker before the publisher goes."""
        with self._arrived:
            self._running = False
            self._arrived.notify()
        self._worker.join()
        super().destroy_node()

    def _on_image(self, msg: Image | CompressedImage) -> None:
        self.statistics.inputs["image"].tick()
        with self._arrived:
            self._dropped += self._newest is not None
            self._newest = msg
            self._arrived.notify()

    def _work(self) -> None:
        while self._running:
            with self._arrived:
                if self._newest is None:
                    self._arrived.wait(_WAIT_S)
                msg, self._newest = self._newest, None
            if msg is not None:
                self._answer(msg)

    def _answer(self, msg: Image | CompressedImage) -> None:
        """Detect on one image; whatever goes wrong is told, and the next image comes."""
        try:
            started = time.perf_counter()
            self._detector.score_threshold = self.options["min_score"]
            detections = self._detector.detect(self._decoded(msg))
            inference_ms = 1000.0 * (time.perf_counter() - started)
            self._publisher.publish(
                convert.detections_to_msg(msg.header, detections, self.options["class_id"])
            )
        except BadInput as fault:
            self._logbook.bad_input(fault)
            return
        except Exception as error:  # noqa: BLE001  (one image must not end the node)
            if self.context.ok():
                self._logbook.failure("detection failed on an image", error)
            return
        stamp_ns = convert.stamp_ns(msg.header)
        age_ms = (self._now_ns() - stamp_ns) * 1e-6 if stamp_ns > 0 else None
        self.statistics.answer(len(detections), inference_ms, age_ms)

    def _decoded(self, msg: Image | CompressedImage):
        if isinstance(msg, CompressedImage):
            return self._decoder.rgb_from_compressed(msg)
        return self._decoder.rgb_from_image(msg)

    def _now_ns(self) -> int:
        return self.get_clock().now().nanoseconds

    def _report(self) -> Report:
        missing = ""
        silent_s = min(self.statistics.inputs["image"].age_s(), time.monotonic() - self._since_s)
        if silent_s > SILENCE_S:
            publishers = described_publishers(self, self._topic, self._kind)
            missing = f"nothing for {SILENCE_S:g} s on {self._topic} ({publishers})"
            self._logbook.warn(missing)
        report = self.statistics.report(missing)
        report.values["image dropped"] = str(self._dropped)
        return report


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted; 1 where the detector cannot be made."""
    return run(DetectorNode, "detector_node", args)


if __name__ == "__main__":
    raise SystemExit(main())
