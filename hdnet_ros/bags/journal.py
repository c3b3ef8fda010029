"""What was inferred so far, on disk: an interrupted run goes on without inferring it again.

An answer is kept under a digest of all that it depends on (pixels, boxes, camera), so it never
matters in which order, how far or how often runs came: the second run replays the recording from
its start and finds the answers of the first. Everything else (pairing, tracking, messages) is
cheap and done anew.
"""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection, PersonEstimate, PersonFlags
from hdnet_ros.locate.protocol import BoxedImage, Estimator, Located


class Journal:
    """Answers by digest, one JSON line each, appended as they are made; locked while open.

    Opening waits while another process holds the same journal.

    Parameters
    ----------
    path : the file; one of another `fingerprint` is started over
    fingerprint : what made the answers: weights and settings
    """

    def __init__(self, path: Path, fingerprint: str):
        self.path = path
        self._answers: dict[str, Any] = {}
        self.reused = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "a+b")  # noqa: SIM115  (closed by close)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        end = self._load(fingerprint)
        # A line that a killed process left half written would spoil the next.
        self._file.truncate(end)
        if end == 0:
            self._append({"fingerprint": fingerprint, "pid": os.getpid()})

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: str) -> Any | None:
        """Return an answer, None where there is none."""
        found = self._answers.get(key)
        self.reused += found is not None
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
            except ValueError:
                entry = None
            if entry is None:
                return end
            if number == 0:
                if entry.get("fingerprint") != fingerprint:
                    return 0
            else:
                self._answers[entry["key"]] = entry["answer"]
            end += len(line)
        return end

    def _append(self, entry: dict) -> None:
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()


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
        found = self._journal.get(key)
        if found is None:
            (located,) = self._estimator.localize_many([boxed])
            people = [_as_json(person) for person in located.people]
            found = {"people": people, "rejected": located.rejected}
            self._journal.put(key, found)
        rejected = [(index, reason) for index, reason in found["rejected"]]
        return Located([_estimate(values) for values in found["people"]], rejected)


class JournalledDetector:
    """A detector that asks the journal first."""

    def __init__(self, detector: Any, journal: Journal):
        self._detector = detector
        self._journal = journal

    def detect(self, image_rgb: np.ndarray) -> list[Detection]:
        """As HogDetector.detect."""
        key = _digest("boxes", image_rgb, "")
        found = self._journal.get(key)
        if found is None:
            found = [
                [item.box_xywh_center_px.tolist(), float(item.score), item.id]
                for item in self._detector.detect(image_rgb)
            ]
            self._journal.put(key, found)
        return [Detection(np.array(box), score, name) for box, score, name in found]


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
