"""People detectors by name: NanoDet, which is shipped, OpenCV's HOG and torchvision's networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from hdnet_ros.core.boxes import suppress_overlaps, xywh_center_from_xyxy
from hdnet_ros.core.keypoints import joints_of
from hdnet_ros.core.types import Detection

# HOG's own window: a person standing in a margin.
_HOG_WINDOW_WH_PX = (64, 128)
# Near people are looked for in the image at half its size, with so much of its height around it: in
# HOG's window a person stands in a margin, which one who fills the image does not have.
_NEAR_SCALE = 0.5
_NEAR_BORDER_SHARE = 0.25
_COCO_PERSON = 1
_TORCHVISION_MODELS = {
    "maskrcnn": "maskrcnn_resnet50_fpn",
    "fasterrcnn": "fasterrcnn_mobilenet_v3_large_320_fpn",
    "keypointrcnn": "keypointrcnn_resnet50_fpn",
}
DETECTOR_NAMES = ("nanodet", "hog", *_TORCHVISION_MODELS)
DEFAULT_DETECTOR = "nanodet"
NO_DETECTOR = "none"
# NanoDet's; `nanodet_detector.PRESETS` says what they are, behind seconds of importing PyTorch.
PRESET_NAMES = ("fast", "good", "wide")


class DetectorError(RuntimeError):
    """A detector cannot be set up; the message says what to do about it."""


class Detector(Protocol):
    """What finds people: boxes in px of the image, best first.

    Attributes
    ----------
    score_threshold : 0..1, boxes of a lower score are left out; may be changed at any time
    """

    score_threshold: float

    def detect(self, image_rgb: np.ndarray) -> list[Detection]:
        """People in an (H, W, 3) uint8 RGB image."""

    def detect_many(self, images_rgb: Sequence[np.ndarray]) -> list[list[Detection]]:
        """People of each image."""


class HogDetector:
    """OpenCV's HOG people detector: upright people, no weights to bring.

    It looks twice: at the image enlarged, for people far away, and at half the image's size with a
    border around it, for people who fill it. Its boxes are about 15 % too high.

    Parameters
    ----------
    scale : the image is enlarged by this first; far people must come out about 100 px tall
    score_threshold : 0..1, on the squashed margin of the SVM; 0.5 is the SVM's own border
    shrink_width, shrink_height : share of the box cut off on each side, as HOG's boxes include the
        margin that it was trained with
    iou_limit : of two boxes that overlap more than this the better one is kept
    """

    def __init__(
        self,
        scale: float = 1.5,
        score_threshold: float = 0.6,
        shrink_width: float = 0.10,
        shrink_height: float = 0.07,
        iou_limit: float = 0.3,
    ) -> None:
        if not 0.1 <= scale <= 8.0:
            raise ValueError(f"scale is {scale}, expected 0.1 to 8")
        if not (0.0 <= shrink_width < 0.5 and 0.0 <= shrink_height < 0.5):
            raise ValueError(f"shrink is {shrink_width}, {shrink_height}, expected 0 to below 0.5")
        self.scale = scale
        self.score_threshold = score_threshold
        self.iou_limit = iou_limit
        self._keep_wh = np.array([1.0 - 2.0 * shrink_width, 1.0 - 2.0 * shrink_height])
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())

    def detect(self, image_rgb: np.ndarray) -> list[Detection]:
        """People in an (H, W, 3) uint8 RGB image, best first; none where it is below 64 x 128."""
        grey = cv2.cvtColor(np.ascontiguousarray(image_rgb), cv2.COLOR_RGB2GRAY)
        border = round(_NEAR_BORDER_SHARE * grey.shape[0])
        around = cv2.copyMakeBorder(grey, border, border, border, border, cv2.BORDER_REPLICATE)
        far_boxes, far_scores = self._look(grey, self.scale)
        near_boxes, near_scores = self._look(around, _NEAR_SCALE)
        boxes = np.concatenate([far_boxes, near_boxes - border])
        scores = np.concatenate([far_scores, near_scores])
        return [
            Detection(xywh_center_from_xyxy(boxes[i]), float(scores[i]))
            for i in suppress_overlaps(boxes, scores, self.iou_limit)
            if scores[i] >= self.score_threshold
        ]

    def detect_many(self, images_rgb: Sequence[np.ndarray]) -> list[list[Detection]]:
        """People of each (H, W, 3) uint8 RGB image, best first."""
        return [self.detect(image_rgb) for image_rgb in images_rgb]

    def _look(self, grey: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (N, 4) x0, y0, x1, y1 in px of a grey image shown at a scale, and scores (N,)."""
        height, width = grey.shape
        size = (round(width * scale), round(height * scale))
        if size[0] < _HOG_WINDOW_WH_PX[0] or size[1] < _HOG_WINDOW_WH_PX[1]:
            return np.zeros((0, 4)), np.zeros(0)
        smoothly = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
        found, margins = self._hog.detectMultiScale(
            cv2.resize(grey, size, interpolation=smoothly),
            winStride=(8, 8),
            padding=(16, 16),
            scale=1.05,
        )
        if len(found) == 0:
            return np.zeros((0, 4)), np.zeros(0)
        boxes_px = np.asarray(found, dtype=np.float64)
        centre = (boxes_px[:, :2] + 0.5 * boxes_px[:, 2:]) / scale - 0.5
        half = 0.5 * boxes_px[:, 2:] / scale * self._keep_wh
        # The margin has no upper end; squashed it lies between 0 and 1 as other scores do.
        scores = 1.0 / (1.0 + np.exp(-np.ravel(margins).astype(np.float64)))
        return np.concatenate([centre - half, centre + half], axis=1), scores


