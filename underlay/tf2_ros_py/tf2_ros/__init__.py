"""tf2 in Python over rclpy, with the names and the behaviour of ROS 2's own module tf2_ros."""
from .buffer import Buffer
from .buffer_core import BufferCore
from .buffer_interface import BufferInterface, TransformRegistration, TypeException
from .exceptions import (
    ConnectivityException,
    ExtrapolationException,
    InvalidArgumentException,
    LookupException,
    TimeoutException,
    TransformException,
)
from .static_transform_broadcaster import StaticTransformBroadcaster
from .transform_broadcaster import TransformBroadcaster
from .transform_listener import TransformListener

__all__ = [
    'Buffer', 'BufferCore', 'BufferInterface', 'ConnectivityException', 'ExtrapolationException',
    'InvalidArgumentException', 'LookupException', 'StaticTransformBroadcaster', 'TimeoutException',
    'TransformBroadcaster', 'TransformException', 'TransformListener', 'TransformRegistration', 'TypeException',
]
