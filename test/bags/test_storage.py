"""Recordings as others leave them: foreign topics, wrong metadata, parts that are damaged or missing."""

import shutil

import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from mcap.writer import Writer

from hdnet_ros.bags.answer import answer_bag
from hdnet_ros.bags.errors import BagError

TIME_NS = 1_700_000_000_050_000_000


def copied(source, target, add=lambda writer: None, edit=lambda schema: schema, part=slice(None), is_finished=True):
    """Write an MCAP anew: with more in it, schemas changed, only a part of its messages, or without its end."""
    with open(source, "rb") as file:
        messages = list(make_reader(file).iter_messages())[part]
    file = open(target, "wb")
    writer = Writer(file)
    writer.start("ros2", "test")
    schemas, channels = {}, {}
    for schema, channel, message in messages:
        if schema.id not in schemas:
            schemas[schema.id] = writer.register_schema(schema.name, schema.encoding, edit(schema.data))
        if channel.id not in channels:
            channels[channel.id] = writer.register_channel(channel.topic, "cdr", schemas[schema.id])
        writer.add_message(channels[channel.id], message.log_time, message.data, message.publish_time)
    add(writer)
    if is_finished:
        writer.finish()
    file.close()
    return target


def foreign(topic, name, encoding, text, message_encoding="cdr", data=b"\0\1\0\0\2\0\0\0a\0"):
    def add(writer):
        schema = writer.register_schema(name, encoding, text)
        channel = writer.register_channel(topic, message_encoding, schema)
        writer.add_message(channel, TIME_NS, data, TIME_NS)

    return add


