"""Publishing transforms that change over time."""
from rclpy.qos import QoSProfile
from tf2_msgs.msg import TFMessage


class TransformBroadcaster:
    """Publishes on /tf.

    Parameters
    ----------
    node : rclpy.node.Node
    qos : QoSProfile or int, optional
        Reliable, volatile, the last 100.
    """

    def __init__(self, node, qos=None):
        self.pub_tf = node.create_publisher(TFMessage, '/tf', QoSProfile(depth=100) if qos is None else qos)

    def sendTransform(self, transform):
        """Publish a TransformStamped, or several as one message."""
        self.pub_tf.publish(TFMessage(transforms=as_list(transform)))


def as_list(transform):
    """Return one transform or an iterable of them as a list."""
    return list(transform) if hasattr(transform, '__iter__') else [transform]
