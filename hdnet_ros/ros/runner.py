"""From a node's class to a process that starts with a clear word or runs until interrupted."""

import logging
import os
import signal
import sys
from collections.abc import Callable

import rclpy
from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from hdnet_ros.locate.backends import BackendError
from hdnet_ros.pipeline.bad_input import Throttle
from hdnet_ros.ros.shared_memory import remove_stale_segments

_POLL_S = 0.1
_WORTH_A_WORD = 1_000_000  # bytes
_SHELL_STATUS = 128  # plus the signal's number: ended by it, as shells tell


class Interrupts:
    """What SIGINT and SIGTERM mean: stop starting, then stop running, and the second time end at once.

    rclpy's own handlers would take the context from under whatever the node is doing, and Python's raise
    in the midst of it: taking a message, or the way down.

    Attributes
    ----------
    asked : number of the signal that asked to end, 0 before
    """

    def __init__(self, name: str):
        self._name = name
        self.asked = 0
        self.is_starting = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame) -> None:
        if self.asked:
            # Past Python's way down, which may be what hangs.
            os.write(2, f"{self._name}: interrupted again, ended at once\n".encode())
            os._exit(_SHELL_STATUS + number)
        self.asked = number
        if self.is_starting:
            # What was half made may complain when it goes; that is nobody's concern any more.
            sys.unraisablehook = lambda unraisable: None
            raise KeyboardInterrupt


class _ToRosLog(logging.Handler):
    """Hands what the package says through Python's logging to the node's log."""

    def __init__(self, name: str):
        super().__init__()
        self._logger = rclpy.logging.get_logger(name)

    def emit(self, record: logging.LogRecord) -> None:
        severity = min(record.levelno, logging.CRITICAL) // 10 * 10  # ROS counts as Python does
        self._logger.log(record.getMessage(), rclpy.logging.LoggingSeverity(max(severity, 10)))


def run(
    make_node: Callable[[], Node],
    name: str,
    args: list[str] | None,
    is_done: Callable[[Node], bool] = lambda node: False,
) -> int:
    """Spin a node until it is interrupted or done; return the process' exit status.

    A node that cannot start (a parameter out of range, a missing file) says why in one line
    and gives 1; one that is interrupted while it starts gives 130, as shells tell it. Interrupted
    later it ends as it should and gives 0, unless it has an `exit_status` of its own; a second interrupt
    ends it at once, with 130.
    """
    interrupts = Interrupts(name)
    logging.getLogger("hdnet_ros").addHandler(_ToRosLog(name))
    node = None
    try:
        try:
            freed = remove_stale_segments()
            rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
            if freed > _WORTH_A_WORD:
                said = f"{freed / 1e6:.0f} MB of shared memory taken back that killed processes had left"
                rclpy.logging.get_logger(name).info(said)
            node = make_node()
        finally:
            interrupts.is_starting = False
        _spin(node, lambda: interrupts.asked or is_done(node))
    except KeyboardInterrupt:
        print(f"{name}: interrupted while starting", file=sys.stderr)
        return _SHELL_STATUS + interrupts.asked
    except (BackendError, ParameterException, NameValidationException, ValueError, OSError, RuntimeError) as error:
        if node is not None:
            raise
        # rcl tells several lines, the first of them what a user can understand.
        rclpy.logging.get_logger(name).fatal(str(error).strip().partition("\n")[0])
        return 1
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.utilities.get_default_context().try_shutdown()
        # Through: what comes now would only spoil the exit status.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    return getattr(node, "exit_status", 0)


def _spin(node: Node, is_over: Callable[[], bool]) -> None:
    """Answer callbacks until it is over; one that fails is told and costs no other."""
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    throttle = Throttle()
    while rclpy.ok() and not is_over():
        try:
            executor.spin_once(timeout_sec=_POLL_S)
        except ExternalShutdownException:
            return
        except Exception as error:  # noqa: BLE001  (a message that cannot be taken must not end the node)
            if rclpy.ok() and throttle.admit(type(error).__name__) is not None:
                node.get_logger().error(f"a callback failed: {type(error).__name__}: {error}"[:400])
