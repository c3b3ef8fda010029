import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from figures import MeasuringNetwork, draw_figure  # noqa: E402

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.depth_bins import DepthBins
from hdnet_ros.locate.estimator import HDNetEstimator
from hdnet_ros.core.patch_camera import PatchConvention
from hdnet_ros.core.skeleton import JOINT_NAMES, MIRRORED_JOINTS
from hdnet_ros.core.types import Detection
from hdnet_ros.model.hdnet import HDNetOutput
from hdnet_ros.locate.factory import takes_second_look
from hdnet_ros.model.checkpoint import LoadedCheckpoint
from hdnet_ros.model.pose3d import PoseConfig
from hdnet_ros.model.rootnet import RootNet, RootNetConfig
from hdnet_ros.model.second_look import SecondLook

BINS = DepthBins.ladder()
CAMERA = Camera.from_matrix((1000, 0, 640, 0, 1000, 360, 0, 0, 1), (1280, 720))
CHANGES = {
    "plain": {},
    "median and windows": {"median_depth": True, "decode_radius_cells": 3, "separate_pairs": True},
    "refined": {"joint_witness": "movenet_lightning", "joint_witness_px": 64, "refiner_layers": 1, "refiner_channels": 16},
    "with pose": {"pose": PoseConfig(backbone="shared", slices=8, channels=8)},
}


@pytest.fixture(params=CHANGES)
def network(request, make_tiny):
    tiny = make_tiny(**CHANGES[request.param])
    tiny.depth_head.weight.data *= 300.0  # random weights answer nearly the same to every picture
    if tiny.pose:
        torch.nn.init.normal_(tiny.pose.volume.weight, generator=torch.Generator().manual_seed(4))
    if tiny.refiner:
        torch.nn.init.normal_(tiny.refiner.pose[-1].weight, std=0.1, generator=torch.Generator().manual_seed(4))
    return tiny


@pytest.fixture
def measuring(make_tiny):
    """A network that reads the height of a black figure, and says how large it saw it, in network px."""
    tiny, seen_px, masks = make_tiny(), [], []
    reader = MeasuringNetwork(BINS)

    def forward(images, box_masks, patch_index):
        output = reader.forward(images, box_masks, patch_index)
        masks.extend(box_masks)
        seen_px.extend((1700.0 / 1000.0 * 256 / BINS.normalised(output.bin_index)).tolist())
        probabilities = output.bin_logits.exp()
        logits = output.heatmaps.clamp_min(1e-30).log()
        return HDNetOutput(logits, output.heatmaps, output.joints_cells, output.bin_logits, probabilities, output.bin_index)

    tiny.forward, tiny.seen_px, tiny.calls, tiny.masks = forward, seen_px, reader.calls, masks
    return tiny


def run(network, *inputs):
    with torch.inference_mode():
        return network(*inputs)


def look_twice(network, images, masks, patch_index=None):
    """The second patch is the first again."""
    people = patch_index if patch_index is not None else torch.arange(len(images))
    second = SecondLook(network, PatchConvention())
    return run(second, images, masks, patch_index, images[people], masks, torch.ones(len(masks)))


def test_mirrored_joints_are_the_other_sides():
    for joint, mirrored in enumerate(MIRRORED_JOINTS):
        swapped = JOINT_NAMES[joint]
        for side, other in (("left", "right"), ("right", "left")):
            if JOINT_NAMES[joint].startswith(side):
                swapped = JOINT_NAMES[joint].replace(side, other)
        assert JOINT_NAMES[mirrored] == swapped


