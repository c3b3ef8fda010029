"""The launch files, run by the real launch packages; skipped where they are not installed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("launch_ros", reason="launch and launch_ros are not installed (they come with ROS 2, not as wheels)")
rclpy = pytest.importorskip("rclpy")

from ament_index_python.packages import get_package_share_directory  # noqa: E402

# What `ros2 launch` does with a file and its arguments.
LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource
path, *pairs = sys.argv[1:]
service = LaunchService(argv=pairs)
source = AnyLaunchDescriptionSource(path)
arguments = [tuple(pair.split(":=", 1)) for pair in pairs]
service.include_launch_description(LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)]))
sys.exit(service.run())
"""
# Stands for a program of another package: writes down how it was started, and stays.
STAND_IN = """#!/usr/bin/env python3
import os, sys, time
with open(os.environ["TOLD"] + "/" + os.path.basename(sys.argv[0]), "w") as file:
    file.write("\\n".join(sys.argv[1:]))
    for path in [a for a in sys.argv if a.startswith("/") and "launch_params" in a]:
        file.write("\\n" + open(path).read())
time.sleep(300)
"""


class Launched:
    """A launch file that runs, and all it started."""

    def __init__(self, tmp_path, file, arguments, environment):
        path = os.path.join(get_package_share_directory("hdnet_ros"), "launch", file)
        self.log = tmp_path / "launch.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", LAUNCH, path, *arguments], stdout=log, stderr=log, cwd=tmp_path,
                env={**os.environ, "ROS_LOG_DIR": str(tmp_path / "log"), **environment},
            )  # fmt: skip

    def text(self):
        return self.log.read_text(errors="replace")

    def pids(self):
        """Return the processes that launch started and that are alive."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            return [int(pid) for pid in file.read().split()]

    def wait_for(self, condition, what, seconds=60.0):
        until = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"launch ended before {what}:\n{self.text()}"
            assert time.monotonic() < until, f"waited for {what}:\n{self.text()}"
            time.sleep(0.1)

    def end(self):
        """Interrupt launch as Ctrl-C does; return its exit status. Nothing it started is left."""
        if self.process.poll() is not None:
            return self.process.returncode
        started = self.pids()
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(timeout=30)
        assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
        return status


@pytest.fixture
def launch(tmp_path):
    launched = []

    def start(file, *arguments, **environment):
        launched.append(Launched(tmp_path, file, arguments, environment))
        return launched[-1]

    yield start
    for one in launched:
        one.end()


@pytest.fixture
def listener():
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("listener", context=context)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture
def installed_beside(tmp_path, monkeypatch):
    """Let a package be installed whose executable is a stand-in; returns where it tells its arguments."""
    monkeypatch.setenv("TOLD", str(tmp_path))

    def install(package, executable):
        prefix = tmp_path / "prefix"
        (prefix / "share/ament_index/resource_index/packages").mkdir(parents=True, exist_ok=True)
        (prefix / "share/ament_index/resource_index/packages" / package).touch()
        script = prefix / "lib" / package / executable
        script.parent.mkdir(parents=True)
        script.write_text(STAND_IN)
        script.chmod(0o755)
        if str(prefix) not in os.environ["AMENT_PREFIX_PATH"]:
            monkeypatch.setenv("AMENT_PREFIX_PATH", f"{prefix}:{os.environ['AMENT_PREFIX_PATH']}")
        return tmp_path / executable

    return install


def subscriptions(listener, name, namespace):
    try:
        found = listener.get_subscriber_names_and_types_by_node(name, namespace)
    except rclpy.node.NodeNameNonExistentError:
        return set()
    return {topic for topic, _ in found}


def refused(launched):
    status = launched.process.wait(timeout=60)
    assert status == 1, launched.text()
    assert "process started with pid" not in launched.text()
    assert "Traceback" not in launched.text()
    return launched.text()


@pytest.mark.parametrize("namespace", ["/front", "robot/front"])
def test_nodes_start_in_the_namespace_and_end_cleanly(launch, listener, namespace):
    running = launch(
        "hdnet.launch.py", f"namespace:={namespace}", "estimator:=box-height", "image:=image_raw", "use_sim_time:=yes"
    )
    inside = "/" + namespace.strip("/")
    wanted = {f"{inside}/image_raw", f"{inside}/camera_info", f"{inside}/detections", "/clock"}
    running.wait_for(lambda: wanted <= subscriptions(listener, "hdnet_node", inside), "hdnet_node")
    running.wait_for(lambda: f"{inside}/image_raw" in subscriptions(listener, "detector_node", inside), "detector_node")
    assert running.end() == 0
    assert running.text().count("process has finished cleanly") == 2


def test_a_detector_inside_hdnet_node_leaves_one_process_that_hears_no_boxes(launch, listener):
    running = launch("hdnet.launch.py", "detector:=inside", "estimator:=box-height", "image:=image_raw")
    running.wait_for(lambda: {"/image_raw", "/camera_info"} <= subscriptions(listener, "hdnet_node", "/"), "hdnet_node")
    assert "/detections" not in subscriptions(listener, "hdnet_node", "/")
    assert "detector nanodet inside" in running.text()
    assert running.end() == 0
    assert running.text().count("process has finished cleanly") == 1


def test_several_cameras_are_answered_by_one_node(launch, listener):
    running = launch(
        "multi_camera.launch.py", "cameras:=front /rear", "namespace:=robot", "image:=image_raw",
        "estimator:=box-height", "detector:=none",
    )  # fmt: skip
    wanted = {f"/robot/{camera}/{name}" for camera in ("front", "rear") for name in ("image_raw", "camera_info", "detections")}
    running.wait_for(lambda: wanted <= subscriptions(listener, "hdnet_node", "/robot"), "hdnet_node")
    assert running.end() == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["cameras:=front rear", "image:=/image_raw"], "image:=/image_raw: with several cameras expected a name relative"),
        (["cameras:=front-left rear"], "'front-left' is no name in ROS"),
        (["namespace:=front-left"], "'front-left' is no name in ROS"),
        (["use_sim_time:=ture"], "use_sim_time:=ture: expected true or false"),
        (["params_file:=/no/such.yaml"], "params_file:=/no/such.yaml: there is no such file"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(launch, arguments, told):
    assert told in refused(launch("hdnet.launch.py", *arguments))


def test_a_missing_driver_is_named_and_nothing_starts(launch):
    text = refused(launch("camera.launch.py", "driver:=usb_cam"))
    assert "driver:=usb_cam: the package usb_cam is not installed: apt install ros-" in text


def test_a_missing_rviz_is_named_and_the_video_goes_on(launch, listener, tmp_path):
    import cv2
    import numpy as np

    from hdnet_ros.msg import PersonRootArray

    (tmp_path / "clip").mkdir()
    for number in range(5):
        cv2.imwrite(str(tmp_path / "clip" / f"{number}.png"), np.full((240, 320, 3), 90, np.uint8))
    (tmp_path / "camera.json").write_text('{"width": 320, "height": 240, "K": [400, 0, 160, 0, 400, 120, 0, 0, 1]}')
    heard = []
    listener.create_subscription(PersonRootArray, "/robot/front/hdnet_node/persons", heard.append, 10)
    running = launch(
        "demo.launch.py", f"source:={tmp_path}/clip", f"camera:={tmp_path}/camera.json", "namespace:=/robot/front",
        "estimator:=box-height", "rate_hz:=5", "loop:=yes", "rviz:=yes",
    )  # fmt: skip

    executor = rclpy.executors.SingleThreadedExecutor(context=listener.context)
    executor.add_node(listener)

    def answered():
        executor.spin_once(timeout_sec=0.1)
        return heard

    running.wait_for(answered, "an answer to the video")
    assert heard[0].header.frame_id == "camera_optical_frame" and heard[0].persons == []
    assert "going on without RViz: the package rviz2 is not installed" in running.text()
    assert running.end() == 0


def test_realsense_has_the_name_and_the_frames_of_its_namespace(launch, listener, installed_beside):
    driver = installed_beside("realsense2_camera", "realsense2_camera_node")
    rviz = installed_beside("rviz2", "rviz2")
    running = launch(
        "camera.launch.py", "driver:=realsense2_camera", "namespace:=/robot/front", "rviz:=true",
        "estimator:=box-height", "detector:=none",
    )  # fmt: skip
    wanted = {"/robot/front/color/image_raw", "/robot/front/color/camera_info"}
    running.wait_for(lambda: wanted <= subscriptions(listener, "hdnet_node", "/robot/front"), "hdnet_node")
    running.wait_for(lambda: driver.is_file() and rviz.is_file() and rviz.read_text(), "driver and RViz")
    assert "__node:=front" in driver.read_text() and "__ns:=/robot\n" in driver.read_text()
    assert "camera_name: front" in driver.read_text()
    assert "front_color_optical_frame" in rviz.read_text().splitlines()
    assert running.end() is not None


def test_a_topic_that_the_user_names_is_the_one_that_is_answered(launch, listener, installed_beside):
    installed_beside("usb_cam", "usb_cam_node_exe")
    running = launch("camera.launch.py", "image:=image_rect", "estimator:=box-height", "detector:=none")
    wanted = {"/camera/image_rect", "/camera/camera_info"}
    running.wait_for(lambda: wanted <= subscriptions(listener, "hdnet_node", "/camera"), "hdnet_node")
    assert running.end() is not None


def test_the_users_own_dds_profile_stays(launch, tmp_path, listener):
    share = get_package_share_directory("hdnet_ros")
    own = tmp_path / "own.xml"
    own.write_text(Path(share, "config", "fastdds_large_images.xml").read_text() + "<!-- my own -->")
    running = launch(
        "hdnet.launch.py", "detector:=none", "estimator:=box-height",
        FASTRTPS_DEFAULT_PROFILES_FILE=str(own), FASTDDS_DEFAULT_PROFILES_FILE="",
    )  # fmt: skip
    running.wait_for(lambda: "/image" in subscriptions(listener, "hdnet_node", "/"), "hdnet_node")
    (pid,) = running.pids()
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert f"FASTRTPS_DEFAULT_PROFILES_FILE={own}".encode() in environment
    assert f"FASTRTPS_DEFAULT_PROFILES_FILE={own} stays in force" in running.text()
