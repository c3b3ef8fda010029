"""Synthetic shards as labelled pictures for evaluation, and rows for the box-only regressor."""

from __future__ import annotations

from pathlib import Path
from collections.abc import Iterable, Iterator

import numpy as np

from hdnet_ros.core.types import Detection
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.data.boxes import box_features, jittered
from hdnet_ros.data.synthetic.labels import PersonLabel
from hdnet_ros.data.synthetic.sample import SyntheticSample, make_sample
from hdnet_ros.data.synthetic.shards import read_shard_of

SMALLEST_VISIBLE_FRACTION = 0.25
"""People of whom less is seen are not detected by anything and do not count."""


def groups_of(person: PersonLabel) -> frozenset[str]:
    """Names of the groups a person is reported in."""
    unoccluded = person.visible_fraction > 0.9 and not person.truncated
    names = {
        "adult": person.is_adult,
        "child": not person.is_adult,
        "upright unoccluded adult": person.is_adult and person.is_upright and unoccluded,
        "not upright": not person.is_upright,
        "occluded or cut": not unoccluded,
        "shorter than 1.4 m": person.stature_mm < 1400,
    }
    return frozenset(name for name, member in names.items() if member)


def samples_in(folder: str | Path, split: str) -> Iterator[SyntheticSample]:
    """All samples of a folder of shards of a split ("train" or "holdout"), in order.

    Raises
    ------
    FileNotFoundError : the folder has no shard
    ValueError : a shard of the other split
    """
    shards = sorted(Path(folder).glob("*.npz"))
    if not shards:
        raise FileNotFoundError(
            f"{folder} has no shard; write some with `hdnet synth --split {split} --out {folder}`"
        )
    for shard in shards:
        yield from read_shard_of(shard, split)


def pictures_in(
    folder: str | Path, most: int | None = None, box_jitter: np.random.Generator | None = None
) -> Iterator[LabelledPicture]:
    """Labelled pictures of the first `most` hold-out samples in a folder; given a generator, with `jittered` boxes."""
    for number, sample in enumerate(samples_in(folder, "holdout")):
        if most is not None and number >= most:
            return
        people = [p for p in sample.people if p.visible_fraction >= SMALLEST_VISIBLE_FRACTION]
        if people:
            yield _picture(sample, people, box_jitter)


def rendered_pictures(numbers: Iterable[int], seed: int = 77) -> Iterator[LabelledPicture]:
    """Labelled pictures of the hold-out samples of these numbers and a seed, rendered now.

    The first call on a machine also builds the hold-out's bank of bodies (some minutes, needs anny).
    """
    for n in numbers:
        sample = make_sample(seed, n, "holdout")
        people = [p for p in sample.people if p.visible_fraction >= SMALLEST_VISIBLE_FRACTION]
        if people:
            yield _picture(sample, people, None)


def _picture(sample: SyntheticSample, people: list[PersonLabel], rng) -> LabelledPicture:
    boxes = [np.asarray(p.box_xywh_center_px, float) for p in people]
    if rng is not None:
        boxes = [jittered(box, rng) for box in boxes]
    return LabelledPicture(
        image_rgb=sample.image_rgb,
        camera=sample.camera,
        detections=[Detection(box_xywh_center_px=box) for box in boxes],
        depth_mm=np.array([p.root_camera_mm[2] for p in people]),
        joints_px=np.stack([p.joints_px for p in people]),
        joint_visible=np.stack([p.joint_visible for p in people]),
        tight_longer_side_px=np.array([max(p.tight_box_xywh_center_px[2:]) for p in people]),
        groups=[groups_of(p) for p in people],
        joints_camera_mm=np.stack([p.joints_camera_mm for p in people]),
        root_camera_mm=np.array([p.root_camera_mm for p in people]),
        stature_mm=np.array([p.stature_mm for p in people]),
        visible_fraction=np.array([p.visible_fraction for p in people]),
        truncated=np.array([p.truncated for p in people]),
        name="sample {}/{}".format(*sample.key),
    )


def regressor_rows(folder: str | Path, most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Box features (N, 5) and root depths (N,) in mm of everyone in a folder of training shards."""
    features, depths = [], []
    for number, sample in enumerate(samples_in(folder, "train")):
        if most is not None and number >= most:
            break
        for person in sample.people:
            if person.visible_fraction >= SMALLEST_VISIBLE_FRACTION:
                features.append(box_features(sample.camera, person.box_xywh_center_px))
                depths.append(person.root_camera_mm[2])
    return np.array(features), np.array(depths)
