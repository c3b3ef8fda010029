"""What a user can cause ends in one line that says what to do, not in a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import click


_ROS = (
    "ROS 2 and the built workspace: `./run` sets both up, or source install/setup.bash (not from inside the checkout)"
)
_NODES = "what the nodes need: requirements/run.txt"
_LEARNING = "training and evaluation need more than the node: requirements/learn.txt"
# Top-level module to what installs it.
_INSTALLED_BY = {
    "rosbags": "recordings are read and written by it: pip install rosbags",
    "onnx": "networks are exported by it: pip install onnx",
    "hdnet_ros": _ROS,
    **dict.fromkeys(("rclpy", "tf2_ros", "rcl_interfaces", "ament_index_python", "builtin_interfaces"), _ROS),
    **dict.fromkeys(("torch", "torchvision", "numpy", "cv2", "scipy", "yaml", "rich"), _NODES),
}


def missing_package(error: ImportError) -> str:
    """Return a sentence on what cannot be imported and what installs it."""
    top = (error.name or "").partition(".")[0]
    known = _ROS if top.endswith("_msgs") else _INSTALLED_BY.get(top, _LEARNING)
    return f"{error}; {known}"


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Turn errors of input, files, weights and missing packages into click's."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise click.ClickException(missing_package(error)) from error
    except (ValueError, OSError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
