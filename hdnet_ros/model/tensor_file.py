"""Files of named tensors in the safetensors format, read and written.

Eight bytes, the length of the header (little-endian); the header, a JSON object of
{name: {"dtype", "shape", "data_offsets": [begin, end]}} and "__metadata__" {text: text}; then the
tensors' bytes, little-endian, row-major, without gaps (https://github.com/huggingface/safetensors).
Nothing is executed, and no more is read or allocated than the file is long.

Files that are written here carry a SHA-256 of everything else in them ("sha256" in the metadata), for
a flipped bit makes other weights that look like weights. It is checked where it is there; other files
are known by a SHA256SUMS beside them, or as a copy of bundled ones by the one beside those.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hdnet_ros.model.default_weights import weights_folders

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_LENGTH_BYTES = 8
_MOST_HEADER_BYTES = 16 * 2**20
_METADATA = "__metadata__"
_DIGEST = "sha256"
SUMS_NAME = "SHA256SUMS"


class TensorFileError(ValueError):
    """A file that is not what the format says; names what was found and expected."""


class _Header(NamedTuple):
    """What stands before the tensors' bytes."""

    metadata: dict[str, str]  # without the digest
    entries: dict[str, _Entry]  # by begin
    start: int  # where the bytes begin
    digest: str  # empty where the file carries none


class _Entry(NamedTuple):
    """Where a tensor lies in the data after the header."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


def read_metadata(path: str | Path) -> tuple[dict[str, str], list[str]]:
    """Metadata of a file, and the names of its tensors in the order of their bytes.

    Raises
    ------
    TensorFileError : not such a file, or damaged
    OSError : it cannot be read
    """
    header = _read_header(Path(path))
    return header.metadata, list(header.entries)


def read_tensors(path: str | Path, vouched: bool = False) -> dict[str, Tensor]:
    """Tensors of a file by name, on the CPU.

    Parameters
    ----------
    vouched : a file without a digest, in it or in a SHA256SUMS beside it, is refused

    Raises
    ------
    TensorFileError : as `read_metadata`, and bytes that are not those of the digest
    OSError : it cannot be read
    """
    path = Path(path)
    header = _read_header(path)
    with path.open("rb") as file:
        before = file.read(header.start)
        data = bytearray(file.read())
    if header.digest:
        found, wanted = _digest(header.metadata, header.entries, data), header.digest
    else:
        found = hashlib.sha256(before + data).hexdigest()
        wanted = listed_digests(path.parent).get(path.name, "")
        if not wanted and vouched and not any(found in listed_digests(f).values() for f in weights_folders()):
            raise TensorFileError(
                f"it carries no {_DIGEST}, no {SUMS_NAME} beside it names it, and it is no copy of bundled weights: "
                "nobody can tell whether it is whole"
            )
    if wanted and found != wanted:
        raise TensorFileError(f"its {_DIGEST} is {found[:16]}..., expected {wanted[:16]}...: some of its bytes were changed")
    return {name: _tensor(data, entry) for name, entry in header.entries.items()}


def listed_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of files by name as the SHA256SUMS of a folder says; empty where there is none."""
    try:
        lines = (folder / SUMS_NAME).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {name.strip().lstrip("*"): digest.lower() for digest, _, name in (line.partition(" ") for line in lines)}


