"""The paper's tables for any estimators on any data set: MRPE, AP of the root and 3DPCK in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.core.types import PersonEstimate, PersonFlags
from hdnet_ros.evaluate import ap_root, mrpe, pck3d
from hdnet_ros.data.labelled import LabelledPicture, Truth
from hdnet_ros.evaluate.benchmark import localize_all


def paper_suite(
    estimator_by_name: Mapping[str, object],
    pictures: Iterable[LabelledPicture],
    on_picture: Callable[[int, LabelledPicture], None] | None = None,
) -> dict:
    """Run every estimator on every picture, each image decoded once.

    Parameters
    ----------
    estimator_by_name : each with localize(image, detections, camera)
    pictures : a data set (see `evaluate.datasets`), or any labelled pictures
    on_picture : called with (number, picture) after each picture, for a progress bar

    Returns
    -------
    dict of plain values. Every table has "protocol", to be printed beside it; a table that the
    annotation does not allow is None.

    data : name, protocol, pictures, people (valid ones, with a known root)
    mrpe : by_estimator -> name -> "own uv" (the estimator's root), "given uv" (its depth on the ray
        of the 2D root that the files bring) and "true uv", each a row of `mrpe.mrpe` or None;
        by_action and by_action_given_uv; lost (annotated people the estimator rejected)
    ap_root : people, by_estimator -> name -> "25" | "20" | "15" | "10" cm -> ap, ap_from_zero, ar
    pck3d : by_estimator -> name -> "metric" | "universal" -> as `pck3d.pck3d`; estimators without
        3D joints are absent
    people : name -> rows of located people whose root is known: picture (number), name, sequence,
        action, frame, id, root_camera_mm, true_root_camera_mm, sigma_mm, box_xywh_center_px,
        joints_px, truncated, stature_mm and visible_fraction (None where unknown)
    """
    scores = {name: _Scores() for name in estimator_by_name}
    truth = _TrueRoots()
    count = 0
    for number, picture in enumerate(pictures):
        truth.add(number, picture)
        for name, estimator in estimator_by_name.items():
            scores[name].add(number, picture, localize_all(estimator, picture))
        if on_picture is not None:
            on_picture(number, picture)
        count = number + 1
    return {
        "data": {
            "name": getattr(pictures, "name", ""),
            "protocol": getattr(pictures, "protocol", ""),
            "pictures": count,
            "people": sum(truth.is_valid),
        },
        "mrpe": _section(mrpe.PROTOCOL, {name: s.mrpe_table() for name, s in scores.items()}),
        "ap_root": _section(ap_root.PROTOCOL, {n: s.ap_table(truth) for n, s in scores.items()}, sum(truth.is_valid)),
        "pck3d": _section(pck3d.PROTOCOL, {name: s.pck_table() for name, s in scores.items()}),
        "people": {name: s.people for name, s in scores.items()},
    }


def _section(protocol: str, by_estimator: dict, people: int | None = None) -> dict | None:
    by_estimator = {name: table for name, table in by_estimator.items() if table is not None}
    if not by_estimator:
        return None
    counted = {} if people is None else {"people": people}
    return {"protocol": protocol, **counted, "by_estimator": by_estimator}


@dataclass
class _TrueRoots:
    """The annotated roots of all pictures; invalid ones and those without a root do not count."""

    picture: list = field(default_factory=list)
    root_camera_mm: list = field(default_factory=list)
    is_valid: list = field(default_factory=list)

    def add(self, number: int, picture: LabelledPicture) -> None:
        truth = picture.truth
        roots_mm = picture.root_camera_mm if truth is None else truth.root_camera_mm
        if roots_mm is None:
            return
        known = np.isfinite(roots_mm).all(axis=1)
        self.picture += [number] * len(roots_mm)
        self.root_camera_mm += list(roots_mm)
        self.is_valid += [bool(v) for v in (known if truth is None else known & truth.is_valid)]


@dataclass
class _Scores:
    """What one estimator's tables are made of, gathered picture by picture."""

    people: list[dict] = field(default_factory=list)
    own_mm: list = field(default_factory=list)
    given_mm: list = field(default_factory=list)
    true_px_mm: list = field(default_factory=list)
    lost: int = 0
    prediction: list[tuple[int, np.ndarray, float]] = field(default_factory=list)
    has_joints: bool = False
    paired: list[tuple] = field(default_factory=list)

    def add(self, number: int, picture: LabelledPicture, people: list[tuple[int, PersonEstimate]]) -> None:
        known = np.isfinite(_true_roots(picture)).all(axis=1)
        located = [(i, person) for i, person in people if known[i]]
        self.lost += int(known.sum()) - len(located)
        for i, person in located:
            self._add_person(number, picture, i, person)
        self.prediction += [(number, person.root_camera_mm, person.score) for _, person in people]
        if picture.truth is not None:
            self._pair(picture.truth, picture.sequence, [person for _, person in people])

    def _add_person(self, number: int, picture: LabelledPicture, i: int, person: PersonEstimate) -> None:
        self.people.append(_row(number, picture, i, person))
        self.own_mm.append(person.root_camera_mm)
        for column, joints_px in (
            (self.given_mm, picture.given_joints_px),
            (self.true_px_mm, picture.joints_px),
        ):
            root_px = np.full(2, np.nan) if joints_px is None else joints_px[i, ROOT]
            column.append(mrpe.with_given_pixel(person.root_camera_mm, root_px, picture.camera))

    def _pair(self, truth: Truth, sequence: str, people: list[PersonEstimate]) -> None:
        """Pair the valid people that have joints with predictions, as the official script does."""
        valid = np.flatnonzero(truth.is_valid & np.isfinite(truth.joints_camera_mm[:, ROOT + 1 :]).any(axis=(1, 2)))
        self.has_joints |= any(person.joints_camera_mm is not None for person in people)
        found_px = np.array([person.joints_px for person in people]).reshape(-1, 17, 2)
        match = pck3d.match_people(truth.joints_px[valid], found_px)
        for row, j in zip(valid, match, strict=True):
            joints_mm = people[j].joints_camera_mm if j >= 0 else None
            self.paired.append(
                (
                    np.full((17, 3), np.nan) if joints_mm is None else joints_mm,
                    truth.joints_camera_mm[row],
                    None if truth.universal_joints_mm is None else truth.universal_joints_mm[row],
                    j >= 0,
                    sequence,
                )
            )

    def mrpe_table(self) -> dict | None:
        if not self.people and not self.lost:
            return None
        true_mm = np.array([row["true_root_camera_mm"] for row in self.people]).reshape(-1, 3)
        actions = [row["action"] for row in self.people]
        given = bool(np.isfinite(self.given_mm).any())
        return {
            "own uv": mrpe.mrpe(self.own_mm, true_mm),
            "given uv": mrpe.mrpe(self.given_mm, true_mm) if given else None,
            "true uv": mrpe.mrpe(self.true_px_mm, true_mm) if np.isfinite(self.true_px_mm).any() else None,
            "by_action": mrpe.mrpe_by_action(self.own_mm, true_mm, actions),
            "by_action_given_uv": mrpe.mrpe_by_action(self.given_mm, true_mm, actions) if given else {},
            "lost": self.lost,
        }

    def ap_table(self, truth: _TrueRoots) -> dict | None:
        if not any(truth.is_valid):
            return None
        picture, roots_mm, score = zip(*self.prediction) if self.prediction else ((), (), ())
        return ap_root.ap_root(
            ap_root.RootPredictions(
                picture=np.array(picture, dtype=int),
                root_camera_mm=np.array(roots_mm, dtype=float).reshape(-1, 3),
                score=np.array(score, dtype=float),
                true_picture=np.array(truth.picture),
                true_root_camera_mm=np.array(truth.root_camera_mm),
                is_valid=np.array(truth.is_valid),
            )
        )

    def pck_table(self) -> dict | None:
        if not self.has_joints or not self.paired:
            return None
        joints_mm, metric_mm, universal_mm, matched, sequences = zip(*self.paired)
        table = {}
        for name, true_mm in (("metric", metric_mm), ("universal", universal_mm)):
            rows = [i for i, true in enumerate(true_mm) if true is not None and np.isfinite(true[ROOT]).all()]
            if rows:
                columns = (np.array([column[i] for i in rows]) for column in (joints_mm, true_mm, matched))
                table[name] = pck3d.pck3d(*columns, [sequences[i] for i in rows])
        return table or None


def _true_roots(picture: LabelledPicture) -> np.ndarray:
    """(N, 3) of the detections; NaN rows where the roots are unknown."""
    if picture.root_camera_mm is None:
        return np.full((len(picture.detections), 3), np.nan)
    return picture.root_camera_mm


def _row(number: int, picture: LabelledPicture, i: int, person: PersonEstimate) -> dict:
    def of(column):
        return None if column is None else float(column[i])

    return {
        "picture": number,
        "name": picture.name,
        "sequence": picture.sequence,
        "action": picture.action,
        "frame": picture.frame,
        "id": picture.ids[i] if len(picture.ids) else "",
        "root_camera_mm": person.root_camera_mm,
        "true_root_camera_mm": picture.root_camera_mm[i],
        "sigma_mm": float(person.depth_sigma_mm),
        "box_xywh_center_px": person.box_xywh_center_px,
        "joints_px": person.joints_px,
        "truncated": bool(person.flags & PersonFlags.TRUNCATED_BOX),
        "stature_mm": of(picture.stature_mm),
        "visible_fraction": of(picture.visible_fraction),
    }
