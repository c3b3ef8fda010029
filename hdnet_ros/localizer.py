"""The front door: people in an image, in millimetres; no ROS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection, PersonEstimate
from hdnet_ros.files.camera_files import load_camera
from hdnet_ros.files.picture import decode_picture
from hdnet_ros.locate.detections import Detections
from hdnet_ros.locate.detectors import DEFAULT_DETECTOR, Detector
from hdnet_ros.locate.factory import EstimatorSettings, make_estimator
from hdnet_ros.locate.protocol import BoxedImage, Estimator, Located


class Localizer:
    """Detector and estimator in one; keeps nothing from one image to the next.

    Parameters
    ----------
    estimator : places people
    detector : finds them where no boxes are given; None: boxes must be given
    """

    def __init__(self, estimator: Estimator, detector: Detector | None) -> None:
        self.estimator = estimator
        self.detector = detector

    def localize(
        self,
        image_rgb: np.ndarray | str | Path,
        camera: Camera | str | Path,
        boxes: Detections | Sequence[Detection] | None = None,
    ) -> list[PersonEstimate]:
        """Everybody in an image, nobody gives an empty list.

        Parameters
        ----------
        image_rgb : (H, W, 3) uint8, red first (OpenCV reads blue first), or the path of an image
        camera : intrinsics of an image of that size, or the path of a calibration file
        boxes : where people are, see `Detections`; None: the detector looks

        Returns
        -------
        In the boxes' order, in the camera's optical frame (x right, y down, z forward):
        `root_camera_mm` is the pelvis, `depth_sigma_mm` one standard deviation of its z.

        Raises
        ------
        ValueError : the image is not of the camera's size or format, a file cannot be used, or there
            are neither boxes nor a detector
        """
        return self.locate(image_rgb, camera, boxes).people

    def locate(
        self,
        image_rgb: np.ndarray | str | Path,
        camera: Camera | str | Path,
        boxes: Detections | Sequence[Detection] | None = None,
    ) -> Located:
        """As `localize`, with the boxes that were left out and why."""
        if not isinstance(camera, Camera):
            camera = load_camera(camera)
        if not isinstance(image_rgb, np.ndarray):
            image_rgb = decode_picture(Path(image_rgb).read_bytes(), camera.size_wh_px)
        if boxes is None:
            if self.detector is None:
                raise ValueError("there are neither boxes nor a detector; load() has one by default")
            boxes = self.detector.detect(np.ascontiguousarray(image_rgb))
        if not all(isinstance(box, Detection) for box in boxes):
            raise ValueError("boxes: expected Detections, see Detections.from_xyxy, from_coco, from_yolo")
        (located,) = self.estimator.localize_many([BoxedImage(np.ascontiguousarray(image_rgb), boxes, camera)])
        return located


def load(
    weights: str | Path | None = None,
    *,
    detector: str | None = DEFAULT_DETECTOR,
    estimator: str = "hdnet",
    device: str = "auto",
    second_look: str = "auto",
    preset: str = "good",
) -> Localizer:
    """Return what locates people, with the bundled weights and detector.

    Parameters
    ----------
    weights : HDNet's checkpoint; None: the bundled one
    detector : "nanodet" (bundled), "hog", or None where boxes are always given
    estimator : "hdnet", or "box-height" and "box-area", which need no weights
    device : "auto", "cpu", "cuda" or "cuda:N"
    second_look : the mean over two patches of each person, steadier and half as fast: "auto" and
        "always", or "never"
    preset : what the detector is shown: "fast", "good" or "wide"

    Raises
    ------
    ValueError : weights, device or a name that cannot be used; says what to do
    """
    settings = EstimatorSettings(estimator, str(weights or ""), device, second_look=second_look)
    made, _ = make_estimator(settings, is_live=False)
    if detector is None:
        return Localizer(made, None)
    from hdnet_ros.locate.detectors import make_detector

    return Localizer(made, make_detector(detector, device=device, preset=preset))