def test_the_mirrored_picture_has_the_mirrored_answer(network, make_people):
    images, masks, index = make_people([0, 1, 1])
    straight = look_twice(network, images, masks, index)
    mirrored = look_twice(network, images.flip(-1), masks.flip(-1), index)
    close = {"atol": 1e-3, "rtol": 1e-4}
    torch.testing.assert_close(mirrored.bin_index, straight.bin_index, **close)
    torch.testing.assert_close(mirrored.bin_probabilities, straight.bin_probabilities, **close)
    torch.testing.assert_close(mirrored.heatmaps[:, MIRRORED_JOINTS].flip(-1), straight.heatmaps, **close)
    turned = mirrored.joints_cells[:, MIRRORED_JOINTS].clone()
    turned[..., 0] = masks.shape[-1] - 1 - turned[..., 0]
    torch.testing.assert_close(turned, straight.joints_cells, atol=5e-3, rtol=1e-3)
    if straight.pose is not None:
        depth_mm = mirrored.pose.relative_depth_mm[:, MIRRORED_JOINTS]
        torch.testing.assert_close(depth_mm, straight.pose.relative_depth_mm, atol=0.1, rtol=1e-4)
        turned = mirrored.pose.joints_cells[:, MIRRORED_JOINTS].clone()
        turned[..., 0] = masks.shape[-1] - 1 - turned[..., 0]
        torch.testing.assert_close(turned, straight.pose.joints_cells, **close)


def test_the_answer_is_the_mean_of_both_ways_round(network, make_people):
    images, masks, _ = make_people([0, 1])
    straight, mirrored = run(network, images, masks), run(network, images.flip(-1), masks.flip(-1))
    found = look_twice(network, images, masks)
    assert (straight.bin_index - mirrored.bin_index).abs().min() > 0.01
    mean = 0.5 * (straight.bin_index + mirrored.bin_index)
    torch.testing.assert_close(found.bin_index, mean, atol=1e-3, rtol=1e-4)
    mean = 0.5 * (straight.bin_probabilities + mirrored.bin_probabilities)
    torch.testing.assert_close(torch.softmax(found.bin_logits, -1), mean)
    assert (found.heatmaps.masked_select(~masks.unsqueeze(1)) == 0).all()
    assert (found.heatmap_logits.masked_select(~masks.unsqueeze(1)) == -1e15).all()
    torch.testing.assert_close(found.heatmaps.sum((-2, -1)), torch.ones(found.heatmaps.shape[:2]))


@pytest.mark.parametrize("distance_mm", [4000.0, 5300.0, 9000.0])
def test_the_second_patch_shows_the_box_at_one_size_whatever_the_rung(measuring, distance_mm):
    centre_mm = np.array([300.0, -100.0, distance_mm])
    image, box = draw_figure(CAMERA, centre_mm)
    estimator = HDNetEstimator(measuring, PatchConvention(), BINS, device="cpu", second_look=True)
    (person,) = estimator.localize(image, [Detection(box)], CAMERA)
    first_px, second_px = measuring.seen_px
    assert second_px == pytest.approx(0.58 * 256, rel=0.01)
    # The mask is the box with 15 % on each side, in cells of 4 px.
    for seen_px, mask in zip(measuring.seen_px, measuring.masks, strict=True):
        assert int(mask.any(1).sum()) == pytest.approx(1.3 * seen_px / 4, abs=1.1)
    assert abs(first_px / second_px - 1) > 0.01  # on its rung, somewhere else in the patch
    assert person.root_camera_mm[2] == pytest.approx(distance_mm, rel=5e-3)
    assert person.joints_px[0] == pytest.approx(CAMERA.project(centre_mm), abs=3.0 * person.patch_px / 256)
    # Both agree, so the bins' spread is that of one bin, not of two patches.
    assert person.depth_sigma_mm == pytest.approx(
        HDNetEstimator(MeasuringNetwork(BINS), PatchConvention(), BINS, device="cpu")
        .localize(image, [Detection(box)], CAMERA)[0].depth_sigma_mm, rel=0.1
    )  # fmt: skip


