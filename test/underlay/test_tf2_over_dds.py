"""Transforms through real DDS, between two processes."""
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip('tf2_ros', reason='needs ROS 2 or the built underlay: ./run test builds it')
import rclpy
from rclpy.duration import Duration
from rclpy.time import Time
from tf2_ros import Buffer, TransformListener

SENDER = textwrap.dedent('''
    import time
    import rclpy
    from geometry_msgs.msg import TransformStamped
    from tf2_ros import StaticTransformBroadcaster, TransformBroadcaster

    def transform(parent, child, stamp_s, x):
        message = TransformStamped(child_frame_id=child)
        message.header.frame_id = parent
        message.header.stamp.sec = stamp_s
        message.transform.translation.x = x
        message.transform.rotation.w = 1.0
        return message

    rclpy.init()
    node = rclpy.create_node('tf_sender')
    fixed, moving = StaticTransformBroadcaster(node), TransformBroadcaster(node)
    fixed.sendTransform(transform('base', 'camera', 0, 0.25))
    fixed.sendTransform([transform('base', 'lidar', 0, 0.5)])
    while True:
        for stamp_s in (100, 102):
            moving.sendTransform([transform('odom', 'base', stamp_s, float(stamp_s))])
        time.sleep(0.1)
''')


@pytest.fixture
def sender():
    process = subprocess.Popen([sys.executable, '-c', SENDER])
    yield process
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture
def node():
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('tf_receiver', context=context)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


def spin_until(node, condition, limit_s=30.0):
    """Spin a node until a condition holds; returns whether it did within limit_s."""
    from rclpy.executors import SingleThreadedExecutor
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    deadline = node.get_clock().now() + Duration(seconds=limit_s)
    while not condition() and node.get_clock().now() < deadline:
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    return condition()


def test_listener_receives_moving_and_static_transforms(sender, node):
    buffer = Buffer(cache_time=Duration(seconds=30.0), node=node)
    listener = TransformListener(buffer, node)
    middle = Time(nanoseconds=101_000_000_000)
    assert spin_until(node, lambda: buffer.can_transform('odom', 'camera', middle)
                      and buffer.can_transform('odom', 'lidar', middle))
    assert buffer.lookup_transform('odom', 'camera', middle).transform.translation.x == pytest.approx(101.25)
    assert buffer.lookup_transform('odom', 'lidar', middle).transform.translation.x == pytest.approx(101.5)
    listener.unregister()
