"""Bad input over real DDS: a line in the log that names it, a diagnostic, and then a good frame.

Every case runs against one node: a good frame is answered, the bad one is met with a word, the
next good frame is answered as if nothing had happened.
"""

import math

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from rclpy.lifecycle import TransitionCallbackReturn  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402

from hdnet_ros.msg import PersonRootArray  # noqa: E402

GOOD_BOX = (420.0, 240.0, 150.0, 425.0)  # 1000 * 1.7 / 425 = 4 m
NAN = math.nan

# name: (what is sent, what the log says, people in the answer or None where there is none)
CASES = {
    "missing intrinsics": (dict(info={"k": [0.0] * 9}), "K has fx = 0, fy = 0: not calib", None),
    "intrinsics not finite": (
        dict(info={"k": [NAN, 0.0, 320.0, 0.0, 1.0, 240.0, 0.0, 0.0, 1.0]}),
        "K has non-finite values",
        None,
    ),
    "camera info of another size": (
        dict(info={"width": 1280, "height": 720}),
        "it is of 1280 x 720 px (ROI and binning counted), the image has 640 x 480 px",
        None,
    ),
    "camera info without a size": (
        dict(info={"width": 0, "height": 0}),
        "image size is 0 x 0",
        None,
    ),
    "unknown distortion model": (
        dict(info={"distortion_model": "thin_prism"}),
        "distortion model 'thin_prism'",
        None,
    ),
    "wrong number of coefficients": (dict(info={"d": [0.1] * 3}), "has 3 coefficients", None),
    "unknown encoding": (dict(image={"encoding": "nv21"}), "encoding 'nv21', expected one", None),
    "wrong step": (
        dict(image={"step": 640}),
        "step 640 bytes, expected at least 1920 (640 px of bgr8)",
        None,
    ),
    "short data": (dict(image={"data": b"abc"}), "data of 3 bytes, expected 921600", None),
    "no data": (dict(image={"data": b"", "width": 0, "height": 0}), "size 0 x 0 px", None),
    "box outside": (dict(boxes=[(-200.0, 240.0, 90.0, 200.0)]), "outside the 640 x 480", 0),
    "boxes empty and negative": (
        dict(boxes=[GOOD_BOX, (320.0, 240.0, 0.0, 200.0), (320.0, 240.0, 90.0, -9.0)]),
        "number 1: box is 0 x 200 px, expected above 0; number 2: box is 90 x -9 px",
        1,
    ),
    "box not a number": (dict(boxes=[GOOD_BOX, (NAN, 240.0, 9.0, 9.0)]), "[nan, 240.0, 9.0", 1),
    "box infinite": (dict(boxes=[(320.0, 240.0, math.inf, 200.0)]), "inf, 200.0] has non-fin", 0),
    "boxes of shares": (
        dict(boxes=[GOOD_BOX, (0.5, 0.5, 0.2, 0.6)]),
        "number 1: box [0.5, 0.5, 0.2, 0.6] is in shares of the image (0 to 1)",
        1,
    ),
    "boxes of nothing": (
        dict(boxes=[GOOD_BOX, (320.0, 240.0, 1e-7, 1e-7), (320.0, 240.0, 5.0, 1e-155)]),
        "number 1: box is 1e-07 x 1e-07 px, expected at least 8 px",
        1,
    ),
    "an enormous box": (
        dict(boxes=[GOOD_BOX, (320.0, 240.0, 90.0, 331_000.0)]),
        "number 1: box is 90 x 331000 px, the image 640 x 480",
        1,
    ),
    "an enormous focal length": (
        dict(info={"k": [1e39, 0.0, 320.0, 0.0, 1e39, 240.0, 0.0, 0.0, 1.0]}),
        "expected lengths of 1e-7 to 1e7 px",
        None,
    ),
    "a thousand boxes": (dict(boxes=[GOOD_BOX] * 1000), "1000 people, the 50 of the highest", 50),
    "image without a frame": (
        dict(image={"header": None}),
        "frame_id is empty: answered, but without TF",
        1,
    ),
}


