"""From an image, person boxes and the camera to people in millimetres, through a network."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from hdnet_ros.core.boxes import box_problem, touches_border
from hdnet_ros.core.camera import Camera, check_image_size
from hdnet_ros.core.depth_bins import DepthBins, denormalise_depth
from hdnet_ros.core.patch import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    PatchCamera,
    PatchConvention,
    box_in_patch,
    box_mask,
    cells_to_patch_px,
    patch_camera_for,
    sample_patch_of_camera,
)
from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.core.types import Detection, PersonEstimate, PersonFlags, SigmaCalibration

_LOG = logging.getLogger(__name__)

# Mass within this many cells of a joint, to each side, is its confidence.
_CONFIDENCE_REACH_CELLS = 3.5
_PLAUSIBLE_HEIGHT_MM = (500.0, 2300.0)


@dataclass
class _Chunk:
    """Patches that go through the network together, and the people in them."""

    patches: list[np.ndarray] = field(default_factory=list)
    patch_index: list[int] = field(default_factory=list)
    people: list[tuple[int, Detection, PatchCamera, np.ndarray]] = field(default_factory=list)


class HDNetEstimator:
    """Localises people with a network that sees only patches and their cameras.

    Parameters
    ----------
    network : module with forward(images (B, 3, S, S), box_masks (N, S/4, S/4), patch_index (N,))
        whose result has heatmaps, joints_cells, bin_logits and bin_index, as `HDNet`
    convention : how the network's patches are cut
    bins : the network's depth bins
    device : "auto" takes CUDA where there is one, and says loudly where not
    sigma_calibration : how the bins' spread becomes a sigma; None takes the defaults
    chunk : patches per pass through the network; bounds memory however many people come

    Attributes
    ----------
    last_rejected : list of (index of the detection, reason) that the last call left out

    Raises
    ------
    ValueError : a device that this machine does not have, or a chunk below 1
    """

    def __init__(
        self,
        network: torch.nn.Module,
        convention: PatchConvention,
        bins: DepthBins,
        device: str = "auto",
        sigma_calibration: SigmaCalibration | None = None,
        chunk: int = 16,
    ) -> None:
        if chunk < 1:
            raise ValueError(f"chunk is {chunk}, expected at least 1")
        self.convention = convention
        self.bins = bins
        self.sigma_calibration = sigma_calibration or SigmaCalibration()
        self.device = choose_device(device)
        self.network = network.to(self.device, memory_format=torch.channels_last).eval()
        self.chunk = chunk
        self.last_rejected: list[tuple[int, str]] = []
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        self._scale = (1.0 / (255.0 * std)).to(self.device).view(1, 3, 1, 1)
        self._shift = (-mean / std).to(self.device).view(1, 3, 1, 1)

    def localize(
        self, image: np.ndarray, detections: Sequence[Detection], camera: Camera
    ) -> list[PersonEstimate]:
        """One estimate per usable box, in the boxes' order.

        Parameters
        ----------
        image : (H, W, 3) uint8 RGB, of the camera's size
        detections : boxes in px of this image, any number including none

        Returns
        -------
        Estimates in the camera's optical frame, all numbers finite except unseen joints. Boxes
        that are empty, negative, NaN, outside the image or outside the network's patch are left
        out, as are results that are not finite; `last_rejected` says which and why.

        Raises
        ------
        ValueError : the image is not (H, W, 3) uint8, or not of the camera's size
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"image is {image.shape} {image.dtype}, expected (H, W, 3) uint8 RGB")
        check_image_size(image, camera)
        self.last_rejected = []
        people: list[PersonEstimate] = []
        for chunk in self._chunks(image, detections, camera):
            people += self._localize_chunk(chunk, camera)
        self.last_rejected.sort()
        return people

    def _chunks(self, image: np.ndarray, detections: Sequence[Detection], camera: Camera):
        """Chunks of at most `chunk` people; those whose patch is the same share it."""
        chunk = _Chunk()
        # Around the principal point, without a ladder, everybody's patch is the same one.
        shared = self.convention.centre == "principal_point" and not self.convention.ladder
        for index, detection in enumerate(detections):
            try:
                patch_camera, box_patch_px = self._patch_of(detection, camera)
            except ValueError as error:
                self._reject(index, str(error))
                continue
            if not (shared and chunk.patches):
                antialias = self.convention.antialias
                chunk.patches.append(sample_patch_of_camera(image, camera, patch_camera, antialias))
            chunk.patch_index.append(len(chunk.patches) - 1)
            chunk.people.append((index, detection, patch_camera, box_patch_px))
            if len(chunk.people) == self.chunk:
                yield chunk
                chunk = _Chunk()
        if chunk.people:
            yield chunk

    def _patch_of(self, detection: Detection, camera: Camera) -> tuple[PatchCamera, np.ndarray]:
        problem = box_problem(detection.box_xywh_center_px, camera.size_wh_px)
        if problem:
            raise ValueError(problem)
        patch_camera = self._patch_camera(camera, detection.box_xywh_center_px)
        box_patch_px = box_in_patch(detection.box_xywh_center_px, camera, patch_camera)
        side = self.convention.input_px
        if box_patch_px[:2].max() >= side or box_patch_px[2:].min() <= 0.0:
            raise ValueError(
                f"box is outside the network's patch of {patch_camera.patch_px:.0f} source px"
            )
        return patch_camera, box_patch_px

    def _patch_camera(self, camera: Camera, box_xywh_center_px: np.ndarray) -> PatchCamera:
        return patch_camera_for(camera, box_xywh_center_px, self.convention)

    @torch.inference_mode()
    def _localize_chunk(self, chunk: _Chunk, camera: Camera) -> list[PersonEstimate]:
        masks = np.stack([box_mask(box, self.convention) for *_, box in chunk.people])
        output = self.network(
            self._normalised(np.stack(chunk.patches)),
            torch.from_numpy(masks).to(self.device),
            torch.tensor(chunk.patch_index, device=self.device),
        )
        probabilities = torch.softmax(
            output.bin_logits.float() / self.sigma_calibration.temperature, dim=-1
        )
        spread = self.bins.spread(probabilities).double().cpu().numpy()
        bin_index = output.bin_index.double().cpu().numpy()
        confidence = _mass_near(output.heatmaps, output.joints_cells).double().cpu().numpy()
        joints_cells = output.joints_cells.double().cpu().numpy()
        joints_patch_px = cells_to_patch_px(joints_cells, self.convention)
        people = []
        for row, (index, detection, patch_camera, box_patch_px) in enumerate(chunk.people):
            numbers = (bin_index[row], spread[row], joints_patch_px[row], confidence[row])
            person = self._person(detection, camera, patch_camera, box_patch_px, *numbers)
            if person is None:
                self._reject(index, "the network's result is not finite")
            else:
                people.append(person)
        return people

    def _normalised(self, patches: np.ndarray) -> torch.Tensor:
        """(B, 3, S, S) float of (B, S, S, 3) uint8: copied to the device once, as bytes."""
        images = torch.from_numpy(patches).to(self.device).permute(0, 3, 1, 2)
        return images.float().mul_(self._scale).add_(self._shift)

    def _person(
        self,
        detection: Detection,
        camera: Camera,
        patch_camera: PatchCamera,
        box_patch_px: np.ndarray,
        bin_index: float,
        spread_log: float,
        joints_patch_px: np.ndarray,
        joint_confidence: np.ndarray,
    ) -> PersonEstimate | None:
        normalised = float(self.bins.normalised(bin_index))
        depth_mm = denormalise_depth(normalised, patch_camera.focal_px, patch_camera.size_px)
        root_camera_mm = patch_camera.backproject(joints_patch_px[ROOT], depth_mm)
        sigma_mm = float(self.sigma_calibration.sigma_mm(root_camera_mm[2], spread_log))
        # Joints have no depth of their own: any point of the ray shows at the same pixel.
        joints_px = camera.project(patch_camera.backproject(joints_patch_px, 1.0))
        if not np.isfinite([*root_camera_mm, sigma_mm, normalised]).all() or sigma_mm <= 0.0:
            return None
        seen = np.isfinite(joints_px).all(axis=1) & np.isfinite(joint_confidence)
        height_mm = (box_patch_px[3] - box_patch_px[1]) / patch_camera.focal_px * depth_mm
        return PersonEstimate(
            id=detection.id,
            score=detection.score,
            box_xywh_center_px=detection.box_xywh_center_px,
            root_camera_mm=root_camera_mm,
            depth_sigma_mm=sigma_mm,
            normalised_depth=normalised,
            focal_px=camera.focal_px,
            patch_px=patch_camera.patch_px,
            patch_focal_px=patch_camera.focal_px,
            joints_px=joints_px,
            joint_confidence=np.where(seen, joint_confidence, 0.0),
            flags=self._flags(detection, camera, bin_index, height_mm),
        )

    def _flags(
        self, detection: Detection, camera: Camera, bin_index: float, height_mm: float
    ) -> PersonFlags:
        flags = PersonFlags.NONE if detection.id else PersonFlags.UNTRACKED_ID
        if touches_border(detection.box_xywh_center_px, camera.size_wh_px):
            flags |= PersonFlags.TRUNCATED_BOX
        if not 1.0 <= bin_index <= self.bins.count - 2.0:
            flags |= PersonFlags.OUT_OF_TRAINED_RANGE
        if not _PLAUSIBLE_HEIGHT_MM[0] <= height_mm <= _PLAUSIBLE_HEIGHT_MM[1]:
            flags |= PersonFlags.IMPLAUSIBLE_HEIGHT
        return flags

    def _reject(self, index: int, reason: str) -> None:
        self.last_rejected.append((index, reason))
        _LOG.debug("detection %d left out: %s", index, reason)


