"""Recordings whose boxes come in another detector's messages; the recording holds their definition."""

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="ROS has no package for rosbags (pip install rosbags)")

from rosbags.rosbag2 import StoragePlugin, Writer  # noqa: E402
from rosbags.typesys import get_types_from_msg  # noqa: E402

from hdnet_ros.bags.answer import answer_bag  # noqa: E402
from hdnet_ros.messages.plain_messages import typestore  # noqa: E402

# The fields of jsk_recognition_msgs, whose licence is BSD.
RECT = "int32 x\nint32 y\nint32 width\nint32 height\nfloat32 value\nuint32 label"
RECT_ARRAY = "std_msgs/Header header\njsk_recognition_msgs/Rect[] rects"
ARRAY_TYPE = "jsk_recognition_msgs/msg/RectArray"


def with_rectangles(source, target, read_bag, keep_standard):
    """Copy a recording; its boxes become jsk's rectangles, on a topic of their own where the others stay."""
    store = typestore()
    store.register(get_types_from_msg(RECT, "jsk_recognition_msgs/msg/Rect"))
    store.register(get_types_from_msg(RECT_ARRAY, ARRAY_TYPE))
    rect, array = (store.types[f"jsk_recognition_msgs/msg/{name}"] for name in ("Rect", "RectArray"))
    with Writer(target, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        for topic, messages in read_bag(source).items():
            kind = messages[0][1].__msgtype__
            if topic != "/detections" or keep_standard:
                connection = writer.add_connection(topic, kind, typestore=store)
                for time_ns, message in messages:
                    writer.write(connection, time_ns, store.serialize_cdr(message, kind))
            if topic == "/detections":
                connection = writer.add_connection("/rects", ARRAY_TYPE, typestore=store)
                for time_ns, message in messages:
                    boxes = [(item.bbox.center.position, item.bbox) for item in message.detections]
                    rects = [
                        rect(round(c.x - b.size_x / 2 + 0.5), round(c.y - b.size_y / 2 + 0.5),
                             round(b.size_x), round(b.size_y), np.float32(0.5), 0)
                        for c, b in boxes
                    ]  # fmt: skip
                    told = array(header=message.header, rects=rects)
                    writer.write(connection, time_ns, store.serialize_cdr(told, ARRAY_TYPE))
    return target


def test_rectangles_of_jsk_are_answered_like_boxes(write_bag, read_bag, make_job, tmp_path):
    source = with_rectangles(write_bag(frames=3), tmp_path / "rects", read_bag, keep_standard=False)
    report = answer_bag(make_job(source))
    assert (report.boxes, report.answered, report.people) == ("/rects", 3, 6)
    depths = [person.root_pose.pose.position.z for _, m in read_bag(report.target)["/hdnet_node/persons"] for person in m.persons]
    # Of 170 px at 10 m and 425 px at 4 m, 1.7 m tall.
    assert depths == pytest.approx([10.0, 4.0] * 3)
    assert {person.score for _, m in read_bag(report.target)["/hdnet_node/persons"] for person in m.persons} == {0.5}


def test_where_there_are_both_the_standard_boxes_count(write_bag, read_bag, make_job, tmp_path):
    source = with_rectangles(write_bag(frames=2), tmp_path / "both", read_bag, keep_standard=True)
    assert answer_bag(make_job(source)).boxes == "/detections"


def test_a_detector_inside_finds_people_anew(write_bag, make_job):
    report = answer_bag(make_job(write_bag(frames=2), parameters={"detector": "hog"}))
    assert (report.boxes, report.people) == ("detector hog", 0)  # grey images
