"""package.xml declares what the package imports and starts."""

import ast
import re
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Python modules whose ROS package or rosdep key is called otherwise.
_KEYS = {
    "tf2_ros": "tf2_ros_py", "numpy": "python3-numpy", "cv2": "python3-opencv", "torch": "python3-torch",
    "torchvision": "python3-torchvision", "yaml": "python3-yaml", "click": "python3-click", "rich": "python3-rich",
    "scipy": "python3-scipy", "rosbags": "python3-rosbags-pip",
}  # fmt: skip
# In no rosdistro or asked for by name only: outputs that are left out, and other people's tools.
_OPTIONAL = {"people_msgs", "cohan_msgs", "hri_msgs"}


def declared():
    root = ET.parse(ROOT / "package.xml").getroot()
    return {item.text for item in root if item.tag in ("depend", "exec_depend")}


def imported(folders):
    """Yield the top-level modules that Python files import, in functions as well."""
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    yield from (name.name.partition(".")[0] for name in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module.partition(".")[0]


def test_what_nodes_messages_bags_and_launch_files_import_is_declared():
    found = set(imported(["hdnet_ros/ros", "hdnet_ros/messages", "hdnet_ros/bags", "launch"]))
    ros = {name for name in found if name in _KEYS or name.endswith(("_msgs", "_interfaces")) or name in
           ("rclpy", "cv_bridge", "launch", "launch_ros", "ament_index_python")}  # fmt: skip
    assert {"rclpy", "rosbags", "rcl_interfaces", "ament_index_python", "launch_ros"} <= ros
    missing = {_KEYS.get(name, name) for name in ros - _OPTIONAL} - declared()
    assert missing == set()


def test_programs_that_launch_files_start_are_declared_but_camera_drivers():
    text = "".join(path.read_text() for path in (ROOT / "launch").glob("*.py"))
    started = set(re.findall(r'package="(\w+)"', text)) - {"hdnet_ros"}
    assert started - {"usb_cam", "realsense2_camera"} == {"rviz2"} and "rviz2" in declared()
