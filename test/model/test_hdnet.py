import pytest
import torch

from hdnet_ros.model import window
from hdnet_ros.model.inference_copy import inference_copy
from hdnet_ros.model.hdnet import HDNet, hdnet_lite, hdnet_resnet50


def run(network, images, masks, patch_index=None):
    with torch.inference_mode():
        return network(images, masks, patch_index)


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def assert_same_people(found, expected, tolerance=1e-4):
    for name in found._fields:
        torch.testing.assert_close(
            getattr(found, name), getattr(expected, name), atol=tolerance, rtol=1e-4, msg=name
        )


def test_output_shapes_and_sums(tiny_network, make_people):
    images, masks, index = make_people([0, 0, 1])
    out = run(tiny_network, images, masks, index)
    assert out.heatmap_logits.shape == out.heatmaps.shape == (3, 17, 16, 16)
    assert out.joints_cells.shape == (3, 17, 2)
    assert out.bin_logits.shape == out.bin_probabilities.shape == (3, 71)
    assert out.bin_index.shape == (3,)
    torch.testing.assert_close(out.bin_probabilities.sum(-1), torch.ones(3))
    torch.testing.assert_close(out.heatmaps.sum((-2, -1)), torch.ones(3, 17))
    expected = (out.bin_probabilities * torch.arange(71.0)).sum(-1)
    torch.testing.assert_close(out.bin_index, expected)


def test_heatmaps_and_joints_stay_in_the_box(tiny_network, make_people):
    images, masks, index = make_people([0, 1])
    out = run(tiny_network, images, masks, index)
    assert (out.heatmaps.masked_select(~masks.unsqueeze(1)) == 0).all()
    assert (out.heatmap_logits.masked_select(~masks.unsqueeze(1)) == -1e15).all()
    for person in range(2):
        rows, columns = torch.nonzero(masks[person], as_tuple=True)
        x, y = out.joints_cells[person].unbind(-1)
        assert (x >= columns.min()).all() and (x <= columns.max()).all()
        assert (y >= rows.min()).all() and (y <= rows.max()).all()


def test_batch_of_people_equals_one_by_one(tiny_network, make_people):
    images, masks, index = make_people([0, 1, 2])
    together = run(tiny_network, images, masks, index)
    for person in range(3):
        one = slice(person, person + 1)
        alone = run(tiny_network, images[one], masks[one])
        assert_same_people(alone, type(together)(*(field[one] for field in together if field is not None)))


def test_people_of_one_patch_equal_repeated_patches(tiny_network, make_people):
    images, masks, index = make_people([1, 0, 1, 1])
    shared = run(tiny_network, images, masks, index)
    repeated = run(tiny_network, images[index], masks)
    assert_same_people(shared, repeated)
    assert not torch.allclose(shared.bin_logits[0], shared.bin_logits[2])


def test_nobody(tiny_network, make_people):
    images, masks, index = make_people([0])
    out = run(tiny_network, images, masks[:0], index[:0])
    assert out.bin_index.shape == (0,)
    assert out.joints_cells.shape == (0, 17, 2)


def test_direct_regression_has_one_output_that_starts_in_the_middle(make_tiny, make_people):
    network, bins = make_tiny(direct_regression=True), make_tiny()
    assert count(bins) - count(network) == 70 * (8 + 1)
    network.depth_head.weight.data.zero_()
    out = run(network, *make_people([0, 1]))
    torch.testing.assert_close(out.bin_index, torch.full((2,), 35.0))
    assert out.bin_probabilities.shape == (2, 71)
    torch.testing.assert_close(out.bin_probabilities[:, 35], torch.ones(2))
    torch.testing.assert_close(out.bin_logits.softmax(-1), out.bin_probabilities, atol=1e-6, rtol=0)


def test_direct_regression_beyond_the_bins_keeps_its_index(make_tiny, make_people):
    network = make_tiny(direct_regression=True)
    network.depth_head.weight.data.zero_()
    network.depth_head.bias.data.fill_(90.0)
    out = run(network, *make_people([0]))
    assert out.bin_index.item() == 90.0
    assert out.bin_probabilities[0, 70].item() == 1.0


