"""The tree of frames over time, without any ROS communication."""
import threading

import numpy as np
from geometry_msgs.msg import TransformStamped
from pytransform3d.transformations import invert_transform, pq_from_transform
from rclpy.duration import Duration
from rclpy.logging import get_logger
from rclpy.time import Time

from .exceptions import (
    ConnectivityException,
    ExtrapolationException,
    InvalidArgumentException,
    LookupException,
    TransformException,
)
from .history import FixedHistory, Sample, TimedHistory, seconds

DEFAULT_CACHE = Duration(seconds=10.0)
QUATERNION_NORM_TOLERANCE = 1e-2   # on the squared norm, as in tf2
MAX_DEPTH = 1000   # frames between a frame and its root; more means that the tree has a loop


class BufferCore:
    """Stores transforms and answers lookups; safe to use from several threads.

    Parameters
    ----------
    cache_time : rclpy.duration.Duration
        How long transforms are kept, counted back from the newest of each frame; 10 s.
    """

    def __init__(self, cache_time=DEFAULT_CACHE):
        self._cache_ns = cache_time.nanoseconds
        self._histories = {}
        self._authorities = {}
        self._frames = set()
        self._lock = threading.RLock()

    def set_transform(self, transform, authority):
        """Store a TransformStamped that holds at its stamp; one that makes no sense is logged and left out."""
        sample, child = self._checked(transform, authority)
        if sample is None:
            return
        with self._lock:
            history = self._histories.get(child)
            if not isinstance(history, TimedHistory):
                history = self._histories[child] = TimedHistory(self._cache_ns)
            if not history.insert(sample):
                _warn(f'TF_OLD_DATA: {child} at time {seconds(sample.stamp_ns)} from {authority} is older than '
                      f'the {self._cache_ns / 1e9:g} s that are kept')
            self._remember(child, sample.parent, authority)

    def set_transform_static(self, transform, authority):
        """Store a TransformStamped that holds at all times."""
        sample, child = self._checked(transform, authority)
        if sample is None:
            return
        with self._lock:
            self._histories[child] = FixedHistory(sample)
            self._remember(child, sample.parent, authority)

    def clear(self):
        """Forget every transform that is not static."""
        with self._lock:
            self._histories = {c: h for c, h in self._histories.items() if isinstance(h, FixedHistory)}

    def lookup_transform_core(self, target_frame, source_frame, time):
        """Return the TransformStamped that takes points of source_frame to target_frame at a time.

        Time 0 means the latest time for which every frame between the two has data.

        Raises
        ------
        LookupException, ConnectivityException, ExtrapolationException, InvalidArgumentException
        """
        with self._lock:
            self._require(target_frame, 'target_frame')
            self._require(source_frame, 'source_frame')
            stamp_ns = _nanoseconds(time) or self._latest_common_ns(target_frame, source_frame)
            matrix = self._source_to_target(target_frame, source_frame, stamp_ns)
        return _message(matrix, target_frame, source_frame, stamp_ns)

    def lookup_transform_full_core(self, target_frame, target_time, source_frame, source_time, fixed_frame):
        """Return the transform from source_frame at source_time to target_frame at target_time.

        Between the two times fixed_frame is taken to stand still.
        """
        with self._lock:
            source_to_fixed = self.lookup_transform_core(fixed_frame, source_frame, source_time)
            fixed_to_target = self.lookup_transform_core(target_frame, fixed_frame, target_time)
        matrix = _matrix(fixed_to_target.transform) @ _matrix(source_to_fixed.transform)
        return _message(matrix, target_frame, source_frame, _nanoseconds(fixed_to_target.header.stamp))

    def can_transform_core(self, target_frame, source_frame, time):
        """Return (True, '') when the lookup would answer, else (False, why not)."""
        return _possible(self.lookup_transform_core, target_frame, source_frame, time)

    def can_transform_full_core(self, target_frame, target_time, source_frame, source_time, fixed_frame):
        """Return (True, '') when the lookup would answer, else (False, why not)."""
        return _possible(self.lookup_transform_full_core, target_frame, target_time,
                         source_frame, source_time, fixed_frame)

    def get_latest_common_time(self, target_frame, source_frame):
        """Return the latest rclpy Time for which the two frames can be related; 0 when only static data does."""
        with self._lock:
            self._require(target_frame, 'target_frame')
            self._require(source_frame, 'source_frame')
            return Time(nanoseconds=self._latest_common_ns(target_frame, source_frame))

    def all_frames_as_string(self):
        """Return one line per frame that names its parent."""
        with self._lock:
            return ''.join(f'Frame {child} exists with parent {history.at(0).parent}.\n'
                           for child, history in sorted(self._histories.items()))

    def all_frames_as_yaml(self):
        """Return every frame with parent, broadcaster and times in s as a YAML mapping."""
        with self._lock:
            return ''.join(self._frame_yaml(child) for child in sorted(self._histories)) or '[]'

    def _frame_yaml(self, child):
        history = self._histories[child]
        latest_ns, earliest_ns = history.latest_ns or 0, history.earliest_ns or 0
        return (f"{child}:\n  parent: '{history.at(0).parent}'\n  broadcaster: '{self._authorities[child]}'\n"
                f'  most_recent_transform: {seconds(latest_ns)}\n  oldest_transform: {seconds(earliest_ns)}\n'
                f'  buffer_length: {(latest_ns - earliest_ns) / 1e9:.3f}\n')

    def _frameExists(self, frame):
        return frame in self._frames

    def _remember(self, child, parent, authority):
        self._authorities[child] = authority
        self._frames.update((child, parent))

    def _require(self, frame, argument):
        if not frame or frame.startswith('/'):
            raise InvalidArgumentException(
                f'Invalid argument "{frame}" for {argument}: a frame name is not empty and has no leading slash')
        if frame not in self._frames:
            raise LookupException(f'"{frame}" passed as {argument} does not exist.')

    def _checked(self, transform, authority):
        """Return (Sample, child), or (None, '') after a warning that names what is wrong."""
        parent = transform.header.frame_id.removeprefix('/')
        child = transform.child_frame_id.removeprefix('/')
        pose_pq = _pose_pq(transform.transform)
        complaint = _complaint(parent, child, pose_pq)
        if complaint:
            _warn(f'Transform of child frame "{child}" from {authority} is left out: {complaint}')
            return None, ''
        pose_pq[3:] /= np.linalg.norm(pose_pq[3:])
        return Sample(_nanoseconds(transform.header.stamp), parent, pose_pq), child

    def _path(self, frame, stamp_ns):
        """Return ([frame, parent, grandparent, ...], [their samples], what stopped the walk before the root)."""
        frames, samples = [frame], []
        while frames[-1] in self._histories:
            if len(frames) > MAX_DEPTH:
                raise LookupException(f'The frames above "{frame}" form a loop: {" -> ".join(frames[:8])} ...')
            try:
                sample = self._histories[frames[-1]].at(stamp_ns)
            except ExtrapolationException as stop:
                return frames, samples, stop
            samples.append(sample)
            frames.append(sample.parent)
        return frames, samples, None

    def _common_ancestor(self, target_frame, source_frame, stamp_ns):
        """Return (samples from target up, samples from source up), each ending at the first common frame."""
        target_frames, target_samples, target_stop = self._path(target_frame, stamp_ns)
        source_frames, source_samples, source_stop = self._path(source_frame, stamp_ns)
        for source_index, frame in enumerate(source_frames):
            if frame in target_frames:
                return target_samples[:target_frames.index(frame)], source_samples[:source_index]
        stop = source_stop or target_stop
        if stop is not None:
            raise ExtrapolationException(
                f'{stop}, when looking up transform from frame [{source_frame}] to frame [{target_frame}]')
        raise ConnectivityException(
            f"Could not find a connection between '{target_frame}' and '{source_frame}': "
            'they are not part of the same tree.')

    def _source_to_target(self, target_frame, source_frame, stamp_ns):
        target_up, source_up = self._common_ancestor(target_frame, source_frame, stamp_ns)
        return invert_transform(_chain(target_up), check=False) @ _chain(source_up)

    def _latest_common_ns(self, target_frame, source_frame):
        if target_frame == source_frame:
            history = self._histories.get(target_frame)
            return (history.latest_ns or 0) if history else 0
        frames = []
        for samples, frame in zip(self._common_ancestor(target_frame, source_frame, 0), (target_frame, source_frame)):
            frames += [frame, *(sample.parent for sample in samples)][:len(samples)]
        latest_ns = [self._histories[frame].latest_ns for frame in frames]
        return min((value for value in latest_ns if value is not None), default=0)


