"""Sizes of people whom a fisheye sees away from its axis: a px there is not depth over focal length wide."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.core.boxes import turned_box
from hdnet_ros.core.camera import Camera
from hdnet_ros.core.depth_bins import DepthBins, normalise_depth
from hdnet_ros.locate.estimator import HDNetEstimator
from hdnet_ros.core.patch import PatchConvention, patch_camera_for, patch_px_to_cells
from hdnet_ros.locate.priors import BoxAreaPrior, BoxHeightPrior
from hdnet_ros.tracking.root_noise import implied_stature_mm, lateral_sigma_mm, root_measurement
from hdnet_ros.core.types import Detection, PersonFlags

SIZE_WH_PX = (1280, 960)
K = (400.0, 0, 640, 0, 400, 480, 0, 0, 1)
FISHEYE = Camera.from_matrix(K, SIZE_WH_PX, "equidistant", (0.0, 0.0, 0.0, 0.0))
OTHER_LENSES = [
    Camera.from_matrix(K, SIZE_WH_PX),
    Camera.from_matrix(K, SIZE_WH_PX, "plumb_bob", (-0.05, 0.005, 0.001, 0.0)),
    Camera.from_matrix(K, SIZE_WH_PX, "rational_polynomial", (0.1, 0.03, 0.001, 0, 0.01, 0.2, 0.1, 0.02)),
]
OFF_AXIS_DEG = [0.0, 30.0, -50.0, 65.0, 80.0]
BINS = DepthBins.ladder()


def standing(off_axis_deg, camera=FISHEYE, stature_mm=1700.0, distance_mm=3000.0, eye_mm=900.0):
    """Root (3,) mm and box (4,) px of somebody upright; the camera is level, `eye_mm` over the floor."""
    angle = np.radians(off_axis_deg)
    away, aside = np.array([np.sin(angle), 0.0, np.cos(angle)]), np.array([np.cos(angle), 0.0, -np.sin(angle)])
    foot_mm, up = distance_mm * away + [0.0, eye_mm, 0.0], np.array([0.0, -1.0, 0.0])
    # Head and feet are a hand to each side of the middle, shoulders and hands a foot.
    outline = [(s * w, h) for s in (-1, 1) for w, h in ((0.06, 0.0), (0.06, 1.0), (0.15, 0.5), (0.15, 0.8))]
    points_mm = [foot_mm + stature_mm * (x * aside + y * up) for x, y in outline]
    pixels = camera.project(np.array(points_mm))
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    return foot_mm + 0.53 * stature_mm * up, np.concatenate([0.5 * (low + high), high - low])


def located(root_mm, box_px, camera=FISHEYE, mode="virtual"):
    """What the estimator makes of a network that knows where the root is."""
    convention = PatchConvention(mode=mode)
    patch = patch_camera_for(camera, box_px, convention)
    cells = torch.tensor(patch_px_to_cells(patch.project(root_mm), convention)).expand(1, 17, 2)
    index = BINS.index(torch.tensor([normalise_depth(patch.depth_mm(root_mm), patch.focal_px, patch.size_px)]))
    logits = BINS.target(index).clamp_min(1e-12).log()
    answer = SimpleNamespace(heatmaps=torch.zeros(1, 17, 64, 64), joints_cells=cells, bin_logits=logits, bin_index=index)
    network = torch.nn.Module()
    network.forward = lambda *_: answer
    estimator = HDNetEstimator(network, convention, BINS, device="cpu", precision="float32")
    image = np.zeros((*SIZE_WH_PX[::-1], 3), np.uint8)
    (person,) = estimator.localize(image, [Detection(box_px, id="a")], camera)
    assert person.root_camera_mm == pytest.approx(root_mm, abs=1.0)
    return person


@pytest.mark.parametrize("off_axis_deg, mode", [*((angle, "virtual") for angle in OFF_AXIS_DEG), (30.0, "crop")])
def test_people_are_as_tall_as_they_are_everywhere_in_a_fisheyes_picture(off_axis_deg, mode):
    person = located(*standing(off_axis_deg), mode=mode)
    seen = root_measurement(person, np.eye(4))
    assert implied_stature_mm(person) == pytest.approx(1700.0, rel=0.02)
    assert lateral_sigma_mm(person) == pytest.approx(0.04 * 1700.0, rel=0.02)
    assert seen.size == pytest.approx(1700.0 / 3000.0, rel=0.02)
    middle = FISHEYE.rays(person.box_xywh_center_px[:2])
    assert seen.bearing == pytest.approx(middle / np.linalg.norm(middle))
    assert person.flags == PersonFlags.NONE


@pytest.mark.parametrize("off_axis_deg", OFF_AXIS_DEG)
def test_the_priors_find_the_range_everywhere_in_a_fisheyes_picture(off_axis_deg):
    root_mm, box_px = standing(off_axis_deg)
    (by_height,) = BoxHeightPrior().localize(None, [Detection(box_px)], FISHEYE)
    (by_area,) = BoxAreaPrior(side_real_mm=1700.0).localize(None, [Detection(box_px)], FISHEYE)
    for person in (by_height, by_area):
        assert np.linalg.norm(person.root_camera_mm) == pytest.approx(np.linalg.norm(root_mm), rel=0.02)
        assert FISHEYE.project(person.root_camera_mm) == pytest.approx(box_px[:2])
        assert implied_stature_mm(person) == pytest.approx(1700.0)
        # As of a patch turned to the box, along whose axis the depth is the range.
        assert person.normalised_depth == pytest.approx(np.linalg.norm(person.root_camera_mm) / 400.0)
        assert person.depth_sigma_mm < 0.25 * person.root_camera_mm[2]
    assert BoxHeightPrior().depth_mm(box_px, FISHEYE) == by_height.root_camera_mm[2]


@settings(max_examples=80, deadline=None)
@given(
    st.floats(-75.0, 75.0), st.floats(1000.0, 2000.0), st.floats(3000.0, 12000.0), st.floats(500.0, 1400.0),
    st.floats(-0.02, 0.05),
)  # fmt: skip
def test_box_height_prior_on_any_fisheye(off_axis_deg, stature_mm, distance_mm, eye_mm, k1):
    camera = Camera.from_matrix(K, SIZE_WH_PX, "equidistant", (k1, -0.002, 0.0, 0.0))
    root_mm, box_px = standing(off_axis_deg, camera, stature_mm, distance_mm, eye_mm)
    (person,) = BoxHeightPrior(stature_mm).localize(None, [Detection(box_px)], camera)
    # From above or below people are shorter, by 4 % where it is by 15 degrees.
    assert np.linalg.norm(person.root_camera_mm) == pytest.approx(np.linalg.norm(root_mm), rel=0.05)


def test_a_flag_and_the_published_stature_do_not_contradict_each_other():
    # The outline of this box, bent by the lens, is 2.32 m high on the patch.
    tall = located(*standing(65.0, stature_mm=2240.0, distance_mm=5000.0))
    assert implied_stature_mm(tall) == pytest.approx(2240.0, rel=0.02) and tall.flags == PersonFlags.NONE
    giant = located(*standing(65.0, stature_mm=2500.0, distance_mm=5000.0))
    assert implied_stature_mm(giant) > 2300.0 and giant.flags == PersonFlags.IMPLAUSIBLE_HEIGHT


@pytest.mark.parametrize("camera", OTHER_LENSES, ids=lambda camera: camera.distortion_model)
def test_other_lenses_are_taken_for_pinholes_to_the_last_bit(camera):
    root_mm, box_px = standing(40.0, camera)
    assert turned_box(box_px, camera) == (None, None)
    (by_height,) = BoxHeightPrior().localize(None, [Detection(box_px)], camera)
    (by_area,) = BoxAreaPrior().localize(None, [Detection(box_px)], camera)
    assert by_height.root_camera_mm[2] == 400.0 * 1700.0 / box_px[3]
    assert by_area.root_camera_mm[2] == 400.0 * 2000.0 / max(box_px[2:])
    assert by_height.normalised_depth == by_height.root_camera_mm[2] / 400.0
    person = located(root_mm, box_px, camera)
    depth_mm = float(person.root_camera_mm[2])
    assert implied_stature_mm(person) == box_px[3] * depth_mm / 400.0
    assert lateral_sigma_mm(person) == 0.04 * box_px[3] * depth_mm / 400.0


def test_turned_box_takes_half_of_what_leaves_the_lens_twice():
    # 90 degrees are 400 * pi / 2 = 628 px off the middle; this box ends at 660.
    ray, size_wh_px = turned_box(np.array([640.0 + 600.0, 480.0, 120.0, 100.0]), FISHEYE)
    assert ray == pytest.approx([np.sin(1.5), 0.0, np.cos(1.5)])
    assert size_wh_px[0] == pytest.approx(2 * 400.0 * np.tan(60.0 / 400.0))
    assert np.isfinite(size_wh_px).all()


@pytest.mark.parametrize("box", [(640.0 + 640.0, 480.0, 60.0, 100.0), (640.0, 480.0, 1270.0, 100.0)])
def test_turned_box_without_rays_is_none(box):
    assert turned_box(np.array(box), FISHEYE) == (None, None)
