"""Recordings through `answer_bag`: f = 1000 px and people of 1.7 m, so 170 px are 10 m and 425 px 4 m."""

import dataclasses
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from rosbags.highlevel import AnyReader

from hdnet_ros.bags.answer import answer_bag, journal_path
from hdnet_ros.bags.errors import BagError
from hdnet_ros.bags.journal import Journal
from hdnet_ros.bags.output import partial_folder
from hdnet_ros.messages.images import ImageDecoder
from hdnet_ros.bags.source import BagSource, Topics
from hdnet_ros.bags.storage import FileStorage

START_NS = 1_700_000_000_000_000_000
STEP_NS = 100_000_000


def stamp_ns(message):
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec


def contents(path):
    with AnyReader([path]) as reader:
        return [(connection.topic, time_ns, bytes(data)) for connection, time_ns, data in reader.messages()]


def roots(bag):
    return [[p.root_pose.pose.position for p in message.persons] for _, message in bag["/hdnet_node/persons"]]


@pytest.mark.parametrize("kind", ["mcap", "sqlite3", "ros1"])
def test_every_format_gives_metres_at_the_images_stamps(write_bag, read_bag, make_job, kind):
    report = answer_bag(make_job(write_bag(kind=kind)))
    assert (report.images, report.answered, report.people) == (8, 8, 16)
    bag = read_bag(report.target)
    persons = [message for _, message in bag["/hdnet_node/persons"]]
    assert [stamp_ns(message) for message in persons] == [START_NS + i * STEP_NS for i in range(8)]
    assert {message.header.frame_id for message in persons} == {"camera"}
    far, near = roots(bag)[0]
    assert (far.x, far.y, far.z) == pytest.approx((-2.2, -0.4, 10.0))
    assert (near.x, near.y, near.z) == pytest.approx((1.0 * 0.4, 0.0, 4.0))
    for topic in ("detections_3d", "tracks", "markers"):
        assert len(bag[f"/hdnet_node/{topic}"]) == 8
    assert len(bag["/camera_info"]) == len(bag["/detections"]) == 8 and len(bag["/tf_static"]) == 1


@pytest.mark.parametrize("kind", ["sqlite3", "ros1"])
def test_formats_differ_in_nothing(write_bag, read_bag, make_job, kind):
    first = answer_bag(make_job(write_bag("a"), "out_a"))
    other = answer_bag(make_job(write_bag("b", kind=kind), "out_b", storage="sqlite3"))
    one, two = read_bag(first.target), read_bag(other.target)
    for topic in ("persons", "detections_3d", "tracks", "markers"):
        for (_, a), (_, b) in zip(one[f"/hdnet_node/{topic}"], two[f"/hdnet_node/{topic}"], strict=True):
            assert repr(a) == repr(b)


def test_a_recording_of_humble_brings_no_definitions(write_bag, make_job):
    source = write_bag(kind="sqlite3")
    database = sqlite3.connect(source / "in.db3")
    with database:
        database.execute("DELETE FROM message_definitions")
    database.close()
    metadata = source / "metadata.yaml"
    text = re.sub(r"\n\s+type_description_hash:\s*\S+", "", metadata.read_text())
    metadata.write_text(text.replace("version: 9", "version: 5"))
    assert answer_bag(make_job(source)).people == 16


def test_people_are_followed_in_odom_by_the_recordings_tf(write_bag, read_bag, make_job):
    target = answer_bag(make_job(write_bag())).target
    tracks = [message for _, message in read_bag(target)["/hdnet_node/tracks"]]
    assert {message.header.frame_id for message in tracks} == {"odom"}
    last = tracks[-1].tracks
    # The camera has driven 0.7 m and looks along x from 0.2 m before the base; left is y.
    places = sorted((t.pose.pose.position.x, t.pose.pose.position.y) for t in last)
    np.testing.assert_allclose(places, [(4.9, -0.4), (10.9, 1.5)], atol=0.35)


def test_people_of_an_earlier_run_are_not_taken_for_the_recordings_tf(write_bag, read_bag, make_job):
    parameters = {"tracking_frame": "none"}
    target = answer_bag(make_job(write_bag(), parameters=parameters)).target
    frames = [t.child_frame_id for _, m in read_bag(target)["/tf"] for t in m.transforms]
    assert frames.count("base") == 9 and sum(f.startswith("body_") for f in frames) == 14
    with BagSource(target, roles=("camera_info",)) as source:
        assert source.transforms("body_").frames == {"odom", "base", "camera"}