def _complaint(parent, child, pose_pq):
    if not child:
        return 'TF_NO_CHILD_FRAME_ID: child_frame_id is empty'
    if not parent:
        return 'TF_NO_FRAME_ID: header.frame_id is empty'
    if parent == child:
        return 'TF_SELF_TRANSFORM: parent and child are the same frame'
    if not np.isfinite(pose_pq).all():
        return f'TF_NAN_INPUT: {pose_pq.tolist()} holds a value that is not finite'
    if abs(pose_pq[3:] @ pose_pq[3:] - 1.0) > QUATERNION_NORM_TOLERANCE:
        return f'TF_DENORMALIZED_QUATERNION: norm {np.linalg.norm(pose_pq[3:]):.4f}, expected 1'
    return None


def _possible(lookup, *arguments):
    try:
        lookup(*arguments)
    except TransformException as why:
        return False, str(why)
    return True, ''


def _chain(samples):
    matrix = np.eye(4)
    for sample in samples:
        matrix = sample.child_to_parent() @ matrix
    return matrix


def _nanoseconds(time):
    """Return the nanoseconds of an rclpy Time or of a builtin_interfaces/Time."""
    return time.nanoseconds if hasattr(time, 'nanoseconds') else time.sec * 10**9 + time.nanosec


def _pose_pq(transform):
    position, rotation = transform.translation, transform.rotation
    return np.array([position.x, position.y, position.z, rotation.w, rotation.x, rotation.y, rotation.z])


def _matrix(transform):
    return Sample(0, '', _pose_pq(transform)).child_to_parent()


def _message(matrix, target_frame, source_frame, stamp_ns):
    message = TransformStamped(child_frame_id=source_frame)
    message.header.frame_id = target_frame
    message.header.stamp = Time(nanoseconds=stamp_ns).to_msg()
    x, y, z, qw, qx, qy, qz = (float(value) for value in pq_from_transform(matrix, strict_check=False))
    position, rotation = message.transform.translation, message.transform.rotation
    position.x, position.y, position.z = x, y, z
    rotation.x, rotation.y, rotation.z, rotation.w = qx, qy, qz, qw
    return message


def _warn(text):
    get_logger('tf2_buffer').warning(text, throttle_duration_sec=1.0)
