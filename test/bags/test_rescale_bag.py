"""`rescale_bag` against answering the images again: f = 1000 px was wrong, 1100 px is right."""

import numpy as np
import pytest
from click.testing import CliRunner
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from hdnet_ros.bags.answer import answer_bag
from hdnet_ros.cli.commands.rescale import rescale
from hdnet_ros.messages.plain_messages import typestore

RIGHT = "{image_width: 640, image_height: 480, k: [1100, 0, 320, 0, 1100, 240, 0, 0, 1]}"


@pytest.fixture
def right_camera(tmp_path):
    path = tmp_path / "right.yaml"
    path.write_text(RIGHT)
    return path


def numbers(message):
    """Return every float of a message, covariances and joints included."""
    found = []

    def walk(value):
        if isinstance(value, (list, np.ndarray)):
            for item in value:
                walk(item)
        elif hasattr(value, "__dataclass_fields__"):
            for name in value.__dataclass_fields__:
                walk(getattr(value, name))
        elif isinstance(value, float):
            found.append(value)

    walk(message)
    return found


def test_every_result_is_what_the_right_camera_would_have_given(
    write_bag, read_bag, make_job, right_camera
):
    source = write_bag()
    # The node's parameters go along with the recording.
    prefix = {"tf_prefix": "human_"}
    wrong = answer_bag(make_job(source, "wrong", prefix)).target
    right = answer_bag(make_job(source, "right", prefix, camera_file=str(right_camera))).target
    done = CliRunner().invoke(rescale, [str(wrong), "--camera", str(right_camera)])
    assert done.exit_code == 0, done.output
    assert "16 people in 8 images, depth x 1.10000, exactly" in done.output
    found, expected = read_bag(wrong.with_name("wrong_rescaled")), read_bag(right)
    assert found["/hdnet_node/persons"][0][1].persons[0].root_pose.pose.position.z == pytest.approx(11.0)
    assert found["/camera_info"][0][1].k[0] == 1100.0
    for topic in ("persons", "detections_3d", "tracks"):
        pairs = zip(found[f"/hdnet_node/{topic}"], expected[f"/hdnet_node/{topic}"], strict=True)
        for (_, one), (_, two) in pairs:
            # Sigma is a float32 in the message that the rescaled one is made from.
            np.testing.assert_allclose(numbers(one), numbers(two), rtol=2e-6, atol=1e-9)
    bodies = [
        [t.child_frame_id for _, m in bag["/tf"] for t in m.transforms if t.child_frame_id[:6] == "human_"]
        for bag in (found, expected)
    ]
    assert bodies[0] == bodies[1] and bodies[0]


def as_defined_without(fields, source, target):
    """Write a recording as PersonRoot was defined before it had some fields."""
    definitions = dict(typestore().fielddefs)
    constants, known = definitions["hdnet_ros/msg/PersonRoot"]
    definitions["hdnet_ros/msg/PersonRoot"] = (constants, [field for field in known if field[0] not in fields])
    older = get_typestore(Stores.EMPTY)
    older.register(definitions)
    with AnyReader([source]) as reader, Writer(target, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topics = {c.id: writer.add_connection(c.topic, c.msgtype, typestore=older) for c in reader.connections}
        for connection, time_ns, data in reader.messages():
            message = reader.deserialize(data, connection.msgtype)
            writer.write(topics[connection.id], time_ns, older.serialize_cdr(message, connection.msgtype))
    return target


@pytest.mark.parametrize("fields", [{"child_probability"}, {"child_probability", "existence"}])
def test_people_of_recordings_made_before_a_field_are_read(write_bag, read_bag, make_job, tmp_path, right_camera, fields):
    made = answer_bag(make_job(write_bag(frames=2), "wrong")).target
    older = as_defined_without(fields, made, tmp_path / "older")
    done = CliRunner().invoke(rescale, [str(older), "--camera", str(right_camera)])
    assert done.exit_code == 0, done.output
    for _, message in read_bag(tmp_path / "older_rescaled")["/hdnet_node/persons"]:
        assert [person.root_pose.pose.position.z for person in message.persons] == pytest.approx([11.0, 4.4])
        assert [person.existence for person in message.persons] == [1.0, 1.0]
        assert np.isnan([person.child_probability for person in message.persons]).all()


def test_people_who_cannot_be_read_are_told(write_bag, make_job, tmp_path, right_camera):
    made = answer_bag(make_job(write_bag(frames=2), "wrong")).target
    odd = as_defined_without({"box"}, made, tmp_path / "odd")
    done = CliRunner().invoke(rescale, [str(odd), "--camera", str(right_camera)])
    assert done.exit_code == 1 and "none of the persons can be read" in done.output and "box" in done.output


def test_the_network_is_not_asked(write_bag, make_job, right_camera, monkeypatch):
    wrong = answer_bag(make_job(write_bag(), "wrong")).target
    monkeypatch.setattr("hdnet_ros.bags.answer.make_estimator", None)
    done = CliRunner().invoke(rescale, [str(wrong), "--camera", str(right_camera)])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("calibration", "told"),
    [
        (RIGHT.replace("640", "320"), "640 x 480 px, the other of 320 x 480 px"),
        (RIGHT.replace("0, 1100, 240", "0, 1210, 240"), "stretches the patches"),
    ],
)
def test_what_cannot_be_exact_is_told(write_bag, make_job, tmp_path, calibration, told):
    wrong = answer_bag(make_job(write_bag(frames=2), "wrong")).target
    (tmp_path / "other.yaml").write_text(calibration)
    done = CliRunner().invoke(rescale, [str(wrong), "--camera", str(tmp_path / "other.yaml")])
    assert told in done.output and "exactly as" not in done.output


def test_a_recording_without_people_is_told(write_bag, right_camera):
    done = CliRunner().invoke(rescale, [str(write_bag(frames=2)), "--camera", str(right_camera)])
    assert done.exit_code == 1 and "no persons" in done.output
