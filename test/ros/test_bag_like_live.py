"""One camera, live over DDS, out of a bag and out of image files: every number the same."""

import dataclasses
import json
import math

import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")
pytest.importorskip("rosbags", reason="the Python package rosbags is needed for bags")

from geometry_msgs.msg import TransformStamped  # noqa: E402
from rclpy.qos import QoSDurabilityPolicy, QoSProfile  # noqa: E402
from rosbags.highlevel import AnyReader  # noqa: E402
from tf2_msgs.msg import TFMessage  # noqa: E402
from vision_msgs.msg import Detection3DArray  # noqa: E402
from visualization_msgs.msg import MarkerArray  # noqa: E402

from hdnet_ros.bags.answer import answer_bag  # noqa: E402
from hdnet_ros.bags.output import OutputBag  # noqa: E402
from hdnet_ros.bags.settings import BagJob  # noqa: E402
from hdnet_ros.cli.main import main  # noqa: E402
from hdnet_ros.files.roots_file import read_records  # noqa: E402
from hdnet_ros.pipeline.setting import filled  # noqa: E402
from hdnet_ros.pipeline.settings import DETECTOR_SETTINGS, HDNET_SETTINGS  # noqa: E402
from hdnet_ros.msg import PersonRootArray, PersonTrackArray  # noqa: E402
from hdnet_ros.messages.plain_messages import to_cdr, type_name, typestore  # noqa: E402

FRAMES = 4
WORLD, CAMERA = "likelive_odom", "likelive_camera"
KINDS = {
    "persons": PersonRootArray, "tracks": PersonTrackArray, "detections_3d": Detection3DArray, "markers": MarkerArray,
}  # fmt: skip


def boxes(frame):
    return [(100.0 + 12.0 * frame, 200.0, 60.0, 170.0), (420.0 - 5.0 * frame, 240.0, 150.0, 425.0)]


def camera_pose(stamp_ns, start_ns):
    """The camera drives along x of the world and turns to the left."""
    seconds = (stamp_ns - start_ns) * 1e-9
    message = TransformStamped(child_frame_id=CAMERA)
    message.header.frame_id = WORLD
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    message.transform.translation.x, message.transform.translation.z = seconds, 1.2
    half = 0.5 * (0.3 * seconds - math.pi / 2)
    # Optical to world: z up turned by the heading after (-0.5, 0.5, -0.5, 0.5) turned by 90 degrees.
    tilt = math.sqrt(0.5)
    rotation = message.transform.rotation
    rotation.x, rotation.y = -tilt * math.cos(half), -tilt * math.sin(half)
    rotation.z, rotation.w = tilt * math.sin(half), tilt * math.cos(half)
    return message


def send_and_write(camera, tf, bag, noise):
    """Publish what a driving camera sees and write the same messages; yield after each frame."""
    start_ns = None
    for frame in range(FRAMES):
        stamp_ns = camera.next_stamp_ns()
        start_ns = start_ns or stamp_ns
        header = camera.header(stamp_ns, CAMERA)
        around = [stamp_ns + offset for offset in (-40_000_000, 40_000_000)]
        messages = {
            "/tf": TFMessage(transforms=[camera_pose(t, start_ns) for t in around]),
            "/camera_info": camera.info_msg(stamp_ns, header=header),
            "/image": camera.image_msg(stamp_ns, header=header, data=np.roll(noise, frame).tobytes()),
            "/detections": camera.detections_msg(stamp_ns, boxes(frame), header=header),
        }
        for topic, message in messages.items():
            bag.write(stamp_ns, topic, message)
        tf.publish(messages["/tf"])
        camera.info.publish(messages["/camera_info"])
        camera.image.publish(messages["/image"])
        camera.detections.publish(messages["/detections"])
        yield stamp_ns


def live(bench, node, camera, path, noise):
    """Return {topic: messages} of a live node for a camera's frames, written to a bag as well."""
    name = node.get_fully_qualified_name()
    received = {topic: bench.collect(kind, f"{name}/{topic}") for topic, kind in KINDS.items()}
    heard = bench.collect(TFMessage, "/tf")
    before = len(heard)
    tf = bench.client.create_publisher(TFMessage, "/tf", QoSProfile(depth=10, durability=QoSDurabilityPolicy.VOLATILE))
    camera.wait_for_subscribers()
    bench.wait(lambda: all(node.count_subscribers(f"{name}/{topic}") for topic in KINDS), "discovery")
    bench.wait(lambda: tf.get_subscription_count() >= 2, "listeners of /tf")
    bag = OutputBag(path, "mcap")
    for number, _ in enumerate(send_and_write(camera, tf, bag, noise)):
        # A live node answers the newest only: the next comes when this one is answered.
        bench.wait(lambda n=number: all(len(received[t]) > n for t in KINDS), f"answer {number}")
    bag.finish()
    bench.client.destroy_publisher(tf)
    return {**received, "tf": heard[before:]}


def replayed(job):
    answer_bag(job)
    found = {}
    with AnyReader([job.target], default_typestore=typestore()) as reader:
        for connection, _, data in reader.messages():
            found.setdefault(connection.topic, []).append(reader.deserialize(data, connection.msgtype))
    return found


