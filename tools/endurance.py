"""A camera, a detector and hdnet_node as three processes, for hours or killed again and again.

    ./run soak --hours 8         memory and answers over time, with a slope and a verdict
    ./run kills --times 100      each of the three is killed so often, and has to be answered again

Every image has one box whose person stands at a known place: an answer counts when it is right to the
millimetre. One image in twenty comes with something that is wrong.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

WIDTH, HEIGHT, FOCAL_PX = 320, 240, 400.0
BOX = (200.0, 120.0, 60.0, 170.0)
# 400 px * 1.7 m / 170 px = 4 m; (200 - 160) / 400 * 4 m = 0.4 m
PLACE_M = (0.4, 0.0, 4.0)
RATE_HZ = 10.0
BAD_EVERY = 20
_RECOVERY_S = 60.0
_MOST_GROWTH_MB = 20.0
_LEAST_ANSWERED = 0.98


def camera() -> None:
    """Publish images with their camera info until killed."""
    from sensor_msgs.msg import CameraInfo, Image

    node = _node("camera")
    images, infos = node.create_publisher(Image, "image", 5), node.create_publisher(CameraInfo, "camera_info", 5)
    matrix = [FOCAL_PX, 0.0, WIDTH / 2, 0.0, FOCAL_PX, HEIGHT / 2, 0.0, 0.0, 1.0]
    number = 0
    while True:
        number += 1
        header = _header(node)
        info = CameraInfo(header=header, width=WIDTH, height=HEIGHT, k=matrix, d=[0.0] * 5, distortion_model="plumb_bob")
        image = Image(header=header, width=WIDTH, height=HEIGHT, encoding="mono8", step=WIDTH)
        image.data = bytes([number % 256]) * (WIDTH * HEIGHT)
        if number % BAD_EVERY == 0:
            image.encoding, image.header.frame_id = f"odd{number}", f"frame {number}"
        infos.publish(info)
        images.publish(image)
        time.sleep(1.0 / RATE_HZ)


def detector() -> None:
    """Answer every image with one box until killed."""
    import rclpy
    from sensor_msgs.msg import Image
    from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

    node = _node("detector")
    boxes = node.create_publisher(Detection2DArray, "detections", 5)

    def answer(image: Image) -> None:
        item = Detection2D(header=image.header, results=[ObjectHypothesisWithPose()])
        item.results[0].hypothesis.class_id, item.results[0].hypothesis.score = "person", 0.9
        item.bbox.center.position.x, item.bbox.center.position.y, item.bbox.size_x, item.bbox.size_y = BOX
        boxes.publish(Detection2DArray(header=image.header, detections=[item]))

    node.create_subscription(Image, "image", answer, 5)
    rclpy.spin(node)


def _node(name: str):
    import rclpy

    rclpy.init(args=[])
    return rclpy.create_node(name)


def _header(node):
    from std_msgs.msg import Header

    return Header(stamp=node.get_clock().now().to_msg(), frame_id="camera_optical_frame")


class Robot:
    """The three processes, and a listener that counts images and right answers."""

    def __init__(self, folder: Path, estimator: str):
        self.folder, self.estimator = folder, estimator
        self.images = self.right = self.wrong = 0
        self.last_right_s = 0.0
        self.processes: dict[str, subprocess.Popen] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._listen()

    def start(self, name: str) -> None:
        """Start camera, detector or node; it must not run."""
        own = [sys.executable, os.path.abspath(__file__), name]
        node = [_installed("hdnet_node"), "--ros-args", "-p", f"estimator:={self.estimator}"]
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(node if name == "node" else own, stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        """Kill a process as the kernel does when memory is out."""
        self.processes[name].kill()
        self.processes[name].wait()

    def stop(self) -> None:
        """End everything."""
        for process in self.processes.values():
            process.send_signal(signal.SIGINT)
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    def is_right_again(self) -> bool:
        """Wait for a right answer from now on; say whether one came."""
        since_s = time.monotonic()
        while time.monotonic() < since_s + _RECOVERY_S:
            if self.last_right_s > since_s:
                return True
            time.sleep(0.02)
        return False

    def memory_mb(self) -> float:
        """Return what the node holds, without what it shares."""
        fields = Path(f"/proc/{self.processes['node'].pid}/statm").read_text().split()
        return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def _listen(self) -> None:
        import rclpy
        from sensor_msgs.msg import CameraInfo

        from hdnet_ros.msg import PersonRootArray

        node = _node("listener")
        node.create_subscription(CameraInfo, "camera_info", self._on_info, 50)
        node.create_subscription(PersonRootArray, "hdnet_node/persons", self._on_persons, 50)
        threading.Thread(target=rclpy.spin, args=(node,), daemon=True).start()

    def _on_info(self, info) -> None:
        self.images += 1

    def _on_persons(self, answer) -> None:
        places = [(p.root_pose.pose.position.x, p.root_pose.pose.position.y, p.root_pose.pose.position.z)
                  for p in answer.persons]  # fmt: skip
        is_right = len(places) == 1 and all(abs(a - b) < 1e-3 for a, b in zip(places[0], PLACE_M))
        self.right += is_right
        self.wrong += not is_right
        if is_right:
            self.last_right_s = time.monotonic()


def soak(hours: float, folder: Path, estimator: str) -> int:
    """Run for hours; print memory and answers as they go, then the slope and a verdict."""
    import numpy as np

    robot = Robot(folder, estimator)
    for name in ("node", "detector", "camera"):
        robot.start(name)
    if not robot.is_right_again():
        robot.stop()
        print(f"not one right answer within {_RECOVERY_S:.0f} s; logs in {folder}")
        return 1
    began_s, step_s = time.monotonic(), max(1.0, min(60.0, 36.0 * hours))
    images, right = robot.images, robot.right
    samples = []
    while time.monotonic() - began_s < 3600.0 * hours:
        time.sleep(step_s)
        samples.append(((time.monotonic() - began_s) / 3600.0, robot.memory_mb()))
        print(f"{samples[-1][0]:8.3f} h  {samples[-1][1]:8.1f} MB  {robot.right - right} right, {robot.wrong} wrong "
              f"of {robot.images - images} images", flush=True)  # fmt: skip
    robot.stop()
    # A node warms up: buffers, pools and caches fill in the first fifth.
    times, memory = np.array(samples[len(samples) // 5 :]).T
    slope, start = np.polyfit(times, memory, 1)
    spread = np.sqrt(np.sum((memory - start - slope * times) ** 2) / max(len(times) - 2, 1))
    error = spread / (np.sqrt(len(times)) * max(np.std(times), 1e-9))
    growth = slope * (times[-1] - times[0])
    answered = (robot.right - right) / max(1.0, (robot.images - images) * (1.0 - 1.0 / BAD_EVERY))
    fine = (growth < _MOST_GROWTH_MB or slope < 2.0 * error) and answered >= _LEAST_ANSWERED and not robot.wrong
    print(f"memory {slope:+.2f} +- {error:.2f} MB/h after warming up, {growth:+.1f} MB in all; {100 * answered:.2f} % of "
          f"the good images answered rightly, {robot.wrong} wrongly: {'holds' if fine else 'does not hold'} "
          f"(limits: {_MOST_GROWTH_MB:g} MB, {100 * _LEAST_ANSWERED:g} %)")  # fmt: skip
    return 0 if fine else 1


def kills(times: int, folder: Path, estimator: str) -> int:
    """Kill camera, detector and node so often each, at random moments; print how many were answered again."""
    robot, chance = Robot(folder, estimator), random.Random(1)
    for name in ("node", "detector", "camera"):
        robot.start(name)
    lost = 0 if robot.is_right_again() else 1
    for name in ("camera", "detector", "node"):
        recovered, seconds = 0, []
        for _ in range(times):
            time.sleep(chance.uniform(0.0, 1.0))
            robot.kill(name)
            robot.start(name)
            began_s = time.monotonic()
            recovered += robot.is_right_again()
            seconds.append(time.monotonic() - began_s)
        lost += times - recovered
        print(f"{name:9} {recovered} of {times} answered again, after {sorted(seconds)[times // 2]:.1f} s (median), "
              f"{max(seconds):.1f} s at most; {robot.wrong} wrong answers so far", flush=True)  # fmt: skip
    robot.stop()
    left = [path.name for path in Path("/dev/shm").glob("fastrtps_*")] if Path("/dev/shm").is_dir() else []
    print(f"{len(left)} files of Fast DDS in /dev/shm; logs in {folder}")
    return 1 if lost or robot.wrong else 0


def _installed(name: str) -> str:
    from ament_index_python.packages import get_package_prefix

    return str(Path(get_package_prefix("hdnet_ros"), "lib", "hdnet_ros", name))


def main() -> int:
    """Run what is named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["soak", "kills", "camera", "detector"])
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--estimator", default="box-height", help="box-height keeps the places known to the millimetre")
    parser.add_argument("--out", type=Path, default=Path("out/endurance"))
    given = parser.parse_args()
    if given.what == "soak":
        return soak(given.hours, given.out, given.estimator)
    if given.what == "kills":
        return kills(given.times, given.out, given.estimator)
    {"camera": camera, "detector": detector}[given.what]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