def test_compressed_images_give_the_same(write_bag, read_bag, make_job):
    raw = answer_bag(make_job(write_bag("raw"), "out_raw"))
    compressed = answer_bag(make_job(write_bag("small", compressed=True), "out_small"))
    assert compressed.images == compressed.answered == 8
    assert repr(roots(read_bag(raw.target))) == repr(roots(read_bag(compressed.target)))


def test_without_camera_info_a_calibration_is_asked_for(write_bag, read_bag, make_job, tmp_path):
    source = write_bag(with_info=False)
    with pytest.raises(BagError, match=r"no sensor_msgs/CameraInfo.*--camera FILE"):
        answer_bag(make_job(source))
    calibration = tmp_path / "camera.yaml"
    calibration.write_text("{image_width: 640, image_height: 480, k: [500, 0, 320, 0, 500, 240, 0, 0, 1]}")
    target = answer_bag(make_job(source, camera_file=str(calibration))).target
    bag = read_bag(target)
    assert roots(bag)[0][0].z == pytest.approx(5.0)
    assert bag["/camera_info"][0][1].k[0] == 500.0 and stamp_ns(bag["/camera_info"][0][1]) == START_NS


def test_a_calibration_of_another_size_is_told_by_both_sizes(write_bag, make_job, tmp_path):
    calibration = tmp_path / "camera.yaml"
    calibration.write_text("{image_width: 320, image_height: 240, k: [500, 0, 160, 0, 500, 120, 0, 0, 1]}")
    with pytest.raises(BagError, match="no image could be answered: .*320 x 240 .*640 x 480"):
        answer_bag(make_job(write_bag(), camera_file=str(calibration)))


def test_of_a_lens_that_zooms_every_image_is_answered_with_its_own_camera_info(write_bag, make_job, read_bag):
    source = write_bag(focal_px=lambda frame: 1000.0 + 100.0 * frame, boxes_late_ns=300_000_000, other_camera=True)
    bag = read_bag(answer_bag(make_job(source)).target)
    depths = [message.persons[0].root_pose.pose.position.z for _, message in bag["/hdnet_node/persons"]]
    assert depths == pytest.approx([10.0 + frame for frame in range(8)])


def test_boxes_that_come_after_more_images_than_wait_name_the_parameter(write_bag, make_job):
    source = write_bag(boxes_late_ns=530_000_000)
    report = answer_bag(make_job(source, "few", parameters={"images_kept": 3}))
    assert report.answered == 3
    (told,) = [remark for remark in report.remarks if "images_kept" in remark]
    assert told == (
        "detections: they come 5 images after theirs, of which 3 wait: give -p images_kept:=6 or more (5 x)"
    )
    assert answer_bag(make_job(source, parameters={"images_kept": 6})).answered == 8


def test_a_detector_finds_the_boxes_where_the_recording_has_none(write_bag, read_bag, make_job):
    report = answer_bag(make_job(write_bag(with_boxes=False, frames=2)))
    assert report.boxes == "detector nanodet" and report.answered == 2
    assert report.people == 0  # grey images
    assert len(read_bag(report.target)["/detections"]) == 2


@pytest.mark.parametrize("damage", ["garbage", "empty", "gone"])
def test_a_damaged_recording_is_an_error_by_name_and_leaves_nothing(write_bag, make_job, damage):
    source = write_bag()
    file = source / "in.mcap"
    if damage == "garbage":
        file.write_bytes(os.urandom(5000))
    elif damage == "empty":
        file.write_bytes(b"")
    else:
        file.unlink()
    job = make_job(source)
    with pytest.raises(BagError, match=str(source)):
        answer_bag(job)
    assert not job.target.exists() and not partial_folder(job.target).exists()


