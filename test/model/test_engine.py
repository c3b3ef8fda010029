"""OpenVINO beside PyTorch: the same answers, made once, whoever else is there."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from hdnet_ros.model import openvino_engine, openvino_graphs
from hdnet_ros.model.engine import (
    Engine,
    ImagesByOpenVino,
    choose_engine,
    compiled_images,
    maps_of,
    openvino_problem,
    with_maps,
)
from hdnet_ros.model.inference_copy import inference_copy
from hdnet_ros.model.look import Patches
from hdnet_ros.model.openvino_engine import OpenVinoModule
from hdnet_ros.model.openvino_graphs import EngineError, cache_folder
from hdnet_ros.model.rootnet import RootNet, RootNetConfig

pytest.importorskip("openvino")
if not openvino_engine.is_available():
    pytest.skip("OpenVINO is used on x86 processors", allow_module_level=True)

IMAGE_PX = 64


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "hdnet_ros" / "openvino"


class Doubled(nn.Module):
    """Two outputs of one input, one of them smaller."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        return self.factor * x.float(), x.float().mean((1, 2))


def make_doubled(**options):
    return OpenVinoModule(Doubled().eval(), torch.zeros(1, 4, 3), **options)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_openvino_module_gives_each_row_its_own_answer(count, threads):
    rows = torch.randn(count, 4, 3)
    doubled, means = make_doubled(threads=threads)(rows)
    assert torch.allclose(doubled, 2.0 * rows) and doubled.shape == rows.shape
    assert torch.allclose(means, rows.mean((1, 2)), atol=1e-6)


def test_openvino_module_is_converted_once_for_the_same_weights(cache, monkeypatch):
    first = make_doubled()
    assert len(list(cache.glob("*.xml"))) == 1
    monkeypatch.setattr(openvino_graphs, "_converted", lambda *a: pytest.fail("converted again"))
    rows = torch.randn(3, 4, 3)
    assert torch.equal(make_doubled()(rows)[0], first(rows)[0])


def test_openvino_module_of_other_weights_is_another_file(cache):
    make_doubled()
    other = Doubled().eval()
    other.factor.data.fill_(3.0)
    found = OpenVinoModule(other, torch.zeros(1, 4, 3))(torch.ones(1, 4, 3))[0]
    assert torch.allclose(found, torch.full((1, 4, 3), 3.0))
    assert len(list(cache.glob("*.xml"))) == 2


def test_openvino_module_of_another_setting_is_another_file(cache):
    class Times(Doubled):
        def __init__(self, times):
            super().__init__()
            self.times = times
            self.register_buffer("shift", torch.tensor(float(times)), persistent=False)

        def forward(self, x):
            return self.times * x.float() + self.shift

    for times in (2, 3):
        found = OpenVinoModule(Times(times).eval(), torch.zeros(1, 4, 3))(torch.ones(1, 4, 3))[0]
        assert torch.allclose(found, torch.full((1, 4, 3), 2.0 * times))
    assert len(list(cache.glob("*.xml"))) == 2


def test_openvino_module_of_other_code_is_another_file(cache, monkeypatch, tmp_path):
    make_doubled()
    code = openvino_graphs._code(Doubled())
    assert {"pieces.py", "upsampled_conv.py", "hdnet.py", Path(__file__).name} <= {file.name for file in code}
    changed = tmp_path / "pieces.py"
    changed.write_text("another way to do it")
    monkeypatch.setattr(openvino_graphs, "_code", lambda module: [*code, changed])
    make_doubled()
    assert len(list(cache.glob("*.xml"))) == 2


