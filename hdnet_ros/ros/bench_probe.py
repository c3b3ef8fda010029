"""A node that asks a running hdnet_node one picture after another and times the answers."""

import threading
import time
from collections.abc import Sequence

import numpy as np
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from hdnet_ros.msg import PersonRootArray
from hdnet_ros.messages import convert
from hdnet_ros.ros.background_node import BackgroundNode
from hdnet_ros.messages.images import image_from_rgb
from hdnet_ros.ros.qos import PICTURES, RESULTS, SENSOR_DATA

_FIRST_ANSWER_S = 1.0


class NoAnswer(RuntimeError):
    """The node did not answer in time."""


class NodeProbe:
    """Publish image, camera_info and detections; wait for ~/persons of the same stamp.

    Parameters
    ----------
    camera : of the pictures that `ask` is given
    """

    def __init__(self, camera):
        self._camera = camera
        self._background = BackgroundNode("bench_probe")
        self._node = node = self._background.node
        self._image = node.create_publisher(Image, "image", PICTURES)
        self._info = node.create_publisher(CameraInfo, "camera_info", RESULTS)
        self._detections = node.create_publisher(Detection2DArray, "detections", RESULTS)
        node.create_subscription(PersonRootArray, "hdnet_node/persons", self._on_persons, RESULTS)
        self._answered = threading.Condition()
        self._last: tuple[int, float] = (0, 0.0)
        self._background.start()

    def close(self) -> None:
        """Stop; the node under test is not touched."""
        self._background.stop()
        self._background.destroy()

    def wait_until_ready(self, limit_s: float) -> None:
        """Return when the node has answered an empty picture.

        A writer may know its reader before the reader knows it, and what is sent between is lost.

        Raises
        ------
        NoAnswer : it does not within the limit
        """
        deadline = time.monotonic() + limit_s
        while self._image.get_subscription_count() < 1 or self._detections.get_subscription_count() < 1:
            if time.monotonic() > deadline:
                raise NoAnswer(f"hdnet_node was not active after {limit_s:.0f} s")
            time.sleep(0.1)
        width, height = self._camera.size_wh_px
        empty = np.zeros((height, width, 3), np.uint8)
        while True:
            try:
                self.ask(empty, [], _FIRST_ANSWER_S)
                return
            except NoAnswer:
                if time.monotonic() > deadline:
                    raise

    def ask(self, image_rgb, detections: Sequence, limit_s: float = 30.0) -> float:
        """Return the seconds from the image's stamp to the arrival of its people.

        Raises
        ------
        NoAnswer : nothing came within the limit
        """
        stamp_ns = time.time_ns()
        started = time.perf_counter()
        header = Header(stamp=Time(nanoseconds=stamp_ns).to_msg(), frame_id="camera_optical_frame")
        self._info.publish(convert.info_from_camera(header, self._camera))
        self._detections.publish(convert.detections_to_msg(header, detections, "person"))
        self._image.publish(image_from_rgb(header, image_rgb))
        with self._answered:
            if not self._answered.wait_for(lambda: self._last[0] == stamp_ns, limit_s):
                raise NoAnswer(f"no answer to an image within {limit_s:.0f} s")
            return self._last[1] - started

    def transport_s(self, image_rgb, repeats: int) -> list[float]:
        """Return the seconds from stamping an image to its callback, over the same DDS."""
        arrivals: dict[int, float] = {}
        arrived = threading.Event()

        def on_image(msg: Image) -> None:
            arrivals[convert.stamp_ns(msg.header)] = time.perf_counter()
            arrived.set()

        subscription = self._node.create_subscription(Image, "bench_image", on_image, SENSOR_DATA)
        publisher = self._node.create_publisher(Image, "bench_image", PICTURES)
        while publisher.get_subscription_count() < 1:
            time.sleep(0.05)
        seconds = []
        for _ in range(repeats):
            arrived.clear()
            stamp_ns, started = time.time_ns(), time.perf_counter()
            header = Header(stamp=Time(nanoseconds=stamp_ns).to_msg())
            publisher.publish(image_from_rgb(header, image_rgb))
            if arrived.wait(2.0) and stamp_ns in arrivals:
                seconds.append(arrivals[stamp_ns] - started)
        self._node.destroy_subscription(subscription)
        self._node.destroy_publisher(publisher)
        return seconds

    def _on_persons(self, msg: PersonRootArray) -> None:
        with self._answered:
            self._last = (convert.stamp_ns(msg.header), time.perf_counter())
            self._answered.notify_all()