def write_tensors(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors, metadata and their digest; equal arguments give equal bytes.

    Raises
    ------
    ValueError : a dtype that the format does not know
    """
    # The widest first, so that every tensor lies at a multiple of its own element's size.
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    entries, end = {}, 0
    for name in names:
        tensor = tensors[name]
        if tensor.dtype not in _NAMES:
            raise ValueError(f"{name} is of {tensor.dtype}, expected one of {', '.join(_DTYPES)}")
        begin, end = end, end + tensor.numel() * tensor.element_size()
        entries[name] = _Entry(tensor.dtype, tuple(tensor.shape), begin, end)
    data = b"".join(_bytes_of(tensors[name]) for name in names)
    told = {key: value for key, value in metadata.items() if key != _DIGEST}
    header: dict[str, Any] = {_METADATA: dict(sorted((told | {_DIGEST: _digest(told, entries, data)}).items()))}
    header |= {name: _as_json(entry) for name, entry in entries.items()}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)
    Path(path).write_bytes(len(text).to_bytes(_LENGTH_BYTES, "little") + text + data)


def _as_json(entry: _Entry) -> dict[str, Any]:
    return {"dtype": _NAMES[entry.dtype], "shape": list(entry.shape), "data_offsets": [entry.begin, entry.end]}


def _bytes_of(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def _digest(metadata: Mapping[str, str], entries: Mapping[str, _Entry], data: bytes | bytearray) -> str:
    """SHA-256 over metadata, names, types, shapes and bytes, whatever the order in the header."""
    described = {_METADATA: dict(metadata)} | {name: _as_json(entry) for name, entry in entries.items()}
    made = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    made.update(data)
    return made.hexdigest()


def _read_header(path: Path) -> _Header:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        start = _LENGTH_BYTES + length
        if not 0 < length <= _MOST_HEADER_BYTES or start > size:
            raise TensorFileError(
                f"its first 8 bytes say a header of {length} bytes, expected 1 to "
                f"{_MOST_HEADER_BYTES} that the file's {size} bytes hold"
            )
        text = file.read(length)
    try:
        header = json.loads(text.decode(), object_pairs_hook=_without_doubles)
    except TensorFileError:
        raise
    except (ValueError, RecursionError) as error:
        raise TensorFileError(f"its header is no JSON ({error})") from error
    if not isinstance(header, dict):
        raise TensorFileError(f"its header is a {type(header).__name__}, expected an object")
    metadata = header.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise TensorFileError(f"{_METADATA} is {str(metadata)[:80]!r}, expected texts by name")
    entries = {name: _entry(name, value) for name, value in header.items()}
    entries = dict(sorted(entries.items(), key=lambda item: item[1].begin))
    _check_gaps(entries, size - start)
    return _Header(metadata, entries, start, metadata.pop(_DIGEST, ""))


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise TensorFileError("a name stands in its header twice")
    return values


def _entry(name: str, value: Any) -> _Entry:
    try:
        dtype, shape = _DTYPES[value["dtype"]], value["shape"]
        begin, end = value["data_offsets"]
    except (KeyError, TypeError, ValueError) as error:
        raise TensorFileError(
            f"tensor {name!r} is {str(value)[:120]}, expected dtype, shape and data_offsets"
        ) from error
    numbers = [*shape, begin, end] if isinstance(shape, list) else [None]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise TensorFileError(f"tensor {name!r} has shape {shape} and offsets {begin}, {end}")
    wanted = math.prod(shape) * torch.empty((), dtype=dtype).element_size()
    if end - begin != wanted:
        raise TensorFileError(f"tensor {name!r} has {end - begin} bytes, its shape {shape} needs {wanted}")
    return _Entry(dtype, tuple(shape), begin, end)


def _check_gaps(entries: Mapping[str, _Entry], data_bytes: int) -> None:
    reached = 0
    for name, entry in entries.items():
        if entry.begin != reached:
            raise TensorFileError(f"tensor {name!r} begins at {entry.begin}, the one before ends at {reached}")
        reached = entry.end
    if reached != data_bytes:
        raise TensorFileError(f"it holds {data_bytes} bytes of tensors, its header says {reached}")


def _tensor(data: bytearray, entry: _Entry) -> Tensor:
    if entry.begin == entry.end:
        return torch.empty(entry.shape, dtype=entry.dtype)
    count = math.prod(entry.shape)
    return torch.frombuffer(data, dtype=entry.dtype, count=count, offset=entry.begin).reshape(entry.shape)
