"""The tf2 buffer: chains, interpolation, static frames, and what it refuses."""
import threading
import time as wall

import numpy as np
import pytest

pytest.importorskip('tf2_ros', reason='needs ROS 2 or the built underlay: ./run test builds it')
from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.time import Time
from tf2_ros import (
    Buffer,
    ConnectivityException,
    ExtrapolationException,
    InvalidArgumentException,
    LookupException,
    TransformException,
)

LATEST = Time()


def at(seconds):
    return Time(nanoseconds=round(seconds * 1e9))


def transform(parent, child, seconds=0.0, xyz=(0.0, 0.0, 0.0), yaw_rad=0.0):
    """Return a TransformStamped that moves by xyz (m) and turns about z."""
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    message.header.stamp = at(seconds).to_msg()
    position, rotation = message.transform.translation, message.transform.rotation
    position.x, position.y, position.z = (float(value) for value in xyz)
    rotation.z, rotation.w = float(np.sin(yaw_rad / 2)), float(np.cos(yaw_rad / 2))
    return message


def xyz_yaw(message):
    position, rotation = message.transform.translation, message.transform.rotation
    return position.x, position.y, position.z, 2.0 * float(np.arctan2(rotation.z, rotation.w))


@pytest.fixture
def buffer():
    return Buffer()


def test_lookup_takes_points_of_the_source_to_the_target(buffer):
    buffer.set_transform(transform('odom', 'base', 5.0, (1.0, 2.0, 0.0), np.pi / 2), 'test')
    found = buffer.lookup_transform('odom', 'base', at(5.0))
    assert (found.header.frame_id, found.child_frame_id) == ('odom', 'base')
    assert Time.from_msg(found.header.stamp).nanoseconds == 5_000_000_000
    assert xyz_yaw(found) == pytest.approx((1.0, 2.0, 0.0, np.pi / 2))
    # The other way: (1, 2) turned back by 90 degrees about z is (2, -1).
    assert xyz_yaw(buffer.lookup_transform('base', 'odom', at(5.0))) == pytest.approx((-2.0, 1.0, 0.0, -np.pi / 2))


def test_chain_through_the_common_ancestor(buffer):
    buffer.set_transform(transform('map', 'odom', 1.0, (10.0, 0.0, 0.0)), 'test')
    buffer.set_transform(transform('odom', 'base', 1.0, (0.0, 1.0, 0.0), np.pi / 2), 'test')
    buffer.set_transform_static(transform('base', 'camera', xyz=(0.5, 0.0, 1.0)), 'test')
    buffer.set_transform_static(transform('map', 'dock', xyz=(10.0, 0.0, 0.0)), 'test')
    assert xyz_yaw(buffer.lookup_transform('map', 'camera', at(1.0))) == pytest.approx((10.0, 1.5, 1.0, np.pi / 2))
    assert xyz_yaw(buffer.lookup_transform('dock', 'camera', at(1.0))) == pytest.approx((0.0, 1.5, 1.0, np.pi / 2))


def test_interpolates_position_and_angle(buffer):
    buffer.set_transform(transform('odom', 'base', 1.0, (0.0, 0.0, 0.0), 0.0), 'test')
    buffer.set_transform(transform('odom', 'base', 3.0, (2.0, 4.0, 0.0), 1.0), 'test')
    assert xyz_yaw(buffer.lookup_transform('odom', 'base', at(1.5))) == pytest.approx((0.5, 1.0, 0.0, 0.25))


def test_interpolates_the_short_way_when_the_quaternion_changes_sign(buffer):
    buffer.set_transform(transform('odom', 'base', 1.0, yaw_rad=0.2), 'test')
    buffer.set_transform(transform('odom', 'base', 2.0, yaw_rad=0.4 + 2.0 * np.pi), 'test')
    yaw_rad = xyz_yaw(buffer.lookup_transform('odom', 'base', at(1.5)))[3]
    assert np.angle(np.exp(1j * yaw_rad)) == pytest.approx(0.3)


