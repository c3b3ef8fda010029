"""The buffer that nodes use: waits for transforms and announces itself to ROS."""
import threading
import time as wall

from rclpy.clock import Clock, JumpThreshold
from rclpy.duration import Duration
from rclpy.logging import get_logger
from rclpy.task import Future
from tf2_msgs.srv import FrameGraph

from .buffer_core import DEFAULT_CACHE, BufferCore
from .buffer_interface import BufferInterface


class Buffer(BufferCore, BufferInterface):
    """Frames over time; a TransformListener fills it.

    Parameters
    ----------
    cache_time : rclpy.duration.Duration, optional
        How long transforms are kept; 10 s.
    node : rclpy.node.Node, optional
        Where given, it gets the service tf2_frames, and its clock's jumps back empty the buffer.
    """

    def __init__(self, cache_time=None, node=None):
        BufferCore.__init__(self, cache_time if cache_time is not None else DEFAULT_CACHE)
        BufferInterface.__init__(self)
        self._arrived = threading.Condition(self._lock)
        self._waiting = []
        if node is not None:
            self.srv = node.create_service(FrameGraph, 'tf2_frames', self._answer_frames)
        self.clock = node.get_clock() if node is not None else Clock()
        threshold = JumpThreshold(
            min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True)
        self.jump_handle = self.clock.create_jump_callback(threshold, post_callback=self.time_jump_callback)

    def time_jump_callback(self, time_jump):
        """Empty the buffer: what it holds belongs to another run of the clock."""
        get_logger('tf2_buffer').warning('Detected jump back in time. Clearing tf buffer.')
        self.clear()

    def set_transform(self, transform, authority):
        super().set_transform(transform, authority)
        self._announce()

    def set_transform_static(self, transform, authority):
        super().set_transform_static(transform, authority)
        self._announce()

    def lookup_transform(self, target_frame, source_frame, time, timeout=Duration()):
        """Return the TransformStamped from source_frame to target_frame, after waiting for it up to timeout."""
        self.can_transform(target_frame, source_frame, time, timeout)
        return self.lookup_transform_core(target_frame, source_frame, time)

    def lookup_transform_full(self, target_frame, target_time, source_frame, source_time, fixed_frame,
                              timeout=Duration()):
        """Return the transform between two frames at two times, after waiting for it up to timeout."""
        self.can_transform_full(target_frame, target_time, source_frame, source_time, fixed_frame, timeout)
        return self.lookup_transform_full_core(
            target_frame, target_time, source_frame, source_time, fixed_frame)

    def can_transform(self, target_frame, source_frame, time, timeout=Duration(), return_debug_tuple=False):
        """Tell whether the lookup would answer, after waiting for it up to timeout."""
        answer = self._wait(timeout, self.can_transform_core, target_frame, source_frame, time)
        return answer if return_debug_tuple else answer[0]

    def can_transform_full(self, target_frame, target_time, source_frame, source_time, fixed_frame,
                           timeout=Duration(), return_debug_tuple=False):
        """Tell whether the lookup at two times would answer, after waiting for it up to timeout."""
        answer = self._wait(timeout, self.can_transform_full_core, target_frame, target_time,
                            source_frame, source_time, fixed_frame)
        return answer if return_debug_tuple else answer[0]

    def wait_for_transform_async(self, target_frame, source_frame, time):
        """Return a Future that gets the TransformStamped as soon as it is there."""
        return self._future(self.lookup_transform_core, self.can_transform_core,
                            target_frame, source_frame, time)

    def wait_for_transform_full_async(self, target_frame, target_time, source_frame, source_time, fixed_frame):
        """Return a Future that gets the transform between two times as soon as it is there."""
        return self._future(self.lookup_transform_full_core, self.can_transform_full_core,
                            target_frame, target_time, source_frame, source_time, fixed_frame)

    async def lookup_transform_async(self, target_frame, source_frame, time):
        """Return the TransformStamped, awaiting it when it is not there yet."""
        return await self.wait_for_transform_async(target_frame, source_frame, time)

    async def lookup_transform_full_async(self, target_frame, target_time, source_frame, source_time, fixed_frame):
        """Return the transform between two times, awaiting it when it is not there yet."""
        return await self.wait_for_transform_full_async(
            target_frame, target_time, source_frame, source_time, fixed_frame)

    def _wait(self, timeout, can, *arguments):
        deadline_s = wall.monotonic() + timeout.nanoseconds / 1e9
        with self._arrived:
            while True:
                answer = can(*arguments)
                left_s = deadline_s - wall.monotonic()
                if answer[0] or left_s <= 0.0:
                    return answer
                self._arrived.wait(left_s)

    def _future(self, lookup, can, *arguments):
        future = Future()
        with self._lock:
            if can(*arguments)[0]:
                future.set_result(lookup(*arguments))
            else:
                self._waiting.append((future, lookup, can, arguments))
        return future

    def _announce(self):
        """Wake those who wait, and complete the futures that can be answered now."""
        with self._arrived:
            self._arrived.notify_all()
            waiting, self._waiting = self._waiting, []
            for entry in waiting:
                future, lookup, can, arguments = entry
                if future.cancelled():
                    continue
                if can(*arguments)[0]:
                    future.set_result(lookup(*arguments))
                else:
                    self._waiting.append(entry)

    def _answer_frames(self, request, response):
        response.frame_yaml = self.all_frames_as_yaml()
        return response
