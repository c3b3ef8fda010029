"""Publishing transforms that hold at all times."""
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from .transform_broadcaster import as_list


class StaticTransformBroadcaster:
    """Publishes on /tf_static, where late subscribers get the last message.

    Parameters
    ----------
    node : rclpy.node.Node
    qos : QoSProfile or int, optional
        Reliable, transient local, the last one.
    """

    def __init__(self, node, qos=None):
        if qos is None:
            qos = QoSProfile(
                depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL, history=HistoryPolicy.KEEP_LAST)
        self.pub_tf = node.create_publisher(TFMessage, '/tf_static', qos)
        self._by_child = {}

    def sendTransform(self, transform):
        """Publish a TransformStamped or several, together with all that were sent before.

        The last message is all that a late subscriber gets, so it has to hold everything.
        """
        self._by_child.update({one.child_frame_id: one for one in as_list(transform)})
        self.pub_tf.publish(TFMessage(transforms=list(self._by_child.values())))
