"""TF of a recording: interpolation against closed form, and against tf2's own where it is installed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hdnet_ros.bags.transforms import TransformError, TransformTree
from hdnet_ros.messages.message_types import TransformStamped

SECOND = 1_000_000_000


def stamped(stamp_ns, parent, child, offset_m=(0.0, 0.0, 0.0), turn_rad=0.0, axis=(0.0, 0.0, 1.0)):
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, SECOND)
    offset, turn = message.transform.translation, message.transform.rotation
    offset.x, offset.y, offset.z = (float(value) for value in offset_m)
    quaternion = Rotation.from_rotvec(turn_rad * np.array(axis)).as_quat()
    turn.x, turn.y, turn.z, turn.w = (float(value) for value in quaternion)
    return message


@given(share=st.floats(0.0, 1.0), turn=st.floats(-3.0, 3.0), way=st.floats(-5.0, 5.0))
def test_between_two_stamps_the_way_is_linear_and_the_turn_even(share, turn, way):
    tree = TransformTree(
        [stamped(SECOND, "odom", "base"), stamped(2 * SECOND, "odom", "base", (way, 0, 1), turn)]
    )
    at_ns = SECOND + round(share * SECOND)
    share = (at_ns - SECOND) / SECOND
    pose = tree.lookup("odom", "base", at_ns)
    np.testing.assert_allclose(pose[:3, 3], [way * share, 0.0, share], atol=1e-12)
    expected = Rotation.from_rotvec([0.0, 0.0, turn * share]).as_matrix()
    np.testing.assert_allclose(pose[:3, :3], expected, atol=1e-9)


def test_static_and_moving_frames_chain_up_and_down():
    tree = TransformTree(
        [stamped(SECOND, "odom", "base", (3.0, 0.0, 0.0), np.pi / 2)],
        [stamped(0, "base", "camera", (1.0, 0.0, 0.5)), stamped(0, "base", "lidar", (0.0, 2.0, 0.0))],
    )
    # One metre ahead of a base that looks along y.
    point = tree.lookup("odom", "camera", SECOND) @ [0.0, 0.0, 0.0, 1.0]
    np.testing.assert_allclose(point[:3], [3.0, 1.0, 0.5], atol=1e-12)
    np.testing.assert_allclose(tree.lookup("lidar", "camera", 77)[:3, 3], [1.0, -2.0, 0.5], atol=1e-12)
    back = tree.lookup("camera", "odom", SECOND) @ tree.lookup("odom", "camera", SECOND)
    np.testing.assert_allclose(back, np.eye(4), atol=1e-12)


def test_outside_of_what_was_recorded_there_is_no_answer():
    tree = TransformTree([stamped(SECOND, "odom", "base"), stamped(2 * SECOND, "odom", "base")])
    for stamp_ns in (SECOND - 1, 2 * SECOND + 1):
        with pytest.raises(TransformError, match=r"from 1\.000 to 2\.000 s"):
            tree.lookup("odom", "base", stamp_ns)
        assert tree(stamp_ns, "base", "odom") is None
    assert tree(0, "base", "odom") is not None  # 0 asks for the latest
    with pytest.raises(TransformError, match="'map' is not in"):
        tree.lookup("map", "base", SECOND)


def test_two_trees_and_loops_are_told():
    tree = TransformTree([], [stamped(0, "a", "b"), stamped(0, "x", "y")])
    with pytest.raises(TransformError, match="one tree"):
        tree.lookup("a", "y", 1)
    loop = TransformTree([], [stamped(0, "a", "b"), stamped(0, "b", "a"), stamped(0, "c", "d")])
    with pytest.raises(TransformError, match="loop"):
        loop.lookup("d", "a", 1)


def test_where_the_parent_changes_the_older_pose_holds():
    tree = TransformTree(
        [stamped(SECOND, "odom", "base", (1, 0, 0)), stamped(2 * SECOND, "map", "base", (9, 0, 0))]
    )
    np.testing.assert_allclose(tree.lookup("odom", "base", SECOND + 1)[:3, 3], [1.0, 0.0, 0.0])


def test_tf2_answers_the_same():
    pytest.importorskip("tf2_ros", reason="ROS 2 is not in this environment")
    from rclpy.time import Time
    from tf2_ros import BufferCore

    random = np.random.default_rng(2)
    messages = []
    for child, parent in (("base", "odom"), ("camera", "base")):
        for number in range(5):
            axis = random.normal(size=3)
            turn = stamped(
                SECOND + number * SECOND // 10, parent, child, random.normal(size=3), random.uniform(-3, 3),
                axis / np.linalg.norm(axis),
            )  # fmt: skip
            messages.append(turn)
    buffer, tree = BufferCore(), TransformTree(messages)
    for message in messages:
        buffer.set_transform(message, "test")
    for stamp_ns in (SECOND, SECOND + 123_456_789, SECOND + 399_999_999):
        found = buffer.lookup_transform_core("odom", "camera", Time(nanoseconds=stamp_ns)).transform
        pose = tree.lookup("odom", "camera", stamp_ns)
        offset = [found.translation.x, found.translation.y, found.translation.z]
        np.testing.assert_allclose(pose[:3, 3], offset, atol=1e-9)
        turn = [found.rotation.x, found.rotation.y, found.rotation.z, found.rotation.w]
        np.testing.assert_allclose(pose[:3, :3], Rotation.from_quat(turn).as_matrix(), atol=1e-9)
