"""MoveNet's joints as the 2D half of a pose source: what the optimisation of Table 1 gives with 2D joints of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.keypoints import COCO_JOINTS, joints_of
from hdnet_ros.core.patch import PatchConvention, box_in_patch, box_mask, cells_to_patch_px, sample_patch
from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.core.types import PersonEstimate
from hdnet_ros.locate.protocol import BoxedImage, Estimator, Located
from hdnet_ros.model.fpn import make_backbone, pretrained_backbone_state

INPUT_PX = {"movenet_lightning": 192, "movenet_thunder": 256}
# Cells around the best one over which its place is averaged.
_REACH_CELLS = 1


class MoveNetPoses(Estimator):
    """Another estimator's 3D poses with the 2D joints that MoveNet finds in the same boxes.

    Of our 17 joints MoveNet has 13; pelvis and thorax are put midway between its hips and its shoulders, spine and
    head top stay unknown. Each joint is the best cell of its heatmap within the box, averaged with the cells
    around it; its confidence is MoveNet's score, of a midpoint the lesser one.

    Parameters
    ----------
    pose_source : estimator whose people have joints_camera_mm
    backbone : "movenet_lightning" or "movenet_thunder"

    Raises
    ------
    ValueError : another backbone
    FileNotFoundError : MoveNet was not converted yet; says how
    """

    device = "cpu"

    def __init__(self, pose_source: Estimator, backbone: str) -> None:
        if backbone not in INPUT_PX:
            raise ValueError(f"backbone is {backbone!r}, expected one of {', '.join(INPUT_PX)}")
        self.pose_source, self.name = pose_source, backbone
        self._network = make_backbone(backbone)
        self._network.load_state_dict(pretrained_backbone_state(backbone))
        self._network.eval()
        self._convention = PatchConvention(input_px=INPUT_PX[backbone])

    def localize_many(self, images: Sequence[BoxedImage]) -> list[Located]:
        """The source's people with MoveNet's joints in the picture."""
        found = self.pose_source.localize_many(images)
        return [
            Located([self._with_joints(person, boxed) for person in located.people], located.rejected)
            for boxed, located in zip(images, found, strict=True)
        ]

    def _with_joints(self, person: PersonEstimate, boxed: BoxedImage) -> PersonEstimate:
        joints_px, scores = self.joints_px(boxed.image_rgb, boxed.camera, person.box_xywh_center_px)
        return replace(person, joints_px=joints_px, joint_confidence=scores)

    @torch.inference_mode()
    def joints_px(
        self, image_rgb: np.ndarray, camera: Camera, box_xywh_center_px: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Joints (17, 2) px and scores (17,) of one person, in the order of core/skeleton; NaN and 0 where unknown."""
        patch, patch_camera = sample_patch(image_rgb, camera, box_xywh_center_px, self._convention)
        pixels = torch.from_numpy(patch).permute(2, 0, 1)[None].float()
        scores = torch.sigmoid(self._network.keypoint_logits(self._network(pixels)[0]))[0].double().numpy()
        mask = box_mask(box_in_patch(box_xywh_center_px, camera, patch_camera), self._convention)
        cells, confidence = peaks(np.where(mask, scores, 0.0))
        rays = patch_camera.backproject(cells_to_patch_px(cells, self._convention), 1.0)
        joints_px = joints_of("coco17", camera.project(rays))
        # Scores go the way of the joints: the lesser of two for what lies between them.
        columns = dict(zip(COCO_JOINTS, confidence, strict=True))
        columns["pelvis"] = min(columns["left_hip"], columns["right_hip"])
        columns["thorax"] = min(columns["left_shoulder"], columns["right_shoulder"])
        known = np.array([columns.get(name, 0.0) for name in JOINT_NAMES])
        return joints_px, np.where(np.isfinite(joints_px).all(axis=1), known, 0.0)


def peaks(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where heatmaps (J, h, w) of scores from 0 to 1 are highest: cells (J, 2) as x, y, fractional, and scores (J,)."""
    places, best = [], []
    for heatmap in scores:
        row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
        rows = slice(max(0, row - _REACH_CELLS), row + _REACH_CELLS + 1)
        columns = slice(max(0, column - _REACH_CELLS), column + _REACH_CELLS + 1)
        weights = heatmap[rows, columns] + 1e-12
        y, x = np.mgrid[rows.start : rows.start + weights.shape[0], columns.start : columns.start + weights.shape[1]]
        places.append(((weights * x).sum() / weights.sum(), (weights * y).sum() / weights.sum()))
        best.append(heatmap[row, column])
    return np.array(places), np.array(best)
