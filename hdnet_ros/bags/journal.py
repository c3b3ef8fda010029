"""What was inferred so far, on disk: an interrupted run goes on without inferring it again.

An answer is kept under a digest of all that it depends on (pixels, boxes, camera), so it never
matters in which order, how far or how often runs came: the second run replays the recording from
its start and finds the answers of the first. Everything else (pairing, tracking, messages) is
cheap and done anew.
"""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from hdnet_ros.bags.errors import BagError
from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection, PersonEstimate, PersonFlags
from hdnet_ros.locate.protocol import BoxedImage, Estimator, Located


class Journal:
    """Answers by digest, one JSON line each, appended as they are made; locked while open.

    Opening waits while another process holds the same journal.

    Parameters
    ----------
    path : the file; one of another `fingerprint`, and one that is damaged, is started over from there
    fingerprint : what made the answers: weights and settings

    Raises
    ------
    BagError : a link, or something else than a file of one's own, lies where the journal would
    OSError : it cannot be written
    """

    def __init__(self, path: Path, fingerprint: str):
        self.path = path
        self._answers: dict[str, Any] = {}
        self._of_before: set[str] = set()
        self.reused = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _opened(path)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        end = self._load(fingerprint)
        self._of_before.update(self._answers)
        # A line that a killed process left half written would spoil the next.
        self._file.truncate(end)
        if end == 0:
            self._append({"fingerprint": fingerprint, "pid": os.getpid()})

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: str, read: Callable[[Any], Any] = lambda answer: answer) -> Any | None:
        """Return an answer as `read` makes it of JSON, None where there is none that it can be made of."""
        try:
            found = read(self._answers[key])
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            return None
        # Of equal pictures in one run the first one's answer is nothing of an earlier run.
        self.reused += key in self._of_before
        return found

    def put(self, key: str, answer: Any) -> None:
        """Keep an answer made of what JSON knows; on disk when this returns."""
        self._answers[key] = answer
        self._append({"key": key, "answer": answer})

    def close(self, remove: bool = False) -> None:
        """Unlock, and remove the file where it has served."""
        if remove:
            self.path.unlink(missing_ok=True)
        self._file.close()

    def _load(self, fingerprint: str) -> int:
        """Read the whole lines; return where they end, 0 where they are of another make."""
        self._file.seek(0)
        end = 0
        for number, line in enumerate(self._file):
            try:
                entry = json.loads(line) if line.endswith(b"\n") else None
            except (ValueError, RecursionError):
                entry = None
            if not isinstance(entry, dict):
                return end
            if number == 0:
                if entry.get("fingerprint") != fingerprint:
                    return 0
            elif isinstance(entry.get("key"), str) and "answer" in entry:
                self._answers[entry["key"]] = entry["answer"]
            else:
                return end
            end += len(line)
        return end

    def _append(self, entry: dict) -> None:
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()


def _opened(path: Path) -> BinaryIO:
    """Open a journal to read and append; never through a link that somebody laid there."""
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise BagError(f"{path}: expected a journal of an earlier run or nothing there, found {_kind(path)}; remove it") from None
        raise
    found = os.fstat(number)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_uid != os.geteuid():
        os.close(number)
        raise BagError(f"{path}: expected a journal of an earlier run or nothing there, found {_kind(path)}; remove it")
    return os.fdopen(number, "r+b")


def _kind(path: Path) -> str:
    if path.is_symlink():
        return f"a link to {os.readlink(path)}"
    return "a file with another name or owner" if path.is_file() else "no file"


class JournalledEstimator(Estimator):
    """An estimator that asks the journal first; the same numbers to the last bit."""

    def __init__(self, estimator: Estimator, journal: Journal):
        self.name, self.device = estimator.name, estimator.device
        self._estimator = estimator
        self._journal = journal

    def localize_many(self, images: Sequence[BoxedImage]) -> list[Located]:
        """As `Estimator.localize_many`, image by image."""
        return [self._located(boxed) for boxed in images]

    def _located(self, boxed: BoxedImage) -> Located:
        key = _digest("people", boxed.image_rgb, _described(boxed.detections, boxed.camera))
        kept = self._journal.get(key, _located)
        if kept is None:
            (kept,) = self._estimator.localize_many([boxed])
            people = [_as_json(person) for person in kept.people]
            self._journal.put(key, {"people": people, "rejected": kept.rejected})
        return kept


class JournalledDetector:
    """A detector that asks the journal first."""

    def __init__(self, detector: Any, journal: Journal):
        self._detector = detector
        self._journal = journal

    def detect(self, image_rgb: np.ndarray) -> list[Detection]:
        """As HogDetector.detect."""
        key = _digest("boxes", image_rgb, "")
        kept = self._journal.get(key, _detections)
        if kept is None:
            kept = self._detector.detect(image_rgb)
            self._journal.put(key, [[item.box_xywh_center_px.tolist(), float(item.score), item.id] for item in kept])
        return kept


def _detections(answer: Any) -> list[Detection]:
    return [Detection(np.array(box), float(score), str(name)) for box, score, name in answer]


def _located(answer: Any) -> Located:
    rejected = [(int(index), str(reason)) for index, reason in answer["rejected"]]
    return Located([_estimate(values) for values in answer["people"]], rejected)


def _digest(kind: str, image: np.ndarray, rest: str) -> str:
    made = hashlib.blake2b(f"{kind} {image.shape} {rest}".encode(), digest_size=16)
    made.update(np.ascontiguousarray(image).data)
    return made.hexdigest()


def _described(detections: Sequence[Detection], camera: Camera) -> str:
    boxes = [(d.box_xywh_center_px.tolist(), d.score, d.id) for d in detections]
    lens = (camera.K.tolist(), camera.size_wh_px, camera.distortion_model, camera.distortion)
    return repr((boxes, lens))


def _as_json(person: PersonEstimate) -> dict[str, Any]:
    values = {}
    for field in dataclasses.fields(person):
        value = getattr(person, field.name)
        if isinstance(value, np.ndarray):
            value = {"array": value.tolist(), "dtype": str(value.dtype)}
        elif isinstance(value, np.generic):
            value = value.item()
        values[field.name] = value
    return values


def _estimate(values: dict[str, Any]) -> PersonEstimate:
    made = {
        name: np.array(value["array"], value["dtype"]) if isinstance(value, dict) else value
        for name, value in values.items()
    }
    return PersonEstimate(**{**made, "flags": PersonFlags(made["flags"])})
