"""What is stored about one child frame: its transforms to its parent over time."""
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

import numpy as np
from pytransform3d.transformations import pq_slerp, transform_from_pq

from .exceptions import ExtrapolationException


@dataclass(frozen=True, eq=False)
class Sample:
    """One transform from a child frame to its parent.

    stamp_ns : int, nanoseconds.
    parent : str
    pose_pq : (7,) array, position in m and unit quaternion in pytransform3d's order (x, y, z, qw, qx, qy, qz).
    """

    stamp_ns: int
    parent: str
    pose_pq: np.ndarray

    def child_to_parent(self):
        """Return the (4, 4) matrix that takes points of the child frame to the parent frame."""
        return transform_from_pq(self.pose_pq)


@dataclass
class FixedHistory:
    """A transform that holds at all times."""

    sample: Sample
    latest_ns: None = None
    earliest_ns: None = None

    def at(self, stamp_ns):
        """Return the one sample, whatever the time."""
        return self.sample


@dataclass
class TimedHistory:
    """Transforms of the last cache_ns nanoseconds, oldest first."""

    cache_ns: int
    samples: list = field(default_factory=list)

    @property
    def latest_ns(self):
        return self.samples[-1].stamp_ns

    @property
    def earliest_ns(self):
        return self.samples[0].stamp_ns

    def insert(self, sample):
        """Store a sample in order of time; False when it is older than everything that is kept."""
        if self.samples and sample.stamp_ns < self.latest_ns - self.cache_ns:
            return False
        index = bisect_right(self.samples, sample.stamp_ns, key=_stamp)
        if index and self.samples[index - 1].stamp_ns == sample.stamp_ns:
            self.samples[index - 1] = sample
        else:
            self.samples.insert(index, sample)
        del self.samples[:bisect_left(self.samples, self.latest_ns - self.cache_ns, key=_stamp)]
        return True

    def at(self, stamp_ns):
        """Return the sample at a time, interpolated between its neighbours; time 0 means the latest.

        Where the parent changed between the neighbours there is nothing to interpolate: the older one holds.

        Raises
        ------
        ExtrapolationException
            When the time lies before the first or after the last sample.
        """
        if stamp_ns == 0:
            return self.samples[-1]
        index = bisect_right(self.samples, stamp_ns, key=_stamp)
        if index and self.samples[index - 1].stamp_ns == stamp_ns:
            return self.samples[index - 1]
        if index in (0, len(self.samples)):
            raise ExtrapolationException(self._refusal(stamp_ns))
        older, newer = self.samples[index - 1], self.samples[index]
        if older.parent != newer.parent:
            return older
        fraction = (stamp_ns - older.stamp_ns) / (newer.stamp_ns - older.stamp_ns)
        return Sample(stamp_ns, older.parent, pq_slerp(older.pose_pq, newer.pose_pq, fraction))

    def _refusal(self, stamp_ns):
        if len(self.samples) == 1:
            where, edge = 'at another time', f'the only data is at time {seconds(self.latest_ns)}'
        elif stamp_ns > self.latest_ns:
            where, edge = 'into the future', f'the latest data is at time {seconds(self.latest_ns)}'
        else:
            where, edge = 'into the past', f'the earliest data is at time {seconds(self.earliest_ns)}'
        return f'Lookup would require extrapolation {where}. Requested time {seconds(stamp_ns)} but {edge}'


def seconds(stamp_ns):
    """Write a time in nanoseconds as seconds with nine decimals."""
    return f'{stamp_ns // 10**9}.{stamp_ns % 10**9:09d}'


def _stamp(sample):
    return sample.stamp_ns
