"""The optimisation baselines as estimators: on another estimator's poses, or on the labelled ones."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Iterator

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.locate.priors import BoxHeightPrior
from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.core.types import PersonEstimate
from hdnet_ros.evaluate.benchmark import LabelledPicture
from hdnet_ros.evaluate.reprojection import VARIANTS, fit_root

_LOG = logging.getLogger(__name__)


class ReprojectionEstimator:
    """Another estimator's 2D joints and 3D pose, with the root put where they fit together.

    Parameters
    ----------
    pose_source : estimator whose people have joints_px and joints_camera_mm, or `LabelledPoses`;
        of joints_camera_mm only the pose is read, not where it stands
    variant : one of `VARIANTS`
    least_confidence : 2D joints below it count as unknown

    Attributes
    ----------
    last_rejected : list of (index of the detection, reason) that the last call left out

    Raises
    ------
    ValueError : an unknown variant
    """

    def __init__(self, pose_source, variant: str = "all", least_confidence: float = 0.1) -> None:
        if variant not in VARIANTS:
            raise ValueError(f"variant is {variant!r}, expected one of {', '.join(VARIANTS)}")
        self.pose_source, self.variant, self.least_confidence = pose_source, variant, least_confidence
        self.last_rejected: list[tuple[int, str]] = []

    def localize(self, image, detections, camera: Camera) -> list[PersonEstimate]:
        """The source's people with roots of their own; those without a pose that fits are left out."""
        numbered = [dataclasses.replace(d, id=str(i)) for i, d in enumerate(detections)]
        people = self.pose_source.localize(image, numbered, camera)
        self.last_rejected = list(getattr(self.pose_source, "last_rejected", ()))
        moved = []
        for person in people:
            index = int(person.id)
            try:
                moved.append(self._moved(dataclasses.replace(person, id=detections[index].id), camera))
            except ValueError as error:
                self.last_rejected.append((index, str(error)))
                _LOG.debug("detection %d left out: %s", index, error)
        self.last_rejected.sort()
        return moved

    def _moved(self, person: PersonEstimate, camera: Camera) -> PersonEstimate:
        if person.joints_camera_mm is None:
            raise ValueError("the pose source gives no 3D pose")
        pose_mm = person.joints_camera_mm - person.joints_camera_mm[ROOT]
        fit = fit_root(
            person.joints_px, pose_mm, camera, self.variant, person.joint_confidence, self.least_confidence
        )
        farther = fit.root_camera_mm[2] / person.root_camera_mm[2]
        if not (np.isfinite(fit.root_camera_mm).all() and farther > 0.0):
            raise ValueError(f"the pose fits at {fit.root_camera_mm.tolist()} mm, expected in front")
        return dataclasses.replace(
            person,
            root_camera_mm=fit.root_camera_mm,
            depth_sigma_mm=person.depth_sigma_mm * farther,
            normalised_depth=person.normalised_depth * farther,
            joints_camera_mm=pose_mm + fit.root_camera_mm,
        )


class LabelledPoses:
    """The labelled 2D joints and 3D poses as a pose source: how far the baselines err by themselves.

    `run(ReprojectionEstimator(source), source.following(pictures))` feeds it; it answers for the
    picture that was taken last.
    """

    def __init__(self) -> None:
        self._picture: LabelledPicture | None = None

    def following(self, pictures: Iterable[LabelledPicture]) -> Iterator[LabelledPicture]:
        """The pictures that have 3D labels, each remembered before it is handed out."""
        for picture in pictures:
            if picture.joints_px is not None and picture.joints_camera_mm is not None:
                self._picture = picture
                yield picture

    def localize(self, image, detections, camera: Camera) -> list[PersonEstimate]:
        """The labels of each detection, with the box-height prior's root.

        Raises
        ------
        ValueError : other detections than those of the picture that `following` handed out
        """
        known = 0 if self._picture is None else len(self._picture.detections)
        if self._picture is None or len(detections) != known:
            raise ValueError(f"{len(detections)} detections, expected the {known} of the last picture")
        numbered = [dataclasses.replace(d, id=str(i)) for i, d in enumerate(detections)]
        people = BoxHeightPrior().localize(image, numbered, camera)
        return [self._labelled(person, int(person.id), detections) for person in people]

    def _labelled(self, person: PersonEstimate, index: int, detections) -> PersonEstimate:
        joints_px = np.asarray(self._picture.joints_px[index], dtype=np.float64)
        return dataclasses.replace(
            person,
            id=detections[index].id,
            joints_px=joints_px,
            joint_confidence=np.isfinite(joints_px).all(axis=1).astype(np.float64),
            joints_camera_mm=np.asarray(self._picture.joints_camera_mm[index], dtype=np.float64),
        )


def reprojection_estimators(pose_source) -> dict[str, ReprojectionEstimator]:
    """The three baselines of Table 1 on one pose source, by the names of a table's rows."""
    names = ("reprojection, all joints", "reprojection, torso", "reprojection, RANSAC")
    return {
        name: ReprojectionEstimator(pose_source, variant)
        for name, variant in zip(names, VARIANTS, strict=True)
    }
