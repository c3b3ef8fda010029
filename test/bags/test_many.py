"""Several recordings at once, in processes and on a Ray cluster of this machine."""

import json
import os
import signal
import subprocess
import threading
import time

import pytest
from click.testing import CliRunner

from hdnet_ros.bags.answer import journal_path
from hdnet_ros.bags.errors import BagError
from hdnet_ros.bags.many import answer_in_processes, answer_with_ray
from hdnet_ros.cli.commands.bag import bag


def test_recordings_are_answered_in_processes_and_a_bad_one_stops_no_other(write_bag, make_job):
    jobs = [make_job(write_bag(f"in{i}", frames=3), f"out{i}") for i in range(2)]
    (jobs[0].source / "in0.mcap").write_bytes(b"no bag")
    outcomes, seen = {}, {}
    answer_in_processes(
        jobs, 2, lambda number, done, total: seen.update({number: (done, total)}),
        lambda job, outcome: outcomes.update({job.target.name: outcome}),
    )  # fmt: skip
    assert isinstance(outcomes["out0"], BagError) and "in0" in str(outcomes["out0"])
    assert outcomes["out1"].answered == 3 and seen[1] == (3, 3)
    assert not jobs[0].target.exists() and jobs[1].target.is_dir()


def test_the_command_names_targets_after_sources_and_fails_when_one_does(write_bag, tmp_path):
    write_bag("a", frames=2)
    write_bag("b", kind="ros1", frames=2)
    paths = [str(tmp_path / name) for name in ("a", "b.bag", "missing")]
    done = CliRunner().invoke(bag, [*paths, str(tmp_path / "out"), "-p", "estimator:=box-height"])
    assert done.exit_code == 1 and "1 of 3 recordings failed" in done.output
    assert "missing: no such file or folder" in done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "b"]


def test_the_installed_command_answers_recordings_in_processes(write_bag, read_bag, run_installed, tmp_path):
    sources = [write_bag(name, frames=3) for name in ("a", "b")]
    done = run_installed("hdnet", "bag", *sources, tmp_path / "out", "--jobs", 2, "-p", "estimator:=box-height")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("3 of 3 images answered, 6 people by box-height") == 2
    for name in ("a", "b"):
        persons = [message for _, message in read_bag(tmp_path / "out" / name)["/hdnet_node/persons"]]
        assert [[round(p.root_pose.pose.position.z, 3) for p in m.persons] for m in persons] == [[10.0, 4.0]] * 3


def test_a_killed_process_ends_with_one_sentence_and_loses_nothing(write_bag, installed, tmp_path):
    sources = [write_bag(f"in{i}", with_boxes=False, frames=60) for i in range(2)]
    command = [installed("hdnet"), "bag", *sources, tmp_path / "out", "--jobs", "1", "-p", "detector_node.hog_scale:=0.3"]
    command += ["-p", "estimator:=box-height"]
    killer = _Killer(journal_path(tmp_path / "out" / "in0"))
    killer.start()
    first = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert killer.killed, "the worker was done before it could be killed"
    assert first.returncode == 1 and "Traceback" not in first.stderr
    assert first.stderr.strip().splitlines()[-1].startswith("Error: a worker process ended, 2 recordings are not done")
    second = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert second.returncode == 0, second.stderr
    assert "answers of an earlier run" in second.stdout and second.stdout.count("60 of 60 images answered") == 2


def test_two_sources_of_one_name_are_refused(tmp_path):
    done = CliRunner().invoke(bag, [str(tmp_path / "x" / "a.bag"), str(tmp_path / "y" / "a.bag"), str(tmp_path)])
    assert done.exit_code == 2 and "several recordings would be written to" in done.output


def test_a_ray_worker_that_is_killed_loses_no_recording(write_bag, make_job, monkeypatch):
    ray = pytest.importorskip("ray", reason="the Python package ray is not installed (pip install ray)")
    sources = [write_bag(f"in{i}", with_boxes=False, compressed=True, frames=60) for i in range(3)]
    jobs = [make_job(s, f"out{i}", detectors={"detector": "hog", "hog_scale": 0.3}) for i, s in enumerate(sources)]
    outcomes = []
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    # Ray's workers are nice to everybody else, and on a busy machine never get to work.
    monkeypatch.setenv("RAY_worker_niceness", "0")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
    try:
        killer = _Killer(journal_path(jobs[0].target))
        killer.start()
        answer_with_ray(jobs, "auto", lambda job, outcome: outcomes.append((job, outcome)))
    finally:
        ray.shutdown()
    assert [str(outcome) for _, outcome in outcomes if isinstance(outcome, BagError)] == []
    assert killer.killed, "the worker was done before it could be killed"
    assert sorted(job.target.name for job, _ in outcomes) == ["out0", "out1", "out2"]
    assert all(outcome.answered == 60 and not outcome.was_there for _, outcome in outcomes)
    resumed = {job.target.name: outcome.inferred_before for job, outcome in outcomes}
    assert resumed["out0"] >= 2


class _Killer(threading.Thread):
    """Kills the process that writes a journal, once it has written a few answers."""

    def __init__(self, journal):
        super().__init__(daemon=True)
        self._journal = journal
        self.killed = 0

    def run(self):
        deadline = time.monotonic() + 200.0
        while time.monotonic() < deadline and not self.killed:
            lines = self._journal.read_bytes().splitlines() if self._journal.is_file() else []
            if len(lines) > 3:
                self.killed = json.loads(lines[0])["pid"]
                os.kill(self.killed, signal.SIGKILL)
            time.sleep(0.005)


def test_two_interrupts_end_all_processes_with_one_line(write_bag, installed, tmp_path):
    sources = [write_bag(f"in{i}", with_boxes=False, frames=60) for i in range(2)]
    command = [installed("hdnet"), "bag", *sources, tmp_path / "out", "--jobs", "2", "--detector", "hog"]
    command += ["-p", "estimator:=box-height"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    journal = journal_path(tmp_path / "out" / "in0")
    while process.poll() is None and not journal.is_file():
        time.sleep(0.01)
    for _ in range(2):  # as Ctrl-C does: to all of them
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.1)
    told = process.communicate(timeout=60)[1].strip().splitlines()
    assert process.returncode == 1
    assert [line for line in told if line.strip()][-1] == "Error: interrupted; the same command goes on"
    assert not any("Traceback" in line for line in told)
    until = time.monotonic() + 20.0
    while _lives(process.pid):
        assert time.monotonic() < until, "a process is left"
        time.sleep(0.05)


def _lives(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
