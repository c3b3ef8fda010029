"""Boxes that do not come as vision_msgs: found inside the node, or in another detector's messages."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")

from hdnet_ros.core.types import Detection  # noqa: E402
from hdnet_ros.msg import PersonRootArray  # noqa: E402

BOX = np.array([320.0, 240.0, 150.0, 340.0])


def found_in(node, *boxes):
    """Have the detector inside a node find these boxes in whatever it sees; return what it is shown."""
    shown = []

    def detect_many(images_rgb):
        shown.append([image.shape for image in images_rgb])
        return [[box for box in boxes if box.score >= node._detector.score_threshold] for _ in images_rgb]

    node._detector.detect_many = detect_many
    return shown


def test_a_node_detects_by_itself_and_hears_no_detections(bench, make_hdnet_node, make_camera_client, stamp_of):
    node = make_hdnet_node("/inside", estimator="box-height", detector="hog", max_people=2)
    camera = make_camera_client("/inside")
    persons = bench.collect(PersonRootArray, "/inside/hdnet_node/persons")
    shown = found_in(node, Detection(BOX, 0.7), Detection(BOX + [100, 0, 0, 0], 0.6), Detection(BOX, 0.9))
    for publisher in (camera.image, camera.info):
        bench.wait(lambda p=publisher: p.get_subscription_count(), "subscribers")
    bench.wait(lambda: node.count_subscribers("/inside/hdnet_node/persons"), "discovery")
    assert camera.detections.get_subscription_count() == 0
    stamp_ns = camera.send([])
    bench.wait(lambda: persons, "answer")
    assert stamp_of(persons[0].header) == stamp_ns and shown == [[(480, 640, 3)]]
    # The two of the highest score; f 1000 px, 1.7 m and 340 px make 5 m.
    assert [round(p.score, 2) for p in persons[0].persons] == [0.9, 0.7]
    assert persons[0].persons[0].root_pose.pose.position.z == pytest.approx(5.0)
    assert "detections" not in node._lines[""].inputs.missing()


def test_a_budget_is_for_those_whom_the_inner_detector_finds(bench, make_hdnet_node, make_camera_client):
    node = make_hdnet_node("/budget", estimator="box-height", detector="hog", look_budget_ms=1e-6)
    camera = make_camera_client("/budget")
    persons = bench.collect(PersonRootArray, "/budget/hdnet_node/persons")
    found_in(node, Detection(BOX, 0.7), Detection(BOX + [150, 0, 0, 0], 0.6))
    for publisher in (camera.image, camera.info):
        bench.wait(lambda p=publisher: p.get_subscription_count(), "subscribers")
    bench.wait(lambda: node.count_subscribers("/budget/hdnet_node/persons"), "discovery")
    for number in (1, 2, 3):
        camera.send([])
        bench.wait(lambda n=number: len(persons) == n, "answer")
    # The first image shows what a look takes.
    assert [len(message.persons) for message in persons] == [2, 1, 1]
    assert persons[1].persons[0].score != persons[2].persons[0].score


def test_min_score_is_the_inner_detectors_limit(bench, make_hdnet_node, make_camera_client):
    node = make_hdnet_node("/limit", estimator="box-height", detector="hog", min_score=0.65)
    camera = make_camera_client("/limit")
    persons = bench.collect(PersonRootArray, "/limit/hdnet_node/persons")
    found_in(node, Detection(BOX, 0.7), Detection(BOX + [100, 0, 0, 0], 0.6))
    bench.wait(camera.image.get_subscription_count, "subscribers")
    bench.wait(camera.info.get_subscription_count, "subscribers")
    bench.wait(lambda: node.count_subscribers("/limit/hdnet_node/persons"), "discovery")
    camera.send([])
    bench.wait(lambda: persons, "answer")
    assert [round(p.score, 2) for p in persons[0].persons] == [0.7]


def test_weights_that_the_inner_detector_lacks_are_named(make_hdnet_node):
    node = make_hdnet_node("/lacks", estimator="box-height", detector="maskrcnn")
    report = node.statistics.report()
    assert report.level == "error" and "maskrcnn needs the path of its weights" in report.message


def test_a_type_of_detections_whose_package_is_missing_is_named(make_hdnet_node):
    node = make_hdnet_node("/types", estimator="box-height", detections_type="yolo_msgs/DetectionArray")
    report = node.statistics.report()
    assert report.level == "error"
    assert "yolo_msgs/DetectionArray, and the package yolo_msgs is not installed" in report.message


@pytest.fixture
def other_process():
    """A node with a DDS participant of its own."""
    import rclpy

    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("other_detector", context=context)
    yield node
    node.destroy_node()
    context.shutdown()


def test_boxes_in_another_type_are_answered_once_somebody_publishes_them(
    bench, make_hdnet_node, make_camera_client, other_process, stamp_of, monkeypatch
):
    """PersonTrackArray stands in for a detector's own message, which is not installed here."""
    from hdnet_ros.messages import detection_types
    from hdnet_ros.msg import PersonTrack, PersonTrackArray
    from hdnet_ros.ros import inputs

    name = "hdnet_ros/PersonTrackArray"

    def read(msg):
        for track in msg.tracks:
            yield detection_types._Box(tuple(BOX), [("person", track.score)], id=track.id)

    monkeypatch.setitem(detection_types._READERS, name, read)
    monkeypatch.setattr(detection_types, "DETECTION_TYPES", (*detection_types.DETECTION_TYPES, name))
    monkeypatch.setattr(inputs, "DETECTION_TYPES", detection_types.DETECTION_TYPES)
    node = make_hdnet_node("/others", estimator="box-height")
    camera = make_camera_client("/others")
    persons = bench.collect(PersonRootArray, "/others/hdnet_node/persons")
    with bench.paused():
        bench.client.destroy_publisher(camera.detections)
    # A process knows one type of a topic; a detector is a process of its own.
    publisher = other_process.create_publisher(PersonTrackArray, "/others/detections", 10)
    bench.wait(publisher.get_subscription_count, "a subscription to the other type", 15.0)
    bench.wait(camera.image.get_subscription_count, "subscribers")
    bench.wait(lambda: node.count_subscribers("/others/hdnet_node/persons"), "discovery")
    stamp_ns = camera.next_stamp_ns()
    camera.info.publish(camera.info_msg(stamp_ns))
    camera.image.publish(camera.image_msg(stamp_ns))
    publisher.publish(PersonTrackArray(header=camera.header(stamp_ns), tracks=[PersonTrack(id="7", score=0.5)]))
    bench.wait(lambda: persons, "answer")
    (person,) = persons[0].persons
    assert stamp_of(persons[0].header) == stamp_ns and person.score == 0.5
    assert person.root_pose.pose.position.z == pytest.approx(5.0)
