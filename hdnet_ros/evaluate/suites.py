"""What `hdnet eval` runs: HDNet, the priors and the box-only regressor on the same people."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from hdnet_ros.evaluate.detection import run_detector
from hdnet_ros.locate.detectors import make_detector
from hdnet_ros.tracking.tracking import MIN_EXISTENCE
from hdnet_ros.locate.factory import EstimatorSettings, estimator_of
from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.core.types import Detection
from hdnet_ros.evaluate import benchmark
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.evaluate.benchmark import Rows
from hdnet_ros.data.boxes import jittered
from hdnet_ros.evaluate.rivals import Beside, estimators_of
from hdnet_ros.data.clip import pictures_of_clip
from hdnet_ros.data.ground_plane import load_ground_plane_clip


STABILITY_PICTURES = 40

Track = Callable[[Iterable, str], Iterable]
"""Hands pictures on and shows how far it is; the text says what is being done."""


def untracked(pictures: Iterable, _what: str) -> Iterable:
    """The pictures, without showing anything."""
    return pictures


@dataclass
class Suite:
    """Several estimators on the same pictures, the one under test first; one row per person and estimator.

    Parameters
    ----------
    name : of the data, "hand-made boxes" say
    rows : estimator to its rows
    pictures : what was looked at, by number
    stability : how far the depth follows box and rung, where that was asked for
    detector : whom the detector found whose boxes these are, as `DetectorRows.figures`
    """

    name: str
    rows: dict[str, Rows]
    pictures: Sequence[LabelledPicture]
    stability: dict[str, float] = field(default_factory=dict)
    detector: dict[str, Any] = field(default_factory=dict)

    @property
    def first(self) -> tuple[str, Rows]:
        """Name and rows of the estimator under test."""
        return next(iter(self.rows.items()))

    def figures(self) -> dict:
        """Every figure as plain numbers, by estimator and group."""
        name, rows = self.first
        results: dict = {name: rows.table(), "lost": rows.lost}
        scores = rows.pck()
        if scores is not None:
            results["pck"] = dict(zip([*JOINT_NAMES, "all"], (float(v) for v in scores), strict=True))
        joints = {key: found for key, other in self.rows.items() if (found := other.joints()) is not None}
        if joints:
            results["joints"] = joints
        pose = rows.pose()
        if pose is not None:
            results["pose"] = pose
        results |= {rival: other.table() for rival, other in list(self.rows.items())[1:]}
        return results | self.stability | ({"detector": self.detector} if self.detector else {})


def picture_suite(
    checkpoint,
    pictures: Sequence[LabelledPicture],
    settings: EstimatorSettings,
    beside: Beside = Beside(),
    name: str = "pictures",
    track: Track = untracked,
) -> Suite:
    """Every estimator on labelled pictures, and how far HDNet's depth follows box and rung."""
    estimators = estimators_of(checkpoint, settings, beside)
    rows = {key: benchmark.run(estimator, track(pictures, key)) for key, estimator in estimators.items()}
    return Suite(name, rows, pictures, stability(checkpoint, pictures, settings, track))


def stability(
    checkpoint,
    pictures: Sequence[LabelledPicture],
    settings: EstimatorSettings,
    track: Track = untracked,
) -> dict:
    """|relative change| of the depth under box jitter (95th percentile, mean) and a rung (mean).
    """
    estimator = estimator_of(checkpoint, settings)
    base = _depths(estimator, track(pictures, "stability"))
    rng = np.random.default_rng(15)
    moved = []
    for picture in pictures:
        boxes = [Detection(jittered(d.box_xywh_center_px, rng)) for d in picture.detections]
        moved.append(dataclasses.replace(picture, detections=boxes))
    shaken = _relative_change(_depths(estimator, track(moved, "box jitter")), base)
    shifted = [
        _depths(estimator_of(checkpoint, settings, rung_offset=k), track(pictures, f"rung {k:+d}")) for k in (-1, 1)
    ]
    rungs = np.concatenate([_relative_change(depths, base) for depths in shifted])
    if not (len(shaken) and len(rungs)):
        return dict.fromkeys(("jitter_p95", "jitter_mean", "rung_mean"), float("nan"))
    return {
        "jitter_p95": float(np.percentile(shaken, 95)),
        "jitter_mean": float(shaken.mean()),
        "rung_mean": float(rungs.mean()),
    }