class TorchvisionDetector:
    """A detection network of torchvision, trained on COCO.

    Parameters
    ----------
    name : "maskrcnn" (ResNet-50, as in the paper), "fasterrcnn" (MobileNet v3, 320 px, which is
        fast), or "keypointrcnn" (ResNet-50), whose detections have joints
    weights : file with torchvision's state dict; nothing is downloaded
    score_threshold : 0..1
    device : "auto", "cpu", "cuda" or "cuda:N"

    Raises
    ------
    ValueError : an unknown name, or a device that is not there
    DetectorError : the weights are missing, unreadable, of another network, or not to be had
    """

    def __init__(
        self,
        name: str = "maskrcnn",
        weights: str | Path | None = None,
        score_threshold: float = 0.5,
        device: str = "auto",
    ) -> None:
        if name not in _TORCHVISION_MODELS:
            expected = ", ".join(_TORCHVISION_MODELS)
            raise ValueError(f"detector is {name!r}, expected one of {expected}")
        # Seconds and hundreds of MB that the HOG detector does without.
        from hdnet_ros.core.device import choose_device

        self.name = name
        self.score_threshold = score_threshold
        self.device = choose_device(device)
        self._network = _torchvision_network(name, weights).to(self.device).eval()

    def detect(self, image_rgb: np.ndarray) -> list[Detection]:
        """People in an (H, W, 3) uint8 RGB image, best first."""
        import torch

        pixels = torch.from_numpy(np.ascontiguousarray(image_rgb)).to(self.device)
        with torch.inference_mode():
            found = self._network([pixels.permute(2, 0, 1).float().div_(255.0)])[0]
        wanted = (found["labels"] == _COCO_PERSON) & (found["scores"] >= self.score_threshold)
        boxes = found["boxes"][wanted].double().cpu().numpy()
        scores = found["scores"][wanted].double().cpu().numpy()
        order = np.argsort(-scores, kind="stable")
        joints = _joints_px(found, wanted)
        # torchvision counts px from the outer border, we from the first pixel's centre.
        return [
            Detection(xywh_center_from_xyxy(boxes[i] - 0.5), float(scores[i]), joints_px=joints[i])
            for i in order
        ]

    def detect_many(self, images_rgb: Sequence[np.ndarray]) -> list[list[Detection]]:
        """People of each (H, W, 3) uint8 RGB image, best first."""
        return [self.detect(image_rgb) for image_rgb in images_rgb]


def _joints_px(found: dict, wanted) -> list:
    """(17, 2) of each wanted person, NaN for joints that are rather not there; or Nones."""
    if "keypoints" not in found:
        return [None] * int(wanted.sum())
    keypoints = found["keypoints"][wanted][..., :2].double().cpu().numpy() - 0.5
    likely = (found["keypoints_scores"][wanted] > 0.0).cpu().numpy()
    return [joints_of("coco17", k) for k in np.where(likely[..., None], keypoints, np.nan)]


def make_detector(
    name: str = DEFAULT_DETECTOR,
    weights: str | Path | None = None,
    score_threshold: float | None = None,
    device: str = "auto",
    *,
    preset: str = "good",
    sides_px: Sequence[int] = (),
    hog_scale: float = 1.5,
    engine: str = "auto",
    precision: str = "auto",
) -> Detector:
    """Detector by name.

    Parameters
    ----------
    name : "nanodet", "hog", "maskrcnn" (as in the paper), "fasterrcnn" or "keypointrcnn"
    weights : None takes NanoDet's bundled ones; torchvision's detectors want a path
    score_threshold : 0..1; None takes the detector's own default
    preset, sides_px : NanoDet's, see `NanoDetDetector`
    hog_scale : HOG's enlargement
    engine, precision : what runs NanoDet, see `model.engine.choose_engine`

    Raises
    ------
    ValueError, DetectorError : as the detectors'
    """
    options: dict = {} if score_threshold is None else {"score_threshold": score_threshold}
    if name == "nanodet":
        from hdnet_ros.locate.nanodet_detector import NanoDetDetector

        options |= {"device": device, "weights": weights, "engine": engine, "precision": precision}
        return NanoDetDetector(preset, sides_px, **options)
    if name == "hog":
        return HogDetector(hog_scale, **options)
    if name not in DETECTOR_NAMES:
        raise ValueError(f"detector is {name!r}, expected one of {', '.join(DETECTOR_NAMES)}")
    return TorchvisionDetector(name, weights, device=device, **options)


def _torchvision_network(name: str, weights: str | Path | None):
    import torch
    from torchvision.models import detection

    model = _TORCHVISION_MODELS[name]
    if weights is None:
        raise DetectorError(
            f"{name} needs the path of its weights, nothing is downloaded: fetch torchvision's "
            f"checkpoint of {model} (pytorch.org/vision/stable/models.html names it) and give its "
            "path, or use the detector nanodet, whose weights are bundled"
        )
    network = getattr(detection, model)(weights=None, weights_backbone=None)
    try:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except Exception as error:
        # torch.load raises half a dozen unrelated types for files that are not checkpoints.
        raise DetectorError(f"{weights} does not hold weights of {name}: {error}") from error
    return network
