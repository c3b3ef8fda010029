"""RootNet: what k and gamma mean, its patch, and that it runs wherever HDNet does."""

import numpy as np
import pytest
import torch

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.depth_bins import normalise_depth
from hdnet_ros.locate.protocol import BoxedImage
from hdnet_ros.locate.estimator import HDNetEstimator
from hdnet_ros.core.patch import PatchConvention, choose_patch_px, patch_camera_for
from hdnet_ros.locate.priors import BoxAreaPrior
from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.core.types import Detection
from hdnet_ros.model.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from hdnet_ros.model.rootnet import RootNet, RootNetConfig, gamma_of, k_mm, normalised_depth_of

CONFIG = RootNetConfig(backbone="efficientnet_lite0", deconvolution_channels=8)
CONVENTION = PatchConvention(input_px=64, mode="crop", ladder=False, patch_per_box=1.25)
BOX_PX = np.array([300.0, 250.0, 60.0, 170.0])


def camera_of(focal_px):
    return Camera(np.array([[focal_px, 0, 320], [0, focal_px, 240], [0, 0, 1.0]]), (640, 480))


def rootnet_saying(gamma):
    """A network whose gamma is this and whose heatmap is even, whatever it sees."""
    torch.manual_seed(0)
    network = RootNet(CONFIG).eval()
    for parameter in (network.gamma_head.weight, network.heatmap_head.weight):
        torch.nn.init.zeros_(parameter)
    torch.nn.init.constant_(network.gamma_head.bias, gamma)
    return network


def estimate(gamma, focal_px=500.0, box_px=BOX_PX):
    estimator = HDNetEstimator(rootnet_saying(gamma), CONVENTION, CONFIG.bins, "cpu", precision="float32")
    image = np.zeros((480, 640, 3), np.uint8)
    (located,) = estimator.localize_many([BoxedImage(image, [Detection(box_px, id="a")], camera_of(focal_px))])
    return located.people, located.rejected


def test_k_is_the_distance_at_which_two_metres_fill_the_patch():
    # 2 m at 4 m under f = 500 px are 250 px.
    assert k_mm(500.0, 250.0) == pytest.approx(4000.0)
    assert k_mm(1000.0, 250.0) == pytest.approx(8000.0)  # twice the focal length
    assert k_mm(500.0, 500.0) == pytest.approx(2000.0)  # half the distance: twice the box


@pytest.mark.parametrize("patch_px", [100.0, 212.5, 900.0])
def test_gamma_is_half_the_normalised_depth_for_any_patch(patch_px):
    focal_px, input_px, depth_mm = 700.0, 128, 6300.0
    normalised = normalise_depth(depth_mm, focal_px * input_px / patch_px, input_px)
    assert gamma_of(normalised) == pytest.approx(depth_mm / k_mm(focal_px, patch_px))
    assert normalised_depth_of(gamma_of(normalised)) == pytest.approx(normalised)


def test_patch_is_the_square_box_enlarged():
    assert choose_patch_px([0, 0, 60, 170], CONVENTION) == pytest.approx(1.25 * 170)
    assert choose_patch_px([0, 0, 200, 170], CONVENTION) == pytest.approx(1.25 * 200)
    patch = patch_camera_for(camera_of(500.0), BOX_PX, CONVENTION)
    assert patch.patch_px == pytest.approx(212.5)
    assert patch.focal_px == pytest.approx(500.0 * 64 / 212.5)


@pytest.mark.parametrize(
    "changes", [{"ladder": True}, {"centre": "principal_point"}, {"patch_per_box": -1.0}]
)
def test_patch_per_box_goes_only_with_a_patch_of_its_own(changes):
    with pytest.raises(ValueError, match="patch_per_box is"):
        PatchConvention(**({"ladder": False, "patch_per_box": 1.25} | changes))


@pytest.mark.parametrize("gamma", [0.7, 1.0, 1.4])
def test_depth_is_gamma_times_the_area_prior(gamma):
    (person,), _ = estimate(gamma)
    prior = BoxAreaPrior(enlargement=1.25).depth_mm(BOX_PX, camera_of(500.0))
    assert person.root_camera_mm[2] == pytest.approx(gamma * prior, rel=1e-5)


