"""The optimisation baselines as estimators: on another estimator's poses, or on the labelled ones."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.locate.priors import BoxHeightPrior
from hdnet_ros.locate.protocol import BoxedImage, Estimator, Located
from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.core.types import PersonEstimate
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.evaluate.reprojection import VARIANTS, fit_root

_LOG = logging.getLogger(__name__)


class ReprojectionEstimator(Estimator):
    """Another estimator's 2D joints and 3D pose, with the root put where they fit together.

    Parameters
    ----------
    pose_source : estimator whose people have joints_px and joints_camera_mm, or `LabelledPoses`;
        of joints_camera_mm only the pose is read, not where it stands
    variant : one of `VARIANTS`
    least_confidence : 2D joints below it count as unknown

    Raises
    ------
    ValueError : an unknown variant
    """

    def __init__(self, pose_source, variant: str = "all", least_confidence: float = 0.1) -> None:
        if variant not in VARIANTS:
            raise ValueError(f"variant is {variant!r}, expected one of {', '.join(VARIANTS)}")
        self.pose_source, self.variant, self.least_confidence = pose_source, variant, least_confidence
        self.name, self.device = f"reprojection, {variant}", "cpu"

    def localize_many(self, images: Sequence[BoxedImage]) -> list[Located]:
        """The source's people with roots of their own; those without a pose that fits are left out."""
        numbered = [
            boxed._replace(detections=[dataclasses.replace(d, id=str(i)) for i, d in enumerate(boxed.detections)])
            for boxed in images
        ]
        found = self.pose_source.localize_many(numbered)
        return [self._located(boxed, located) for boxed, located in zip(images, found, strict=True)]

    def _located(self, boxed: BoxedImage, source: Located) -> Located:
        located = Located(rejected=list(source.rejected))
        for person in source.people:
            index = int(person.id)
            try:
                named = dataclasses.replace(person, id=boxed.detections[index].id)
                located.people.append(self._moved(named, boxed.camera))
            except ValueError as error:
                located.rejected.append((index, str(error)))
                _LOG.debug("detection %d left out: %s", index, error)
        located.rejected.sort()
        return located

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


class LabelledPoses(Estimator):
    """The labelled 2D joints and 3D poses as a pose source: how far the baselines err by themselves.

    `run(ReprojectionEstimator(source), source.following(pictures))` feeds it; it answers for the
    picture that was taken last.
    """

    name, device = "labelled poses", "cpu"

    def __init__(self) -> None:
        self._picture: LabelledPicture | None = None

    def following(self, pictures: Iterable[LabelledPicture]) -> Iterator[LabelledPicture]:
        """The pictures that have 3D labels, each remembered before it is handed out."""
        for picture in pictures:
            if picture.joints_px is not None and picture.joints_camera_mm is not None:
                self._picture = picture
                yield picture

    def localize_many(self, images: Sequence[BoxedImage]) -> list[Located]:
        """The labels of each detection, with the box-height prior's root.

        Raises
        ------
        ValueError : other detections than those of the picture that `following` handed out
        """
        return [self._located(boxed) for boxed in images]

    def _located(self, boxed: BoxedImage) -> Located:
        detections = boxed.detections
        known = 0 if self._picture is None else len(self._picture.detections)
        if self._picture is None or len(detections) != known:
            raise ValueError(f"{len(detections)} detections, expected the {known} of the last picture")
        numbered = [dataclasses.replace(d, id=str(i)) for i, d in enumerate(detections)]
        (found,) = BoxHeightPrior().localize_many([boxed._replace(detections=numbered)])
        people = [self._labelled(person, int(person.id), detections) for person in found.people]
        return Located(people, found.rejected)

    def _labelled(self, person: PersonEstimate, index: int, detections) -> PersonEstimate:
        joints_px = np.asarray(self._picture.joints_px[index], dtype=np.float64)
        return dataclasses.replace(
            person,
            id=detections[index].id,
            joints_px=joints_px,
            joint_confidence=np.isfinite(joints_px).all(axis=1).astype(np.float64),
            joints_camera_mm=np.asarray(self._picture.joints_camera_mm[index], dtype=np.float64),
        )


class RememberedPoses(Estimator):
    """A pose source that is asked once for each image and its boxes: the baselines differ in what they do with it."""

    def __init__(self, pose_source) -> None:
        self._pose_source, self._known = pose_source, {}
        self.name, self.device = pose_source.name, pose_source.device

    def localize_many(self, images: Sequence[BoxedImage]) -> list[Located]:
        """As the source's."""
        return [self._located(boxed) for boxed in images]

    def _located(self, boxed: BoxedImage) -> Located:
        digest = hashlib.blake2b(boxed.camera.K.tobytes())
        for part in (boxed.image_rgb, *(d.box_xywh_center_px for d in boxed.detections)):
            digest.update(b"" if part is None else np.ascontiguousarray(part).tobytes())
        key = (digest.digest(), tuple(d.id for d in boxed.detections))
        if key not in self._known:
            (self._known[key],) = self._pose_source.localize_many([boxed])
        found = self._known[key]
        return Located(list(found.people), list(found.rejected))


def reprojection_estimators(pose_source) -> dict[str, ReprojectionEstimator]:
    """The three baselines of Table 1 on one pose source, by the names of a table's rows."""
    names = ("reprojection, all joints", "reprojection, torso", "reprojection, RANSAC")
    return {
        name: ReprojectionEstimator(pose_source, variant)
        for name, variant in zip(names, VARIANTS, strict=True)
    }
