"""From synthetic samples to training patches: the same `sample_patch` that the estimator uses."""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass
from pathlib import Path
from collections.abc import Iterator

import cv2
import numpy as np
import torch

from hdnet_ros.core import patch as patches
from hdnet_ros.core.boxes import most_overlapping
from hdnet_ros.core.depth_bins import normalise_depth
from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.core.skeleton import MIRRORED_JOINTS, ROOT
from hdnet_ros.data.datasets import open_dataset
from hdnet_ros.learn.config import DataConfig
from hdnet_ros.learn.dataset_files import random_samples
from hdnet_ros.data.synthetic.labels import PersonLabel
from hdnet_ros.data.synthetic.sample import SyntheticSample, make_sample
from hdnet_ros.data.synthetic.shards import read_shard_of
from hdnet_ros.model.look import reads_other_boxes

log = logging.getLogger(__name__)

# Statures are told as multiples of this one, and people as children up to this age.
USUAL_STATURE_MM = 1700.0
OLDEST_CHILD_YEARS = 16.0


@dataclass
class TrainingPatch:
    """One patch and the people in it that get a loss.

    Attributes
    ----------
    image : (S, S, 3) uint8, RGB.
    joints_cells : (N, 17, 2) heatmap cells, x y.
    joint_weight : (N, 17); 0 where a joint is outside the person's box mask.
    normalised_depth : (N,) of the root, see core.depth_bins.
    box_masks : (N, h, w) bool.
    relative_depth_mm : (N, 17) along the patch's axis, behind the root.
    other_boxes_cells : (N, 2, 4) corners of the boxes of others that overlap each box, see `patch.boxes_in_cells`.
    log_stature : (N,) natural logarithm of the standing height over 1.7 m.
    is_child : (N,) 1 below 16 years.
    key : (seed, n) of the sample.
    target : number of the person in the sample around whom the patch is cut.
    target_rows : so many of the first rows are the target, each with a box mask of its own.
    exists : whether somebody is in the boxes; where not, only that is learnt.
    """

    image: np.ndarray
    joints_cells: np.ndarray
    joint_weight: np.ndarray
    normalised_depth: np.ndarray
    box_masks: np.ndarray
    relative_depth_mm: np.ndarray
    other_boxes_cells: np.ndarray
    log_stature: np.ndarray
    is_child: np.ndarray
    key: tuple[int, int]
    target: int = 0
    target_rows: int = 1
    exists: bool = True


def make_training_patch(
    sample: SyntheticSample,
    target: int,
    convention: PatchConvention,
    data: DataConfig,
    rng: np.random.Generator,
    key: tuple[int, int] = (0, 0),
) -> TrainingPatch:
    """Cut the patch of person `target` and label everyone who is well inside it."""
    box = _jittered_box(sample.people[target].box_xywh_center_px, data, rng)
    image, camera = _jittered_patch(sample, box, convention, data, rng)
    chosen = _people_in_patch(sample, target, camera, convention, data, rng)
    rows = [
        (*_label(sample, person, person_box, camera, convention), *_body(sample, person, person_box, camera, convention))
        for person, person_box in chosen(box)
    ]
    result = TrainingPatch(image, *(np.stack(column) for column in zip(*rows)), key, target, data.boxes_per_view)
    return _changed(result, data, rng)


def make_empty_patch(
    sample: SyntheticSample,
    box_xywh_center_px: np.ndarray,
    convention: PatchConvention,
    data: DataConfig,
    rng: np.random.Generator,
    key: tuple[int, int] = (0, 0),
) -> TrainingPatch:
    """Cut the patch of a box that holds nobody: labels without weight, and `exists` False."""
    box = _jittered_box(box_xywh_center_px, data, rng)
    image, camera = _jittered_patch(sample, box, convention, data, rng)
    mask = patches.box_mask(patches.box_in_patch(box, sample.camera, camera), convention)
    joints = len(MIRRORED_JOINTS)
    result = TrainingPatch(
        image,
        np.zeros((1, joints, 2), np.float32),
        np.zeros((1, joints), np.float32),
        np.ones(1, np.float32),
        mask[None],
        np.zeros((1, joints), np.float32),
        np.full((1, patches.OTHERS_TOLD, 4), np.nan, np.float32),
        np.zeros(1, np.float32),
        np.zeros(1, np.float32),
        key,
        target=-1,
        exists=False,
    )
    return _changed(result, data, rng)


