"""The demo itself: three processes over real DDS on the clip that it makes."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the demo needs ROS 2")
pytest.importorskip("hdnet_ros.msg", reason="the workspace is not built")
pytest.importorskip("rosbags", reason="the demo's bag needs rosbags")

FRAMES = 16


def _demo(folder, *arguments):
    environment = {
        **os.environ,
        "ROS_DOMAIN_ID": str(1 + (os.getpid() + 50) % 100),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "COLUMNS": "160",
    }
    return subprocess.run(
        [sys.executable, "-m", "hdnet_ros.cli.demo", "--out", str(folder / "demo"), *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    done = _demo(folder, "--frames", str(FRAMES), "--rate", "2", "--estimator", "box-height")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "demo", done.stdout


@pytest.fixture(scope="module")
def records(demo):
    return [json.loads(line) for line in (demo[0] / "persons.jsonl").read_text().splitlines()]


def test_table_says_what_came_in_and_where_to_look(demo):
    _, said = demo
    for word in ("frames in", str(FRAMES), "frames answered", "people", "latency p50", "latency p99", "demo.mp4"):
        assert word in said


def test_people_are_where_they_were_drawn(demo, records):
    truth = json.loads((demo[0] / "clip" / "truth.json").read_text())
    assert len(records) >= FRAMES // 3
    ratios = []
    for record in records:
        roots = np.array(truth[str(record["frame"])])
        for person in record["persons"]:
            found = np.array(person["root_camera_mm"])
            bearing = found[0] / found[2] - roots[:, 0] / roots[:, 2]
            nearest = roots[np.argmin(np.abs(bearing))]
            if np.min(np.abs(bearing)) < 0.06:
                ratios.append(found[2] / nearest[2])
    assert len(ratios) >= len(records) // 2
    # Box height with HOG's boxes, people of 1.64 to 1.83 m.
    assert np.median(ratios) == pytest.approx(1.0, abs=0.25)


def test_bag_holds_every_topic_with_its_definitions(demo, records):
    from rosbags.highlevel import AnyReader

    # Without a type store: what cannot be read from the bag alone, Foxglove cannot show.
    with AnyReader([demo[0] / "bag"]) as reader:
        counts = {topic: info.msgcount for topic, info in reader.topics.items()}
        assert counts["/image"] == counts["/camera_info"] == FRAMES
        assert counts["/hdnet_node/persons"] == counts["/hdnet_node/tracks"] == len(records)
        assert counts["/hdnet_node/markers"] >= len(records)
        assert counts["/hdnet_node/detections_3d"] == len(records)
        assert counts["/detections"] >= len(records)
        assert counts["/diagnostics"] > 0
        persons = [c for c in reader.connections if c.topic == "/hdnet_node/persons"]
        _, _, cdr = next(reader.messages(connections=persons))
        message = reader.deserialize(cdr, persons[0].msgtype)
    first = records[0]
    assert message.header.frame_id == "camera_optical_frame"
    roots = [1000.0 * p.root_pose.pose.position.z for p in message.persons]
    assert roots == pytest.approx([p["root_camera_mm"][2] for p in first["persons"]], abs=0.06)


def test_pictures_are_there_and_play(demo, records):
    import cv2

    capture = cv2.VideoCapture(str(demo[0] / "demo.mp4"))
    frames = 0
    while capture.read()[0]:
        frames += 1
    assert frames == len(records)
    assert cv2.imread(str(demo[0] / "demo.png")) is not None


def test_weights_that_are_not_there_end_it_with_the_reason(tmp_path):
    done = _demo(tmp_path, "--frames", "5", "--rate", "2", "--estimator", "hdnet", "--weights", "/nowhere.safetensors")
    assert done.returncode == 1
    assert "nowhere.safetensors" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_own_source_without_camera_asks_for_it(tmp_path):
    done = _demo(tmp_path, "--source", "/nowhere.avi")
    assert done.returncode == 1
    assert "--camera" in done.stderr