def test_samples_may_arrive_out_of_order(buffer):
    for seconds in (3.0, 1.0, 2.0):
        buffer.set_transform(transform('odom', 'base', seconds, (seconds, 0.0, 0.0)), 'test')
    assert xyz_yaw(buffer.lookup_transform('odom', 'base', at(1.25)))[0] == pytest.approx(1.25)
    assert xyz_yaw(buffer.lookup_transform('odom', 'base', LATEST))[0] == pytest.approx(3.0)


def test_time_zero_is_the_latest_time_of_all_frames_between(buffer):
    for seconds in (1.0, 2.0, 3.0):
        buffer.set_transform(transform('map', 'odom', seconds, (seconds, 0.0, 0.0)), 'test')
    for seconds in (1.0, 2.5):
        buffer.set_transform(transform('odom', 'base', seconds), 'test')
    found = buffer.lookup_transform('map', 'base', LATEST)
    assert Time.from_msg(found.header.stamp).nanoseconds == 2_500_000_000
    assert found.transform.translation.x == pytest.approx(2.5)
    assert buffer.get_latest_common_time('map', 'base') == at(2.5)


def test_static_transform_holds_at_all_times(buffer):
    buffer.set_transform_static(transform('base', 'camera', 7.0, (0.1, 0.0, 0.0)), 'test')
    for time in (LATEST, at(0.5), at(1e6)):
        assert buffer.lookup_transform('base', 'camera', time).transform.translation.x == pytest.approx(0.1)


@pytest.mark.parametrize('seconds, word', [(0.5, 'past'), (2.5, 'future')])
def test_extrapolation_is_refused_in_words(buffer, seconds, word):
    for stamp in (1.0, 2.0):
        buffer.set_transform(transform('odom', 'base', stamp), 'test')
    with pytest.raises(ExtrapolationException, match=word):
        buffer.lookup_transform('odom', 'base', at(seconds))


def test_extrapolation_above_the_common_ancestor_does_not_matter(buffer):
    buffer.set_transform(transform('map', 'odom', 1.0), 'test')
    for stamp in (1.0, 5.0):
        buffer.set_transform(transform('odom', 'left', stamp, (1.0, 0.0, 0.0)), 'test')
        buffer.set_transform(transform('odom', 'right', stamp, (-1.0, 0.0, 0.0)), 'test')
    assert buffer.lookup_transform('right', 'left', at(4.0)).transform.translation.x == pytest.approx(2.0)


def test_unknown_frame_and_unconnected_trees(buffer):
    buffer.set_transform(transform('odom', 'base', 1.0), 'test')
    buffer.set_transform(transform('island', 'hut', 1.0), 'test')
    with pytest.raises(LookupException, match='nowhere'):
        buffer.lookup_transform('odom', 'nowhere', LATEST)
    with pytest.raises(ConnectivityException, match='hut'):
        buffer.lookup_transform('odom', 'hut', LATEST)
    with pytest.raises(InvalidArgumentException):
        buffer.lookup_transform('', 'base', LATEST)
    assert issubclass(ConnectivityException, TransformException)
    possible, why = buffer.can_transform('odom', 'nowhere', LATEST, return_debug_tuple=True)
    assert not possible and 'nowhere' in why


def test_a_frame_to_itself_is_the_identity(buffer):
    buffer.set_transform(transform('odom', 'base', 1.0, (1.0, 1.0, 1.0), 1.0), 'test')
    assert xyz_yaw(buffer.lookup_transform('base', 'base', at(99.0))) == pytest.approx((0.0, 0.0, 0.0, 0.0))


def test_loop_is_an_error_and_not_a_hang(buffer):
    for parent, child in (('a', 'b'), ('b', 'c'), ('c', 'a')):
        buffer.set_transform(transform(parent, child, 1.0), 'test')
    buffer.set_transform(transform('x', 'y', 1.0), 'test')
    with pytest.raises(TransformException):
        buffer.lookup_transform('x', 'a', at(1.0))


