"""What drivers, detectors and other people's tools really send, over real DDS: answered, or named."""

import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")

import rclpy  # noqa: E402
from geometry_msgs.msg import PointStamped  # noqa: E402
from rclpy.qos import QoSDurabilityPolicy, QoSProfile  # noqa: E402
from sensor_msgs.msg import CameraInfo, CompressedImage  # noqa: E402
from tf2_msgs.msg import TFMessage  # noqa: E402

from hdnet_ros.msg import PersonTrackArray  # noqa: E402

BOX = (420.0, 240.0, 150.0, 425.0)  # 1000 px * 1.7 m / 425 px = 4 m
MS = 1_000_000


def depth_of(answer):
    (person,) = answer.persons
    return person.root_pose.pose.position.z


def zoomed(focal_px):
    return {"k": [focal_px, 0.0, 320.0, 0.0, focal_px, 240.0, 0.0, 0.0, 1.0]}


def lines_with(people, words):
    return [line for line in people.bench.log_lines() if words in line and people.node.get_namespace() in line]


def said(people, words, timeout_s=10.0):
    lines = people.bench.log_lines
    return people.bench.wait(lambda: [line for line in lines() if words in line], f"log line: {words}", timeout_s)


def test_a_lens_that_zooms_while_boxes_are_late_is_answered_with_the_images_own_info(people):
    camera, stamps = people.camera, []
    for frame in range(6):
        stamp_ns = camera.next_stamp_ns()
        stamps.append(stamp_ns)
        camera.info.publish(camera.info_msg(stamp_ns, **zoomed(1000.0 + 100.0 * frame)))
        other = camera.info_msg(stamp_ns, header=camera.header(stamp_ns, "another_camera"), **zoomed(500.0))
        camera.info.publish(other)
        camera.image.publish(camera.image_msg(stamp_ns))
        if frame >= 3:
            camera.detections.publish(camera.detections_msg(stamps[frame - 3], [BOX]))
            answer = people.answer_of(stamps[frame - 3])
            assert depth_of(answer) == pytest.approx(4.0 + 0.4 * (frame - 3))


def test_boxes_far_ahead_of_a_slow_image_link_are_answered(people):
    camera = people.camera
    stamps = [camera.next_stamp_ns() for _ in range(40)]
    for stamp_ns in stamps:
        camera.detections.publish(camera.detections_msg(stamp_ns, [BOX]))
        time.sleep(0.01)
    for stamp_ns in stamps[:3]:
        camera.info.publish(camera.info_msg(stamp_ns))
        camera.image.publish(camera.image_msg(stamp_ns))
        assert depth_of(people.answer_of(stamp_ns)) == pytest.approx(4.0)


def test_a_detector_slower_than_the_images_that_wait_names_the_parameter(make_hdnet_node, make_camera_client, make_session):
    node = make_hdnet_node("/slow_detector", estimator="box-height", images_kept=5)
    people = make_session(node, make_camera_client("/slow_detector"))
    camera, stamps = people.camera, []
    for _ in range(40):
        stamps.append(camera.next_stamp_ns())
        camera.info.publish(camera.info_msg(stamps[-1]))
        camera.image.publish(camera.image_msg(stamps[-1]))
        if len(stamps) > 9:
            camera.detections.publish(camera.detections_msg(stamps[-9], [BOX]))
        time.sleep(0.1)
    (line, *_) = said(people, "of which 5 wait: set images_kept to more than ")
    assert "slop_s" not in line
    people.answer([BOX])


def test_camera_info_told_once_before_the_node_is_heard(bench, make_hdnet_node, make_camera_client, make_session):
    once = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
    publisher = bench.client.create_publisher(CameraInfo, "/latched/camera_info", once)
    client = make_camera_client("/latched")
    publisher.publish(client.info_msg(client.next_stamp_ns()))
    people = make_session(make_hdnet_node("/latched", estimator="box-height"), client)
    stamp_ns = client.next_stamp_ns()
    client.image.publish(client.image_msg(stamp_ns))
    client.detections.publish(client.detections_msg(stamp_ns, [BOX]))
    assert depth_of(people.answer_of(stamp_ns)) == pytest.approx(4.0)
    bench.client.destroy_publisher(publisher)


def test_a_topic_of_the_wrong_type_is_named_with_what_to_do(bench, make_hdnet_node):
    # One participant has one type for a topic: the others' need a context of their own.
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("others", context=context)
    node.create_publisher(CompressedImage, "/wrong/image", 1)
    node.create_publisher(PointStamped, "/wrong/detections", 1)
    make_hdnet_node("/wrong", estimator="box-height")
    bench.wait(
        lambda: [
            line
            for line in bench.log_lines()
            if "/wrong/image (published as sensor_msgs/msg/CompressedImage, expected sensor_msgs/msg/Image: "
            "set image_transport to compressed and remap image/compressed to it)" in line
            and "/wrong/detections (published as geometry_msgs/msg/PointStamped, expected "
            "vision_msgs/msg/Detection2DArray)" in line
            and "/wrong/camera_info (0 publishers)" in line
        ],
        "the types by name",
    )
    node.destroy_node()
    rclpy.shutdown(context=context)