class Watched:
    """One box-height node, its answers, its log lines and its status."""

    def __init__(self, bench, make_camera_client, stamp_of):
        from hdnet_ros.ros.hdnet_node import HDNetNode

        overrides = [Parameter("estimator", value="box-height")]
        self.bench, self.stamp_of = bench, stamp_of
        self.node = bench.add(HDNetNode(parameter_overrides=overrides, namespace="/bad"))
        self.camera = make_camera_client("/bad")
        self.persons = bench.collect(PersonRootArray, "/bad/hdnet_node/persons")
        self.statuses = bench.collect(DiagnosticArray, "/diagnostics")
        self.camera.wait_for_subscribers()
        for topic in ("/bad/hdnet_node/persons", "/diagnostics"):
            bench.wait(
                lambda name=topic: self.node.count_subscribers(name), f"discovery of {topic}"
            )

    def answers(self, stamp_ns):
        return [m for m in self.persons if self.stamp_of(m.header) == stamp_ns]

    def assert_good_frame_is_answered(self):
        stamp_ns = self.camera.send([GOOD_BOX])
        (answer,) = self.bench.wait(lambda: self.answers(stamp_ns), "answer to a good frame")
        (person,) = answer.persons
        assert person.root_pose.pose.position.z == pytest.approx(4.0)

    def assert_said(self, words):
        lines = self.bench.log_lines
        self.bench.wait(lambda: [line for line in lines() if words in line], f"log line: {words}")
        self.node.diagnostics.publish()
        told = self.bench.wait(lambda: self.status_with(words), f"diagnostic: {words}")
        assert told[-1].level == b"\x01"

    def status_with(self, words):
        return [
            status
            for array in self.statuses
            for status in array.status
            if status.name == "bad/hdnet_node"
            and any(v.key == "last bad input" and words in v.value for v in status.values)
        ]


@pytest.fixture(scope="module")
def watched(bench, make_camera_client, stamp_of):
    made = Watched(bench, make_camera_client, stamp_of)
    yield made
    bench.remove(made.node)


@pytest.mark.parametrize("name", CASES)
def test_bad_input_gets_a_clear_word_and_nothing_is_lost(watched, name):
    sent, words, people = CASES[name]
    sent = {key: dict(value) if isinstance(value, dict) else value for key, value in sent.items()}
    watched.assert_good_frame_is_answered()
    stamp_ns = watched.camera.next_stamp_ns()
    if "header" in sent.get("image", {}):
        sent["image"]["header"] = watched.camera.header(stamp_ns, frame_id="")
    watched.camera.send(sent.pop("boxes", [GOOD_BOX]), stamp_ns=stamp_ns, **sent)
    watched.assert_said(words)
    if people is not None:
        (answer,) = watched.bench.wait(lambda: watched.answers(stamp_ns), "answer")
        assert len(answer.persons) == people
    watched.assert_good_frame_is_answered()
    if people is None:
        assert watched.answers(stamp_ns) == []


def test_stamps_of_zero_are_answered_with_a_word_and_without_tf(watched):
    from tf2_msgs.msg import TFMessage

    transforms = watched.bench.collect(TFMessage, "/tf")
    watched.assert_good_frame_is_answered()
    watched.camera.send([GOOD_BOX], stamp_ns=0)
    watched.assert_said("the stamp is zero: taken for the newest image's")
    (answer,) = watched.bench.wait(lambda: watched.answers(0), "answer to stamp zero")[0].persons
    # Nobody can be followed without a time.
    assert answer.id == "u0" and answer.flags & answer.UNTRACKED_ID
    watched.assert_good_frame_is_answered()
    stamps = {watched.stamp_of(t.header) for message in transforms for t in message.transforms}
    assert 0 not in stamps


def test_negative_stamps_are_answered_with_a_word_and_lose_nobody(watched):
    from tf2_msgs.msg import TFMessage

    transforms = watched.bench.collect(TFMessage, "/tf")
    before_ns = watched.camera.send([GOOD_BOX])
    (before,) = watched.bench.wait(lambda: watched.answers(before_ns), "answer before")[0].persons
    watched.camera.send([GOOD_BOX], stamp_ns=-2_500_000_000)
    watched.assert_said("the stamp is negative: taken for the newest image's")
    (answer,) = watched.bench.wait(lambda: watched.answers(-2_500_000_000), "answer to a negative stamp")[0].persons
    assert answer.root_pose.pose.position.z == pytest.approx(4.0) and answer.flags & answer.UNTRACKED_ID
    after_ns = watched.camera.send([GOOD_BOX])
    (after,) = watched.bench.wait(lambda: watched.answers(after_ns), "answer after")[0].persons
    # The clock was not set back: the same person is followed on.
    assert after.id == before.id
    assert all(t.header.stamp.sec >= 0 for message in transforms for t in message.transforms)