def test_twice_the_focal_length_is_twice_as_far_and_twice_the_box_half():
    depth_mm = estimate(1.1)[0][0].root_camera_mm[2]
    assert estimate(1.1, focal_px=1000.0)[0][0].root_camera_mm[2] == pytest.approx(2 * depth_mm, rel=1e-5)
    near = BOX_PX * (1, 1, 2, 2)
    assert estimate(1.1, box_px=near)[0][0].root_camera_mm[2] == pytest.approx(0.5 * depth_mm, rel=1e-5)


def test_root_is_where_the_heatmap_is_and_other_joints_are_open():
    (person,), _ = estimate(1.0)
    assert person.joints_px[ROOT] == pytest.approx(BOX_PX[:2], abs=1e-3)  # an even map: the centre
    assert np.isnan(np.delete(person.joints_px, ROOT, axis=0)).all()
    assert (person.joint_confidence[1:] == 0.0).all()
    assert 0.0 < person.joint_confidence[ROOT] <= 1.0
    assert person.joints_camera_mm is None
    assert person.depth_sigma_mm >= 0.056 * person.root_camera_mm[2]


def test_gamma_that_is_not_positive_gives_nobody():
    people, rejected = estimate(-0.2)
    assert people == []
    assert rejected == [(0, "the network's result is not finite")]


def test_several_people_in_a_patch_are_refused(make_people):
    images, masks, patch_index = make_people([0, 0, 1])
    with pytest.raises(ValueError, match="3 people in 2 patches, expected one person per patch"):
        RootNet(CONFIG)(images, masks, patch_index)


def test_heatmap_has_the_patch_conventions_cells():
    output = RootNet(CONFIG).eval()(torch.zeros(2, 3, 64, 64))
    assert output.heatmaps.shape == (2, 17, CONVENTION.heatmap_px, CONVENTION.heatmap_px)
    assert output.gamma.tolist() == pytest.approx([1.0, 1.0], abs=0.1)  # starts from the box alone


def test_checkpoint_brings_back_a_rootnet(tmp_path, randomise_statistics):
    torch.manual_seed(4)
    network = RootNet(CONFIG).eval()
    torch.nn.init.normal_(network.gamma_head.weight, std=0.02)
    randomise_statistics(network)
    about = {"name": "rival", "data": "none", "licence": "Apache-2.0"}
    save_checkpoint(tmp_path / "w.safetensors", network, CONVENTION, **about, half=False)
    loaded = load_checkpoint(tmp_path / "w.safetensors")
    assert isinstance(loaded.network, RootNet)
    assert (loaded.config, loaded.convention) == (CONFIG, CONVENTION)
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(loaded.network(images).gamma, network(images).gamma)


def test_checkpoint_of_an_unknown_kind_is_refused(tmp_path):
    from hdnet_ros.model.tensor_file import read_metadata, read_tensors, write_tensors

    about = {"name": "rival", "data": "none", "licence": "Apache-2.0"}
    save_checkpoint(tmp_path / "w.safetensors", RootNet(CONFIG), CONVENTION, **about)
    metadata, _ = read_metadata(tmp_path / "w.safetensors")
    tensors = read_tensors(tmp_path / "w.safetensors")
    write_tensors(tmp_path / "x.safetensors", tensors, metadata | {"kind": '"gazenet"'})
    with pytest.raises(CheckpointError, match="network kind is 'gazenet', expected one of hdnet, rootnet"):
        load_checkpoint(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"backbone": "vgg"}, "backbone is 'vgg'"),
        ({"deconvolution_channels": 0}, "deconvolution_channels is 0"),
        ({"gnn_channels": 8}, "unknown network key 'gnn_channels'"),
    ],
)
def test_config_names_what_does_not_fit(values, named):
    with pytest.raises(ValueError, match=named):
        RootNetConfig.from_dict(values)
