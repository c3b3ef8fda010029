"""What every estimator is: images with boxes and cameras in, people in millimetres out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection, PersonEstimate


class BoxedImage(NamedTuple):
    """An image, the boxes of the people in it, and the camera it was taken with.

    Attributes
    ----------
    image_rgb : (H, W, 3) uint8, of the camera's size; None for estimators that look at boxes alone
    detections : boxes in px of this image, any number including none
    """

    image_rgb: np.ndarray | None
    detections: Sequence[Detection]
    camera: Camera


@dataclass(frozen=True)
class Located:
    """Who was located in one image.

    Attributes
    ----------
    people : in the order of their boxes, in the camera's optical frame
    rejected : (index of the detection, reason) of each box that was left out
    """

    people: list[PersonEstimate] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)


class Estimator(Protocol):
    """Locates the people in boxes; keeps nothing from one call to the next.

    Attributes
    ----------
    name : of the weights, or of the prior
    device : where it computes: "cpu", "cuda:0"
    engine : what runs its network, for people; empty without a network
    """

    name: str
    device: str
    engine: str = ""

    def localize_many(self, images: Sequence[BoxedImage]) -> list[Located]:
        """Locate the people of several images, who share batches.

        Boxes that are empty, negative, NaN, outside the image or outside the estimator's reach are
        left out, as are results that are not finite.

        Raises
        ------
        ValueError : an image is not (H, W, 3) uint8, or not of its camera's size
        """
        ...

    def localize(
        self, image_rgb: np.ndarray | None, detections: Sequence[Detection], camera: Camera
    ) -> list[PersonEstimate]:
        """One estimate per usable box of one image, in the boxes' order; as `localize_many`."""
        (located,) = self.localize_many([BoxedImage(image_rgb, detections, camera)])
        return located.people
