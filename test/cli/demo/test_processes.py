"""Processes of the demo: logged, ended with it, and their death told with their last words."""

import os
import time

import pytest

from hdnet_ros.cli.demo.processes import ProcessDied, ProcessGroup


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return a function that makes an importable module of some lines."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)

    def make(name: str, body: str) -> str:
        (tmp_path / f"{name}.py").write_text(body)
        return name

    return make


def _until(condition, limit_s=10.0):
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_running_processes_end_with_the_context(tmp_path, module):
    with ProcessGroup(tmp_path / "log") as group:
        process = group.start_node("sleeper", module("sleeper", "import time\ntime.sleep(60)\n"), {})
        group.check()
        assert group.exit_status("sleeper") is None
    assert process.poll() is not None


def test_one_that_ignores_the_interrupt_is_killed(tmp_path, module, monkeypatch):
    monkeypatch.setattr("hdnet_ros.cli.demo.processes._GRACE_S", 0.3)
    body = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(60)\n"
    with ProcessGroup(tmp_path / "log") as group:
        process = group.start_node("deaf", module("deaf", body), {})
        _until(lambda: "deaf" in group.log_path("deaf").read_text())
    assert process.poll() == -9


def test_death_is_told_with_status_and_last_lines(tmp_path, module):
    body = "print('loading')\nraise SystemExit('no such camera')\n"
    with ProcessGroup(tmp_path / "log") as group:
        group.start_node("video_node", module("dying", body), {})
        _until(lambda: group.exit_status("video_node") is not None)
        with pytest.raises(ProcessDied, match="exit status 1") as caught:
            group.check(finished_is_fine="video_node")
    assert "no such camera" in str(caught.value)
    assert "video_node.log" in str(caught.value)


def test_a_good_end_is_fine_only_for_the_one_that_may(tmp_path, module):
    with ProcessGroup(tmp_path / "log") as group:
        group.start_node("video_node", module("done", "pass\n"), {})
        _until(lambda: group.exit_status("video_node") == 0)
        group.check(finished_is_fine="video_node")
        with pytest.raises(ProcessDied):
            group.check()


def test_parameters_become_ros_arguments(tmp_path, module):
    body = "import sys\nprint('|'.join(sys.argv[1:]))\n"
    parameters = {"source": "a b.avi", "rate_hz": 2.5, "loop": True, "weights": ""}
    with ProcessGroup(tmp_path / "log") as group:
        group.start_node("echo", module("echo_arguments", body), parameters)
        _until(lambda: group.exit_status("echo") == 0)
        said = group.log_tail("echo")
    assert said == "--ros-args|-p|source:='a b.avi'|-p|rate_hz:=2.5|-p|loop:=true|-p|weights:=''"
