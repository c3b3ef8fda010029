"""hdnet_node over real DDS, from published image to received message, TF and markers.

Box-height prior, f = 1000 px, 1.7 m: a box of 425 px stands at 1000 * 1.7 / 425 = 4 m, one of
170 px at 10 m; x = (u - 320) / 1000 * z, y = (v - 240) / 1000 * z.
"""

import math
import threading
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")

from rclpy.parameter import Parameter  # noqa: E402
from sensor_msgs.msg import CompressedImage, Image  # noqa: E402
from tf2_msgs.msg import TFMessage  # noqa: E402
from vision_msgs.msg import Detection3DArray  # noqa: E402
from visualization_msgs.msg import Marker, MarkerArray  # noqa: E402

from hdnet_ros.msg import PersonRootArray, PersonTrackArray  # noqa: E402

NEAR_BOX = (420.0, 240.0, 150.0, 425.0)  # root at (0.4, 0.0, 4.0) m
FAR_BOX = (100.0, 200.0, 60.0, 170.0)  # root at (-2.2, -0.4, 10.0) m


def values_of(status):
    return {pair.key: pair.value for pair in status.values}


def test_two_people_arrive_in_metres_with_the_images_header(people):
    answer = people.answer([NEAR_BOX, FAR_BOX])
    assert answer.header.frame_id == "camera_optical_frame"
    assert answer.estimator == "box-height"
    near, far = (person.root_pose.pose.position for person in answer.persons)
    assert (near.x, near.y, near.z) == pytest.approx((0.4, 0.0, 4.0))
    assert (far.x, far.y, far.z) == pytest.approx((-2.2, -0.4, 10.0))
    person = answer.persons[1]
    assert person.box.size_y == 170.0 and person.score == pytest.approx(0.9)
    covariance = np.array(person.root_pose.covariance).reshape(6, 6)[:3, :3]
    ray = np.array([-2.2, -0.4, 10.0])
    along_m = person.depth_sigma_m * np.linalg.norm(ray) / 10.0
    ray /= np.linalg.norm(ray)
    assert math.sqrt(ray @ covariance @ ray) == pytest.approx(along_m, rel=1e-6)
    # Across the ray: 4 % of 170 px at 10 m.
    assert np.sqrt(np.linalg.eigvalsh(covariance)[:2]) == pytest.approx([0.068, 0.068])


def test_nobody_gives_empty_messages_with_the_images_header(people):
    boxes_3d = people.topic(Detection3DArray, "detections_3d")
    markers = people.topic(MarkerArray, "markers")
    answer = people.answer([])
    assert answer.persons == []
    people.bench.wait(lambda: boxes_3d and markers, "empty messages")
    assert boxes_3d[0].detections == [] and boxes_3d[0].header == answer.header
    assert markers[0].markers == []


def test_detections_3d_and_tf_say_the_same(people):
    boxes_3d = people.topic(Detection3DArray, "detections_3d")
    transforms = people.bench.collect(TFMessage, "/tf")
    people.bench.wait(lambda: people.node.count_subscribers("/tf"), "discovery of /tf")
    people.answer([FAR_BOX])
    answer = people.answer([FAR_BOX])
    name = "body_" + answer.persons[0].id
    people.bench.wait(lambda: boxes_3d and transforms, "Detection3DArray and TF")
    item = boxes_3d[0].detections[0]
    assert item.id == answer.persons[0].id
    assert item.results[0].pose.pose.position.z == pytest.approx(10.0)
    assert (item.bbox.size.x, item.bbox.size.y) == pytest.approx((0.6, 1.7))
    (transform,) = transforms[-1].transforms
    assert transform.child_frame_id == name and transform.header == answer.header
    offset = transform.transform.translation
    assert (offset.x, offset.y, offset.z) == pytest.approx((-2.2, -0.4, 10.0))


