"""TF of a recording that hdnet_node published into before: people go, the robot's frames stay."""

import pytest

from hdnet_ros.bags.answer import answer_bag
from hdnet_ros.bags.source import BagSource

ROBOT = {"odom", "base", "camera"}
START_NS = 1_700_000_000_000_000_000


def frames_of(source, prefix):
    with BagSource(source) as opened:
        return opened.transforms(prefix).frames


@pytest.mark.parametrize("id", ["p1", "p12345", "u0", "d7", "x0123abcd", "anna"])
@pytest.mark.parametrize("prefix", ["body_", "human"])
def test_a_person_of_an_earlier_run_is_left_out(write_bag, id, prefix):
    assert frames_of(write_bag(frames=2, more_tf=[("/tf", "odom", prefix + id)]), prefix) == ROBOT


def test_without_a_prefix_only_ids_that_the_node_makes_up_are_people(write_bag):
    more = [("/tf", "odom", name) for name in ("p1", "u0", "d7", "x0123abcd", "anna", "wheel", "xylophone")]
    source = write_bag(frames=2, more_tf=more)
    assert frames_of(source, "") == ROBOT | {"anna", "wheel", "xylophone"}


@pytest.mark.parametrize(
    "more",
    [
        [("/tf", "base", "body_camera_optical")],
        [("/tf_static", "base", "body_imu")],
        [("/tf", "base", "body_link"), ("/tf", "body_link", "lidar")],
        [("/tf", "base", "body_p1"), ("/tf_static", "body_p1", "lidar")],
    ],
)
def test_a_frame_of_the_robot_that_begins_like_a_persons_stays(write_bag, more):
    with BagSource(write_bag(frames=2, more_tf=more)) as source:
        tree = source.transforms("body_")
    for *_, child in more:
        assert tree(START_NS, child, "odom") is not None


def test_a_camera_is_nobody(write_bag):
    source = write_bag(frames=2, with_tf=False, more_tf=[("/tf", "odom", "camera")])
    assert frames_of(source, "cam") == {"odom", "camera"}


def test_with_an_empty_prefix_people_are_followed_in_odom_and_its_tf_is_written(write_bag, read_bag, make_job):
    source = write_bag(more_tf=[("/tf", "odom", "p999")])
    bag = read_bag(answer_bag(make_job(source, parameters={"tf_prefix": ""})).target)
    assert {message.header.frame_id for _, message in bag["/hdnet_node/tracks"]} == {"odom"}
    moving = [item.child_frame_id for _, message in bag["/tf"] for item in message.transforms]
    assert moving.count("base") == 9 and set(moving) == {"base", "p1", "p2"}
    assert [item.child_frame_id for _, message in bag["/tf_static"] for item in message.transforms] == ["camera"]


def test_frames_of_the_robot_are_written_and_people_of_an_earlier_run_are_not(write_bag, read_bag, make_job):
    source = write_bag(more_tf=[("/tf", "base", "body_camera_optical"), ("/tf", "odom", "body_p999")])
    bag = read_bag(answer_bag(make_job(source)).target)
    moving = {item.child_frame_id for _, message in bag["/tf"] for item in message.transforms}
    assert moving == {"base", "body_camera_optical", "body_p1", "body_p2"}