def _jittered_patch(sample, box, convention, data, rng):
    """A patch on a rung, at a zoom and around a middle as the configuration spreads them, and its camera."""
    roll = rng.random()
    rung = -1 if roll < data.rung_jitter else (1 if roll > 1 - data.rung_jitter else 0)
    zoom = float(np.exp(rng.uniform(-1, 1) * np.log1p(data.zoom_range)))
    size_px = patches.choose_patch_px(box, convention, rung_offset=rung, zoom=zoom)
    offset = tuple(float(v) for v in rng.normal(0, data.centre_jitter, 2) * size_px)
    return patches.sample_patch(
        sample.image_rgb, sample.camera, box, convention, rung_offset=rung, zoom=zoom, centre_offset_px=offset
    )


def _changed(patch: TrainingPatch, data: DataConfig, rng) -> TrainingPatch:
    """Mirrored half the time, with other colours."""
    if rng.random() < 0.5:
        patch = _mirrored(patch)
    if data.photometric:
        patch.image = photometric_jitter(patch.image, rng)
    return patch


def _jittered_box(box_xywh: np.ndarray, data: DataConfig, rng: np.random.Generator) -> np.ndarray:
    x, y, w, h = (float(v) for v in box_xywh)
    dx, dy = rng.normal(0, data.box_shift_jitter, 2)
    scale_w, scale_h = np.exp(rng.normal(0, data.box_scale_jitter, 2))
    return np.array([x + dx * w, y + dy * h, w * scale_w, h * scale_h])


def _people_in_patch(sample, target, camera, convention, data, rng):
    """The target first, then others whose box lies mostly inside the patch and is not tiny in it."""
    side = convention.input_px

    def usable(person: PersonLabel) -> bool:
        if person.visible_fraction < 0.25:
            return False
        try:
            x0, y0, x1, y1 = patches.box_in_patch(person.box_xywh_center_px, sample.camera, camera)
        except ValueError:  # beside a wide lens's target, behind the patch's camera
            return False
        inside = max(0.0, min(x1, side) - max(x0, 0)) * max(0.0, min(y1, side) - max(y0, 0))
        longer = max(x1 - x0, y1 - y0)
        return inside > 0.8 * (x1 - x0) * (y1 - y0) and 0.25 * side < longer < 1.1 * side

    def chosen(target_box):
        person = sample.people[target]
        people = [(person, target_box)]
        for _ in range(data.boxes_per_view - 1):
            people.append((person, _jittered_box(person.box_xywh_center_px, data, rng)))
        others = [i for i, p in enumerate(sample.people) if i != target and usable(p)]
        for i in others[: data.people_per_patch - 1]:
            people.append((sample.people[i], _jittered_box(sample.people[i].box_xywh_center_px, data, rng)))
        return people

    return chosen


def _label(sample, person: PersonLabel, box, camera, convention):
    mask = patches.box_mask(patches.box_in_patch(box, sample.camera, camera), convention)
    joints_px = camera.project(person.joints_camera_mm)
    cells = patches.patch_px_to_cells(joints_px, convention)
    height, width = mask.shape
    column = np.clip(np.nan_to_num(np.round(cells[:, 0])), -1, width).astype(int)
    row = np.clip(np.nan_to_num(np.round(cells[:, 1])), -1, height).astype(int)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height) & np.isfinite(cells).all(axis=1)
    inside[inside] &= mask[row[inside], column[inside]]
    weight = inside * np.where(person.joint_visible, 1.0, 0.4)
    weight[ROOT] = float(inside[ROOT])
    depth_mm = camera.depth_mm(person.root_camera_mm)
    depth = normalise_depth(depth_mm, camera.focal_px, convention.input_px)
    relative_mm = np.nan_to_num(camera.depth_mm(person.joints_camera_mm) - depth_mm).astype(np.float32)
    cells = np.nan_to_num(cells).astype(np.float32)
    return cells, weight.astype(np.float32), np.float32(depth), mask, relative_mm


