"""People detectors: OpenCV's HOG, which needs no weights, and torchvision's networks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from hdnet_ros.core.boxes import suppress_overlaps, xywh_center_from_xyxy
from hdnet_ros.core.keypoints import joints_of
from hdnet_ros.core.types import Detection

# HOG's own window: a person standing in a margin.
_HOG_WINDOW_WH_PX = (64, 128)
_COCO_PERSON = 1
TORCHVISION_NAMES = (
    "maskrcnn_resnet50_fpn",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "keypointrcnn_resnet50_fpn",
)
_SHORT_NAMES = {"torchvision": "maskrcnn_resnet50_fpn", "keypointrcnn": "keypointrcnn_resnet50_fpn"}
DETECTOR_NAMES = ("hog", *_SHORT_NAMES, *TORCHVISION_NAMES)


class DetectorError(RuntimeError):
    """A detector cannot be set up; the message says what to do about it."""


class HogDetector:
    """OpenCV's HOG people detector: upright people, no weights to bring.

    On 768 x 576 footage of pedestrians 50 to 120 px tall it finds 77 % of them at 1.5 x, and 75 %
    of what it finds are people (IoU 0.4); 1 x finds a quarter. Its boxes are about 15 % too high.

    Parameters
    ----------
    scale : the image is enlarged by this first; people must come out about 100 px tall
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
        self._hog.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())

    def detect(self, image_rgb: np.ndarray) -> list[Detection]:
        """People in an (H, W, 3) uint8 RGB image, best first; none where it is below 64 x 128."""
        grey = cv2.cvtColor(np.ascontiguousarray(image_rgb), cv2.COLOR_RGB2GRAY)
        height, width = grey.shape
        size = (round(width * self.scale), round(height * self.scale))
        if size[0] < _HOG_WINDOW_WH_PX[0] or size[1] < _HOG_WINDOW_WH_PX[1]:
            return []
        enlarged = cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR)
        found, scores = self._hog.detectMultiScale(
            enlarged, winStride=(8, 8), padding=(16, 16), scale=1.05
        )
        if len(found) == 0:
            return []
        return self._detections(np.asarray(found, dtype=np.float64), np.ravel(scores))

    def _detections(self, found_xywh: np.ndarray, scores: np.ndarray) -> list[Detection]:
        centre = (found_xywh[:, :2] + 0.5 * found_xywh[:, 2:]) / self.scale - 0.5
        half = 0.5 * found_xywh[:, 2:] / self.scale * self._keep_wh
        boxes = np.concatenate([centre - half, centre + half], axis=1)
        # The margin has no upper end; squashed it lies between 0 and 1 as other scores do.
        squashed = 1.0 / (1.0 + np.exp(-scores))
        return [
            Detection(xywh_center_from_xyxy(boxes[i]), float(squashed[i]))
            for i in suppress_overlaps(boxes, squashed, self.iou_limit)
            if squashed[i] >= self.score_threshold
        ]


class TorchvisionDetector:
    """A detection network of torchvision, trained on COCO.

    Parameters
    ----------
    name : "maskrcnn_resnet50_fpn", as in the paper, "fasterrcnn_mobilenet_v3_large_320_fpn", which
        is fast, or "keypointrcnn_resnet50_fpn", whose detections have joints
    weights : file with torchvision's state dict; None takes torchvision's own download
    score_threshold : 0..1
    device : "auto", "cpu", "cuda" or "cuda:N"

    Raises
    ------
    ValueError : an unknown name, or a device that is not there
    DetectorError : the weights are missing, unreadable, of another network, or not to be had
    """

    def __init__(
        self,
        name: str = "maskrcnn_resnet50_fpn",
        weights: str | Path | None = None,
        score_threshold: float = 0.5,
        device: str = "auto",
    ) -> None:
        if name not in TORCHVISION_NAMES:
            raise ValueError(f"detector is {name!r}, expected one of {', '.join(TORCHVISION_NAMES)}")
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


def _joints_px(found: dict, wanted) -> list:
    """(17, 2) of each wanted person, NaN for joints that are rather not there; or Nones."""
    if "keypoints" not in found:
        return [None] * int(wanted.sum())
    keypoints = found["keypoints"][wanted][..., :2].double().cpu().numpy() - 0.5
    likely = (found["keypoints_scores"][wanted] > 0.0).cpu().numpy()
    return [joints_of("coco17", k) for k in np.where(likely[..., None], keypoints, np.nan)]


def make_detector(
    name: str = "hog",
    weights: str | Path | None = None,
    score_threshold: float | None = None,
    device: str = "auto",
    scale: float | None = None,
) -> HogDetector | TorchvisionDetector:
    """Detector by name: "hog", "torchvision" (Mask R-CNN, as in the paper), "keypointrcnn" or a
    torchvision name.

    Raises
    ------
    ValueError, DetectorError : as the detectors'
    """
    options = {} if score_threshold is None else {"score_threshold": score_threshold}
    if name == "hog":
        return HogDetector(**options) if scale is None else HogDetector(scale, **options)
    if name not in DETECTOR_NAMES:
        raise ValueError(f"detector is {name!r}, expected one of {', '.join(DETECTOR_NAMES)}")
    return TorchvisionDetector(_SHORT_NAMES.get(name, name), weights, device=device, **options)


def _torchvision_network(name: str, weights: str | Path | None):
    import torch
    from torchvision.models import detection

    build = getattr(detection, name)
    if weights is None:
        try:
            return build(weights="DEFAULT")
        except (OSError, RuntimeError) as error:
            raise DetectorError(
                f"weights of {name} could not be downloaded ({error}); fetch torchvision's "
                "checkpoint on a machine with network and give its path, or use the detector hog"
            ) from error
    network = build(weights=None, weights_backbone=None)
    try:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except Exception as error:
        # torch.load raises half a dozen unrelated types for files that are not checkpoints.
        raise DetectorError(f"{weights} does not hold weights of {name}: {error}") from error
    return network
