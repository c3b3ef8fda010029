"""ONNX beside PyTorch: the same numbers for any number of people."""

import dataclasses
import json

import pytest
import torch
from click.testing import CliRunner

from hdnet_ros.cli.main import main
from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.core.types import SigmaCalibration
from hdnet_ros.model.default_weights import find_default_weights
from hdnet_ros.model.checkpoint import load_checkpoint, save_checkpoint
from hdnet_ros.model.export_onnx import example_inputs, export_onnx, named_tensors
from hdnet_ros.model.rootnet import RootNet, RootNetConfig


CHANGES = {
    "depth": {},
    "existence": {"existence": True},
    "refiner": {"joint_witness": "movenet_lightning", "joint_witness_px": 64, "refiner_layers": 1, "refiner_channels": 16},
    "pose": {"pose": {"backbone": "shared", "slices": 4, "channels": 8}},
}


@pytest.fixture(scope="module", params=CHANGES)
def exported(request, tmp_path_factory, make_tiny):
    folder = tmp_path_factory.mktemp("onnx")
    save_checkpoint(
        folder / "tiny.safetensors",
        make_tiny(decode_radius_cells=2, separate_pairs=True, median_depth=True, **CHANGES[request.param]),
        PatchConvention(input_px=64),
        calibration=SigmaCalibration(temperature=0.5),
        name="tiny",
        data="none",
        licence="none",
    )
    checkpoint = load_checkpoint(folder / "tiny.safetensors")
    return checkpoint, folder / "tiny.onnx", export_onnx(checkpoint, folder / "tiny.onnx")


def test_the_bundled_weights_are_exported_by_the_documented_command(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    path = tmp_path / "hdnet.onnx"
    said = CliRunner().invoke(main, ["export", "--out", str(path)])
    assert said.exit_code == 0, said.output
    network = load_checkpoint(find_default_weights()).network
    images, box_masks = example_inputs(256, 3)
    with torch.inference_mode():
        expected = named_tensors(network(images, box_masks))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(["bin_index", "pose_relative_depth_mm"], {"images": images.numpy(), "box_masks": box_masks.numpy()})
    assert found[0] == pytest.approx(expected["bin_index"].numpy(), abs=0.01)
    assert found[1] == pytest.approx(expected["pose_relative_depth_mm"].numpy(), abs=1.0)


@pytest.mark.parametrize("people", [1, 2, 5])
def test_onnx_gives_pytorchs_numbers(exported, people):
    onnxruntime = pytest.importorskip("onnxruntime")
    checkpoint, path, names = exported
    images, box_masks = example_inputs(64, people)
    with torch.inference_mode():
        expected = named_tensors(checkpoint.network(images, box_masks))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(None, {"images": images.numpy(), "box_masks": box_masks.numpy()})
    assert names == list(expected)
    for name, value in zip(names, found):
        assert value == pytest.approx(expected[name].numpy(), rel=1e-4, abs=1e-4), name


def test_the_json_beside_says_what_the_numbers_mean(exported):
    checkpoint, path, names = exported
    about = json.loads(path.with_suffix(".json").read_text())
    assert about["outputs"] == names
    assert PatchConvention.from_dict(about["convention"]) == checkpoint.convention
    assert about["bins"]["count"] == checkpoint.config.bins.count
    assert len(about["joint_names"]) == 17
    assert about["calibration"]["temperature"] == 0.5


def test_only_hdnet_is_exported(exported, tmp_path):
    checkpoint, *_ = exported
    rootnet = dataclasses.replace(checkpoint, network=RootNet(RootNetConfig("efficientnet_lite0")))
    with pytest.raises(ValueError, match="holds a RootNet, expected an HDNet"):
        export_onnx(rootnet, tmp_path / "rootnet.onnx")