def _body(sample, person: PersonLabel, box, camera, convention):
    others = np.array([p.box_xywh_center_px for p in sample.people if p is not person]).reshape(-1, 4)
    others = most_overlapping(box, others, patches.OTHERS_TOLD)
    return (
        patches.boxes_in_cells(others, sample.camera, camera, convention),
        np.float32(np.log(person.stature_mm / USUAL_STATURE_MM)),
        np.float32(person.age_years < OLDEST_CHILD_YEARS),
    )


def _mirrored(p: TrainingPatch) -> TrainingPatch:
    """The patch the other way round; `PatchStream` takes only conventions whose pixels lie evenly."""
    cells = p.joints_cells[:, MIRRORED_JOINTS].copy()
    last = p.box_masks.shape[2] - 1
    cells[..., 0] = last - cells[..., 0]
    x0, y0, x1, y1 = np.moveaxis(p.other_boxes_cells, -1, 0)
    return TrainingPatch(
        np.ascontiguousarray(p.image[:, ::-1]),
        cells,
        p.joint_weight[:, MIRRORED_JOINTS],
        p.normalised_depth,
        np.ascontiguousarray(p.box_masks[:, :, ::-1]),
        p.relative_depth_mm[:, MIRRORED_JOINTS],
        np.stack([last - x1, y0, last - x0, y1], axis=-1),
        p.log_stature,
        p.is_child,
        p.key,
        p.target,
        p.target_rows,
        p.exists,
    )


