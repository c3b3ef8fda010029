"""What the floor does for depth: the same people before and after, also with a camera pitched wrongly.

On the real clip hand-made boxes end exactly where the truth has the feet, for the truth was made from
them: there the floor's own error is zero by construction, and only boxes of a detector, and a wrong
pitch, say anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.ground import Ground, GroundConfig, apply_ground, see_on_ground
from hdnet_ros.core.types import PersonEstimate
from hdnet_ros.evaluate import benchmark
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.data.ground_plane import GroundPlaneClip
from hdnet_ros.locate.protocol import BoxedImage, Estimator, Located


class GroundedEstimator(Estimator):
    """An estimator with the floor's depth fused into its own.

    Parameters
    ----------
    estimator : what the floor is fused with
    ground : the floor of the only camera that is asked about
    config : with `fuse_depth`
    alone : True takes the floor's depth as it is, and leaves out whom the floor is silent about
    """

    def __init__(self, estimator: Estimator, ground: Ground, config: GroundConfig, alone: bool = False):
        self.name, self.device = f"{estimator.name} on the floor", estimator.device
        self._estimator, self._ground, self._config, self._alone = estimator, ground, config, alone

    def localize_many(self, images: Sequence[BoxedImage]) -> list[Located]:
        """As `Estimator.localize_many`."""
        found = self._estimator.localize_many(images)
        return [
            Located(self._grounded(located.people, boxed.camera), located.rejected)
            for boxed, located in zip(images, found, strict=True)
        ]

    def _grounded(self, people: list[PersonEstimate], camera: Camera) -> list[PersonEstimate]:
        if not self._alone:
            return apply_ground(people, camera, self._ground, self._config)
        seen = [(p, see_on_ground(p, camera, self._ground, self._config)) for p in people]
        return [
            replace(p, root_camera_mm=p.root_camera_mm * (s.depth_mm / p.root_camera_mm[2]),
                    depth_sigma_mm=s.depth_sigma_mm)
            for p, s in seen if s is not None
        ]  # fmt: skip


def ground_of_clip(clip: GroundPlaneClip) -> Ground:
    """The plane z = 0 of the clip's world in its camera's frame."""
    ground_to_camera = np.eye(4)
    ground_to_camera[:3, :3] = clip.rotation_world_to_camera
    ground_to_camera[:3, 3] = clip.translation_world_to_camera_mm
    return Ground.from_transform(ground_to_camera)


def pitched(ground: Ground, angle_rad: float) -> Ground:
    """A floor that is believed to be tilted by an angle about the camera's x axis; positive: nearer."""
    sine, cosine = np.sin(angle_rad), np.cos(angle_rad)
    turn = np.array([[1.0, 0.0, 0.0], [0.0, cosine, sine], [0.0, -sine, cosine]])
    return Ground(turn @ ground.up_camera, ground.camera_height_mm)


def before_and_after(
    estimator,
    pictures: Sequence[LabelledPicture],
    ground: Ground,
    config: GroundConfig,
    pitch_errors_rad: Sequence[float] = (0.0,),
) -> dict[str, dict]:
    """Depth errors (`Rows.table()`) of an estimator alone, of the floor alone and of both.

    The floor is also asked with a pitch that is wrong by each of `pitch_errors_rad`; the
    estimator's work is done once.
    """
    known = _Remembered(estimator)
    results = {"estimator alone": benchmark.run(known, pictures).table()["everyone"]}
    fused = replace(config, fuse_depth=True)
    for error_rad in pitch_errors_rad:
        tilted = pitched(ground, error_rad)
        name = f"pitch {np.degrees(error_rad):+.1f} deg"
        for what, alone in (("floor alone", True), ("both", False)):
            known.rewind()
            rows = benchmark.run(GroundedEstimator(known, tilted, fused, alone), pictures)
            results[f"{what}, {name}"] = rows.table()["everyone"]
    return results


class _Remembered(Estimator):
    """Answers of an estimator to a fixed sequence of pictures, given again without asking it again."""

    def __init__(self, estimator: Estimator):
        self.name, self.device = estimator.name, estimator.device
        self._estimator, self._answers, self._next = estimator, [], 0

    def rewind(self) -> None:
        self._next = 0

    def localize_many(self, images: Sequence[BoxedImage]) -> list[Located]:
        return [self._located(boxed) for boxed in images]

    def _located(self, boxed: BoxedImage) -> Located:
        if self._next == len(self._answers):
            self._answers += self._estimator.localize_many([boxed])
        self._next += 1
        return self._answers[self._next - 1]