FOREIGN = {
    "Latin-1": foreign("/odd", "odd_msgs/msg/Odd", "ros2msg", "# été\nint32 a\n".encode("latin-1")),
    "CRLF": foreign("/odd", "odd_msgs/msg/Odd", "ros2msg", b"int32 a\r\nstring b\r\n"),
    "no schema at all": foreign("/odd", "odd_msgs/msg/Odd", "ros2msg", b"this is ][ nothing"),
    "unknown package": foreign("/odd", "odd_msgs/msg/Odd", "ros2msg", b"nobody_msgs/Thing a\n"),
    "IDL that is none": foreign("/odd", "odd_msgs/msg/Odd", "ros2idl", b"module x { struct ; }"),
    "protobuf": foreign("/log", "foxglove.Log", "protobuf", b"\n\5abc", "protobuf"),
    "JSON": foreign("/json", "thing", "jsonschema", b"{}", "json", b"{}"),
    "another type on the images' topic": foreign("/image", "std_msgs/msg/String", "ros2msg", b"string data"),
    "another type on the boxes' topic": foreign("/detections", "std_msgs/msg/String", "ros2msg", b"string data"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_topic_that_is_none_of_ours_costs_nothing(write_bag, make_job, tmp_path, name):
    source = copied(write_bag(frames=4) / "in.mcap", tmp_path / "foreign.mcap", FOREIGN[name])
    report = answer_bag(make_job(source))
    assert (report.images, report.answered, report.people) == (4, 4, 8)
    assert report.boxes == "/detections"
    assert not [remark for remark in report.remarks if "could be read" in remark]


def test_schemas_with_carriage_returns_are_read(write_bag, make_job, tmp_path):
    source = copied(write_bag(frames=4) / "in.mcap", tmp_path / "crlf.mcap", edit=lambda t: t.replace(b"\n", b"\r\n"))
    assert answer_bag(make_job(source)).answered == 4


METADATA = {
    "counts of zero": lambda info: [t.update(message_count=0) for t in info["topics_with_message_count"]],
    "counts too high": lambda info: [t.update(message_count=99) for t in info["topics_with_message_count"]],
    "no storage": lambda info: info.update(storage_identifier=""),
    "a version to come": lambda info: info.update(version=42),
    "a topic missing": lambda info: info.update(topics_with_message_count=[]),
    "QoS that is none": lambda info: [
        t["topic_metadata"].update(offered_qos_profiles="garbage: [") for t in info["topics_with_message_count"]
    ],
}


@pytest.mark.parametrize("kind", ["mcap", "sqlite3"])
@pytest.mark.parametrize("name", METADATA)
def test_metadata_that_is_wrong_is_not_believed(write_bag, make_job, name, kind):
    source = write_bag(kind=kind, frames=4)
    metadata = yaml.safe_load((source / "metadata.yaml").read_text())
    METADATA[name](metadata["rosbag2_bagfile_information"])
    (source / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    report = answer_bag(make_job(source))
    assert (report.images, report.answered, report.boxes) == (4, 4, "/detections")


@pytest.mark.parametrize("text", [None, "", "a: [", "[]"])
def test_without_metadata_the_files_are_read_and_it_is_told(write_bag, make_job, text):
    source = write_bag(frames=4)
    (source / "metadata.yaml").unlink()
    if text is not None:
        (source / "metadata.yaml").write_text(text)
    report = answer_bag(make_job(source))
    assert report.answered == 4
    assert [remark for remark in report.remarks if "files are taken by their names" in remark]


def test_an_mcap_that_was_not_finished_is_answered_as_far_as_it_goes(write_bag, make_job, tmp_path):
    whole = (write_bag(frames=8) / "in.mcap").read_bytes()
    (tmp_path / "cut.mcap").write_bytes(whole[: len(whole) * 2 // 3])
    report = answer_bag(make_job(tmp_path / "cut.mcap"))
    assert 3 <= report.answered < 8
    (told,) = [remark for remark in report.remarks if "not all could be read" in remark]
    assert "cut.mcap: not finished, or damaged" in told and told.endswith("read as far as it goes (1 x)")


def split(write_bag, tmp_path):
    source, folder = write_bag(frames=8), tmp_path / "split"
    folder.mkdir()
    for number, part in enumerate([slice(0, 18), slice(18, None)]):
        copied(source / "in.mcap", folder / f"split_{number}.mcap", part=part)
    metadata = yaml.safe_load((source / "metadata.yaml").read_text())
    metadata["rosbag2_bagfile_information"]["relative_file_paths"] = ["split_0.mcap", "split_1.mcap"]
    (folder / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    return folder


@pytest.mark.parametrize(("harm", "told"), [("empty", "empty"), ("gone", "is missing"), ("noise", "neither MCAP nor sqlite3")])
def test_one_bad_part_of_a_split_costs_itself(write_bag, make_job, tmp_path, harm, told):
    folder = split(write_bag, tmp_path)
    assert answer_bag(make_job(folder, "whole")).answered == 8
    bad = folder / "split_1.mcap"
    bad.unlink() if harm == "gone" else bad.write_bytes(b"" if harm == "empty" else b"x" * 5000)
    report = answer_bag(make_job(folder, "rest"))
    assert 0 < report.answered < 8
    assert f"not all could be read: split_1.mcap: {told} (1 x)" in report.remarks


def test_where_nothing_can_be_read_that_is_said_file_by_file(write_bag, make_job, tmp_path):
    folder = split(write_bag, tmp_path)
    shutil.rmtree(folder / "x", ignore_errors=True)
    for name in ("split_0.mcap", "split_1.mcap"):
        (folder / name).write_bytes(b"")
    with pytest.raises(BagError, match="split_0.mcap: empty; split_1.mcap: empty"):
        answer_bag(make_job(folder))


def test_answers_of_a_first_run_are_none_of_an_earlier_one(write_bag, make_job):
    same = {frame: {"data": np.full(640 * 480 * 3, 90, np.uint8)} for frame in range(8)}
    source = write_bag(odd_images=same, boxes=lambda frame: [(420.0, 240.0, 150.0, 425.0)])
    assert answer_bag(make_job(source)).inferred_before == 0