def _depths(estimator, pictures) -> dict[tuple[int, int], float]:
    """Depth in mm by (picture, detection); boxes that the estimator rejects are missing."""
    depths = {}
    for number, picture in enumerate(pictures):
        for i, person in benchmark.localize_all(estimator, picture):
            depths[number, i] = person.root_camera_mm[2]
    return depths


def _relative_change(changed: dict, base: dict) -> np.ndarray:
    common = sorted(set(changed) & set(base))
    return np.abs(np.array([changed[k] / base[k] - 1 for k in common]))


def clip_suites(
    checkpoint,
    folder: Path,
    video: Path,
    every: int,
    settings: EstimatorSettings,
    beside: Beside = Beside(),
    track: Track = untracked,
) -> list[Suite]:
    """Every estimator on the real clip with hand-made boxes and with the bundled detector's.

    How far the depth follows box and rung is seen on some forty pictures all over the clip.
    """
    clip = load_ground_plane_clip(folder)
    suites = []
    detector = make_detector()
    everybody = pictures_of_clip(video, clip, every=every, whole_only=False)
    found = run_detector(detector.detect, estimator_of(checkpoint, settings), track(everybody, "detector"), MIN_EXISTENCE)
    estimators = estimators_of(checkpoint, settings, beside)
    for boxes, detect in {"hand-made boxes": None, "NanoDet boxes": detector.detect}.items():
        pictures = list(pictures_of_clip(video, clip, every=every, detect=detect))
        rows = {k: benchmark.run(e, track(pictures, f"{boxes}: {k}")) for k, e in estimators.items()}
        some = pictures[:: max(1, len(pictures) // STABILITY_PICTURES)]
        steady = stability(checkpoint, some, settings, track)
        suites.append(Suite(boxes, rows, pictures, steady, found.figures(by_group=False) if detect else {}))
    return suites


def measured_suites(
    checkpoint,
    pictures: Sequence[LabelledPicture],
    detector,
    name: str,
    settings: EstimatorSettings,
    beside: Beside = Beside(),
    track: Track = untracked,
) -> list[Suite]:
    """Every estimator on measured pictures, with their own boxes and with those of a detector.

    Parameters
    ----------
    detector : a `Detector`; `name` is what it is called
    """
    suite = picture_suite(checkpoint, pictures, settings, beside, "labelled boxes", track)
    judge = estimator_of(checkpoint, settings)
    found = run_detector(detector.detect, judge, track(pictures, f"detector {name}"), MIN_EXISTENCE)
    estimators = estimators_of(checkpoint, settings, beside)
    rows = {key: benchmark.run(e, track(found.pictures, key)) for key, e in estimators.items()}
    return [suite, Suite(f"{name} boxes", rows, found.pictures, detector=found.figures())]


def as_text(results: dict, indent: str = "") -> str:
    """Results as aligned lines; errors in percent."""
    lines = []
    for name, value in results.items():
        if isinstance(value, dict) and "mean" in value:
            levels = "/".join(f"{level * 100:.0f}" for level in value["coverage"])
            covered = "/".join(f"{share * 100:.0f}" for share in value["coverage"].values())
            lines.append(
                f"{indent}{name:28s} {value['people']:6d} people  mean {value['mean'] * 100:5.1f} %  "
                f"median {value['median'] * 100:5.1f} %  p95 {value['p95'] * 100:5.1f} %  "
                f"bias {value['bias'] * 100:+5.1f} %  inside {levels} %: {covered}"
            )
        elif isinstance(value, dict) and "mpjpe_relative_mm" in value:
            lines.append(
                f"{indent}{name:28s} {value['people']:6d} people  MPJPE {value['mpjpe_relative_mm']:5.0f} mm relative  "
                f"{value['mpjpe_absolute_mm']:5.0f} mm absolute  3DPCK {value['pck_relative'] * 100:5.1f} %, "
                f"{value['pck_absolute'] * 100:5.1f} %  heading median {value['heading_median_deg']:4.0f} deg ({value['heading_known'] * 100:.0f} % have one)"
            )
        elif isinstance(value, dict):
            lines += [f"{indent}{name}", as_text(value, indent + "  ")]
        else:
            figure = f"{value:.4f}" if isinstance(value, float) else str(value)
            lines.append(f"{indent}{name:28s} {figure}")
    return "\n".join(lines)


def as_json(results: dict) -> str:
    """Results as JSON that every parser reads: levels as keys "0.68", NaN as null."""
    return json.dumps(_plain(results), indent=1, allow_nan=False)


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