def values(message):
    """Return a message's texts and its numbers; floats as the wire has them."""
    if not hasattr(message, "__msgtype__"):
        name = type_name(type(message))
        message = typestore().deserialize_cdr(to_cdr(message), name)
    texts, numbers = [], []

    def walk(value):
        if dataclasses.is_dataclass(value):
            if getattr(value, "ns", "") == "ellipsoid":
                # The axes of an ellipsoid may point either way: the last bit decides.
                value.pose.orientation.x = value.pose.orientation.y = 0.0
                value.pose.orientation.z, value.pose.orientation.w = 0.0, 1.0
            for field in dataclasses.fields(value):
                walk(getattr(value, field.name))
        elif isinstance(value, str):
            texts.append(value)
        elif isinstance(value, (list, np.ndarray)):
            for item in value:
                walk(item)
        else:
            numbers.append(float(value))

    walk(message)
    return texts, numbers


def assert_same(one, two):
    (texts, numbers), (other_texts, other_numbers) = values(one), values(two)
    assert texts == other_texts
    # tf2 and the recording's TF interpolate with other code: the last bits may differ.
    np.testing.assert_allclose(numbers, other_numbers, rtol=1e-6, atol=1e-9)


def localized(folder, noise, parameters):
    """Return the lines of `hdnet localize` for the same images and boxes, as files."""
    (folder / "images").mkdir()
    given = {}
    for frame in range(FRAMES):
        image_bgr = np.roll(noise, frame).reshape(480, 640, 3)
        cv2.imwrite(str(folder / "images" / f"{frame}.png"), image_bgr)
        given[frame] = [{"id": "", "xywh_center_px": list(box)} for box in boxes(frame)]
    (folder / "boxes.json").write_text(json.dumps({"width": 640, "height": 480, "boxes": given}))
    camera = {
        "image_width": 640, "image_height": 480, "distortion_model": "plumb_bob",
        "camera_matrix": {"data": [1000.0, 0, 320.0, 0, 1000.0, 240.0, 0, 0, 1]},
        "distortion_coefficients": {"data": [0.0] * 5},
    }  # fmt: skip
    (folder / "camera.yaml").write_text(yaml.safe_dump(camera))
    options = [text for name, value in parameters.items() for text in ("-p", f"{name}:={value}")]
    command = ["localize", "--source", folder / "images", "--camera", folder / "camera.yaml",
               "--boxes", folder / "boxes.json", "--out", folder / "roots.jsonl", *options]  # fmt: skip
    done = CliRunner().invoke(main, [str(word) for word in command])
    assert done.exit_code == 0, done.output
    return list(read_records(folder / "roots.jsonl"))


def assert_same_people(message, records):
    """The node's people and those of a line of localize: as far as the line's digits go."""
    assert len(message.persons) == len(records) == 2
    for person, record in zip(message.persons, records):
        root = person.root_pose.pose.position
        assert np.array([root.x, root.y, root.z]) * 1000.0 == pytest.approx(record["root_camera_mm"], abs=0.06)
        assert person.depth_sigma_m * 1000.0 == pytest.approx(record["depth_sigma_mm"], abs=0.06)
        joints = [[joint.u_px, joint.v_px] for joint in person.keypoints]
        assert np.array(joints) == pytest.approx(np.array(record["joints_px"], float), abs=0.006, nan_ok=True)


@pytest.mark.parametrize("estimator, tracking", [("box-height", True), ("box-height", False), ("hdnet", True)])
def test_a_bag_gives_what_the_live_node_publishes(
    bench, make_hdnet_node, make_camera_client, tmp_path, estimator, tracking
):
    if estimator == "hdnet":
        from hdnet_ros.model.default_weights import find_default_weights

        if find_default_weights() is None:
            pytest.skip("no weights are bundled")
    parameters = {
        "estimator": estimator, "second_look": "never", "tracking_frame": WORLD, "tf_wait_s": 2.0, "tracking": tracking,
        "min_existence": 0.0,  # noise is nobody
    }  # fmt: skip
    namespace = f"/like_live_{estimator.replace('-', '_')}_{tracking}"
    node = make_hdnet_node(namespace, **parameters)
    noise = np.random.default_rng(3).integers(0, 255, 480 * 640 * 3, dtype=np.uint8)
    received = live(bench, node, make_camera_client(namespace), tmp_path / "in", noise)
    job = BagJob(
        tmp_path / "in", tmp_path / "out", filled(HDNET_SETTINGS, parameters), filled(DETECTOR_SETTINGS, {}),
        node=f"{namespace}/hdnet_node",
    )  # fmt: skip
    bag = replayed(job)
    for topic in KINDS:
        published, written = received[topic], bag[f"{namespace}/hdnet_node/{topic}"]
        assert len(published) == len(written) == FRAMES
        for one, two in zip(published, written):
            assert_same(one, two)
    for one, line in zip(received["persons"], localized(tmp_path, noise, parameters), strict=True):
        assert_same_people(one, line["persons"])
    tracks = received["tracks"][-1]
    assert tracks.header.frame_id == (WORLD if tracking else CAMERA) and bool(tracks.tracks) == tracking
    bodies = [
        [m for m in messages if m.transforms[0].child_frame_id.startswith("body_")]
        for messages in (received["tf"], bag["/tf"])
    ]
    assert len(bodies[0]) == len(bodies[1]) >= FRAMES - 1
    for one, two in zip(*bodies):
        assert_same(one, two)