def test_a_message_that_cannot_be_decoded_costs_that_message_only(write_bag, make_job, monkeypatch):
    whole = FileStorage.deserialize
    calls = iter(range(1000))

    def deserialize(self, data, kind):
        cut = kind.endswith("Image") and next(calls) == 3
        return whole(self, data[: len(data) // 2] if cut else data, kind)

    monkeypatch.setattr(FileStorage, "deserialize", deserialize)
    report = answer_bag(make_job(write_bag()))
    assert report.answered == 7
    assert any("cannot be decoded" in remark for remark in report.remarks)


@pytest.mark.parametrize("with_boxes", [True, False])
def test_an_odd_width_in_yuv422_costs_that_image_only(write_bag, make_job, with_boxes):
    odd = {"width": 639, "step": 1278, "encoding": "yuv422", "data": np.full(1278 * 480, 128, np.uint8)}
    source = write_bag(with_boxes=with_boxes, odd_images={3: odd})
    report = answer_bag(make_job(source, detectors={"detector": "hog", "hog_scale": 0.3}))
    assert (report.images, report.answered) == (8, 7)
    (told,) = [remark for remark in report.remarks if "width" in remark]
    assert "width 639 px, expected an even one" in told and "let the driver" in told and "(1 x)" in told


def picture_bomb():
    """A small picture whose header says 65500 x 65500 px."""
    data = bytearray(cv2.imencode(".jpg", np.full((480, 640, 3), 90, np.uint8))[1].tobytes())
    size = data.index(b"\xff\xc0") + 5
    data[size : size + 4] = b"\xff\xdc\xff\xdc"
    return {"format": "jpeg", "data": np.frombuffer(bytes(data), np.uint8)}


@pytest.mark.parametrize(
    ("with_boxes", "what"),
    [(True, "expected 640 x 480 px"), (False, "expected 1 to 100 million px")],
)
def test_a_picture_bomb_costs_that_image_only(write_bag, make_job, with_boxes, what):
    source = write_bag(compressed=True, with_boxes=with_boxes, odd_images={3: picture_bomb(), 5: picture_bomb()})
    report = answer_bag(make_job(source, detectors={"detector": "hog", "hog_scale": 0.3}))
    assert (report.images, report.answered) == (8, 6)
    (told,) = [remark for remark in report.remarks if "declares 65500 x 65500 px" in remark]
    assert what in told and told.endswith("(2 x)")


def test_an_image_that_the_program_fails_on_costs_that_image_only(write_bag, make_job, monkeypatch):
    decode, calls = ImageDecoder.rgb_from_image, []

    def decode_but_one(self, message):
        calls.append(message)
        if len(calls) == 3:
            raise ZeroDivisionError("a fault of ours")
        return decode(self, message)

    monkeypatch.setattr(ImageDecoder, "rgb_from_image", decode_but_one)
    report = answer_bag(make_job(write_bag()))
    assert (report.images, report.answered) == (8, 7)
    assert "an image could not be answered: ZeroDivisionError: a fault of ours (1 x)" in report.remarks


def test_when_no_image_is_answered_nothing_is_written_and_it_is_told(write_bag, make_job):
    source = write_bag(compressed=True, frames=2, odd_images=dict.fromkeys(range(2), picture_bomb()))
    job = make_job(source)
    with pytest.raises(BagError, match=r"in: no image could be answered: .*declares 65500 x 65500 px"):
        answer_bag(job)
    assert not job.target.exists() and not partial_folder(job.target).exists()


def test_an_interrupted_run_goes_on_and_gives_the_same(write_bag, make_job):
    job = make_job(write_bag())
    whole = answer_bag(dataclasses.replace(job, target=job.target.with_name("whole")))

    def interrupt(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answer_bag(job, interrupt)
    assert not job.target.exists() and journal_path(job.target).is_file()
    with open(journal_path(job.target), "ab") as journal:
        journal.write(b'{"key": "half a li')
    report = answer_bag(job)
    assert report.inferred_before == 3 and report.answered == 8
    assert not journal_path(job.target).exists()
    assert contents(report.target) == contents(whole.target)


def test_a_journal_of_other_settings_is_not_used(tmp_path):
    path = tmp_path / ".out.journal"
    journal = Journal(path, "these weights")
    journal.put("a picture", [1.0, float("nan")])
    journal.close()
    again = Journal(path, "these weights")
    assert repr(again.get("a picture")) == "[1.0, nan]"
    again.close()
    other = Journal(path, "other weights")
    assert other.get("a picture") is None and len(other) == 0
    other.close()


@pytest.mark.parametrize("lay", [os.symlink, os.link], ids=["link", "hard link"])
def test_a_link_where_the_journal_would_be_is_not_followed(write_bag, make_job, tmp_path, lay):
    job = make_job(write_bag())
    precious = tmp_path / "precious.txt"
    precious.write_text("not yours\n")
    journal_path(job.target).parent.mkdir(parents=True, exist_ok=True)
    lay(precious, journal_path(job.target))
    with pytest.raises(BagError, match="expected a journal of an earlier run or nothing there, found a"):
        answer_bag(job)
    assert precious.read_text() == "not yours\n" and not job.target.exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: [b"[]\n", *lines[1:]],
        lambda lines: [lines[0], b"5\n", *lines[2:]],
        lambda lines: [lines[0], b"[" * 100_000 + b"\n", *lines[2:]],
        lambda lines: [lines[0], b'{"key": "a"}\n', *lines[2:]],
        lambda lines: [lines[0], b"\xff\x00\n", *lines[2:]],
        lambda lines: [line.replace(b'"root_camera_mm"', b'"nothing"').replace(b'"people"', b'"persons"') for line in lines],
        lambda lines: [lines[0], *(json.dumps(json.loads(line) | {"answer": 7}).encode() + b"\n" for line in lines[1:])],
    ],
    ids=["list", "number", "deep", "half", "bytes", "other keys", "other answers"],
)
def test_a_damaged_journal_costs_time_and_nothing_else(write_bag, make_job, spoil):
    job = make_job(write_bag())
    whole = answer_bag(dataclasses.replace(job, target=job.target.with_name("whole")))

    def interrupt(done, total):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answer_bag(job, interrupt)
    path = journal_path(job.target)
    path.write_bytes(b"".join(spoil(path.read_bytes().splitlines(keepends=True))))
    report = answer_bag(job)
    assert report.answered == 8 and contents(report.target) == contents(whole.target)
    assert not path.exists()


def test_a_target_that_cannot_be_written_is_one_sentence(write_bag, make_job, tmp_path):
    job = make_job(write_bag())
    (tmp_path / "a_file").write_text("")
    with pytest.raises(BagError, match="a_file.*(Not a directory|File exists)"):
        answer_bag(dataclasses.replace(job, target=tmp_path / "a_file" / "out"))
    job.target.parent.mkdir(parents=True, exist_ok=True)
    os.symlink(tmp_path / "nowhere", partial_folder(job.target))
    with pytest.raises(BagError, match="nothing is left half written"):
        answer_bag(job)
    assert not (tmp_path / "nowhere").exists()


def test_a_full_disk_is_one_sentence_and_leaves_nothing(write_bag, make_job):
    job = make_job(write_bag())
    # What a file may grow to stands in for a disk: the same error from the same calls.
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)); "
        "from hdnet_ros.cli.main import main; main()"
    )
    command = [sys.executable, "-c", code, "bag", str(job.source), str(job.target), "-p", "estimator:=box-height"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120.0)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in said
    assert "File too large; nothing is left half written" in said
    assert not job.target.exists() and not partial_folder(job.target).exists()


