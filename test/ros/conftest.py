"""A bench over real DDS: nodes under test and one client node, spun by one thread."""

import os
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

# A domain of this process' own, this machine only, before rclpy reads them. Up to 101 the ports
# lie below those that Linux hands out by itself.
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
if os.environ.get("ROS_DISTRO") == "humble":
    os.environ["ROS_LOCALHOST_ONLY"] = "1"  # its word for the same

try:
    import rclpy
    import tf2_ros  # noqa: F401
    from vision_msgs.msg import Detection2DArray  # noqa: F401

    import hdnet_ros.msg  # noqa: F401
except ImportError as error:
    ROS_MISSING = str(error)
else:
    ROS_MISSING = ""

FRAME = "camera_optical_frame"
SIZE_WH_PX = (640, 480)
FOCAL_PX = 1000.0
TIMEOUT_S = 10.0


class Bench:
    """A client that publishes a camera's topics and collects what comes back."""

    def __init__(self):
        from rcl_interfaces.msg import Log
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.qos import DurabilityPolicy, QoSProfile

        rclpy.init()
        self.client = rclpy.create_node("test_client")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.client)
        self._nodes = []
        self._subscriptions = {}
        self.received = {}
        # What a node logs before it is discovered counts too.
        kept = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.collect(Log, "/rosout", kept)
        self._stopping, self._may_spin = threading.Event(), threading.Event()
        self._may_spin.set()
        self._spinning = threading.Lock()
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self):
        while not self._stopping.is_set():
            self._may_spin.wait()
            with self._spinning:
                self._executor.spin_once(timeout_sec=0.05)

    @contextmanager
    def paused(self):
        """Keep the executor still: rclpy does not bear entities that go while it waits on them."""
        self._may_spin.clear()
        with self._spinning:
            yield
        self._may_spin.set()

    def add(self, node):
        self._nodes.append(node)
        self._executor.add_node(node)
        return node

    def remove(self, node):
        self._nodes.remove(node)
        with self.paused():
            self._executor.remove_node(node)
            node.destroy_node()

    def collect(self, kind, topic, qos=50):
        """Keep every message of a topic in `received[topic]`."""
        if topic not in self._subscriptions:
            self.received[topic] = []
            self._subscriptions[topic] = self.client.create_subscription(
                kind, topic, self.received[topic].append, qos
            )
        return self.received[topic]

    def stop_collecting(self, topic):
        with self.paused():
            self.client.destroy_subscription(self._subscriptions.pop(topic))
        self.received.pop(topic)

    def wait(self, condition, what, timeout_s=TIMEOUT_S):
        """Wait until `condition()` is true and return its value."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.005)
        raise AssertionError(f"{what}: not within {timeout_s} s")

    def log_lines(self):
        return [message.msg for message in self.received["/rosout"]]

    def close(self):
        for node in list(self._nodes):
            self.remove(node)
        self._stopping.set()
        self._thread.join()
        self.client.destroy_node()
        rclpy.shutdown()


class CameraClient:
    """Publishes image, camera_info and detections of one namespace, reliably, like a driver."""

    def __init__(self, bench, namespace=""):
        from sensor_msgs.msg import CameraInfo, Image
        from vision_msgs.msg import Detection2DArray

        node = bench.client
        self.bench = bench
        self.namespace = namespace
        self.image = node.create_publisher(Image, f"{namespace}/image", 10)
        self.info = node.create_publisher(CameraInfo, f"{namespace}/camera_info", 10)
        self.detections = node.create_publisher(Detection2DArray, f"{namespace}/detections", 10)
        self._stamp_ns = 1_700_000_000_000_000_000

    def next_stamp_ns(self):
        self._stamp_ns += 100_000_000
        return self._stamp_ns

    def wait_for_subscribers(self):
        publishers = (self.image, self.info, self.detections)
        self.bench.wait(
            lambda: all(p.get_subscription_count() > 0 for p in publishers), "subscribers"
        )

    def header(self, stamp_ns, frame_id=FRAME):
        from std_msgs.msg import Header

        header = Header(frame_id=frame_id)
        header.stamp.sec, header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
        return header

    def image_msg(self, stamp_ns, **changes):
        from sensor_msgs.msg import Image

        width, height = SIZE_WH_PX
        msg = Image(header=self.header(stamp_ns), width=width, height=height, encoding="bgr8")
        msg.step = 3 * width
        msg.data = np.full((height, width, 3), 127, np.uint8).tobytes()
        return changed(msg, changes)

    def info_msg(self, stamp_ns, **changes):
        from sensor_msgs.msg import CameraInfo

        msg = CameraInfo(header=self.header(stamp_ns), distortion_model="plumb_bob")
        msg.width, msg.height = SIZE_WH_PX
        msg.d = [0.0] * 5
        msg.k = [FOCAL_PX, 0.0, 320.0, 0.0, FOCAL_PX, 240.0, 0.0, 0.0, 1.0]
        msg.p = [FOCAL_PX, 0.0, 320.0, 0.0, 0.0, FOCAL_PX, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0]
        return changed(msg, changes)

    def detections_msg(self, stamp_ns, boxes, **changes):
        from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

        msg = Detection2DArray(header=self.header(stamp_ns))
        for x, y, width, height in boxes:
            item = Detection2D(header=msg.header)
            item.bbox.center.position.x, item.bbox.center.position.y = float(x), float(y)
            item.bbox.size_x, item.bbox.size_y = float(width), float(height)
            result = ObjectHypothesisWithPose()
            result.hypothesis.class_id, result.hypothesis.score = "person", 0.9
            item.results = [result]
            msg.detections.append(item)
        return changed(msg, changes)

    def send(self, boxes, stamp_ns=None, image=None, info=None, detections=None):
        """Publish one frame and return its stamp; each dictionary changes fields of its message."""
        stamp_ns = self.next_stamp_ns() if stamp_ns is None else stamp_ns
        self.info.publish(self.info_msg(stamp_ns, **(info or {})))
        self.image.publish(self.image_msg(stamp_ns, **(image or {})))
        self.detections.publish(self.detections_msg(stamp_ns, boxes, **(detections or {})))
        return stamp_ns


class Session:
    """A node that answers a camera client, and what it said."""

    def __init__(self, bench, node, camera):
        self.bench, self.node, self.camera = bench, node, camera
        from hdnet_ros.msg import PersonRootArray

        self.persons = self.topic(PersonRootArray, "persons")
        camera.wait_for_subscribers()
        bench.wait(lambda: bench.client.count_publishers(self.name("persons")), "publisher")

    def name(self, topic):
        return f"{self.node.get_fully_qualified_name()}/{topic}"

    def topic(self, kind, topic):
        received = self.bench.collect(kind, self.name(topic))
        self.bench.wait(
            lambda: self.node.count_subscribers(self.name(topic)), f"discovery of {topic}"
        )
        return received

    def answer(self, boxes, **changes):
        """Send one frame and return the message that answers it."""
        stamp_ns = self.camera.send(boxes, **changes)
        return self.answer_of(stamp_ns)

    def answer_of(self, stamp_ns):
        def found():
            return [m for m in self.persons if stamp_ns_of(m.header) == stamp_ns]

        return self.bench.wait(found, f"answer to stamp {stamp_ns}")[0]

    def status(self):
        from diagnostic_msgs.msg import DiagnosticArray

        received = self.bench.collect(DiagnosticArray, "/diagnostics")
        name = self.node.get_fully_qualified_name().lstrip("/")
        before = len(received)
        self.bench.wait(lambda: self.node.count_subscribers("/diagnostics"), "discovery")
        self.node.diagnostics.publish()

        def found():
            new = [status for array in received[before:] for status in array.status]
            return [status for status in new if status.name == name]

        return self.bench.wait(found, "diagnostics")[-1]


def changed(msg, changes):
    for name, value in changes.items():
        setattr(msg, name, value)
    return msg


def stamp_ns_of(header):
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec


@pytest.fixture(scope="module")
def bench():
    if ROS_MISSING:
        pytest.skip(f"ROS 2 and the built messages are needed ({ROS_MISSING}); see ./run test")
    made = Bench()
    yield made
    made.close()


@pytest.fixture(scope="module")
def make_camera_client(bench):
    return lambda namespace="": CameraClient(bench, namespace)


@pytest.fixture(scope="session")
def stamp_of():
    return stamp_ns_of


@pytest.fixture
def make_hdnet_node(bench):
    """Make an HDNetNode with parameters; it goes when the test ends."""
    made = []

    def make(namespace="", **parameters):
        from rclpy.parameter import Parameter

        from hdnet_ros.ros.hdnet_node import HDNetNode

        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        node = HDNetNode(parameter_overrides=overrides, namespace=namespace)
        made.append(node)
        return bench.add(node)

    yield make
    for node in made:
        bench.remove(node)


@pytest.fixture
def make_session(bench):
    return lambda node, camera: Session(bench, node, camera)


@pytest.fixture
def people(make_hdnet_node, make_camera_client, make_session, request):
    """A node of the box-height prior in a namespace of its own, with client and topics."""
    namespace = "/" + request.node.name.split("[")[0]
    node = make_hdnet_node(namespace, estimator="box-height")
    return make_session(node, make_camera_client(namespace))
