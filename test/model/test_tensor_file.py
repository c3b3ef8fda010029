import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.model.tensor_file import TensorFileError, read_metadata, read_tensors, write_tensors

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
]  # fmt: skip
TENSORS = {f"of {dtype}": torch.arange(6).reshape(2, 3).to(dtype) for dtype in DTYPES} | {
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 4),
    "not contiguous": torch.arange(12.0).reshape(3, 4).T,
}
METADATA = {"name": "mine", "größe": "1 µm"}


def header_file(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def test_tensors_and_metadata_come_back(tmp_path):
    write_tensors(tmp_path / "t", TENSORS, METADATA)
    found = read_tensors(tmp_path / "t")
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name
    assert read_metadata(tmp_path / "t")[0] == METADATA


def test_equal_tensors_make_equal_files(tmp_path):
    write_tensors(tmp_path / "a", TENSORS, METADATA)
    write_tensors(tmp_path / "b", dict(reversed(TENSORS.items())), dict(reversed(METADATA.items())))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_safetensors_reads_what_is_written_and_writes_what_is_read(tmp_path):
    library = pytest.importorskip("safetensors.torch")
    from safetensors import safe_open

    write_tensors(tmp_path / "ours", TENSORS, METADATA)
    theirs = library.load_file(tmp_path / "ours")
    assert all(torch.equal(theirs[name], tensor) for name, tensor in TENSORS.items())
    with safe_open(str(tmp_path / "ours"), "pt") as file:
        assert {key: value for key, value in file.metadata().items() if key != "sha256"} == METADATA
    library.save_file({name: t.contiguous() for name, t in TENSORS.items()}, tmp_path / "theirs", METADATA)
    ours = read_tensors(tmp_path / "theirs")
    assert all(torch.equal(ours[name], tensor) for name, tensor in TENSORS.items())
    assert read_metadata(tmp_path / "theirs")[0] == METADATA


@pytest.mark.parametrize(
    ("header", "data", "words"),
    [
        (b"{", b"", "no JSON"),
        (b"\xff\xfe", b"", "no JSON"),
        (b"[" * 100000, b"", "no JSON"),
        ([], b"", "is a list"),
        (b'{"a": 1, "a": 2}', b"", "twice"),
        ({"__metadata__": {"n": 1}}, b"", "__metadata__"),
        ({"x": {"dtype": "F32", "shape": [1]}}, b"\0" * 4, "tensor 'x'"),
        ({"x": 7}, b"", "tensor 'x'"),
        ({"x": entry(dtype="F8_E4M3")}, b"\0" * 4, "F8_E4M3"),
        ({"x": entry(shape=[-1])}, b"\0" * 4, "shape [-1]"),
        ({"x": entry(shape=[1.0])}, b"\0" * 4, "shape [1.0]"),
        ({"x": entry(shape=[2**60, 2**60], offsets=[0, 4])}, b"\0" * 4, "needs"),
        ({"x": entry(offsets=[4, 8])}, b"\0" * 8, "begins at 4"),
        ({"x": entry(), "y": entry(offsets=[2, 6])}, b"\0" * 6, "begins at 2"),
        ({"x": entry()}, b"\0" * 3, "holds 3 bytes"),
        ({"x": entry()}, b"\0" * 5, "holds 5 bytes"),
    ],
)
def test_file_that_breaks_the_format_is_refused_by_name(tmp_path, header, data, words):
    path = header_file(tmp_path / "t", header, data)
    with pytest.raises(TensorFileError) as caught:
        read_tensors(path)
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x01", b"\xff" * 64, (2**40).to_bytes(8, "little") + b"{}"])
def test_length_beyond_the_file_is_refused_before_anything_is_read(tmp_path, content):
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(TensorFileError, match="a header of"):
        read_tensors(tmp_path / "t")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_byte_that_changes_is_either_refused_or_read(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "t"
    write_tensors(path, {"x": torch.arange(3.0), "y": torch.ones(2, 2).half()}, {"name": "mine"})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        tensors = read_tensors(path)
    except TensorFileError:
        return
    assert sum(t.numel() * t.element_size() for t in tensors.values()) <= len(content)
