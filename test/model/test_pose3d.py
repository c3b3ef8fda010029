"""Volumetric heatmaps: where their expectation lies, and an HDNet that is the same with and without them."""

from dataclasses import replace

import pytest
import torch

from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.model.checkpoint import load_checkpoint, save_checkpoint
from hdnet_ros.model.config import HDNetConfig
from hdnet_ros.model.inference_copy import inference_copy
from hdnet_ros.model.hdnet import HDNet
from hdnet_ros.model.pose3d import IntegralPose, PoseConfig

SHARED = PoseConfig(backbone="shared", slices=8, channels=8)
ALL = torch.ones(1, 16, 16, dtype=torch.bool)


def pose_head(config=SHARED, joints=17):
    torch.manual_seed(4)
    return IntegralPose(config, 8, joints).eval()


def peak(*places, slices=8, side=8):
    """(1, 1, D, h, w) logits, all but certain and even over the given (slice, row, column)."""
    volume = torch.full((1, 1, slices, side, side), -100.0)
    for place in places:
        volume[(0, 0, *place)] = 0.0
    return volume


def test_single_peak_is_read_off_in_hdnets_cells_and_mm():
    # Slices of 250 mm: the sixth lies from 250 to 500 mm behind the root.
    pose = pose_head(joints=1).decode(peak((5, 2, 3)), ALL)
    assert pose.relative_depth_mm.tolist() == [[pytest.approx(375.0)]]
    # Column 3 of cells of 8 px covers columns 6 and 7 of HDNet's cells of 4 px.
    assert pose.joints_cells[0, 0].tolist() == pytest.approx([6.5, 4.5])


def test_two_peaks_are_averaged_along_every_axis():
    pose = pose_head(joints=1).decode(peak((0, 2, 1), (7, 4, 3)), ALL)
    assert pose.relative_depth_mm.item() == pytest.approx(0.0, abs=1e-3)
    assert pose.joints_cells[0, 0].tolist() == pytest.approx([4.5, 6.5])
    assert pose.heatmaps.sum().item() == pose.slice_probabilities.sum().item() == pytest.approx(1.0)
    assert pose.slice_probabilities[0, 0, [0, 7]].tolist() == pytest.approx([0.5, 0.5])


def test_people_of_one_patch_each_get_the_peak_in_their_own_box():
    masks = torch.zeros(2, 16, 16, dtype=torch.bool)
    masks[0, :, :8] = masks[1, :, 8:] = True
    volume = peak((1, 4, 1), (6, 4, 6))
    pose = pose_head(joints=1).decode(volume, masks, torch.tensor([0, 0]))
    assert pose.relative_depth_mm.flatten().tolist() == pytest.approx([-625.0, 625.0])
    assert pose.joints_cells[:, 0, 0].tolist() == pytest.approx([2.5, 12.5])


def test_slices_cover_the_range_evenly():
    head = pose_head(PoseConfig(backbone="shared", slices=64))
    assert head.slices_mm[[0, 31, 32, 63]].tolist() == pytest.approx([-984.375, -15.625, 15.625, 984.375])


def test_untrained_shared_head_answers_with_hdnets_heatmaps_at_the_roots_depth(tiny_config, make_people):
    network = HDNet(tiny_config(pose=SHARED)).eval()
    images, masks, index = make_people([0, 1, 1])
    masks[:] = True  # a box that cuts cells of 8 px in half has other cells than one of 4 px
    with torch.no_grad():
        out = network(images, masks, index)
    assert out.pose.heatmaps.shape == (3, 17, 8, 8)
    coarse = 4 * torch.nn.functional.avg_pool2d(out.heatmaps, 2)
    torch.testing.assert_close(out.pose.heatmaps, coarse)
    torch.testing.assert_close(out.pose.relative_depth_mm, torch.zeros(3, 17), atol=1e-2, rtol=0)


@pytest.mark.parametrize("backbone, side", [("shared", 8), ("efficientnet_lite0", 16)])
def test_pose_leaves_hdnets_own_answer_as_it_is(tiny_network, tiny_config, make_people, backbone, side):
    network = HDNet(tiny_config(pose=replace(SHARED, backbone=backbone)))
    network.load_state_dict(network.state_dict() | tiny_network.state_dict())
    people = make_people([0, 0, 1])
    with torch.no_grad():
        with_pose, without = network.eval()(*people), tiny_network(*people)
    assert without.pose is None
    for found, expected in zip(with_pose[:6], without[:6], strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert with_pose.pose.heatmaps.shape == (3, 17, side, side)
    assert with_pose.pose.slice_probabilities.shape == (3, 17, 8)


def randomised(tiny_config, randomise_statistics, backbone="shared"):
    torch.manual_seed(5)
    network = HDNet(tiny_config(pose=replace(SHARED, backbone=backbone)))
    randomise_statistics(network)
    torch.nn.init.normal_(network.pose.volume.weight, std=0.3)
    return network.eval()


def test_checkpoint_gives_the_pose_back(tmp_path, tiny_config, randomise_statistics, make_people):
    network = randomised(tiny_config, randomise_statistics)
    path = tmp_path / "with_pose.safetensors"
    about = {"name": "tiny", "data": "none", "licence": "Apache-2.0", "half": False}
    save_checkpoint(path, network, PatchConvention(input_px=64), **about)
    loaded = load_checkpoint(path)
    assert loaded.config.pose == SHARED
    with torch.no_grad():
        expected, found = (n(*make_people([0, 1])).pose for n in (network, loaded.network))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert expected.relative_depth_mm.abs().max() > 1.0


@pytest.mark.parametrize("backbone", ["shared", "efficientnet_lite0"])
def test_folded_batch_norms_change_the_pose_by_rounding_only(tiny_config, randomise_statistics, make_people, backbone):
    network = randomised(tiny_config, randomise_statistics, backbone)
    with torch.no_grad():
        expected, found = (n(*make_people([0, 1])).pose for n in (network, inference_copy(network)))
    torch.testing.assert_close(found.relative_depth_mm, expected.relative_depth_mm, rtol=0, atol=0.1)


def test_config_survives_a_mapping_and_names_what_does_not_fit():
    config = HDNetConfig(pose=PoseConfig(slices=32))
    assert HDNetConfig.from_dict(config.to_dict()) == config
    assert HDNetConfig.from_dict({}).pose is None
    with pytest.raises(ValueError, match="unknown pose key 'depth', expected one of backbone, slices"):
        HDNetConfig(pose={"depth": 3})
    with pytest.raises(ValueError, match="pose backbone is 'vgg', expected one of shared, efficientnet_lite0"):
        PoseConfig(backbone="vgg")
    with pytest.raises(ValueError, match="slices is 1, expected an integer of at least 2"):
        PoseConfig(slices=1)
    with pytest.raises(ValueError, match="half_range_mm is 0.0, expected above 0"):
        PoseConfig(half_range_mm=0.0)
