"""./run kills and ./run soak, as short as they go: the commands work, and say what was found."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
TOOL = Path(__file__).resolve().parents[1] / "tools" / "endurance.py"

pytestmark = pytest.mark.skipif(not TOOL.is_file(), reason="tools/ are not part of an installed package")


def run(tmp_path, *arguments):
    command = [sys.executable, TOOL, *arguments, "--out", tmp_path / "logs"]
    return subprocess.run(command, capture_output=True, text=True, timeout=250, check=False, cwd=tmp_path)


def test_each_of_the_three_is_answered_again_after_a_kill(tmp_path, installed):
    installed("hdnet_node")
    done = run(tmp_path, "kills", "--times", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines() if "1 of 1 answered again" in line] == [
        "camera", "detector", "node",
    ]  # fmt: skip


def test_a_soak_tells_its_slope_and_a_verdict(tmp_path, installed):
    installed("hdnet_node")
    done = run(tmp_path, "soak", "--hours", "0.004")
    last = done.stdout.strip().splitlines()[-1]
    assert " MB/h after warming up, " in last and ", 0 wrongly: " in last, done.stdout + done.stderr
    assert ("does not hold" in last) == bool(done.returncode)
