"""A node with a context and a thread of its own, beside whatever else the process does."""

import threading

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node


class BackgroundNode:
    """Spins from `start` to `stop`; its callbacks run in its thread, one after another.

    Attributes
    ----------
    node : to be given its subscriptions before `start`
    """

    def __init__(self, name: str):
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.node = Node(name, context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._thread = threading.Thread(target=self._spin, name=name, daemon=True)

    def start(self) -> None:
        """Begin to spin."""
        self._executor.add_node(self.node)
        self._thread.start()

    def stop(self) -> None:
        """Stop spinning; what hangs on the node can be closed then, and `destroy` comes last."""
        rclpy.shutdown(context=self._context)
        self._thread.join()

    def destroy(self) -> None:
        """Take the node down."""
        self.node.destroy_node()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            pass