@pytest.mark.parametrize("ending", ["xml", "bin"])
def test_openvino_module_makes_a_damaged_file_again(cache, caplog, ending):
    make_doubled()
    (file,) = cache.glob(f"*.{ending}")
    size = file.stat().st_size
    file.write_bytes(file.read_bytes()[: size // 3])
    assert torch.allclose(make_doubled()(torch.ones(1, 4, 3))[0], torch.tensor(2.0))
    assert "is damaged" in caplog.text and file.stem in caplog.text
    assert file.stat().st_size == size


def test_openvino_module_works_without_a_cache(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert torch.allclose(make_doubled()(torch.ones(1, 4, 3))[0], torch.tensor(2.0))
    assert "cannot be kept" in caplog.text


def test_cache_folder_is_the_users(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_folder() == Path("/home/somebody/.cache/hdnet_ros/openvino")


def test_openvino_module_refuses_an_unknown_precision():
    with pytest.raises(ValueError, match="precision is 'half', expected one of"):
        make_doubled(precision="half")


def test_openvino_module_says_what_to_do_where_openvino_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(EngineError, match="pip install openvino"):
        make_doubled()
    assert not openvino_engine.is_available()


def with_openvino(network, precision="float32"):
    return with_maps(network, ImagesByOpenVino(maps_of(network), (IMAGE_PX, IMAGE_PX), precision))


def test_images_by_openvino_may_change_their_size(tiny_network):
    maps_module = maps_of(tiny_network)
    by_openvino = ImagesByOpenVino(maps_module, (IMAGE_PX, IMAGE_PX), "float32")
    for height, width in ((64, 64), (96, 32), (32, 128)):
        images = torch.randint(0, 256, (2, 3, height, width), dtype=torch.uint8)
        with torch.inference_mode():
            expected = maps_module(images)
        for found, wanted in zip(by_openvino(images), expected, strict=True):
            assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("patch_index", [[0], [0, 1, 2], [0, 0, 1]])
def test_with_maps_gives_the_networks_answers(tiny_network, make_people, patch_index):
    images, masks, index = make_people(patch_index)
    images = (images * 40 + 128).clamp(0, 255).byte()
    with torch.inference_mode():
        expected = tiny_network(images, masks, index)
        found = with_openvino(tiny_network)(images, masks, index)
    for name in ("heatmaps", "joints_cells", "bin_probabilities", "bin_index"):
        assert torch.allclose(getattr(found, name), getattr(expected, name), rtol=1e-4, atol=1e-4), name


def test_with_maps_reads_features_that_are_convolved_before_they_are_upsampled(make_tiny, make_people):
    network = make_tiny(upsample_first=True, shared_branch=True, joint_witness="movenet_lightning", joint_witness_px=64)
    images, masks, index = make_people([1, 0, 1])
    images = (images * 40 + 128).clamp(0, 255).byte()
    with torch.inference_mode():
        expected = network(images, masks, index)
        found = with_openvino(inference_copy(network))(images, masks, index)
    for name in ("heatmaps", "joints_cells", "bin_probabilities"):
        assert torch.allclose(getattr(found, name), getattr(expected, name), rtol=1e-3, atol=1e-3), name


def test_with_maps_computes_a_witness_beside_the_rest(make_tiny, make_people, monkeypatch):
    network = make_tiny(joint_witness="movenet_lightning", joint_witness_px=64)
    images = (make_people(range(5))[0] * 40 + 128).clamp(0, 255).byte()
    with torch.inference_mode():
        expected = network.maps(images)
    for threads in ("1", "2", "4"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        compiled = with_openvino(network)
        for count in (0, 1, 2, 5):
            found = compiled.maps(images[:count])
            assert torch.allclose(found.heatmap_logits, expected.heatmap_logits[:count], rtol=1e-3, atol=1e-3)
            assert torch.allclose(found.witness, expected.witness[:count], rtol=1e-3, atol=1e-3)


def test_images_of_several_sizes_are_under_way_at_a_time(tiny_network):
    maps_module = maps_of(tiny_network)
    by_openvino = ImagesByOpenVino(maps_module, (IMAGE_PX, IMAGE_PX), "float32")
    batches = [torch.randint(0, 256, (n, 3, h, w), dtype=torch.uint8) for n, h, w in ((1, 64, 96), (3, 64, 64), (1, 64, 96))]
    waits = [by_openvino.start(images) for images in batches]
    for images, wait in zip(batches, waits):
        with torch.inference_mode():
            expected = maps_module(images)
        for found, wanted in zip(wait(), expected, strict=True):
            assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_patches_are_computed_while_others_are_cut(tiny_network, make_people):
    images, masks, _ = make_people(range(5))
    images = (images * 40 + 128).clamp(0, 255).byte()
    network = with_openvino(tiny_network)
    assert network.takes_patches and not tiny_network.takes_patches
    for count in (1, 2, 5):
        patches = Patches([image.permute(1, 2, 0).clone for image in images[:count]], IMAGE_PX)
        with torch.inference_mode():
            expected, found = (network(batch, masks[:count]) for batch in (patches.stacked(), patches))
        assert torch.equal(found.bin_logits, expected.bin_logits)
        assert torch.equal(found.joints_cells, expected.joints_cells)

    def fail():
        raise ValueError("nothing to cut")

    with torch.inference_mode():
        expected = network(images, masks).bin_logits
        with pytest.raises(ValueError, match="nothing to cut"):
            network(Patches([*patches.cuts[:4], fail], IMAGE_PX), masks)
        # Whoever comes next is answered as before.
        assert torch.equal(network(images, masks).bin_logits, expected)


def test_with_maps_leaves_the_network_as_it_was(tiny_network, make_people):
    images, masks, index = make_people([0])
    before = tiny_network(images, masks, index).bin_logits
    with_openvino(tiny_network)
    assert torch.equal(tiny_network(images, masks, index).bin_logits, before)


def test_with_maps_computes_a_pose_too(make_tiny, make_people):
    network = make_tiny(pose={"backbone": "shared", "slices": 4, "channels": 8})
    images, masks, index = make_people([0, 1])
    images = (images * 40 + 128).clamp(0, 255).byte()
    with torch.inference_mode():
        expected = network(images, masks, index).pose
        found = with_openvino(network)(images, masks, index).pose
    assert torch.allclose(found.relative_depth_mm, expected.relative_depth_mm, rtol=1e-4, atol=0.1)


def test_with_maps_refuses_images_that_are_not_bytes(tiny_network):
    with pytest.raises(ValueError, match="torch.float32, expected uint8"):
        with_openvino(tiny_network).maps(torch.zeros(1, 3, IMAGE_PX, IMAGE_PX))


def test_choose_engine_takes_openvino_on_the_cpu(monkeypatch):
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert choose_engine("auto", "float32", cpu) == Engine("openvino", "float32")
    assert choose_engine("torch", "float32", cpu) == Engine("torch", "float32")
    assert choose_engine("auto", "float16", cuda) == Engine("torch", "float16")
    assert choose_engine("auto", "float32", cpu, "is for others") == Engine("torch", "float32")
    monkeypatch.setattr(openvino_engine, "is_available", lambda: False)
    assert choose_engine("auto", "float32", cpu) == Engine("torch", "float32")
    with pytest.raises(ValueError, match="pip install openvino"):
        choose_engine("openvino", "auto", cpu)


@pytest.mark.parametrize(("has", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_choose_engine_auto_precision_asks_the_processor(monkeypatch, has, expected):
    monkeypatch.setattr(openvino_engine, "has_bfloat16", lambda: has)
    assert choose_engine("openvino", "auto", torch.device("cpu")).precision == expected


@pytest.mark.parametrize(
    ("engine", "precision", "device", "message"),
    [
        ("tensorrt", "auto", "cpu", "engine is 'tensorrt', expected one of auto, openvino, torch"),
        ("auto", "half", "cpu", "precision is 'half', expected one of auto, float32"),
        ("openvino", "auto", "cuda", "engine openvino is for CPUs, and the device is cuda"),
        ("openvino", "float16", "cpu", "'float16', which is for CUDA"),
        ("torch", "float16", "cpu", "'float16', expected auto, float32, bfloat16 for PyTorch on cpu"),
    ],
)
def test_choose_engine_refuses_what_cannot_be(engine, precision, device, message):
    with pytest.raises(ValueError, match=message):
        choose_engine(engine, precision, torch.device(device))


def test_openvino_problem_names_the_network(tiny_network):
    assert openvino_problem(tiny_network) == ""
    assert openvino_problem(RootNet(RootNetConfig("efficientnet_lite0"))) == "is for HDNet, not for RootNet"


def test_compiled_images_leaves_to_pytorch_what_openvino_cannot_run(monkeypatch, caplog):
    def fail(*arguments):
        raise RuntimeError("no such operation")

    monkeypatch.setattr(openvino_graphs, "_converted", fail)
    size_hw_px, chosen = (IMAGE_PX, IMAGE_PX), Engine("openvino", "float32")
    assert compiled_images(nn.Identity(), size_hw_px, "auto", chosen) is None
    assert "no such operation; PyTorch runs it" in caplog.text
    with pytest.raises(EngineError, match="OpenVINO cannot convert .*no such operation"):
        compiled_images(nn.Identity(), size_hw_px, "openvino", chosen)
