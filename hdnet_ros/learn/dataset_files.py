"""Pictures of a data set's files as training samples, in the shape of the synthetic ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hdnet_ros.core.boxes import touches_border
from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.data.datasets import PictureSet
from hdnet_ros.data.synthetic.labels import PersonLabel
from hdnet_ros.data.synthetic.sample import SyntheticSample


def random_samples(
    pictures: PictureSet, rng: np.random.Generator, seed: int
) -> Iterator[tuple[tuple[int, int], SyntheticSample]]:
    """Endless ((seed, number of the picture), sample), each pass in an order of its own.

    Pictures in which nobody's root is known are passed over.

    Raises
    ------
    ValueError : a whole pass found nobody
    """
    while True:
        found = False
        for number in rng.permutation(len(pictures)):
            sample = sample_of(pictures[int(number)])
            if sample.people:
                found = True
                yield (seed, int(number)), sample
        if not found:
            raise ValueError(f"{pictures.name}: nobody's root is known in any of {len(pictures)} pictures")


def sample_of(picture: LabelledPicture) -> SyntheticSample:
    """A picture and its people with a known root; what files do not say (age, stature) is NaN."""
    known = np.isfinite(picture.root_camera_mm).all(axis=1)
    people = [_person(picture, int(i)) for i in np.flatnonzero(known)]
    return SyntheticSample(picture.image_rgb, picture.camera, people)


def _person(picture: LabelledPicture, i: int) -> PersonLabel:
    box = picture.detections[i].box_xywh_center_px
    joints_mm, visible = picture.joints_camera_mm[i], picture.joint_visible[i]
    has_joint = np.isfinite(joints_mm).all(axis=1)
    return PersonLabel(
        box_xywh_center_px=box,
        tight_box_xywh_center_px=box,
        joints_px=picture.joints_px[i],
        joints_camera_mm=joints_mm,
        joint_visible=visible & has_joint,
        root_camera_mm=joints_mm[ROOT],
        stature_mm=np.nan,
        age_years=np.nan,
        pose_kind="",
        visible_fraction=float(visible[has_joint].mean()),
        truncated=touches_border(box, picture.camera.size_wh_px),
        is_adult=True,
        is_upright=True,
    )