def test_a_killed_process_is_taken_up_where_it_was(write_bag, make_job):
    source = write_bag(with_boxes=False, compressed=True, frames=60)
    job = make_job(source, detectors={"detector": "hog", "hog_scale": 0.3})
    command = [sys.executable, "-m", "hdnet_ros.cli.main", "bag", str(source), str(job.target),
               "-p", "estimator:=box-height", "-p", "detector_node.hog_scale:=0.3", "-p", "detector_node.detector:=hog"]  # fmt: skip
    process = subprocess.Popen(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = journal_path(job.target)
    deadline = time.monotonic() + 60.0
    while not (journal.is_file() and journal.read_bytes().count(b"\n") > 4):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not job.target.exists()
    report = answer_bag(job)
    assert report.answered == 60 and report.inferred_before >= 4


def test_what_is_done_is_left_alone(write_bag, make_job):
    job = make_job(write_bag())
    answer_bag(job)
    before = (job.target / "out.mcap").stat().st_mtime_ns
    assert answer_bag(job).was_there
    assert (job.target / "out.mcap").stat().st_mtime_ns == before
    assert not answer_bag(dataclasses.replace(job, overwrite=True)).was_there


def test_a_file_that_is_no_bag_is_not_overwritten(write_bag, make_job):
    job = make_job(write_bag())
    job.target.mkdir()
    (job.target / "thesis.tex").write_text("years of work")
    with pytest.raises(BagError, match="no rosbag2"):
        answer_bag(dataclasses.replace(job, overwrite=True))
    assert (job.target / "thesis.tex").read_text() == "years of work"


def test_a_detector_that_is_asked_for_replaces_the_recordings_boxes(write_bag, read_bag, make_job):
    report = answer_bag(make_job(write_bag(frames=2), detect=True, detectors={"detector": "hog", "hog_scale": 0.3}))
    assert report.boxes == "detector hog" and report.people == 0
    assert [len(m.detections) for _, m in read_bag(report.target)["/detections"]] == [0, 0]


def test_topics_are_chosen_by_name_and_wrong_ones_told(write_bag):
    with pytest.raises(BagError, match=r"--image-topic /nothing.*there are /image"):
        BagSource(write_bag(), Topics(image="/nothing"))


def test_without_ros_the_bytes_are_the_same(write_bag, make_job):
    job = make_job(write_bag())
    with_what_is_here = answer_bag(job)
    names = ("rclpy", "std_msgs", "sensor_msgs", "vision_msgs", "tf2_msgs", "hdnet_ros.msg")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({names!r}))\n"
        "from hdnet_ros.cli.main import main\n"
        f"main(['bag', {str(job.source)!r}, {str(job.target.with_name('plain'))!r}, '-p', 'estimator:=box-height'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "8 of 8 images answered, 16 people by box-height" in done.stdout
    assert contents(job.target.with_name("plain")) == contents(with_what_is_here.target)
