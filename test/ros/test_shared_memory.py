"""What a killed process leaves in /dev/shm is taken back; what somebody holds is not."""

import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest

from hdnet_ros.ros.shared_memory import FOLDER, remove_stale_segments

ID, OTHER = "0123456789abcdef", "fedcba9876543210"


def made(folder, *names, age_s=60.0):
    for name in names:
        path = folder / name
        path.write_bytes(b"x" * 1000)
        then = time.time() - age_s
        os.utime(path, (then, then))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_segments_and_ports_that_nobody_holds_are_removed(tmp_path):
    made(tmp_path, f"fastrtps_{ID}", f"fastrtps_{ID}_el", "fastrtps_port7412", "fastrtps_port7412_el")
    made(tmp_path, "fastrtps_port7413", "fastrtps_port7413_el", "fastrtps_port7413_sl")
    assert remove_stale_segments(tmp_path) == 3000
    assert names_in(tmp_path) == []


def test_what_is_held_young_or_of_others_stays(tmp_path):
    made(tmp_path, f"fastrtps_{ID}", f"fastrtps_{ID}_el", "fastrtps_port7412", "fastrtps_port7412_el",
         "fastrtps_port7412_sl", "sem.other", "fastrtps_notes_el", "other_el")  # fmt: skip
    made(tmp_path, f"fastrtps_{OTHER}", f"fastrtps_{OTHER}_el", age_s=0.0)
    before = names_in(tmp_path)
    with open(tmp_path / f"fastrtps_{ID}_el", "rb") as one, open(tmp_path / "fastrtps_port7412_sl", "rb") as two:
        fcntl.flock(one, fcntl.LOCK_EX)
        fcntl.flock(two, fcntl.LOCK_SH)
        assert remove_stale_segments(tmp_path) == 0
        assert names_in(tmp_path) == before


def test_a_folder_that_is_not_there_is_none(tmp_path):
    assert remove_stale_segments(tmp_path / "none") == 0


_HOLD = "import rclpy, time; rclpy.init(); node = rclpy.create_node('holds'); print('up', flush=True); time.sleep(600)"


def test_of_a_real_participant_the_segment_goes_once_it_was_killed():
    pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
    if not FOLDER.is_dir() or os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp") != "rmw_fastrtps_cpp":
        pytest.skip("not Fast DDS, or no /dev/shm")
    before = set(FOLDER.glob("fastrtps_*_el"))
    process = subprocess.Popen([sys.executable, "-c", _HOLD], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "up\n"
        locks = [path for path in set(FOLDER.glob("fastrtps_*_el")) - before if "port" not in path.name]
        mine = [path for path in locks if _is_held_by(process.pid, path)]
        if not mine:
            pytest.skip("this participant uses no shared memory")
        for path in mine:
            os.utime(path, (0, 0))
        remove_stale_segments()
        assert all(path.exists() for path in mine)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert remove_stale_segments() > 0
    assert not any(path.exists() for path in mine)


def _is_held_by(pid, path):
    return any(os.path.realpath(f"/proc/{pid}/fd/{fd}") == str(path) for fd in os.listdir(f"/proc/{pid}/fd"))
