import pytest
import torch

from hdnet_ros.core.patch_camera import PatchConvention
from hdnet_ros.core.skeleton import JOINT_NAMES, MIRRORED_JOINTS
from hdnet_ros.model.mirror_average import MirrorAverage, mirror_averaged
from hdnet_ros.model.pose3d import PoseConfig
from hdnet_ros.model.rootnet import RootNet, RootNetConfig

CHANGES = {
    "plain": {},
    "median and windows": {"median_depth": True, "decode_radius_cells": 3, "separate_pairs": True},
    "with pose": {"pose": PoseConfig(backbone="shared", slices=8, channels=8)},
}


@pytest.fixture(params=CHANGES)
def network(request, make_tiny):
    tiny = make_tiny(**CHANGES[request.param])
    tiny.depth_head.weight.data *= 300.0  # random weights answer nearly the same to every picture
    if tiny.pose:
        torch.nn.init.normal_(tiny.pose.volume.weight, generator=torch.Generator().manual_seed(4))
    return tiny


def run(network, *inputs):
    with torch.inference_mode():
        return network(*inputs)


def test_patches_that_mirror_a_px_aside_are_refused(make_tiny):
    with pytest.raises(ValueError, match="half_pixel"):
        mirror_averaged(make_tiny(), PatchConvention.authors())
    assert isinstance(mirror_averaged(make_tiny(), PatchConvention()), MirrorAverage)


def test_mirrored_joints_are_the_other_sides():
    for joint, mirrored in enumerate(MIRRORED_JOINTS):
        swapped = JOINT_NAMES[joint]
        for side, other in (("left", "right"), ("right", "left")):
            if JOINT_NAMES[joint].startswith(side):
                swapped = JOINT_NAMES[joint].replace(side, other)
        assert JOINT_NAMES[mirrored] == swapped


def test_the_mirrored_picture_has_the_mirrored_answer(network, make_people):
    images, masks, index = make_people([0, 1, 1])
    average = MirrorAverage(network)
    straight = run(average, images, masks, index)
    mirrored = run(average, images.flip(-1), masks.flip(-1), index)
    torch.testing.assert_close(mirrored.bin_index, straight.bin_index, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(mirrored.bin_probabilities, straight.bin_probabilities)
    torch.testing.assert_close(mirrored.heatmaps[:, MIRRORED_JOINTS].flip(-1), straight.heatmaps)
    turned = mirrored.joints_cells[:, MIRRORED_JOINTS].clone()
    turned[..., 0] = masks.shape[-1] - 1 - turned[..., 0]
    torch.testing.assert_close(turned, straight.joints_cells, atol=1e-3, rtol=1e-4)
    if straight.pose is not None:
        depth_mm = mirrored.pose.relative_depth_mm[:, MIRRORED_JOINTS]
        torch.testing.assert_close(depth_mm, straight.pose.relative_depth_mm, atol=0.1, rtol=1e-4)
        turned = mirrored.pose.joints_cells[:, MIRRORED_JOINTS].clone()
        turned[..., 0] = masks.shape[-1] - 1 - turned[..., 0]
        torch.testing.assert_close(turned, straight.pose.joints_cells, atol=1e-3, rtol=1e-4)


def test_the_answer_is_the_mean_of_both_ways_round(network, make_people):
    images, masks, _ = make_people([0, 1])
    straight, mirrored = run(network, images, masks), run(network, images.flip(-1), masks.flip(-1))
    found = run(MirrorAverage(network), images, masks)
    assert (straight.bin_index - mirrored.bin_index).abs().min() > 0.01
    mean = 0.5 * (straight.bin_index + mirrored.bin_index)
    torch.testing.assert_close(found.bin_index, mean, atol=1e-3, rtol=1e-4)
    mean = 0.5 * (straight.bin_probabilities + mirrored.bin_probabilities)
    torch.testing.assert_close(torch.softmax(found.bin_logits, -1), mean)
    assert (found.heatmaps.masked_select(~masks.unsqueeze(1)) == 0).all()
    assert (found.heatmap_logits.masked_select(~masks.unsqueeze(1)) == -1e15).all()


def test_networks_without_heatmaps_are_refused():
    with pytest.raises(ValueError, match="mirror_average is for HDNet, not for RootNet"):
        MirrorAverage(RootNet(RootNetConfig(backbone="efficientnet_lite0")))