def test_a_recording_of_half_a_second_in_a_loop_is_answered(people):
    camera = people.camera
    stamps = [camera.next_stamp_ns() for _ in range(5)]
    for _ in range(3):
        for stamp_ns in stamps:
            people.camera.send([BOX], stamp_ns=stamp_ns)
            time.sleep(0.1)
    people.bench.wait(lambda: len(people.persons) >= 11, "answers in every round")


@pytest.mark.parametrize("class_id", ["15", "Person", ""])
def test_classes_that_are_nobody_are_named_once(make_hdnet_node, make_camera_client, make_session, class_id):
    namespace = f"/classes_{class_id or 'none'}"
    people = make_session(make_hdnet_node(namespace, estimator="box-height"), make_camera_client(namespace))
    for _ in range(12):
        stamp_ns = people.camera.next_stamp_ns()
        msg = people.camera.detections_msg(stamp_ns, [BOX])
        if class_id:
            msg.detections[0].results[0].hypothesis.class_id = class_id
        else:
            msg.detections[0].results = []
        people.camera.info.publish(people.camera.info_msg(stamp_ns))
        people.camera.image.publish(people.camera.image_msg(stamp_ns))
        people.camera.detections.publish(msg)
        assert people.answer_of(stamp_ns).persons == []
    words = f"no box so far has a class of class_ids ('person', '0'); what came: {repr(class_id) if class_id else 'no results'}."
    (line,) = said(people, words)
    status = people.status()
    assert status.level == b"\x01" and words in status.message


def test_a_leading_slash_in_the_frame_is_published_without_it(people):
    transforms = people.bench.collect(TFMessage, "/tf")
    people.bench.wait(lambda: people.node.count_subscribers("/tf"), "discovery of /tf")
    transforms.clear()
    for _ in range(3):
        stamp_ns = people.camera.next_stamp_ns()
        header = people.camera.header(stamp_ns, "/front_optical_frame")
        answer = people.answer([BOX], stamp_ns=stamp_ns, image={"header": header}, info={"header": header})
        assert answer.header.frame_id == "front_optical_frame"
    people.bench.wait(lambda: transforms, "TF")
    assert {t.header.frame_id for message in transforms for t in message.transforms} == {"front_optical_frame"}
    said(people, "frame_id '/front_optical_frame' begins with a slash")


def test_the_frame_of_a_body_is_its_track_while_it_is_seen_and_while_it_coasts(people):
    tracks = people.topic(PersonTrackArray, "tracks")
    transforms = people.bench.collect(TFMessage, "/tf")
    people.bench.wait(lambda: people.node.count_subscribers("/tf"), "discovery of /tf")
    transforms.clear()
    rng = np.random.default_rng(4)
    for frame in range(8):
        height = 425.0 * (1.0 + 0.1 * rng.standard_normal())
        people.answer([(420.0, 240.0, 150.0, height)] if frame < 6 else [])
    people.bench.wait(lambda: len(tracks) == 8, "tracks of every image")
    people.bench.wait(lambda: len(transforms) == 7, "TF from the second sighting on")
    for told, sent in zip(tracks[1:], transforms):
        (track,), (transform,) = told.tracks, sent.transforms
        assert transform.child_frame_id == f"body_{track.id}" and transform.header == told.header
        position, offset = track.pose.pose.position, transform.transform.translation
        assert (offset.x, offset.y, offset.z) == pytest.approx((position.x, position.y, position.z))
        turn = transform.transform.rotation
        # z of the body is the camera's -y.
        up = 2 * (turn.y * turn.z - turn.x * turn.w)
        assert up == pytest.approx(-1.0, abs=1e-6)


def test_ever_new_frames_and_endless_encodings_are_few_short_lines(people):
    before = len(people.bench.log_lines())
    for number in range(60):
        stamp_ns = people.camera.next_stamp_ns()
        header = people.camera.header(stamp_ns, f"frame_{number}_{'x' * 10_000}")
        people.answer([BOX], stamp_ns=stamp_ns, image={"header": header})
    for number in range(20):
        people.camera.send([BOX], image={"encoding": f"{number}{'y' * 1_000_000}"})
    people.answer([BOX])
    mine = people.bench.log_lines()[before:]
    assert len(mine) < 20 and max(map(len, mine)) < 1000
    status = people.status()
    assert max(len(pair.value) for pair in status.values) < 1000 and len(status.message) < 1000