def test_shared_branch_is_one_branch_less(make_tiny, make_people):
    separate, shared = make_tiny(), make_tiny(shared_branch=True)
    assert count(separate) - count(shared) == count(separate.depth_branch)
    assert run(shared, *make_people([0])).bin_logits.shape == (1, 71)


def test_two_branches_do_not_share_weights(make_tiny, make_people):
    network = make_tiny()
    images, masks, index = make_people([0, 1])
    before = run(network, images, masks, index)
    for parameter in network.depth_branch.parameters():
        parameter.data.mul_(1.5)
    after = run(network, images, masks, index)
    assert torch.equal(before.heatmaps, after.heatmaps)
    assert not torch.allclose(before.bin_logits, after.bin_logits)


def test_without_gnn_the_mean_of_the_pooled_features_is_classified(make_tiny, make_people):
    network = make_tiny(use_gnn=False)
    assert count(make_tiny()) - count(network) == count(make_tiny().gnn) + 71 * (8 - 16)
    images, masks, index = make_people([0, 1])
    out = run(network, images, masks, index)
    with torch.inference_mode():
        features = network.depth_branch(network.fpn(network.backbone(images)))
        pooled = torch.einsum("njhw,nchw->njc", out.heatmaps, features)
        expected = network.depth_head(pooled.mean(1))
    torch.testing.assert_close(out.bin_logits, expected, atol=1e-5, rtol=1e-4)


def test_without_heatmap_pooling_depth_does_not_see_heatmaps(make_tiny, make_people):
    network = make_tiny(heatmap_pooling=False)
    images, masks, index = make_people([0, 1])
    before = run(network, images, masks, index)
    network.heatmap_head.weight.data.mul_(-3.0)
    after = run(network, images, masks, index)
    assert torch.equal(before.bin_logits, after.bin_logits)
    assert not torch.allclose(before.joints_cells, after.joints_cells)
    smaller = masks.clone()
    smaller[:, :6] = False
    assert not torch.allclose(before.bin_logits, run(network, images, smaller, index).bin_logits)


def test_convolving_before_upsampling_keeps_shapes_and_parameters(make_tiny, make_people):
    first, last = make_tiny(upsample_first=True), make_tiny(upsample_first=False)
    assert count(first) == count(last)
    people = make_people([0])
    assert run(first, *people).heatmaps.shape == run(last, *people).heatmaps.shape


def test_windowed_decoding_only_in_eval_mode(make_tiny, make_people):
    plain, windowed = make_tiny(), make_tiny(decode_radius_cells=2)
    people = make_people([0, 1])
    assert not torch.allclose(run(plain, *people).joints_cells, run(windowed, *people).joints_cells)
    assert torch.equal(run(plain, *people).heatmaps, run(windowed, *people).heatmaps)
    plain.train(), windowed.train()
    torch.testing.assert_close(
        run(plain, *people).joints_cells, run(windowed, *people).joints_cells
    )


def test_median_depth_only_in_eval_mode(make_tiny, make_people):
    network = make_tiny(median_depth=True).eval()
    people = make_people([0, 1])
    output = run(network, *people)
    bins, probabilities = network.config.bins, output.bin_probabilities
    torch.testing.assert_close(output.bin_index, bins.median(probabilities))
    assert (output.bin_index - bins.soft_argmax(probabilities)).abs().min() > 1e-4
    output = run(network.train(), *people)
    torch.testing.assert_close(output.bin_index, bins.soft_argmax(output.bin_probabilities))


def test_bfloat16_autocast_gives_float32_outputs_near_those_of_float32(tiny_network, make_people):
    people = make_people([0, 0, 1])
    exact = run(tiny_network, *people)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = run(tiny_network, *people)
    assert {field.dtype for field in rounded if field is not None} == {torch.float32}
    torch.testing.assert_close(rounded.heatmaps.sum((-2, -1)), torch.ones(3, 17))
    torch.testing.assert_close(rounded.joints_cells, exact.joints_cells, atol=0.1, rtol=0)
    torch.testing.assert_close(rounded.bin_index, exact.bin_index, atol=0.3, rtol=0)


