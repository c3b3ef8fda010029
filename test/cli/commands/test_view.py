"""`hdnet view`: what it says when there is nothing to show."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from hdnet_ros.cli.main import main


def hdnet_view(*arguments):
    result = CliRunner().invoke(main, ["view", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result.exit_code, result.output


def test_live_without_ros_says_so():
    # A process of its own: in this one other tests may have imported ROS already.
    code = "import sys; sys.modules['rclpy'] = None; from hdnet_ros.cli.main import main; main(['view', 'live'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60.0)
    assert done.returncode == 1
    said = " ".join((done.stdout + done.stderr).split())
    assert "`hdnet view live` needs ROS 2 and the built messages, sourced in this shell" in said


def test_bag_that_is_not_there(tmp_path):
    pytest.importorskip("rosbags")
    code, said = hdnet_view(tmp_path / "bag")
    assert code == 1 and "bag: no such bag" in said and "Traceback" not in said
