"""Mutilated messages over real DDS, to the installed node: after each a good one is answered to the millimetre.

Bytes on the wire are changed, cut and repeated, so that lengths, counts, enumerations and texts are as wrong as
DDS lets them be; `HDNET_FUZZ_EXAMPLES` says how many (`./run fuzz N`).
"""

import os
import signal
import subprocess
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

rclpy = pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")

from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.serialization import serialize_message  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image  # noqa: E402
from std_msgs.msg import Header  # noqa: E402
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose  # noqa: E402

from hdnet_ros.msg import PersonRootArray  # noqa: E402

WIDTH, HEIGHT, FOCAL_PX = 64, 48, 400.0
BOX = (40.0, 24.0, 10.0, 34.0)  # 400 px * 1.7 m / 34 px = 20 m; (40 - 32) / 400 * 20 m = 0.4 m
PLACE_M = (0.4, 0.0, 20.0)
KINDS = {"image": Image, "camera_info": CameraInfo, "detections": Detection2DArray}
EXAMPLES = int(os.environ.get("HDNET_FUZZ_EXAMPLES", 100))
_ANSWER_S = 20.0
# After the four bytes that say how the rest is coded.
BODY = 4

change = st.tuples(st.integers(0, 2000), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
mutilation = st.fixed_dictionaries(
    {
        "changes": st.lists(change, min_size=1, max_size=8),
        "cut": st.none() | st.integers(0, 400),
        "more": st.binary(max_size=40),
    }
)


class Partner:
    """A camera and a detector for the installed node."""

    def __init__(self, folder):
        from ament_index_python.packages import get_package_prefix

        node = os.path.join(get_package_prefix("hdnet_ros"), "lib", "hdnet_ros", "hdnet_node")
        self.log = folder / "node.log"
        with open(self.log, "wb") as log:
            command = [node, "--ros-args", "-r", "__ns:=/fuzz", "-p", "estimator:=box-height"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("fuzz_partner", context=self.context)
        self.publishers = {name: self.node.create_publisher(kind, f"/fuzz/{name}", 20) for name, kind in KINDS.items()}
        self.answers = {}
        self.node.create_subscription(PersonRootArray, "/fuzz/hdnet_node/persons", self._keep, 50)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.stamp_ns = 1_700_000_000_000_000_000
        self._wait(lambda: all(p.get_subscription_count() for p in self.publishers.values()), "the node", 60.0)
        self._wait(lambda: self.node.count_publishers("/fuzz/hdnet_node/persons"), "its publisher", 60.0)
        # Found is not yet heard: what is best effort may get lost in the first moment.
        self._wait(self._is_heard, "a first answer", 60.0)

    def frame(self):
        """Return good messages of a new stamp, and the stamp."""
        self.stamp_ns += 50_000_000
        header = Header(frame_id="camera_optical_frame")
        header.stamp.sec, header.stamp.nanosec = divmod(self.stamp_ns, 1_000_000_000)
        image = Image(header=header, width=WIDTH, height=HEIGHT, encoding="mono8", step=WIDTH, data=bytes(WIDTH * HEIGHT))
        info = CameraInfo(header=header, width=WIDTH, height=HEIGHT, distortion_model="plumb_bob", d=[0.0] * 5)
        info.k = [FOCAL_PX, 0.0, WIDTH / 2, 0.0, FOCAL_PX, HEIGHT / 2, 0.0, 0.0, 1.0]
        item = Detection2D(header=header, results=[ObjectHypothesisWithPose()])
        item.results[0].hypothesis.class_id, item.results[0].hypothesis.score = "person", 0.9
        item.bbox.center.position.x, item.bbox.center.position.y, item.bbox.size_x, item.bbox.size_y = BOX
        boxes = Detection2DArray(header=header, detections=[item])
        return {"camera_info": info, "image": image, "detections": boxes}, self.stamp_ns

    def send(self, messages):
        for name, message in messages.items():
            self.publishers[name].publish(message)

    def place_of(self, stamp_ns):
        """Return where the person of a good frame is told to be, m."""
        self._wait(lambda: stamp_ns in self.answers, f"an answer to {stamp_ns}", _ANSWER_S)
        (person,) = self.answers.pop(stamp_ns).persons
        position = person.root_pose.pose.position
        self.answers.clear()
        return position.x, position.y, position.z

    def _is_heard(self):
        self.send(self.frame()[0])
        return bool(self.answers)

    def close(self):
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(timeout=30)
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)
        return status

    def _keep(self, message):
        self.answers[message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec] = message

    def _wait(self, condition, what, limit_s):
        until = time.monotonic() + limit_s
        while not condition():
            assert self.process.poll() is None, f"the node died:\n{self.log.read_text(errors='replace')[-3000:]}"
            assert time.monotonic() < until, f"waited for {what}:\n{self.log.read_text(errors='replace')[-3000:]}"
            self.executor.spin_once(timeout_sec=0.05)


@pytest.fixture(scope="module")
def partner(tmp_path_factory):
    made = Partner(tmp_path_factory.mktemp("fuzz"))
    yield made
    assert made.close() == 0
    assert "Traceback" not in made.log.read_text(errors="replace")
    assert made.log.stat().st_size < 2_000_000


def mutilated(message, how):
    data = bytearray(serialize_message(message))
    for place, value in how["changes"]:
        data[BODY + place % (len(data) - BODY)] = value
    if how["cut"] is not None:
        del data[BODY + how["cut"] % (len(data) - BODY) :]
    return bytes(data) + how["more"]


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(how=mutilation)
def test_after_a_mutilated_message_the_next_good_frame_is_answered(partner, name, how):
    bad, _ = partner.frame()
    bad[name] = mutilated(bad[name], how)
    partner.send(bad)
    good, stamp_ns = partner.frame()
    partner.send(good)
    assert partner.place_of(stamp_ns) == pytest.approx(PLACE_M, abs=1e-3)