def choose_device(device: str) -> torch.device:
    """The torch device of a name; "auto" is CUDA where there is one, else the CPU, with a warning.

    Raises
    ------
    ValueError : an unknown name, or CUDA asked for where there is none
    """
    has_cuda = torch.cuda.is_available()
    if device == "auto":
        if not has_cuda:
            _LOG.warning("NO CUDA DEVICE: HDNet runs on the CPU, a few pictures a second at best")
        return torch.device("cuda" if has_cuda else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device is {device!r}, expected auto, cpu, cuda or cuda:N") from error
    if chosen.type == "cuda" and not has_cuda:
        raise ValueError(f"device is {device!r}, but torch finds no CUDA here; use auto or cpu")
    return chosen


def _mass_near(heatmaps: torch.Tensor, joints_cells: torch.Tensor) -> torch.Tensor:
    """(N, J) share of each heatmap (N, J, h, w) near its joint (N, J, 2)."""
    height, width = heatmaps.shape[-2:]
    columns = torch.arange(width, device=heatmaps.device)
    rows = torch.arange(height, device=heatmaps.device)
    near_x = (columns - joints_cells[..., :1]).abs() <= _CONFIDENCE_REACH_CELLS
    near_y = (rows - joints_cells[..., 1:]).abs() <= _CONFIDENCE_REACH_CELLS
    rows_near = torch.einsum("njhw,njw->njh", heatmaps, near_x.to(heatmaps.dtype))
    return (rows_near * near_y).sum(-1).clamp(0.0, 1.0)