def test_ids_stay_with_people_and_velocity_comes_with_time(people):
    ids = []
    for frame in range(5):
        # 10 px right at 10 m are 0.1 m in 0.1 s: 1 m/s.
        moved = (FAR_BOX[0] + 10.0 * frame, *FAR_BOX[1:])
        answer = people.answer([NEAR_BOX, moved] if frame % 2 else [moved, NEAR_BOX])
        by_depth = sorted(answer.persons, key=lambda person: person.depth_sigma_m)
        ids.append([person.id for person in by_depth])
    assert ids == [ids[0]] * 5
    assert by_depth[1].has_velocity
    assert by_depth[1].root_velocity.twist.linear.x == pytest.approx(1.0, abs=0.3)
    assert not by_depth[1].flags & by_depth[1].UNTRACKED_ID


def test_markers_keep_their_ids_and_the_vanished_are_deleted(people):
    markers = people.topic(MarkerArray, "markers")
    people.answer([NEAR_BOX, FAR_BOX])
    people.answer([NEAR_BOX])
    people.bench.wait(lambda: len(markers) == 2, "two marker arrays")
    first, second = (
        {(m.ns, m.id): m for m in array.markers if m.ns != "ellipsoid"} for array in markers
    )
    assert {name for name, _ in first} == {"root", "label", "sigma"}
    spheres = [m for m in first.values() if m.ns == "root"]
    assert sorted(m.pose.position.z for m in spheres) == pytest.approx([4.0, 10.0])
    gone = {key for key, m in second.items() if m.action == Marker.DELETE}
    kept = {key for key, m in second.items() if m.action == Marker.ADD}
    assert len(gone) == len(kept) == 3 and gone | kept == set(first)
    text = [m.text for m in second.values() if m.ns == "label" and m.action == Marker.ADD]
    assert text[0].endswith("4.0 m")


def test_a_clock_set_back_starts_over_and_deletes_all_markers(people):
    markers = people.topic(MarkerArray, "markers")
    before = people.answer([NEAR_BOX]).persons[0].id
    after = people.answer([NEAR_BOX], stamp_ns=5_000_000_000).persons[0].id
    people.bench.wait(lambda: len(markers) == 3, "markers, DELETEALL, markers")
    assert markers[1].markers[0].action == Marker.DELETEALL
    assert after != before
    assert any("clock jumped back" in line for line in people.bench.log_lines())


def test_overlay_is_made_only_while_somebody_looks(people):
    people.answer([NEAR_BOX])
    assert people.bench.client.count_publishers(people.name("overlay")) == 1
    assert not people.node.overlay_is_wanted()
    overlay = people.topic(Image, "overlay")
    people.bench.wait(people.node.overlay_is_wanted, "overlay wanted")
    answer = people.answer([NEAR_BOX])
    people.bench.wait(lambda: overlay, "overlay")
    assert overlay[0].header == answer.header and overlay[0].encoding == "rgb8"
    pixels = np.frombuffer(overlay[0].data, np.uint8).reshape(480, 640, 3)
    assert len(np.unique(pixels)) > 10  # the grey image with something drawn on it
    people.bench.stop_collecting(people.name("overlay"))
    people.bench.wait(lambda: not people.node.overlay_is_wanted(), "overlay no longer wanted")


def test_detections_within_the_slop_pair_and_late_ones_do_not(people):
    camera = people.camera
    stamp_ns = camera.next_stamp_ns()
    camera.info.publish(camera.info_msg(stamp_ns))
    camera.image.publish(camera.image_msg(stamp_ns))
    camera.detections.publish(camera.detections_msg(stamp_ns + 30_000_000, [NEAR_BOX]))
    time.sleep(0.3)
    assert people.persons == []
    camera.detections.publish(camera.detections_msg(stamp_ns + 19_000_000, [NEAR_BOX]))
    assert len(people.answer_of(stamp_ns).persons) == 1


def test_the_camera_info_may_come_last(people):
    camera = people.camera
    stamp_ns = camera.next_stamp_ns()
    camera.image.publish(camera.image_msg(stamp_ns))
    camera.detections.publish(camera.detections_msg(stamp_ns, [NEAR_BOX]))
    time.sleep(0.2)
    camera.info.publish(camera.info_msg(stamp_ns))
    assert people.answer_of(stamp_ns).persons[0].root_pose.pose.position.z == pytest.approx(4.0)