def test_cache_time_forgets_the_old(buffer):
    short = Buffer(cache_time=Duration(seconds=2.0))
    for stamp in range(1, 11):
        short.set_transform(transform('odom', 'base', stamp), 'test')
    assert short.can_transform('odom', 'base', at(8.5))
    assert not short.can_transform('odom', 'base', at(7.5))
    short.set_transform(transform('odom', 'base', 3.0, (9.0, 0.0, 0.0)), 'test')
    assert not short.can_transform('odom', 'base', at(3.0))


def nan_transform():
    return transform('odom', 'base', 1.0, (float('nan'), 0.0, 0.0))


def zero_quaternion():
    message = transform('odom', 'base', 1.0)
    message.transform.rotation.w = 0.0
    return message


@pytest.mark.parametrize('bad', [
    nan_transform(), zero_quaternion(), transform('base', 'base', 1.0),
    transform('', 'base', 1.0), transform('odom', '', 1.0)], ids=['nan', 'zero', 'self', 'parent', 'child'])
def test_senseless_transforms_are_left_out(buffer, bad):
    buffer.set_transform(bad, 'test')
    assert not buffer.can_transform('odom', 'base', LATEST)


def test_clear_forgets_all_but_static(buffer):
    buffer.set_transform(transform('odom', 'base', 1.0), 'test')
    buffer.set_transform_static(transform('base', 'camera'), 'test')
    buffer.clear()
    assert not buffer.can_transform('odom', 'base', LATEST)
    assert buffer.can_transform('base', 'camera', LATEST)


def test_lookup_waits_for_a_transform_that_comes_in_time(buffer):
    sender = threading.Timer(0.2, buffer.set_transform, (transform('odom', 'base', 1.0, (3.0, 0.0, 0.0)), 'test'))
    sender.start()
    found = buffer.lookup_transform('odom', 'base', at(1.0), timeout=Duration(seconds=20.0))
    sender.join()
    assert found.transform.translation.x == 3.0


def test_lookup_gives_up_after_the_timeout(buffer):
    began_s = wall.monotonic()
    with pytest.raises(LookupException):
        buffer.lookup_transform('odom', 'base', at(1.0), timeout=Duration(seconds=0.2))
    assert wall.monotonic() - began_s >= 0.2


def test_future_completes_when_the_transform_arrives(buffer):
    future = buffer.wait_for_transform_async('odom', 'base', at(1.5))
    buffer.set_transform(transform('odom', 'base', 1.0), 'test')
    assert not future.done()
    buffer.set_transform(transform('odom', 'base', 2.0), 'test')
    assert future.done()


def test_lookup_full_goes_through_the_fixed_frame(buffer):
    for stamp in (1.0, 2.0):
        buffer.set_transform(transform('odom', 'base', stamp, (stamp, 0.0, 0.0)), 'test')
    found = buffer.lookup_transform_full('base', at(2.0), 'base', at(1.0), 'odom')
    # What lay at the robot's origin a second ago lies 1 m behind it now.
    assert found.transform.translation.x == pytest.approx(-1.0)
    assert Time.from_msg(found.header.stamp) == Time(nanoseconds=2_000_000_000, clock_type=Time.from_msg(
        found.header.stamp).clock_type)


def test_message_stamps_are_accepted_as_times(buffer):
    message = transform('odom', 'base', 1.0, (1.0, 0.0, 0.0))
    buffer.set_transform(message, 'test')
    assert buffer.lookup_transform('odom', 'base', message.header.stamp).transform.translation.x == 1.0


def test_frames_are_listed_as_yaml(buffer):
    import yaml
    buffer.set_transform(transform('odom', 'base', 1.0), 'somebody')
    frames = yaml.safe_load(buffer.all_frames_as_yaml())
    assert frames['base']['parent'] == 'odom'
