"""Which image belongs to which detections: stamps only, nothing of ROS."""

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# An image this much older than the newest one did not come late: the clock was set back.
CLOCK_JUMP_NS = 1_000_000_000
# Set back by less than that, it shows in images that are late one after another, each newer than the last.
LATE_IN_A_ROW = 3
# Detections may come long before their image, over a slow link say; they are small, images are not.
DETECTIONS_KEPT = 300
# Stamps of images that went before their detections came.
_GONE_REMEMBERED = 1000


class Pair(NamedTuple):
    """An image with its detections; `gap_ns` is how far apart their stamps are."""

    stamp_ns: int
    image: Any
    detections: Any
    gap_ns: int


@dataclass
class InputCount:
    """What became of the messages of one input."""

    received: int = 0
    matched: int = 0
    dropped: int = 0


@dataclass
class Waiting:
    """Messages of one input that have no partner yet, by stamp, oldest first."""

    kept: int
    by_stamp_ns: OrderedDict = field(default_factory=OrderedDict)
    count: InputCount = field(default_factory=InputCount)

    def put(self, stamp_ns: int, message: Any) -> list[int]:
        """Keep a message; return the stamps of those that had to go for it."""
        if stamp_ns in self.by_stamp_ns:
            self.count.dropped += 1
        self.by_stamp_ns[stamp_ns] = message
        self.by_stamp_ns.move_to_end(stamp_ns)
        gone = []
        while len(self.by_stamp_ns) > self.kept:
            gone.append(self.by_stamp_ns.popitem(last=False)[0])
            self.count.dropped += 1
        return gone

    def drop_until(self, stamp_ns: int) -> None:
        for stamp in [stamp for stamp in self.by_stamp_ns if stamp <= stamp_ns]:
            del self.by_stamp_ns[stamp]
            self.count.dropped += 1

    def clear(self) -> None:
        self.count.dropped += len(self.by_stamp_ns)
        self.by_stamp_ns.clear()


