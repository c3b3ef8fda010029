import numpy as np
import pytest

from hdnet_ros.locate.priors import BoxHeightPrior
from hdnet_ros.data.ground_plane import load_ground_plane_clip


def test_box_height_prior_on_the_real_clip_errs_by_3_6_percent(pets_folder):
    clip = load_ground_plane_clip(pets_folder)
    errors = []
    for frame in range(400):
        people = [
            person
            for person in clip.boxes.get(frame, [])
            if clip.whole_in_picture(person.box_xywh_center_px)
        ]
        for person in BoxHeightPrior().localize(None, people, clip.camera):
            true_mm = clip.true_root_camera_mm(person.box_xywh_center_px)[2]
            errors.append(abs(person.root_camera_mm[2] / true_mm - 1.0))
    assert len(errors) > 2000
    assert 100.0 * np.mean(errors) == pytest.approx(3.6, abs=0.3)