@pytest.mark.parametrize("magnification", [0.84, 1.19])
def test_what_the_second_patch_sees_lands_where_the_first_has_it(make_tiny, make_people, magnification):
    tiny = make_tiny(decode_radius_cells=2)
    images, masks, _ = make_people([0])
    masks[:] = True
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    off_centre = torch.tensor([3.0, -2.0])

    def blob(scale, mirrored):
        x, y = 7.5 + scale * off_centre
        x = 15 - x if mirrored else x
        maps = torch.exp(-0.5 * ((columns - x) ** 2 + (rows - y) ** 2)).expand(1, 17, 16, 16)
        return maps / maps.sum((-2, -1), keepdim=True)

    maps = torch.cat([blob(1.0, False), blob(magnification, True)])
    index = torch.tensor([30.0, 30.0 - np.log(magnification) / tiny.config.bins.log_step]).float()
    target = tiny.config.bins.target(index)
    tiny.forward = lambda *_: HDNetOutput(maps.log(), maps, tiny.joints_of(maps), target.log(), target, index)
    second = SecondLook(tiny, PatchConvention())
    found = run(second, images, masks, None, images, masks, torch.tensor([magnification]))
    expected = (7.5 + off_centre).expand(1, 17, 2)
    torch.testing.assert_close(found.joints_cells, expected, atol=0.1, rtol=0)
    torch.testing.assert_close(found.bin_index, torch.tensor([30.0]), atol=1e-3, rtol=0)
    mean = (found.bin_probabilities * torch.arange(71.0)).sum(-1)
    torch.testing.assert_close(mean, torch.tensor([30.0]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("end", [0.0, 70.0])
@pytest.mark.parametrize("magnification", [0.84, 1.19])
def test_two_patches_beyond_the_bins_are_beyond_them_together(make_tiny, make_people, end, magnification):
    tiny = make_tiny()
    images, masks, _ = make_people([0])
    maps = torch.full((2, 17, 16, 16), 1.0 / 256)
    index = torch.full((2,), end)
    target = tiny.config.bins.target(index)
    tiny.forward = lambda *_: HDNetOutput(maps.log(), maps, tiny.joints_of(maps), target.log(), target, index)
    second = SecondLook(tiny, PatchConvention())
    found = run(second, images, masks, None, images, masks, torch.tensor([magnification]))
    assert float(found.bin_index) == end


def test_second_look_only_where_it_can_be(make_tiny):
    def loaded(network, convention=PatchConvention()):
        return LoadedCheckpoint(network, None, convention, None, {}, False)

    rootnet = RootNet(RootNetConfig(backbone="efficientnet_lite0"))
    tiny = make_tiny()
    assert takes_second_look(loaded(tiny), "always", "cpu", True)
    assert not takes_second_look(loaded(tiny), "auto", "cpu", is_live=True)
    assert not takes_second_look(loaded(tiny), "never", "cuda:0", is_live=False)
    assert takes_second_look(loaded(tiny), "auto", "cuda:0", is_live=True)
    assert takes_second_look(loaded(tiny), "auto", "cpu", is_live=False)
    assert not takes_second_look(loaded(rootnet), "auto", "cpu", is_live=False)
    with pytest.raises(ValueError, match="sometimes"):
        takes_second_look(loaded(tiny), "sometimes", "cpu", True)
    with pytest.raises(ValueError, match="HDNet, not for RootNet"):
        SecondLook(rootnet, PatchConvention())
    with pytest.raises(ValueError, match="half_pixel"):
        SecondLook(tiny, PatchConvention.authors())
    with pytest.raises(ValueError, match="ladder"):
        SecondLook(tiny, PatchConvention(ladder=False))


def test_chunks_hold_half_as_many_people(measuring):
    image, box = draw_figure(CAMERA, np.array([0.0, 0.0, 6000.0]))
    estimator = HDNetEstimator(measuring, PatchConvention(), BINS, device="cpu", chunk=4, second_look=True)
    assert len(estimator.localize(image, [Detection(box)] * 5, CAMERA)) == 5
    assert measuring.calls == [(4, 4), (4, 4), (2, 2)]