def test_every_trained_parameter_gets_a_finite_gradient_under_autocast(make_people, tiny_config):
    network = HDNet(tiny_config()).train()
    network.freeze_backbone_stages(1)
    with torch.autocast("cpu", torch.bfloat16):
        out = network(*make_people([0, 0, 1]))
    loss = out.bin_logits.logsumexp(-1).sum() + out.bin_index.sum() + out.joints_cells.sum()
    loss.backward()
    for name, parameter in network.named_parameters():
        frozen = name.startswith(("backbone.stem", "backbone.blocks.0."))
        assert frozen != parameter.requires_grad, name
        assert frozen or torch.isfinite(parameter.grad).all(), name


def test_folded_batch_norm_gives_the_same_people(tiny_network, make_people):
    people = make_people([0, 1])
    folded = inference_copy(tiny_network)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in tiny_network.modules())
    assert_same_people(run(folded, *people), run(tiny_network, *people), 1e-3)


def test_inference_copy_reaches_every_batch_norm_of_resnet50(randomise_statistics):
    network = HDNet(hdnet_resnet50(fpn_channels=8, branch_mid_channels=8, branch_channels=4))
    randomise_statistics(network)
    folded = inference_copy(network.eval())
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())


def test_inference_copy_refuses_training_mode(make_tiny):
    with pytest.raises(ValueError, match="training mode"):
        inference_copy(make_tiny().train())


def test_presets_have_at_most_8_and_28_million_parameters():
    assert count(HDNet(hdnet_lite())) < 8e6
    assert 26e6 < count(HDNet(hdnet_resnet50())) < 28e6


@pytest.mark.parametrize(
    ("images", "masks", "index", "message"),
    [
        ((1, 3, 60, 64), (1, 15, 16), None, r"\(1, 3, 60, 64\)"),
        ((1, 3, 64, 64), (1, 64, 64), None, r"\(1, 64, 64\).*16, 16"),
        ((2, 3, 64, 64), (1, 16, 16), None, "1 box masks for 2 people"),
        ((1, 3, 64, 64), (1, 16, 16), [0, 0], "1 box masks for 2 people"),
    ],
)
def test_inputs_that_do_not_belong_together(tiny_network, images, masks, index, message):
    index = None if index is None else torch.tensor(index)
    with pytest.raises(ValueError, match=message):
        tiny_network(torch.zeros(images), torch.ones(masks, dtype=torch.bool), index)


def test_masks_must_be_bool(tiny_network):
    with pytest.raises(ValueError, match="float32"):
        tiny_network(torch.zeros(1, 3, 64, 64), torch.ones(1, 16, 16))


def test_what_is_read_outside_everybodys_boxes_changes_nothing(tiny_network, make_people):
    images, masks, index = make_people([0, 1, 1])
    masks[:, :6], masks[..., 12:] = False, False
    with torch.inference_mode():
        maps = tiny_network.maps(images)
        expected = tiny_network.read(maps, masks, index)
        maps.heatmap_logits[..., :6, :], maps.depth_features[..., 12:] = 1e3, 1e3
        found = tiny_network.read(maps, masks, index)
    for name in ("heatmaps", "joints_cells", "bin_logits"):
        assert torch.equal(getattr(found, name), getattr(expected, name)), name
    assert found.heatmaps.shape == (3, 17, 16, 16)
    assert torch.allclose(found.heatmaps.sum((-2, -1)), torch.ones(3, 17))


def test_reading_a_window_gives_what_reading_the_whole_maps_gives(tiny_network, make_people, monkeypatch):
    images, masks, index = make_people([0, 1, 1])
    with torch.inference_mode():
        found = tiny_network(images, masks, index)
        whole = slice(0, masks.shape[-1])
        monkeypatch.setattr(window, "occupied_window", lambda masks: (whole, whole))
        expected = tiny_network(images, masks, index)
    for name in ("heatmaps", "joints_cells", "bin_logits", "bin_index"):
        assert torch.allclose(getattr(found, name), getattr(expected, name), rtol=1e-4, atol=1e-5), name