def photometric_jitter(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exposure, contrast, tint, grey, blur and noise on an 8-bit patch, (S, S, 3) uint8."""
    ramp = np.arange(256, dtype=np.float32)[:, None] / 255
    gain = np.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.04, 3))
    curve = np.clip(ramp * gain + rng.normal(0, 0.03), 0, 1) ** np.exp(rng.normal(0, 0.15))
    image = cv2.LUT(image, (curve * 255).astype(np.uint8).reshape(1, 256, 3))
    if rng.random() < 0.08:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.4)))
    if rng.random() < 0.2:
        noise = rng.normal(0, rng.uniform(2, 8), image.shape[:2]).astype(np.int16)
        image = np.clip(image.astype(np.int16) + noise[..., None], 0, 255).astype(np.uint8)
    return image


class PatchStream(torch.utils.data.IterableDataset):
    """An endless stream of training patches, from shards, from a data set's files or rendered on the fly.

    Every pass re-lists the folder, so shards that are still being written join the next pass.

    Parameters
    ----------
    start : number of the first sample, so that a resumed run continues the stream instead of
        repeating it; from shards and files it only seeds their order.
    stride : distance of this process's samples, the number of processes; each has its own `start`.
    """

    def __init__(
        self,
        data: DataConfig,
        convention: PatchConvention,
        split: str = "train",
        start: int = 0,
        stride: int = 1,
    ):
        if not convention.half_pixel:
            raise ValueError(
                "convention.half_pixel is false, expected true: training mirrors patches, and those would lie a px aside"
            )
        self.data, self.convention, self.split = data, convention, split
        self.start, self.stride = start, stride
        # Here, so that the loader's processes share the annotations and a missing file shows at once.
        self._pictures = open_dataset(data.dataset, data.dataset_root, split="train") if data.dataset else None

    def __iter__(self) -> Iterator[TrainingPatch]:
        info = torch.utils.data.get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        cv2.setNumThreads(1)
        rng = np.random.default_rng([self.data.seed, worker, self.start])
        if self.data.dataset:
            samples = random_samples(self._pictures, rng, self.data.seed)
        elif self.data.shards:
            samples = self._from_shards(rng)
        else:
            samples = self._rendered(worker, workers)
        for key, sample in samples:
            try:
                yield from self._patches_of(sample, key, rng)
            except ValueError as error:  # a jittered box beyond the lens's field of view
                log.warning("sample %s left out: %s", key, error)

    def _patches_of(self, sample: SyntheticSample, key, rng):
        """The views of one person of a sample, or in `nobody_share` of the cases of a box of nobody."""
        share = self.data.nobody_share
        if share and sample.nobody and rng.random() < share:
            box = sample.nobody[int(rng.integers(len(sample.nobody)))].box_xywh_center_px
            for _ in range(self.data.views):
                yield make_empty_patch(sample, box, self.convention, self.data, rng, key)
            return
        targets = [i for i, p in enumerate(sample.people) if p.visible_fraction >= 0.25]
        if targets:
            target = targets[int(rng.integers(len(targets)))]
            for _ in range(self.data.views):
                yield make_training_patch(sample, target, self.convention, self.data, rng, key)

    def _rendered(self, worker: int, workers: int):
        for n in itertools.count(self.start + worker * self.stride, workers * self.stride):
            yield (self.data.seed, n), make_sample(self.data.seed, n, self.split)

    def check(self) -> None:
        """Read a first shard where there are to be shards.

        Raises
        ------
        FileNotFoundError : there is none
        ValueError : its samples are of the other split
        """
        if self.data.shards:
            read_shard_of(self._shards()[0], self.split)

    def _shards(self) -> list[Path]:
        folder = self.data.shards
        shards = sorted(Path(folder).glob("*.npz"))
        if not shards:
            raise FileNotFoundError(f"no shards in {folder}; write some with `hdnet synth --out {folder}`")
        return shards

    def _from_shards(self, rng):
        while True:
            shards = self._shards()
            for index in rng.permutation(len(shards)):
                samples = read_shard_of(shards[index], self.split)
                for i in rng.permutation(len(samples)):
                    yield samples[i].key[:2], samples[i]


def collate(batch: list[TrainingPatch]) -> dict:
    """Stack patches; people of all patches follow one another, with the patch each is in."""
    counts = [len(p.normalised_depth) for p in batch]
    return {
        "images": torch.from_numpy(np.stack([p.image for p in batch])).permute(0, 3, 1, 2),
        "joints_cells": torch.from_numpy(np.concatenate([p.joints_cells for p in batch])),
        "joint_weight": torch.from_numpy(np.concatenate([p.joint_weight for p in batch])),
        "normalised_depth": torch.from_numpy(np.concatenate([p.normalised_depth for p in batch])),
        "box_masks": torch.from_numpy(np.concatenate([p.box_masks for p in batch])),
        "other_boxes_cells": torch.from_numpy(np.concatenate([p.other_boxes_cells for p in batch])),
        "log_stature": torch.from_numpy(np.concatenate([p.log_stature for p in batch])),
        "is_child": torch.from_numpy(np.concatenate([p.is_child for p in batch])),
        "relative_depth_mm": torch.from_numpy(np.concatenate([p.relative_depth_mm for p in batch])),
        "exists": torch.repeat_interleave(torch.tensor([float(p.exists) for p in batch]), torch.tensor(counts)),
        "patch_index": torch.repeat_interleave(torch.arange(len(batch)), torch.tensor(counts)),
        "twins": _twins(batch, counts),
        "keys": [p.key for p in batch],
    }


def network_inputs(network: torch.nn.Module, batch: dict) -> tuple[torch.Tensor, ...]:
    """What a network is called with on a batch of `collate`."""
    names = ["images", "box_masks", "patch_index"]
    if reads_other_boxes(network):
        names.append("other_boxes_cells")
    return tuple(batch[name] for name in names)


def _twins(batch: list[TrainingPatch], counts: list[int]) -> torch.Tensor:
    """(M, 2) rows of the same person: in one patch with different boxes, and in two successive patches."""
    first_row = np.cumsum([0, *counts[:-1]])
    rows = [range(first, first + patch.target_rows * patch.exists) for first, patch in zip(first_row, batch)]
    pairs = [pair for group in rows for pair in itertools.pairwise(group)]
    for i, (one, other) in enumerate(itertools.pairwise(batch)):
        if one.exists and (one.key, one.target) == (other.key, other.target):
            pairs.extend(zip(rows[i], rows[i + 1]))
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)