def test_bytes_of_a_big_endian_machine_are_answered(watched):
    stamp_ns = watched.camera.next_stamp_ns()
    watched.camera.send([GOOD_BOX], stamp_ns=stamp_ns, image={"is_bigendian": 1})
    (answer,) = watched.bench.wait(lambda: watched.answers(stamp_ns), "answer")[0].persons
    assert answer.root_pose.pose.position.z == pytest.approx(4.0)


def test_a_frame_out_of_order_is_dropped_with_a_word(watched):
    watched.assert_good_frame_is_answered()
    late_ns = watched.camera.next_stamp_ns()
    watched.assert_good_frame_is_answered()
    watched.camera.send([GOOD_BOX], stamp_ns=late_ns)
    watched.assert_said("out of order, not newer than what was answered: dropped")
    watched.assert_good_frame_is_answered()
    assert watched.answers(late_ns) == []


def test_stamps_far_apart_are_named_and_never_paired(watched):
    import time

    watched.assert_good_frame_is_answered()
    camera = watched.camera
    for _ in range(6):
        stamp_ns = camera.next_stamp_ns()
        camera.info.publish(camera.info_msg(stamp_ns))
        camera.image.publish(camera.image_msg(stamp_ns))
        camera.detections.publish(camera.detections_msg(stamp_ns + 3_600 * 10**9, [GOOD_BOX]))
        time.sleep(0.5)
    lines = watched.bench.log_lines
    watched.bench.wait(
        lambda: [line for line in lines() if "both arrive, but their stamps are 35" in line],
        "line about stamps far apart",
    )
    watched.assert_good_frame_is_answered()


def test_detections_without_a_frame_are_answered_with_a_warning(watched):
    stamp_ns = watched.camera.next_stamp_ns()
    header = watched.camera.header(stamp_ns, frame_id="")
    watched.camera.send([GOOD_BOX], stamp_ns=stamp_ns, detections={"header": header})
    watched.assert_said("frame_id is empty: taken for the image's 'camera_optical_frame'")
    watched.bench.wait(lambda: watched.answers(stamp_ns), "answer")


def test_one_complaint_is_one_line_however_often_it_comes(watched):
    lines_before = len(watched.bench.log_lines())
    for _ in range(20):
        watched.camera.send([GOOD_BOX], image={"encoding": "yuv422", "width": 639})
        watched.assert_good_frame_is_answered()
    new = watched.bench.log_lines()[lines_before:]
    assert len([line for line in new if "expected an even one" in line]) == 1


@pytest.mark.parametrize("kind", ["foreign", "missing"])
def test_a_checkpoint_that_cannot_be_loaded_is_named_and_can_be_put_right(
    bench, make_hdnet_node, tmp_path, kind
):
    path = tmp_path / "weights.safetensors"
    if kind == "foreign":
        path.write_bytes(np.arange(4096, dtype=np.uint8).tobytes())
    node = make_hdnet_node(f"/checkpoint_{kind}", estimator="hdnet", weights=str(path))
    report = node.statistics.report()
    assert report.level == "error" and str(path) in report.message
    bench.wait(lambda: [x for x in bench.log_lines() if str(path) in x], "line about the file")
    # It stays, unconfigured, and goes on once told what to use.
    node.set_parameters([Parameter("estimator", value="box-height")])
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS
    assert node.statistics.report().level == "ok"


def test_without_weights_auto_says_loudly_what_it_uses_instead(bench, make_hdnet_node, monkeypatch):
    monkeypatch.setattr("hdnet_ros.locate.factory.find_default_weights", lambda: None)
    node = make_hdnet_node("/no_weights")
    report = node.statistics.report()
    assert report.level == "warn" and "no HDNet weights are bundled" in report.message
    assert report.values["estimator"] == "box-height"
    words = "people are located by the height of their box (everybody 1.7 m tall)"
    bench.wait(lambda: [line for line in bench.log_lines() if words in line], "loud line")


def test_asking_for_hdnet_without_weights_says_where_they_come_from(
    bench, make_hdnet_node, monkeypatch
):
    monkeypatch.setattr("hdnet_ros.locate.factory.find_default_weights", lambda: None)
    node = make_hdnet_node("/hdnet_only", estimator="hdnet")
    assert node.statistics.report().level == "error"
    bench.wait(lambda: [x for x in bench.log_lines() if "import-checkpoint" in x], "help")
