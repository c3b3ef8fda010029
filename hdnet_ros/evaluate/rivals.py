"""What HDNet is reported beside: priors, the box-only regressor, the optimisation of Table 1, other weights."""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.data.boxes import box_features
from hdnet_ros.evaluate.box_regressor import BoxRegressor
from hdnet_ros.evaluate.movenet_poses import MoveNetPoses
from hdnet_ros.evaluate.reprojection_estimators import RememberedPoses, reprojection_estimators
from hdnet_ros.locate.factory import EstimatorSettings, estimator_of
from hdnet_ros.locate.priors import BoxAreaPrior, BoxHeightPrior
from hdnet_ros.locate.protocol import BoxedImage, Estimator, Located
from hdnet_ros.model.networks import kind_of


class BoxRegressorEstimator(Estimator):
    """The box-only regressor with an estimator's interface.

    Root and relative sigma are the box-height prior's, moved along the ray to the regressed depth.
    """

    name, device = "box-only regressor", "cpu"

    def __init__(self, regressor: BoxRegressor):
        self._regressor, self._prior = regressor, BoxHeightPrior()

    def localize_many(self, images: Sequence[BoxedImage]) -> list[Located]:
        """As `Estimator.localize_many`."""
        found = self._prior.localize_many(images)
        return [
            Located(self._moved(located.people, boxed.camera), located.rejected)
            for boxed, located in zip(images, found, strict=True)
        ]

    def _moved(self, people: list, camera: Camera) -> list:
        if not people:
            return []
        features = np.stack([box_features(camera, p.box_xywh_center_px) for p in people])
        depth_mm = self._regressor.predict(features)
        return [
            dataclasses.replace(
                p,
                root_camera_mm=p.root_camera_mm * (d / p.root_camera_mm[2]),
                depth_sigma_mm=p.depth_sigma_mm * (d / p.root_camera_mm[2]),
            )
            for p, d in zip(people, depth_mm, strict=True)
        ]


@dataclass(frozen=True)
class Beside:
    """What HDNet is reported beside, besides the priors that know nothing but the box.

    Parameters
    ----------
    regressor : the box-only regressor, or None
    others : checkpoints
    poses : checkpoint whose 3D poses the optimisation of Table 1 is given; None: those of the one under test,
        where it has any
    keypoints : "movenet_lightning" or "movenet_thunder": the optimisation once more with its 2D joints; "": not
    """

    regressor: BoxRegressor | None = None
    others: Sequence = ()
    poses: Any = None
    keypoints: str = ""


def estimators_of(checkpoint, settings: EstimatorSettings, beside: Beside = Beside()) -> dict:
    """The checkpoint's estimator and everything that it is reported beside, by name."""
    tested = estimator_of(checkpoint, settings)
    once = dataclasses.replace(settings, second_look="never")
    named = {kind_of(checkpoint.config): tested}
    source = beside.poses or checkpoint
    pose_source = estimator_of(_with_heatmap_joints(source), once) if has_pose(source) else None
    others = rivals(beside.regressor, pose_source, beside.keypoints)
    for other in beside.others:
        named[_free_name(other.metadata["name"], {*named, *others})] = estimator_of(other, once)
    return named | others


def _with_heatmap_joints(checkpoint):
    """A checkpoint whose 2D joints are its heatmaps': a refiner's are those of its 3D pose, which fits them as it is."""
    network = copy.copy(checkpoint.network)
    network.tells_heatmap_joints = True
    return dataclasses.replace(checkpoint, network=network)


def has_pose(checkpoint) -> bool:
    """Whether a checkpoint's network says where all joints are in 3D."""
    config = checkpoint.config
    return getattr(config, "pose", None) is not None or getattr(config, "refiner_layers", 0) > 0


def _free_name(name: str, taken: Container[str]) -> str:
    """The name, numbered where another has it: two runs of one configuration are called alike."""
    numbered = (name if number == 1 else f"{name} ({number})" for number in itertools.count(1))
    return next(candidate for candidate in numbered if candidate not in taken)


def rivals(regressor: BoxRegressor | None, pose_source=None, keypoints: str = "") -> dict:
    """The estimators that HDNet is always reported beside; Table 1's three where there are 3D poses for them.

    With `keypoints` these three once more, with the 2D joints of that MoveNet.
    """
    known: list[Estimator] = [BoxHeightPrior(), BoxAreaPrior()]
    if regressor is not None:
        known.append(BoxRegressorEstimator(regressor))
    named = {estimator.name: estimator for estimator in known}
    if pose_source is None:
        return named
    poses = RememberedPoses(pose_source)
    named |= reprojection_estimators(poses)
    if keypoints:
        again = reprojection_estimators(RememberedPoses(MoveNetPoses(poses, keypoints)))
        named |= {f"{name}, {keypoints}": estimator for name, estimator in again.items()}
    return named
