import hashlib
import json
import pickle

import numpy as np
import pytest
import torch

from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.core.types import SigmaCalibration
from hdnet_ros.model.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from hdnet_ros.model.tensor_file import read_metadata, read_tensors, write_tensors

ABOUT = {"name": "tiny", "data": "none", "licence": "Apache-2.0"}
CONVENTION = PatchConvention(input_px=192, box_margin=0.2)


@pytest.fixture
def saved(tmp_path, tiny_network):
    path = tmp_path / "sub" / "tiny.safetensors"
    save_checkpoint(path, tiny_network, CONVENTION, half=False, **ABOUT)
    return path


def test_metadata_go_from_file_to_file(saved, tiny_network):
    assert load_checkpoint(saved).metadata == ABOUT
    about = ABOUT | {"seed": "0", "budget": "6 steps of 2 patches"}
    for _ in range(2):
        save_checkpoint(saved, tiny_network, CONVENTION, **about)
        about = load_checkpoint(saved).metadata
    assert about == ABOUT | {"seed": "0", "budget": "6 steps of 2 patches"}


def rewrite(path, change_tensors=None, change_metadata=None):
    """The same file with other tensors or metadata."""
    tensors = read_tensors(path)
    metadata, _ = read_metadata(path)
    if change_tensors:
        change_tensors(tensors)
    if change_metadata:
        change_metadata(metadata)
    write_tensors(path, tensors, metadata)
    return path


def refusal(path):
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_round_trip_in_float32_is_exact(saved, tiny_network):
    loaded = load_checkpoint(saved)
    assert loaded.config == tiny_network.config
    assert loaded.convention == CONVENTION
    assert loaded.calibration is None
    assert loaded.metadata == ABOUT
    assert not loaded.network.training
    expected = tiny_network.state_dict()
    assert all(torch.equal(v, expected[k]) for k, v in loaded.network.state_dict().items())


def test_round_trip_in_float16_answers_alike_at_half_the_size(
    saved, tmp_path, tiny_network, make_people
):
    path = tmp_path / "half.safetensors"
    save_checkpoint(path, tiny_network, CONVENTION, half=True, **ABOUT)
    assert path.stat().st_size < 0.56 * saved.stat().st_size
    network = load_checkpoint(path).network
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    people = make_people([0, 1])
    with torch.inference_mode():
        found, expected = network(*people), tiny_network(*people)
    torch.testing.assert_close(found.joints_cells, expected.joints_cells, atol=0.02, rtol=0)
    torch.testing.assert_close(found.bin_index, expected.bin_index, atol=0.05, rtol=0)


def test_float16_keeps_what_overflows(tmp_path, make_tiny):
    network = make_tiny()
    network.backbone.stem_bn.running_var[0] = 1e6
    network.depth_head.weight.data[0, 0] = 1e5
    path = tmp_path / "large.safetensors"
    save_checkpoint(path, network, CONVENTION, **ABOUT)
    loaded = load_checkpoint(path).network
    assert loaded.backbone.stem_bn.running_var[0] == 1e6
    assert loaded.depth_head.weight[0, 0] == 1e5


def test_calibration_is_kept(tmp_path, tiny_network):
    calibration = SigmaCalibration(temperature=1.3, floor_relative=0.06)
    path = tmp_path / "calibrated.safetensors"
    save_checkpoint(path, tiny_network, CONVENTION, calibration=calibration, **ABOUT)
    assert load_checkpoint(path).calibration == calibration


def test_save_refuses_weights_that_are_not_finite(tmp_path, make_tiny):
    network = make_tiny()
    network.depth_head.bias.data[3] = float("nan")
    with pytest.raises(ValueError, match="depth_head.bias"):
        save_checkpoint(tmp_path / "nan.safetensors", network, CONVENTION, **ABOUT)
    assert not list(tmp_path.iterdir())


def test_save_refuses_another_skeleton(tmp_path, make_tiny):
    network = make_tiny(joint_count=3, links=((0, 1), (1, 2)))
    with pytest.raises(ValueError, match="joint_count is 3, expected 17"):
        save_checkpoint(tmp_path / "three.safetensors", network, CONVENTION, **ABOUT)


def test_missing_tensor_is_named(saved):
    message = refusal(rewrite(saved, lambda t: t.pop("depth_head.bias")))
    assert "depth_head.bias is missing" in message


def test_unexpected_tensor_is_named(saved):
    message = refusal(rewrite(saved, lambda t: t.update(extra=torch.zeros(1))))
    assert "extra is unexpected" in message


def test_tensor_of_another_shape_is_named(saved):
    message = refusal(rewrite(saved, lambda t: t.update({"depth_head.bias": torch.zeros(61)})))
    assert "depth_head.bias has shape (61,), expected (71,)" in message


def test_tensor_with_nan_is_named(saved):
    message = refusal(rewrite(saved, lambda t: t["depth_head.bias"].fill_(float("nan"))))
    assert "depth_head.bias is not finite" in message