def test_diagnostics_tell_rates_counts_and_the_estimator(people):
    for _ in range(3):
        people.answer([NEAR_BOX])
    # Counted after it was sent.
    people.bench.wait(lambda: values_of(people.status())["answered"] == "3", "three answers")
    status = people.status()
    values = values_of(status)
    assert status.level == b"\x00", status.message
    assert values["estimator"] == "box-height" and values["device"] == "cpu"
    assert values["image matched"] == values["detections matched"] == "3"
    assert values["image dropped"] == values["detections dropped"] == "0"
    assert values["answered"] == "3" and values["QoS mismatches"] == "none"
    assert float(values["inference median (ms)"]) < 1000.0
    assert "stamp age (ms)" in values and values["last bad input"] == "none"


def test_inputs_that_do_not_come_are_named(people):
    camera = people.camera
    for _ in range(6):
        camera.image.publish(camera.image_msg(camera.next_stamp_ns()))
        time.sleep(0.5)
    lines = [line for line in people.bench.log_lines() if "nothing for 2 s" in line]
    mine = [line for line in lines if camera.namespace + "/" in line][-1]
    assert f"{camera.namespace}/camera_info (1 publisher)" in mine
    assert f"{camera.namespace}/detections (1 publisher)" in mine
    assert f"{camera.namespace}/image" not in mine
    assert "nothing for 2 s" in people.status().message


def test_incompatible_qos_is_told_with_the_topic(people):
    from rclpy.qos import QoSDurabilityPolicy, QoSProfile

    qos = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
    topic = people.name("detections_3d")
    people.bench.collect(Detection3DArray, topic, qos)
    try:
        people.bench.wait(
            lambda: [line for line in people.bench.log_lines() if f"{topic} has incompat" in line],
            "line about QoS",
        )
        assert values_of(people.status())["QoS mismatches"] == topic
    finally:
        people.bench.stop_collecting(topic)


def test_parameters_are_described_checked_and_take_effect(people):
    descriptor = people.node.describe_parameter("slop_s")
    assert descriptor.description.startswith("largest difference")
    assert descriptor.floating_point_range[0].to_value == 1.0
    refused = people.node.set_parameters([Parameter("estimator", value="magic")])[0]
    assert not refused.successful and "'magic'" in refused.reason
    assert not people.node.set_parameters([Parameter("min_score", value=1.5)])[0].successful
    assert not people.node.set_parameters([Parameter("auto_activate", value=False)])[0].successful
    assert people.node.set_parameters([Parameter("min_score", value=0.95)])[0].successful
    assert people.answer([NEAR_BOX]).persons == []
    people.node.set_parameters(
        [Parameter("min_score", value=0.5), Parameter("max_people", value=1)]
    )
    assert len(people.answer([NEAR_BOX, FAR_BOX]).persons) == 1


