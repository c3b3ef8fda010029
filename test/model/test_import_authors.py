"""The import against a network written here from the published particulars of the authors'."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet50

from hdnet_ros.core.skeleton import LINKS
from hdnet_ros.core.patch import IMAGENET_MEAN, IMAGENET_STD
from hdnet_ros.model.checkpoint import CheckpointError, load_checkpoint
from hdnet_ros.model.import_authors import (
    AUTHORS_CONVENTION,
    authors_network,
    import_authors_checkpoint,
    read_authors_state,
)

FOCAL_PX, PRINCIPAL_PX = 1145.0, torch.tensor([512.5, 515.5])


class Pyramid(nn.Module):
    """FPN of the particulars: P5 not smoothed, the others through 3 x 3, nearest upsampling."""

    def __init__(self):
        super().__init__()
        self.resnet = resnet50(weights=None)
        del self.resnet.fc
        self.toplayer = nn.Conv2d(2048, 256, 1)
        for number, channels in ((1, 1024), (2, 512), (3, 256)):
            self.add_module(f"flatlayer{number}", nn.Conv2d(channels, 256, 1))
            self.add_module(f"smooth{number}", nn.Conv2d(256, 256, 3, padding=1))

    def forward(self, x):
        r = self.resnet
        c2 = r.layer1(r.maxpool(r.relu(r.bn1(r.conv1(x)))))
        c3 = r.layer2(c2)
        c4 = r.layer3(c3)
        p5 = self.toplayer(r.layer4(c4))
        double = nn.UpsamplingNearest2d(scale_factor=2)
        p4 = double(p5) + self.flatlayer1(c4)
        p3 = double(p4) + self.flatlayer2(c3)
        p2 = double(p3) + self.flatlayer3(c2)
        return self.smooth3(p2), self.smooth2(p3), self.smooth1(p4), p5


class GraphLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_self = nn.Conv1d(256, 256, 1)
        self.layer_others = nn.Conv1d(256, 256, 1)
        self.bn = nn.BatchNorm1d(256)

    def forward(self, x, links):
        own, others = self.layer_self(x), self.layer_others(x)
        out = torch.zeros_like(own)
        for i in range(17):
            for j in range(17):
                out[:, :, i] += links[i, j] * (own if i == j else others)[:, :, j]
        return self.bn(out).relu()


class Graph(nn.Module):
    def __init__(self):
        super().__init__()
        self.gcn_layers = nn.ModuleList([GraphLayer(), GraphLayer()])

    def forward(self, x):
        links = torch.eye(17)
        for a, b in LINKS:
            links[a, b] = links[b, a] = 1.0
        links = links / links.sum(1, keepdim=True)
        for layer in self.gcn_layers:
            x = layer(x, links)
        return x.mean(-1)


def branch_level(factor):
    upsampling = [nn.Upsample(scale_factor=factor)] if factor > 1 else []
    reduce = [nn.Conv2d(256, 128, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU()]
    mix = [nn.Conv2d(128, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    return nn.Sequential(*reduce, *upsampling, *mix)


class AuthorsNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.fpn = Pyramid()
        for level, factor in ((2, 1), (3, 2), (4, 4), (5, 8)):
            self.add_module(f"layers_hm_{level}", branch_level(factor))
            self.add_module(f"layers_dm_{level}", branch_level(factor))
        self.out_heatmap = nn.Conv2d(256, 17, 1)
        self.depth_gcn = Graph()
        self.out_bins = nn.Linear(256, 61)

    def forward(self, patch, mask, ray_of_cell):
        """One patch and one box: rays (17, 2), bins (61,), bin index."""
        pyramid = self.fpn(patch)
        heat, depth = (
            torch.cat(
                [getattr(self, f"layers_{kind}_{n}")(p) for n, p in zip((2, 3, 4, 5), pyramid)], 1
            )[0]
            for kind in ("hm", "dm")
        )
        logits = self.out_heatmap(heat[None])[0]
        maps = torch.where(mask, logits, torch.tensor(-1e15)).flatten(1).softmax(-1)
        rays = maps @ ray_of_cell.flatten(0, 1)
        pooled = (maps[:, None] * depth.flatten(1)[None]).sum(-1)
        bins = self.out_bins(self.depth_gcn(pooled.T[None]))[0].softmax(-1)
        return rays, bins, (bins * torch.arange(61.0)).sum()


@pytest.fixture(scope="module")
def theirs(randomise_statistics):
    torch.manual_seed(3)
    network = AuthorsNetwork()
    randomise_statistics(network)
    # Sharper than at the start, or every heatmap is flat and every joint in the middle.
    network.out_heatmap.weight.data *= 30.0
    network.out_bins.weight.data *= 10.0
    return network.eval()


@pytest.fixture
def checkpoint(theirs, tmp_path):
    path = tmp_path / "ckpt.pth.tar"
    torch.save({"model": theirs.state_dict(), "epoch": 200}, path)
    return path


def ray_of_heatmap_cells():
    """(64, 64, 2): cell i samples (i - 32) * 1000 / 64 + c; the ray is (u - c) / f."""
    u = (torch.arange(64.0) - 32.0) * 1000.0 / 64.0
    y, x = torch.meshgrid(u, u, indexing="ij")
    return torch.stack((x, y), -1) / FOCAL_PX


def rays_of_joints(joints_cells):
    """Rays of our joints, through the convention that the import stores."""
    assert (AUTHORS_CONVENTION.input_px, AUTHORS_CONVENTION.heatmap_stride) == (256, 4)
    patch_px = 4.0 * joints_cells
    source_px = (patch_px - AUTHORS_CONVENTION.centre_px) * 1000.0 / 256.0 + PRINCIPAL_PX
    return (source_px - PRINCIPAL_PX) / FOCAL_PX


def test_imported_network_agrees_to_float32_rounding(theirs, checkpoint, tmp_path):
    import_authors_checkpoint(checkpoint, tmp_path / "ours.safetensors")
    loaded = load_checkpoint(tmp_path / "ours.safetensors")
    assert loaded.convention == AUTHORS_CONVENTION
    bins = loaded.config.bins
    assert (bins.count, bins.start, bins.end) == (61, 2.0, 8.0)
    assert "epoch 200" in loaded.metadata["name"]
    patch = torch.randint(0, 256, (1, 3, 256, 256), generator=torch.Generator().manual_seed(4))
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    normalised = (patch / 255.0 - mean) / std
    masks = torch.zeros(2, 64, 64, dtype=torch.bool)
    masks[0, 8:60, 20:44] = True
    masks[1, 3:30, 1:63] = True
    with torch.inference_mode():
        found = loaded.network(patch, masks, torch.tensor([0, 0]))
        for person in range(2):
            rays, bins, index = theirs(normalised, masks[person], ray_of_heatmap_cells())
            ours = rays_of_joints(found.joints_cells[person])
            assert rays.std(0).min() > 0.01
            torch.testing.assert_close(ours, rays, atol=2e-5, rtol=0)
            torch.testing.assert_close(found.bin_probabilities[person], bins, atol=2e-5, rtol=1e-3)
            torch.testing.assert_close(found.bin_index[person], index, atol=2e-3, rtol=0)


def test_convention_of_the_authors():
    c = AUTHORS_CONVENTION
    assert (c.mode, c.centre) == ("crop", "principal_point")
    assert (c.ladder, c.fixed_patch_px) == (False, 1000.0)
    assert (c.half_pixel, c.antialias, c.undistort, c.box_margin) == (False, False, False, 0.0)
    assert c.centre_px == 128.0


def test_data_parallel_prefix_is_tolerated(theirs, tmp_path):
    path = tmp_path / "parallel.pth.tar"
    state = {f"module.{key}": value for key, value in theirs.state_dict().items()}
    torch.save({"model": state, "epoch": 7}, path)
    found, epoch = read_authors_state(path)
    assert epoch == 7
    assert set(found) == set(theirs.state_dict())


def test_missing_and_unexpected_keys_are_named(theirs):
    state = dict(theirs.state_dict())
    state["depth_gcn.gcn_layers.2.bn.bias"] = state.pop("layers_dm_4.4.weight")
    with pytest.raises(CheckpointError) as caught:
        authors_network(state)
    assert "layers_dm_4.4.weight is missing" in str(caught.value)
    assert "depth_gcn.gcn_layers.2.bn.bias is unexpected" in str(caught.value)


def test_other_number_of_bins_is_named(theirs):
    state = dict(theirs.state_dict())
    state["out_bins.weight"] = torch.zeros(71, 256)
    with pytest.raises(CheckpointError, match=r"out_bins.weight has shape \(71, 256\), .*\(61"):
        authors_network(state)


class Trap:
    def __reduce__(self):
        return print, ("unpickled",)


def test_pickle_with_code_is_refused_without_running_it(tmp_path, capsys):
    path = tmp_path / "trap.pth.tar"
    torch.save({"model": {"weight": Trap()}, "epoch": 1}, path)
    with pytest.raises(CheckpointError, match="trap.pth.tar: refused"):
        read_authors_state(path)
    assert "unpickled" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"<html></html>", b"\x80\x02."])
def test_damaged_file_is_refused(tmp_path, content):
    path = tmp_path / "ckpt.pth.tar"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="ckpt.pth.tar"):
        read_authors_state(path)


@pytest.mark.parametrize("stored", [{"state_dict": {}}, [1, 2], {"model": 3, "epoch": 1}])
def test_file_of_another_shape_says_what_was_found(tmp_path, stored):
    path = tmp_path / "ckpt.pth.tar"
    torch.save(stored, path)
    with pytest.raises(CheckpointError, match="found .*expected"):
        read_authors_state(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="nothing.tar: no such file"):
        read_authors_state(tmp_path / "nothing.tar")
