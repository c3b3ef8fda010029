"""From an image, person boxes and the camera to people in millimetres, through a network."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch

from hdnet_ros.core.boxes import detection_problem, most_overlapping, touches_border, turned_box
from hdnet_ros.core.camera import Camera, check_image_size
from hdnet_ros.core.depth_bins import DepthBins, denormalise_depth
from hdnet_ros.core.device import choose_device
from hdnet_ros.core.human_size import PLAUSIBLE_STATURE_MM
from hdnet_ros.core.patch import (
    OTHERS_TOLD,
    PatchCamera,
    PatchConvention,
    box_in_patch,
    cells_to_patch_px,
    patch_camera_for,
)
from hdnet_ros.core.reading import Reading
from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.core.types import NUMERIC_ERRORS, Detection, PersonEstimate, PersonFlags, SigmaCalibration
from hdnet_ros.locate.factory import JOINT_SOURCES
from hdnet_ros.locate.judgement import child_probability_of, existence_of, with_shared_joints_flagged
from hdnet_ros.locate.protocol import BoxedImage, Estimator, Located
from hdnet_ros.model.engine import (
    about_torch,
    choose_engine,
    compiled_images,
    maps_of,
    openvino_problem,
    torch_threads,
    with_maps,
)
from hdnet_ros.model.look import Look, OneLook, PersonInImage, reads_other_boxes
from hdnet_ros.model.second_look import SecondLook
from hdnet_ros.tracking.root_noise import box_at_distance

_LOG = logging.getLogger(__name__)

# Mass within this many cells of a joint, to each side, is its confidence.
_CONFIDENCE_REACH_CELLS = 3.5


@dataclass(frozen=True, eq=False)
class _Waiting:
    """Somebody on the way through the network, and where the answer goes."""

    located: Located
    index: int
    detection: Detection
    seen: PersonInImage


class HDNetEstimator(Estimator):
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
    precision, engine : of the convolutions, as `choose_engine` takes them
    joints_from : where joints and root are in the picture: "network", or "detection", which takes
        `Detection.joints_px` where it has them
    second_look : the mean over two patches of each person, see `SecondLook`
    rung_offset : every patch so many rungs of the ladder away from its own, for studies
    name : how to speak of the network

    Attributes
    ----------
    engine : what runs the network, for people

    Raises
    ------
    ValueError : a device that this machine does not have, a chunk below 1, an unknown source of
        joints, what `choose_engine` says, or a network of which there is no second look
    EngineError : the engine cannot run this network
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
        second_look: bool = False,
        rung_offset: int = 0,
        name: str = "hdnet",
        engine: str = "torch",
    ) -> None:
        if joints_from not in JOINT_SOURCES:
            raise ValueError(f"joints_from is {joints_from!r}, expected one of {JOINT_SOURCES}")
        if chunk < 1:
            raise ValueError(f"chunk is {chunk}, expected at least 1")
        self.convention = convention
        self.bins = bins
        self.sigma_calibration = sigma_calibration or SigmaCalibration()
        self._device = choose_device(device)
        self.device = str(self._device)
        self.name = name
        self.network = network.to(self._device, memory_format=torch.channels_last).eval()
        self._choose_engine(engine, precision)
        self._look: Look = (SecondLook if second_look else OneLook)(self.network, convention)
        self._people_at_once = max(1, chunk // self._look.patches_per_person)
        self._rung_offset = rung_offset
        self.joints_from = joints_from

    def _choose_engine(self, engine: str, precision: str) -> None:
        """Set what runs the network, and on how many of PyTorch's threads the rest does (0: all)."""
        chosen = choose_engine(engine, precision, self._device, openvino_problem(self.network))
        side, compiled = self.convention.input_px, None
        if chosen.name == "openvino":
            compiled = compiled_images(maps_of(self.network), (side, side), engine, chosen)
        if compiled is None:
            self.dtype, self.engine, self._torch_threads = chosen.dtype, about_torch(chosen.dtype), 0
            return
        self.network = with_maps(self.network, compiled)
        # What is left to PyTorch is too little for threads that wait for one another.
        self.dtype, self.engine, self._torch_threads = torch.float32, compiled.about, 1

    @property
    def looks(self) -> int:
        """Patches of each person that an answer is the mean of."""
        return self._look.patches_per_person

    def localize_many(self, images: Sequence[BoxedImage]) -> list[Located]:
        """As `Estimator.localize_many`; all numbers are finite except those of unseen joints."""
        results = [Located() for _ in images]
        waiting: list[_Waiting] = []
        for boxed, located in zip(images, results, strict=True):
            image_rgb = _checked(boxed.image_rgb, boxed.camera)
            others = self._other_boxes(boxed.detections)
            for index, detection in enumerate(boxed.detections):
                try:
                    seen = self._in_image(image_rgb, detection, boxed.camera, others(index))
                except NUMERIC_ERRORS as error:
                    _reject(located, index, str(error))
                else:
                    waiting.append(_Waiting(located, index, detection, seen))
        with torch_threads(self._torch_threads or torch.get_num_threads()):
            for start in range(0, len(waiting), self._people_at_once):
                self._localize_chunk(waiting[start : start + self._people_at_once])
        for located in results:
            located.rejected.sort()
            located.people[:] = with_shared_joints_flagged(located.people)
        return results

    def _other_boxes(self, detections: Sequence[Detection]) -> Callable[[int], np.ndarray]:
        """For each of an image's detections the boxes (K, 4) that overlap its own; none where the network reads none."""
        none = np.empty((0, 4))
        if not reads_other_boxes(self.network) or len(detections) < 2:
            return lambda index: none
        boxes = np.stack([detection.box_xywh_center_px for detection in detections])
        is_usable = np.isfinite(boxes).all(axis=1)

        def others(index: int) -> np.ndarray:
            chosen = is_usable & (np.arange(len(boxes)) != index)
            return most_overlapping(boxes[index], boxes[chosen], OTHERS_TOLD)

        return others

    def _in_image(
        self, image_rgb: np.ndarray, detection: Detection, camera: Camera, other_boxes: np.ndarray
    ) -> PersonInImage:
        box = detection.box_xywh_center_px
        problem = detection_problem(detection, camera.size_wh_px)
        if problem:
            raise ValueError(problem)
        patch_camera = patch_camera_for(camera, box, self.convention, rung_offset=self._rung_offset)
        box_patch_px = box_in_patch(box, camera, patch_camera)
        side = self.convention.input_px
        if box_patch_px[:2].max() >= side or box_patch_px[2:].min() <= 0.0:
            raise ValueError(
                f"box is outside the network's patch of {patch_camera.patch_px:.0f} source px"
            )
        return PersonInImage(image_rgb, camera, box, patch_camera, box_patch_px, other_boxes)

    @torch.inference_mode()
    def _localize_chunk(self, people: Sequence[_Waiting]) -> None:
        """Add people to the results that they belong to; whoever cannot be cut out leaves the others."""
        try:
            readings = self._look_at(people)
        except (*NUMERIC_ERRORS, cv2.error) as error:
            if len(people) == 1:
                _reject(people[0].located, people[0].index, str(error))
                return
            for waiting in people:
                self._localize_chunk([waiting])
            return
        for waiting, reading in zip(people, readings, strict=True):
            try:
                person = self._person_with_joints(waiting, reading)
                reason = person.problem() if person else "the network's result is not finite"
            except NUMERIC_ERRORS as error:
                person, reason = None, str(error)
            if person is None or reason:
                _reject(waiting.located, waiting.index, reason or "")
            else:
                waiting.located.people.append(person)

    @contextlib.contextmanager
    def computing(self) -> Iterator[None]:
        """In which precision, and on how many of PyTorch's threads, the network is to be called."""
        autocast = torch.autocast(self._device.type, self.dtype, enabled=self.dtype != torch.float32)
        with torch_threads(self._torch_threads or torch.get_num_threads()), autocast:
            yield

    def _look_at(self, people: Sequence[_Waiting]) -> list[Reading]:
        """What the network says of people."""
        with self.computing():
            output = self._look.at([waiting.seen for waiting in people], self._device)
        nothing = [None] * len(people)
        columns: tuple[Any, ...] = (
            _numbers(output.bin_index),
            _numbers(self._spread_log(output)),
            cells_to_patch_px(_numbers(output.joints_cells), self.convention),
            _numbers(_mass_near(output.heatmaps, output.joints_cells)),
            self._poses(getattr(output, "pose", None)) or nothing,
            _logits(output, "existence_logit") or nothing,
            _logits(output, "child_logit") or nothing,
        )
        return [Reading._make(row) for row in zip(*columns, strict=True)]

    def _spread_log(self, output) -> torch.Tensor:
        """(N,) standard deviation of ln(depth): the network's own word where it has one, else the bins' spread."""
        log_sigma = getattr(output, "log_sigma", None)
        if log_sigma is not None:
            return log_sigma.float().exp()
        logits = output.bin_logits.float() / self.sigma_calibration.temperature
        return self.bins.spread(torch.softmax(logits, dim=-1))

    def _person_with_joints(self, waiting: _Waiting, reading: Reading) -> PersonEstimate | None:
        """The person of a reading, with the detection's own joints where those are wanted."""
        detection, camera = waiting.detection, waiting.seen.camera
        patch_camera = waiting.seen.patch_camera
        person = self._person(detection, camera, patch_camera, reading)
        if person is None or self.joints_from != "detection" or detection.joints_px is None:
            return person
        reading = reading.with_joints(detection.joints_px, camera, patch_camera)
        moved = self._person(detection, camera, patch_camera, reading)
        return moved and replace(moved, root_network_camera_mm=person.root_camera_mm)

    def _poses(self, pose) -> list[np.ndarray]:
        """`Reading.pose_patch` of everybody; nothing without a pose."""
        if pose is None:
            return []
        xy = cells_to_patch_px(_numbers(pose.joints_cells), self.convention)
        return list(np.concatenate([xy, _numbers(pose.relative_depth_mm)[..., None]], axis=-1))

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
            existence=existence_of(reading.existence_logit, sigma_mm / root_camera_mm[2]),
            child_probability=child_probability_of(reading.child_logit),
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
        if not PLAUSIBLE_STATURE_MM[0] <= height_mm <= PLAUSIBLE_STATURE_MM[1]:
            flags |= PersonFlags.IMPLAUSIBLE_HEIGHT
        return flags


def _checked(image: np.ndarray | None, camera: Camera) -> np.ndarray:
    if image is None or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        found = None if image is None else f"{image.shape} {image.dtype}"
        raise ValueError(f"image is {found}, expected (H, W, 3) uint8 RGB")
    check_image_size(image, camera)
    return image


def _reject(located: Located, index: int, reason: str) -> None:
    located.rejected.append((index, reason))
    _LOG.debug("detection %d left out: %s", index, reason)


def _logits(output, name: str) -> list[float]:
    """Of everybody; nothing from a network that does not say."""
    logits = getattr(output, name, None)
    return [] if logits is None else _numbers(logits).tolist()


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
