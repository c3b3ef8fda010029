"""The nodes as three separate processes on real DDS, from a folder of pictures to people."""

import os
import signal
import subprocess
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")

import cv2  # noqa: E402
from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from vision_msgs.msg import Detection2DArray  # noqa: E402

from hdnet_ros.msg import PersonRootArray  # noqa: E402

FRAMES = 12
CAMERA_JSON = '{"width": 320, "height": 240, "K": [400.0, 0, 160.0, 0, 400.0, 120.0, 0, 0, 1]}'
# 400 px * 1.7 m / 170 px = 4 m; (200 - 160) / 400 * 4 m = 0.4 m
BOX = (200.0, 120.0, 60.0, 170.0)


@pytest.fixture
def start(tmp_path, installed):
    """Start nodes as processes in /proc; they are interrupted at the end and must exit cleanly."""
    started = []

    def start_node(name, **parameters):
        command = [
            installed(name),
            "--ros-args",
            "-r",
            "__ns:=/proc",
        ]
        for key, value in parameters.items():
            command += ["-p", f"{key}:={value}"]
        log = open(tmp_path / f"{name}.log", "wb")
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
        started.append((name, process, log))
        return process

    yield start_node
    for _, process, _ in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for name, process, log in started:
        process.wait(timeout=20)
        log.close()
        text = (tmp_path / f"{name}.log").read_text()
        assert process.returncode == 0, f"{name} exited {process.returncode}:\n{text}"
        assert "Traceback" not in text, text


@pytest.fixture
def clip(tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    for number in range(FRAMES):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((240, 320, 3), 10 * number, np.uint8))
    camera = tmp_path / "camera.json"
    camera.write_text(CAMERA_JSON)
    return folder, camera


def test_every_image_of_a_clip_is_answered_across_processes(
    bench, make_camera_client, clip, start, stamp_of
):
    assert "ROS_DOMAIN_ID" in os.environ
    folder, camera_file = clip
    client = make_camera_client("/proc")
    images = bench.collect(Image, "/proc/image")
    persons = bench.collect(PersonRootArray, "/proc/hdnet_node/persons")
    start("hdnet_node", estimator="box-height")
    bench.wait(lambda: client.detections.get_subscription_count() == 1, "hdnet_node", 30.0)
    bench.wait(lambda: bench.client.count_publishers("/proc/hdnet_node/persons"), "publisher")
    start("video_node", source=folder, camera=camera_file, rate_hz=5.0, wait_for_subscribers=2)
    answered = 0
    while answered < FRAMES:
        bench.wait(lambda: len(images) > answered, f"image {answered}", 30.0)
        stamp_ns = stamp_of(images[answered].header)
        boxes = [BOX] if answered % 2 else []
        client.detections.publish(client.detections_msg(stamp_ns, boxes))
        bench.wait(lambda: len(persons) > answered, f"answer {answered}")
        assert persons[answered].header == images[answered].header
        assert len(persons[answered].persons) == len(boxes)
        answered += 1
    position = persons[1].persons[0].root_pose.pose.position
    assert (position.x, position.y, position.z) == pytest.approx((0.4, 0.0, 4.0))


def test_three_processes_with_the_embedded_detector(bench, clip, start, stamp_of):
    folder, camera_file = clip
    found = bench.collect(Detection2DArray, "/proc/detections")
    persons = bench.collect(PersonRootArray, "/proc/hdnet_node/persons")
    persons.clear()
    start("hdnet_node", estimator="box-height")
    start("detector_node", detector="hog", hog_scale=1.0)
    # A busy machine detects on few of the images; those it does are answered.
    start("video_node", source=folder, camera=camera_file, rate_hz=4.0, loop=True)
    bench.wait(lambda: len(persons) >= 4 and found, "answers and detections", 60.0)
    stamps = [stamp_of(message.header) for message in persons]
    assert stamps == sorted(set(stamps))
    assert all(message.persons == [] for message in persons)


@pytest.mark.parametrize(
    "node, parameter, named",
    [
        ("video_node", "source:=nowhere", "camera is empty"),
        ("hdnet_node", "estimator:=magic", "estimator is 'magic', expected one of auto, hdnet"),
        ("hdnet_node", "slop_s:=9.0", "slop_s"),
        ("detector_node", "min_score:=high", "min_score"),
        ("hdnet_node", "cameras:=[front-left]", "cameras:=front-left: 'front-left' is no name in ROS"),
        ("hdnet_node", "cameras:=[", "Couldn't parse"),
        ("detector_node", "slop_s", "Couldn't parse"),
    ],
)
def test_a_node_that_cannot_start_says_why_and_exits_with_1(node, parameter, named, run_installed):
    done = run_installed(node, "--ros-args", "-p", parameter)
    assert done.returncode == 1
    assert named in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    ours = [line for line in done.stderr.splitlines() if "[rcl]: " not in line]
    assert len(ours) == 1 and ours[0].startswith("[FATAL] ")


def test_a_picture_that_cannot_be_read_ends_the_video_with_1(clip, run_installed):
    folder, camera_file = clip
    (folder / "3.png").write_bytes(b"no picture")
    (folder / "._0.png").write_bytes(b"what macOS knows of 0.png")
    parameters = [f"source:={folder}", f"camera:={camera_file}", "rate_hz:=100.0"]
    done = run_installed("video_node", "--ros-args", *(word for text in parameters for word in ("-p", text)))
    assert done.returncode == 1
    assert "the source ended early" in done.stderr and "3.png: " in done.stderr
    assert "Traceback" not in done.stderr


def test_the_missing_gpu_is_told_in_the_nodes_log(start, tmp_path, bench):
    start("hdnet_node", device="auto", auto_activate="true")
    log = tmp_path / "hdnet_node.log"
    diagnostics = bench.collect(DiagnosticArray, "/diagnostics")
    bench.wait(lambda: "estimator " in log.read_text(), "the estimator", 60.0)
    diagnostics.clear()
    bench.wait(lambda: diagnostics, "a running node", 30.0)
    told = [line for line in log.read_text().splitlines() if "NO CUDA DEVICE" in line]
    assert told == [] or all("[WARN]" in line and "[hdnet_node]" in line for line in told)


@pytest.mark.parametrize("node", ["hdnet_node", "detector_node", "video_node"])
def test_an_interrupt_during_the_imports_is_one_line(node, installed, tmp_path):
    process = subprocess.Popen([installed(node)], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    maps = f"/proc/{process.pid}/maps"
    while process.poll() is None and "_rclpy_pybind11" not in open(maps).read():
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=20)[1].strip().splitlines()
    assert process.returncode == 130, told
    assert len(told) == 1 and told[0].startswith(f"{node}: interrupted")


def test_a_second_interrupt_ends_at_once_and_says_so(installed, tmp_path):
    log = tmp_path / "log"
    with open(log, "wb") as file:
        process = subprocess.Popen([installed("hdnet_node"), "--ros-args", "-p", "estimator:=box-height"], stderr=file)
    while "estimator " not in log.read_text():
        time.sleep(0.01)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    # Where the node was through before the second came, it ended as after one.
    status = process.wait(timeout=20)
    assert status in (0, 130)
    assert "Traceback" not in log.read_text()
    assert ("hdnet_node: interrupted" in log.read_text()) == (status == 130)