class FramePairing:
    """Hand out the newest image whose detections are there.

    Images wait for their detections, `images_kept` of them at most, for a detector is slower
    than a camera. Equal stamps pair first; where none are equal, the nearest within the slop.
    When a pair is taken everything older is dropped, so nothing queues. A stamp of zero says
    nothing about time: detections of stamp zero go with the newest image, and an image of stamp
    zero goes with the newest detections that fit nothing else. One below zero is no time either and
    pairs with its equal only. All methods may be called from any thread.

    Parameters
    ----------
    slop_ns : int
        Largest difference of stamps that still counts as the same moment; 0 demands equality.
    images_kept : int
        Images that wait at the same time.
    """

    def __init__(self, slop_ns: int, images_kept: int = 30):
        if slop_ns < 0 or images_kept < 1:
            raise ValueError(
                f"slop_ns {slop_ns}, images_kept {images_kept}: expected >= 0 and >= 1"
            )
        self.slop_ns = slop_ns
        self._images = Waiting(images_kept)
        self._detections = Waiting(DETECTIONS_KEPT)
        self._last_taken_ns: int | None = None
        self._newest_image_ns: int | None = None
        self._stamps_are_copied = False
        self._late: OrderedDict[int, Any] = OrderedDict()
        self._gone: OrderedDict[int, int] = OrderedDict()  # stamp to the image's number
        self._images_needed = 0
        self.clock_jumps = 0
        self._changed = threading.Condition()

    @property
    def image_count(self) -> InputCount:
        return self._images.count

    @property
    def detections_count(self) -> InputCount:
        return self._detections.count

    def offer_image(self, stamp_ns: int, image: Any) -> str | None:
        """Keep an image; return what is odd about its stamp, or None."""
        with self._changed:
            self._images.count.received += 1
            oddity = self._oddity(stamp_ns)
            if oddity == "late":
                oddity = self._late_image(stamp_ns, image)
            elif oddity == "clock jumped back":
                self._jump()
                self._keep_image(stamp_ns, image)
            else:
                self._late.clear()
                self._keep_image(stamp_ns, image)
            self._changed.notify()
            return oddity

    def offer_detections(self, stamp_ns: int, detections: Any) -> str | None:
        """Keep detections; return what is odd about their stamp, or None."""
        with self._changed:
            self._detections.count.received += 1
            self._note_gone(stamp_ns)
            self._detections.put(stamp_ns, detections)
            self._changed.notify()
            if stamp_ns <= 0:
                return _no_time(stamp_ns)
            taken = self._last_taken_ns
            return "late" if taken is not None and 0 <= taken - stamp_ns < CLOCK_JUMP_NS else None

    def take(self, is_ready: Callable[[Pair], bool] = lambda pair: True) -> Pair | None:
        """Return the newest complete pair, or None where there is none or it is not ready yet."""
        with self._changed:
            pair = self._newest_pair()
            if pair is None or not is_ready(pair):
                return None
            self._settle(pair)
            return pair

    def images_needed(self) -> int:
        """Return how many images must wait so that the last detections would have found theirs.

        0 unless the image of the last detections had to go before they came.
        """
        with self._changed:
            return self._images_needed

    def ahead_ns(self) -> int:
        """Return how much newer the newest detections are than the newest image; 0: they are not."""
        with self._changed:
            newest = max(self._detections.by_stamp_ns, default=0)
            return max(0, newest - self._newest_image_ns) if self._newest_image_ns and newest else 0

    def gap_ns(self) -> int | None:
        """Return the smallest difference between waiting stamps; None where one side is empty."""
        with self._changed:
            gaps = [
                abs(a - b) for a in self._images.by_stamp_ns for b in self._detections.by_stamp_ns
            ]
            return min(gaps, default=None)

    def reset(self) -> None:
        """Forget everything that waits; the counts go on."""
        with self._changed:
            self._late.clear()
            self._forget()

    def _keep_image(self, stamp_ns: int, image: Any) -> None:
        if stamp_ns > 0:
            newest = self._newest_image_ns
            self._newest_image_ns = stamp_ns if newest is None else max(newest, stamp_ns)
        for stamp in self._images.put(stamp_ns, image):
            self._gone[stamp] = self._images.count.received
        while len(self._gone) > _GONE_REMEMBERED:
            self._gone.popitem(last=False)

    def _note_gone(self, stamp_ns: int) -> None:
        """Note how many images would have had to wait for detections whose image is gone."""
        went_at = self._gone.get(stamp_ns)
        if went_at is None:
            near = [at for stamp, at in self._gone.items() if abs(stamp - stamp_ns) <= self.slop_ns]
            went_at = near[-1] if near else None
        since = None if went_at is None else self._images.count.received - went_at
        self._images_needed = 0 if since is None else self._images.kept + since + 1

    def _late_image(self, stamp_ns: int, image: Any) -> str:
        """Put a late image aside; several of them, each newer than the last, are a clock set back."""
        if self._late and stamp_ns <= next(reversed(self._late)):
            self._late.clear()
        self._late[stamp_ns] = image
        self._images.count.dropped += 1
        if len(self._late) < LATE_IN_A_ROW:
            return "late"
        late, self._late = self._late, OrderedDict()
        self._images.count.dropped -= len(late)
        kept = {s: d for s, d in self._detections.by_stamp_ns.items() if s <= stamp_ns}
        for stamp in kept:
            del self._detections.by_stamp_ns[stamp]
        self._jump()
        self._detections.by_stamp_ns.update(kept)
        for stamp, message in late.items():
            self._keep_image(stamp, message)
        return "clock jumped back"

    def _jump(self) -> None:
        self._late.clear()
        self._forget()
        self.clock_jumps += 1

    def _oddity(self, stamp_ns: int) -> str | None:
        if stamp_ns <= 0:
            return _no_time(stamp_ns)
        newest = self._newest_image_ns
        if newest is not None and newest - stamp_ns >= CLOCK_JUMP_NS:
            return "clock jumped back"
        if self._last_taken_ns is not None and stamp_ns <= self._last_taken_ns:
            return "late"
        return None

    def _newest_pair(self) -> Pair | None:
        images, detections = self._images.by_stamp_ns, self._detections.by_stamp_ns
        if not images or not detections:
            return None
        equal = [stamp for stamp in images if stamp in detections]
        if any(equal):
            stamp = max(equal)
            self._stamps_are_copied = True
            return Pair(stamp, images[stamp], detections[stamp], 0)
        near = self._near_pair()
        if near is not None:
            return near
        # A stamp of zero pairs with whatever is newest on the other side.
        if 0 in detections:
            stamp = next(reversed(images))
            return Pair(stamp, images[stamp], detections[0], 0)
        if 0 in images and next(reversed(images)) == 0:
            stamp = next(reversed(detections))
            return Pair(0, images[0], detections[stamp], 0)
        return None

    def _near_pair(self) -> Pair | None:
        stamps = sorted(stamp for stamp in self._images.by_stamp_ns if stamp > 0)
        taken_ns = self._last_taken_ns or 0
        for detections_ns in sorted(self._detections.by_stamp_ns, reverse=True):
            if detections_ns <= taken_ns or self._equal_one_may_come(detections_ns):
                continue
            place = bisect_left(stamps, detections_ns)
            gaps = [(abs(i - detections_ns), i) for i in stamps[max(0, place - 1) : place + 1]]
            gap_ns, image_ns = min(gaps, default=(self.slop_ns + 1, 0))
            if gap_ns <= self.slop_ns:
                image = self._images.by_stamp_ns[image_ns]
                return Pair(image_ns, image, self._detections.by_stamp_ns[detections_ns], gap_ns)
        return None

    def _equal_one_may_come(self, detections_ns: int) -> bool:
        """Say whether the detector copies stamps and this one's image is still on its way."""
        newest = self._newest_image_ns
        return self._stamps_are_copied and newest is not None and detections_ns > newest

    def _settle(self, pair: Pair) -> None:
        for waiting, message in ((self._images, pair.image), (self._detections, pair.detections)):
            for stamp in [s for s, kept in waiting.by_stamp_ns.items() if kept is message]:
                del waiting.by_stamp_ns[stamp]
            waiting.count.matched += 1
        if pair.stamp_ns > 0:
            self._last_taken_ns = pair.stamp_ns
        self._images.drop_until(pair.stamp_ns)
        self._detections.drop_until(pair.stamp_ns)

    def _forget(self) -> None:
        self._gone.clear()
        self._images_needed = 0
        self._images.clear()
        self._detections.clear()
        self._last_taken_ns = None
        self._newest_image_ns = None


def _no_time(stamp_ns: int) -> str:
    return "negative" if stamp_ns < 0 else "zero"
