"""`hdnet view`: what it says when there is nothing to show."""

import sys

import pytest
from click.testing import CliRunner

from hdnet_ros.cli import main


def hdnet_view(*arguments):
    result = CliRunner().invoke(main, ["view", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result.exit_code, result.output


def test_live_without_ros_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "rclpy", None)
    monkeypatch.delitem(sys.modules, "hdnet_ros.nodes.view_feed", raising=False)
    code, said = hdnet_view("live")
    assert code == 1
    assert "`hdnet view live` needs ROS 2 and the built messages, sourced in this shell" in said


def test_bag_that_is_not_there(tmp_path):
    pytest.importorskip("rosbags")
    code, said = hdnet_view(tmp_path / "bag")
    assert code == 1 and "bag: no such bag" in said and "Traceback" not in said