def test_many_mismatches_are_cut_to_five(saved):
    def rename(tensors):
        for key in list(tensors):
            tensors[f"module.{key}"] = tensors.pop(key)

    message = refusal(rewrite(saved, rename))
    assert message.count("is missing") == 5 and "more" in message


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("config", {"backbone": "vgg"}, "config: backbone is 'vgg'"),
        ("config", {"colour": 1}, "config: unknown network key 'colour'"),
        ("config", [1], "config: "),
        ("config", {"fpn_channels": 10**9}, "fpn_channels is 1000000000, expected an integer of at least 1, at most 8192"),
        ("config", {"gnn_layers": 10**9}, "gnn_layers is 1000000000"),
        ("config", {"joint_count": 10**9}, "joint_count is 1000000000"),
        ("config", {"bins": {"count": 10**12, "start": 1.0, "end": 8.0}}, "count is 1000000000000"),
        ("config", {"fpn_channels": 8192, "branch_channels": 8192}, "tensors do not fit the config"),
        ("convention", {}, "convention: it holds [], expected input_px, heatmap_stride, mode"),
        ("convention", CONVENTION.to_dict() | {"tilt": 1}, "tilt"),
        ("convention", CONVENTION.to_dict() | {"mode": "fisheye"}, "convention: mode is 'fisheye'"),
        ("convention", CONVENTION.to_dict() | {"antialias": "no"}, "antialias is 'no', expected a bool"),
        ("convention", CONVENTION.to_dict() | {"input_px": 10**9}, "input_px is 1000000000"),
        ("calibration", {"temperature": 1.0}, "calibration: it holds ['temperature'], expected temperature, floor_relative"),
        ("calibration", {"temperature": -1.0, "floor_relative": 0.05}, "calibration: temperature is -1.0"),
        ("joint_names", ["head"], "joint_names ['head']"),
        ("links", [[0, 1]], "links [[0, 1]]"),
        ("format_version", 9, "format_version 9, expected 1"),
    ],
)
def test_field_that_does_not_fit_is_named(saved, field, value, words):
    message = refusal(rewrite(saved, None, lambda m: m.update({field: json.dumps(value)})))
    assert words in message


def test_missing_field_is_named(saved):
    assert "no 'convention'" in refusal(rewrite(saved, None, lambda m: m.pop("convention")))


def test_field_that_is_no_json_is_named(saved):
    assert "'config' is no JSON" in refusal(rewrite(saved, None, lambda m: m.update(config="{")))


def test_foreign_safetensors(tmp_path):
    path = tmp_path / "foreign.safetensors"
    write_tensors(path, {"unet.conv.weight": torch.zeros(2)}, {})
    message = refusal(path)
    assert "unet.conv.weight" in message and "hdnet_ros" in message


def test_missing_file(tmp_path):
    assert "no such file" in refusal(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"<!DOCTYPE html><html>not found</html>", "no safetensors file"),
        (b"\xff" * 4096, "no safetensors file"),
    ],
)
def test_file_of_another_kind(tmp_path, content, words):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    assert words in refusal(path)


def test_truncated_file(saved):
    content = saved.read_bytes()
    saved.write_bytes(content[: len(content) // 2])
    assert "damaged" in refusal(saved)


class Trap:
    def __reduce__(self):
        return print, ("unpickled",)


def test_pickles_are_never_opened(tmp_path, capsys):
    plain, archive = tmp_path / "plain.pt", tmp_path / "archive.pt"
    plain.write_bytes(pickle.dumps(Trap()))
    torch.save({"model": Trap()}, archive)
    for path in (plain, archive):
        assert "hdnet import-checkpoint" in refusal(path)
    assert "unpickled" not in capsys.readouterr().out


def test_interrupted_save_keeps_the_previous_file(saved, tiny_network, monkeypatch):
    before = saved.read_bytes()

    def fail(path, tensors, metadata):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("hdnet_ros.model.checkpoint.write_tensors", fail)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(saved, tiny_network, CONVENTION, **ABOUT)
    assert saved.read_bytes() == before


def test_every_flipped_bit_is_found(saved):
    whole = saved.read_bytes()
    load_checkpoint(saved)
    for place in np.random.default_rng(3).integers(0, len(whole), 60):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(place) % 8
        saved.write_bytes(flipped)
        refusal(saved)


def test_weights_without_a_digest_are_refused_unless_a_list_beside_them_names_them(saved, tmp_path):
    library = pytest.importorskip("safetensors.torch")
    metadata, _ = read_metadata(saved)
    library.save_file(read_tensors(saved), saved, metadata)
    assert "carries no sha256" in refusal(saved)
    digest = hashlib.sha256(saved.read_bytes()).hexdigest()
    (saved.parent / "SHA256SUMS").write_text(f"{digest}  {saved.name}\n")
    load_checkpoint(saved)
    (saved.parent / "SHA256SUMS").write_text(f"{'0' * 64}  {saved.name}\n")
    assert "some of its bytes were changed" in refusal(saved)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 100_000, '{"a":' * 50_000], ids=["lists", "digits", "objects"])
@pytest.mark.parametrize("field", ["config", "links", "calibration"])
def test_metadata_that_mean_more_than_they_say_are_one_line(saved, field, text):
    message = refusal(rewrite(saved, None, lambda m: m.update({field: text})))
    assert "\n" not in message and len(message) < 1000
