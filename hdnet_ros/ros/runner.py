"""From a node's class to a process that starts with a clear word or runs until interrupted."""

from collections.abc import Callable

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from hdnet_ros.locate.backends import BackendError

_POLL_S = 0.1


def run(
    make_node: Callable[[], Node],
    name: str,
    args: list[str] | None,
    is_done: Callable[[Node], bool] = lambda node: False,
) -> int:
    """Spin a node until it is interrupted or done; return the process' exit status.

    A node that cannot start (a parameter out of range, a missing file) says why in one line
    and gives 1.
    """
    rclpy.init(args=args)
    node = None
    try:
        node = make_node()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        while rclpy.ok() and not is_done(node):
            executor.spin_once(timeout_sec=_POLL_S)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except (BackendError, ParameterException, ValueError) as error:
        if node is not None:
            raise
        rclpy.logging.get_logger(name).fatal(str(error))
        return 1
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.utilities.get_default_context().try_shutdown()
    return 0