def test_compressed_images_are_answered_and_bombs_and_gaps_named(bench, make_hdnet_node, make_camera_client, stamp_of):
    import cv2

    namespace = "/compressed"
    topic = f"{namespace}/image/compressed"
    sender = bench.client.create_publisher(CompressedImage, topic, 5)
    node = make_hdnet_node(namespace, estimator="box-height", image_transport="compressed")
    camera = make_camera_client(namespace)
    persons = bench.collect(PersonRootArray, f"{namespace}/hdnet_node/persons")
    bench.wait(
        lambda: sender.get_subscription_count() and camera.info.get_subscription_count()
        and camera.detections.get_subscription_count()
        and node.count_subscribers(f"{namespace}/hdnet_node/persons"),
        "discovery",
    )  # fmt: skip

    def send(data):
        stamp_ns = camera.next_stamp_ns()
        camera.info.publish(camera.info_msg(stamp_ns))
        sender.publish(CompressedImage(header=camera.header(stamp_ns), format="jpeg", data=data))
        camera.detections.publish(camera.detections_msg(stamp_ns, [NEAR_BOX]))
        return stamp_ns

    def answers(stamp_ns):
        return [message for message in persons if stamp_of(message.header) == stamp_ns]

    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    whole = cv2.imencode(".jpg", noise)[1].tobytes()
    bomb = bytearray(whole)
    size = bomb.index(b"\xff\xc0") + 5
    bomb[size : size + 4] = (30_000).to_bytes(2, "big") * 2
    bad = {
        bytes(bomb): "declares 30000 x 30000 px, expected 640 x 480 px",
        whole[: len(whole) // 2] + b"\xff\xd9": "has missing data: Corrupt JPEG data: premature end",
        b"no picture": "10 bytes of format 'jpeg' are not a picture",
    }
    for data, words in bad.items():
        stamp_ns = send(data)
        bench.wait(lambda said=words: [line for line in bench.log_lines() if said in line], f"log line: {words}")
        good_ns = send(whole)
        (answer,) = bench.wait(lambda at=good_ns: answers(at), "answer to the next compressed image")
        assert answer.persons[0].root_pose.pose.position.z == pytest.approx(4.0)
        assert answers(stamp_ns) == []


def test_people_are_out_before_their_markers_are_built(people):
    made = people.node._outputs._publication._markers[""]
    markers = people.topic(MarkerArray, "markers")
    build, may_build = made.markers, threading.Event()

    def build_late(*given):
        assert may_build.wait(5.0)
        return build(*given)

    made.markers = build_late
    assert len(people.answer([NEAR_BOX]).persons) == 1
    assert not markers
    may_build.set()
    people.bench.wait(lambda: markers, "markers")


def test_what_is_not_finite_stays_in_and_the_rest_of_the_scene_goes_out(people, stamp_of, monkeypatch):
    from hdnet_ros.messages.publication import Publication

    tracks = people.topic(PersonTrackArray, "tracks")
    people.answer([NEAR_BOX])
    true_of = Publication.of

    def spoiling(self, *args):
        for topic, message in true_of(self, *args):
            if topic == "~/persons":
                message.persons[0].root_pose.pose.position.z = float("inf")
            yield topic, message

    with monkeypatch.context() as spoiled:
        spoiled.setattr(Publication, "of", spoiling)
        stamp_ns = people.camera.send([NEAR_BOX])
        people.bench.wait(lambda: [m for m in tracks if stamp_of(m.header) == stamp_ns], "tracks of the spoiled scene")
        words = "persons[0].root_pose.pose.position.z is inf, expected a finite number"
        people.bench.wait(lambda: [line for line in people.bench.log_lines() if words in line], "line in the log")
    assert not [m for m in people.persons if stamp_of(m.header) == stamp_ns]
    (told,) = [value.value for value in people.status().values if value.key == "last bad input"]
    assert "~/persons is not published" in told
    (person,) = people.answer([NEAR_BOX]).persons
    assert person.root_pose.pose.position.z == pytest.approx(4.0)


def test_under_a_budget_people_take_turns_and_the_others_are_coasted(people):
    tracks = people.topic(PersonTrackArray, "tracks")
    for _ in range(2):
        people.answer([NEAR_BOX, FAR_BOX])
    # Less than any look takes: one person an image.
    people.node.set_parameters([Parameter("look_budget_ms", value=1e-6)])
    depths_m = []
    for _ in range(8):
        (person,) = people.answer([NEAR_BOX, FAR_BOX]).persons
        depths_m.append(round(person.root_pose.pose.position.z))
    assert set(depths_m) == {4, 10} and depths_m.count(4) > depths_m.count(10)
    people.bench.wait(lambda: len(tracks) >= 10, "tracks")
    assert all(len(message.tracks) == 2 for message in tracks[-8:])


def test_after_the_deadline_one_person_is_looked_at_and_before_it_everybody(people):
    for _ in range(2):
        people.answer([NEAR_BOX, FAR_BOX], stamp_ns=time.time_ns())
    for deadline_ms, looks in ((1e-3, 1), (10000.0, 2), (0.0, 2)):
        people.node.set_parameters([Parameter("look_deadline_ms", value=deadline_ms)])
        for _ in range(3):
            assert len(people.answer([NEAR_BOX, FAR_BOX], stamp_ns=time.time_ns()).persons) == looks


def test_stamps_of_another_clock_have_no_deadline(people):
    people.node.set_parameters([Parameter("look_deadline_ms", value=1e-3)])
    for _ in range(3):
        assert len(people.answer([NEAR_BOX, FAR_BOX]).persons) == 2
