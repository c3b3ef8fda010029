"""From an image, person boxes and the camera to people in millimetres, through a network."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from hdnet_ros.core.boxes import box_problem, touches_border, turned_box
from hdnet_ros.core.camera import Camera, check_image_size
from hdnet_ros.core.depth_bins import DepthBins, denormalise_depth
from hdnet_ros.core.device import choose_device, choose_precision
from hdnet_ros.core.patch import (
    PatchCamera,
    PatchConvention,
    box_in_patch,
    box_mask,
    cells_to_patch_px,
    patch_camera_for,
    sample_patch_of_camera,
)
from hdnet_ros.core.reading import Reading
from hdnet_ros.tracking.root_noise import box_at_distance
from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.core.types import Detection, PersonEstimate, PersonFlags, SigmaCalibration

_LOG = logging.getLogger(__name__)

# Mass within this many cells of a joint, to each side, is its confidence.
_CONFIDENCE_REACH_CELLS = 3.5
_PLAUSIBLE_HEIGHT_MM = (500.0, 2300.0)
JOINT_SOURCES = ("network", "detection")


@dataclass
class _Chunk:
    """Patches that go through the network together, and the people in them."""

    patches: list[np.ndarray] = field(default_factory=list)
    patch_index: list[int] = field(default_factory=list)
    people: list[tuple] = field(default_factory=list)  # result, index, box, cameras, box in patch
    second_patches: list[np.ndarray] = field(default_factory=list)
    second_boxes: list[np.ndarray] = field(default_factory=list)
    magnifications: list[float] = field(default_factory=list)


class HDNetEstimator:
    """Localises people with a network that sees only patches and their cameras.

    Parameters
    ----------
    network : module with forward(images (B, 3, S, S) uint8, box_masks (N, S/4, S/4), patch_index (N,))
        whose result has heatmaps, joints_cells, bin_logits, bin_index and, with a 3D pose, pose,
        as `HDNet`; one with a `second_convention` gets a second patch of each person, as `SecondLook`
    convention : how the network's patches are cut
    bins : the network's depth bins
    device : "auto" takes CUDA where there is one, and says loudly where not
    sigma_calibration : how the bins' spread becomes a sigma; None takes the defaults
    chunk : patches per pass through the network; bounds memory however many people come
    precision : "float32", "bfloat16" for the convolutions, or "auto": bfloat16 on processors that
        multiply in it
    joints_from : where joints and root are in the picture: "network", or "detection", which takes
        `Detection.joints_px` where it has them

    Attributes
    ----------
    last_rejected : list of (index of the detection, reason) that the last call left out

    Raises
    ------
    ValueError : a device that this machine does not have, a chunk below 1, an unknown precision or
        source of joints
    """

    def __init__(
        self,
        network: torch.nn.Module,
        convention: PatchConvention,
        bins: DepthBins,
        device: str = "auto",
        sigma_calibration: SigmaCalibration | None = None,
        chunk: int = 16,
        precision: str = "auto",
        joints_from: str = "network",
    ) -> None:
        if joints_from not in JOINT_SOURCES:
            raise ValueError(f"joints_from is {joints_from!r}, expected one of {JOINT_SOURCES}")
        if chunk < 1:
            raise ValueError(f"chunk is {chunk}, expected at least 1")
        self.convention = convention
        self.bins = bins
        self.sigma_calibration = sigma_calibration or SigmaCalibration()
        self.device = choose_device(device)
        self.network = network.to(self.device, memory_format=torch.channels_last).eval()
        self._second_convention = getattr(network, "second_convention", None)
        self._people_at_once = max(1, chunk // 2) if self._second_convention else chunk
        self.joints_from = joints_from
        self.dtype = choose_precision(precision, self.device)
        self.last_rejected: list[tuple[int, str]] = []

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
        ((people, self.last_rejected),) = self.localize_many([(image, detections, camera)])
        return people

    def localize_many(
        self, pictures: Sequence[tuple[np.ndarray, Sequence[Detection], Camera]]
    ) -> list[tuple[list[PersonEstimate], list[tuple[int, str]]]]:
        """People and (index, reason) of boxes left out, for each (image, detections, camera).

        The people of all pictures share batches; otherwise as `localize`, whose `last_rejected`
        this does not touch.

        Raises
        ------
        ValueError : as `localize`
        """
        for image, _, camera in pictures:
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
                raise ValueError(
                    f"image is {image.shape} {image.dtype}, expected (H, W, 3) uint8 RGB"
                )
            check_image_size(image, camera)
        results: list[tuple[list, list]] = [([], []) for _ in pictures]
        for chunk in self._chunks(pictures, results):
            self._localize_chunk(chunk)
        for _, rejected in results:
            rejected.sort()
        return results

    def _chunks(self, pictures, results):
        """Chunks of at most `chunk` people; those whose patch is the same share it."""
        chunk = _Chunk()
        # Around the principal point, without a ladder, everybody's patch of a picture is the same.
        shared = self.convention.centre == "principal_point" and not self.convention.ladder
        for (image, detections, camera), result in zip(pictures, results):
            is_first = True
            for index, detection in enumerate(detections):
                try:
                    patch_camera, box_patch_px = self._patch_of(detection, camera)
                except ValueError as error:
                    _reject(result, index, str(error))
                    continue
                if is_first or not shared:
                    antialias = self.convention.antialias
                    patch = sample_patch_of_camera(image, camera, patch_camera, antialias)
                    chunk.patches.append(patch)
                is_first = False
                chunk.patch_index.append(len(chunk.patches) - 1)
                chunk.people.append((result, index, detection, camera, patch_camera, box_patch_px))
                if self._second_convention:
                    self._look_again(chunk, image)
                if len(chunk.people) == self._people_at_once:
                    yield chunk
                    chunk, is_first = _Chunk(), True
        if chunk.people:
            yield chunk

    def _look_again(self, chunk: _Chunk, image: np.ndarray) -> None:
        """Cut the second patch of a chunk's last person."""
        _, _, detection, camera, first, _ = chunk.people[-1]
        box = detection.box_xywh_center_px
        second = patch_camera_for(camera, box, self._second_convention)
        antialias = self.convention.antialias
        chunk.second_patches.append(sample_patch_of_camera(image, camera, second, antialias))
        chunk.second_boxes.append(box_in_patch(box, camera, second))
        chunk.magnifications.append(second.focal_px / first.focal_px)

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
    def _localize_chunk(self, chunk: _Chunk) -> None:
        """Add the people of a chunk to the results that they belong to."""
        inputs = [
            self._images(np.stack(chunk.patches)),
            self._masks([box for *_, box in chunk.people]),
            torch.tensor(chunk.patch_index, device=self.device),
        ]
        if chunk.second_patches:
            inputs += [
                self._images(np.stack(chunk.second_patches)),
                self._masks(chunk.second_boxes),
                torch.tensor(chunk.magnifications, device=self.device),
            ]
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            output = self.network(*inputs)
        probabilities = torch.softmax(
            output.bin_logits.float() / self.sigma_calibration.temperature, dim=-1
        )
        columns = (
            _numbers(output.bin_index),
            _numbers(self.bins.spread(probabilities)),
            cells_to_patch_px(_numbers(output.joints_cells), self.convention),
            _numbers(_mass_near(output.heatmaps, output.joints_cells)),
            self._poses(getattr(output, "pose", None)) or [None] * len(chunk.people),
        )
        for entry, reading in zip(chunk.people, map(Reading._make, zip(*columns, strict=True))):
            result, index, detection, camera, patch_camera, _ = entry
            person = self._person(detection, camera, patch_camera, reading)
            if person and self.joints_from == "detection" and detection.joints_px is not None:
                root_mm = person.root_camera_mm
                reading = reading.with_joints(detection.joints_px, camera, patch_camera)
                person = self._person(detection, camera, patch_camera, reading)
                person = person and replace(person, root_network_camera_mm=root_mm)
            if person is None:
                _reject(result, index, "the network's result is not finite")
            else:
                result[0].append(person)

    def _poses(self, pose) -> list[np.ndarray]:
        """`Reading.pose_patch` of everybody; nothing without a pose."""
        if pose is None:
            return []
        xy = cells_to_patch_px(_numbers(pose.joints_cells), self.convention)
        return list(np.concatenate([xy, _numbers(pose.relative_depth_mm)[..., None]], axis=-1))

    def _masks(self, boxes_xyxy_patch_px: Sequence[np.ndarray]) -> torch.Tensor:
        """(N, S / 4, S / 4) bool of boxes in px of their patches."""
        masks = [box_mask(box, self.convention) for box in boxes_xyxy_patch_px]
        return torch.from_numpy(np.stack(masks)).to(self.device)

    def _images(self, patches: np.ndarray) -> torch.Tensor:
        """(B, 3, S, S) uint8 of (B, S, S, 3) uint8: bytes go to the device, the network normalises them."""
        return torch.from_numpy(patches).to(self.device).permute(0, 3, 1, 2)

    def _person(
        self,
        detection: Detection,
        camera: Camera,
        patch_camera: PatchCamera,
        reading: Reading,
    ) -> PersonEstimate | None:
        bin_index, joints_patch_px = reading.bin_index, reading.joints_patch_px
        normalised = float(self.bins.normalised(bin_index))
        depth_mm = denormalise_depth(normalised, patch_camera.focal_px, patch_camera.size_px)
        root_camera_mm = patch_camera.backproject(joints_patch_px[ROOT], depth_mm)
        sigma_mm = float(self.sigma_calibration.sigma_mm(root_camera_mm[2], reading.spread_log))
        # Joints have no depth of their own: any point of the ray shows at the same pixel.
        joints_px = camera.project(patch_camera.backproject(joints_patch_px, 1.0))
        if not np.isfinite([*root_camera_mm, sigma_mm, normalised]).all() or sigma_mm <= 0.0:
            return None
        seen = np.isfinite(joints_px).all(axis=1) & np.isfinite(reading.joint_confidence)
        box_ray_camera, turned_box_wh_px = turned_box(detection.box_xywh_center_px, camera)
        person = PersonEstimate(
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
            joint_confidence=np.where(seen, reading.joint_confidence, 0.0),
            joints_camera_mm=reading.joints_camera_mm(patch_camera, depth_mm),
            box_ray_camera=box_ray_camera,
            turned_box_wh_px=turned_box_wh_px,
        )
        return replace(person, flags=self._flags(person, camera, bin_index))

    def _flags(self, person: PersonEstimate, camera: Camera, bin_index: float) -> PersonFlags:
        flags = PersonFlags.NONE if person.id else PersonFlags.UNTRACKED_ID
        if touches_border(person.box_xywh_center_px, camera.size_wh_px):
            flags |= PersonFlags.TRUNCATED_BOX
        if not 1.0 <= bin_index <= self.bins.count - 2.0:
            flags |= PersonFlags.OUT_OF_TRAINED_RANGE
        (_, height_px), distance_mm = box_at_distance(person)
        height_mm = float(height_px) * distance_mm / person.focal_px
        if not _PLAUSIBLE_HEIGHT_MM[0] <= height_mm <= _PLAUSIBLE_HEIGHT_MM[1]:
            flags |= PersonFlags.IMPLAUSIBLE_HEIGHT
        return flags


def _reject(result: tuple[list, list], index: int, reason: str) -> None:
    result[1].append((index, reason))
    _LOG.debug("detection %d left out: %s", index, reason)


def _numbers(values: torch.Tensor) -> np.ndarray:
    return values.double().cpu().numpy()


def _mass_near(heatmaps: torch.Tensor, joints_cells: torch.Tensor) -> torch.Tensor:
    """(N, J) share of each heatmap (N, J, h, w) near its joint (N, J, 2)."""
    height, width = heatmaps.shape[-2:]
    columns = torch.arange(width, device=heatmaps.device)
    rows = torch.arange(height, device=heatmaps.device)
    near_x = (columns - joints_cells[..., :1]).abs() <= _CONFIDENCE_REACH_CELLS
    near_y = (rows - joints_cells[..., 1:]).abs() <= _CONFIDENCE_REACH_CELLS
    rows_near = torch.einsum("njhw,njw->njh", heatmaps, near_x.to(heatmaps.dtype))
    return (rows_near * near_y).sum(-1).clamp(0.0, 1.0)
