"""video_node: a file, a folder of pictures or a webcam as Image and CameraInfo."""

import threading
import time
from collections.abc import Iterator

from rclpy.node import Node
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from hdnet_ros.messages import convert
from hdnet_ros.files.source import open_source
from hdnet_ros.messages.images import image_from_rgb
from hdnet_ros.pipeline.settings import VIDEO_SETTINGS
from hdnet_ros.ros.parameters import Parameters
from hdnet_ros.ros.qos import PICTURES, RESULTS, advertise
from hdnet_ros.ros.runner import run

# A source's own time starts at 0, which in a header means "not set".
SOURCE_START_NS = 1_000_000_000
_POLL_S = 0.05
# Best-effort subscribers confirm nothing: the last image gets this long to arrive.
_LINGER_S = 0.5


class VideoNode(Node):
    """Publish `image` and `camera_info` from one thread at the source's pace.

    Raises
    ------
    ValueError, OSError
        From the constructor, if the source or the camera file cannot be opened.
    """

    def __init__(self, node_name: str = "video_node", **kwargs):
        super().__init__(node_name, **kwargs)
        self.options = options = Parameters(self, VIDEO_SETTINGS)
        self._frames, self._camera = open_source(
            options["source"], options["camera"], options["rate_hz"]
        )
        own_rate_hz = (self._frames.rate_hz or 1.0) / options["stride"]
        self.rate_hz = options["rate_hz"] or own_rate_hz
        self._image = advertise(self.create_publisher, self, Image, "image", PICTURES, self._warn)
        self._info = advertise(
            self.create_publisher, self, CameraInfo, "camera_info", RESULTS, self._warn
        )
        self.published = 0
        self.exit_status = 0  # 1 once the source ended early
        self.finished = threading.Event()
        self._running = threading.Event()
        self._running.set()
        self._worker = threading.Thread(target=self._work, name="video_worker", daemon=True)
        self._worker.start()
        width, height = self._frames.size_wh_px
        self.get_logger().info(f"{options['source']}: {width} x {height} px at {self.rate_hz:g} Hz")
        if self._frames.orientation:
            self.get_logger().warning(self._frames.orientation)

    def is_done(self) -> bool:
        """Say whether the source is over and the process is to end with it."""
        return self.finished.is_set() and self.options["exit_at_end"]

    def destroy_node(self) -> None:
        """Stop the worker before the publishers go."""
        self._running.clear()
        self._worker.join()
        super().destroy_node()

    def _work(self) -> None:
        try:
            self._wait_for_subscribers()
            self._publish_all()
            if self._running.is_set():
                time.sleep(_LINGER_S)
                self.get_logger().info(f"end of the source, {self.published} images published")
        except Exception as error:  # noqa: BLE001  (told, then the node ends as at the end)
            if self.context.ok():
                self.get_logger().error(f"the source ended early: {error}")
                self.exit_status = 1
        self.finished.set()

    def _wait_for_subscribers(self) -> None:
        wanted = self.options["wait_for_subscribers"]
        while self._running.is_set() and self._image.get_subscription_count() < wanted:
            time.sleep(_POLL_S)

    def _publish_all(self) -> None:
        start_s = time.monotonic()
        live = self._frames.kind == "device"
        for source_ns, image_rgb in self._stamped_frames():
            due_s = start_s + self.published / self.rate_hz
            # A webcam keeps its own pace; a file is held back to the rate.
            while not live and self._running.is_set() and time.monotonic() < due_s:
                time.sleep(min(_POLL_S, max(0.0, due_s - time.monotonic())))
            if not self._running.is_set():
                return
            self._publish(source_ns, image_rgb)

    def _stamped_frames(self) -> Iterator[tuple[int, object]]:
        """Yield (source stamp in ns, picture); with `loop` time goes on over the seam."""
        # A webcam's stamps are times of day already.
        offset_ns = 0 if self._frames.kind == "device" else SOURCE_START_NS
        step_ns = round(1e9 / self.rate_hz)
        limit = self.options["max_frames"]
        while True:
            stamp_ns = offset_ns
            for frame in self._frames:
                if frame.index % self.options["stride"]:
                    continue
                if limit and self.published >= limit:
                    return
                stamp_ns = offset_ns + frame.stamp_ns
                yield stamp_ns, frame.image_rgb
            if not self.options["loop"] or self._frames.kind == "device":
                return
            offset_ns = stamp_ns + step_ns

    def _publish(self, source_ns: int, image_rgb) -> None:
        if self.options["stamps"] == "source":
            stamp = Time(nanoseconds=source_ns).to_msg()
        else:
            stamp = self.get_clock().now().to_msg()
        header = Header(stamp=stamp, frame_id=self.options["frame_id"])
        self._info.publish(convert.info_from_camera(header, self._camera))
        self._image.publish(image_from_rgb(header, image_rgb))
        self.published += 1

    def _warn(self, topic: str, sentence: str) -> None:
        self.get_logger().warning(sentence)


def main(args: list[str] | None = None) -> int:
    """Publish the source; 1 where it or its camera cannot be opened, or a picture of it not be read."""
    return run(VideoNode, "video_node", args, is_done=VideoNode.is_done)


if __name__ == "__main__":
    raise SystemExit(main())
