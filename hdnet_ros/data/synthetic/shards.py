"""Shards: files of 512 samples, pictures as lossless-enough JPEG beside label arrays, written once and never
changed."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import cv2
import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.worker_processes import submit_all, worker_pool
from hdnet_ros.data.synthetic.labels import PersonLabel
from hdnet_ros.data.synthetic.nobody import NobodyBox
from hdnet_ros.data.synthetic.sample import SyntheticSample, make_sample

SHARD_SIZE = 512
JPEG_QUALITY = 96
_FIELDS = [f.name for f in dataclasses.fields(PersonLabel)]
_NOBODY_FIELDS = [f.name for f in dataclasses.fields(NobodyBox)]


def shard_path(folder: Path, split: str, seed: int, first: int) -> Path:
    """Name of the shard that begins with sample `first` of a seed."""
    return Path(folder) / f"{split}_{seed}_{first:09d}.npz"


def write_shards(
    out_dir, count: int, seed: int, split: str = "train", workers: int = 1, first: int = 0, progress=None
) -> list[Path]:
    """Write samples first .. first + count - 1 as shards; those that exist are kept, so an interrupted call
    can be repeated.

    Parameters
    ----------
    count : number of samples, rounded up to whole shards of SHARD_SIZE
    workers : processes
    progress : called with (shards done, shards in all), or None

    Returns
    -------
    paths of the shards, in order

    Raises
    ------
    ValueError : count below 1, or `first` that is no multiple of SHARD_SIZE
    RuntimeError : a worker process was killed; the shards that are done stay
    """
    if count < 1 or first % SHARD_SIZE:
        raise ValueError(
            f"count is {count}, first {first}, expected at least 1, and a multiple of {SHARD_SIZE}"
        )
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(first, first + count, SHARD_SIZE)
    paths = [shard_path(folder, split, seed, start) for start in starts]
    jobs = [(path, seed, split, start) for path, start in zip(paths, starts) if not path.is_file()]
    done = len(paths) - len(jobs)
    for _ in _written(jobs, workers):
        done += 1
        if progress is not None:
            progress(done, len(paths))
    return paths


def _written(jobs: list, workers: int) -> Iterator[None]:
    """Write shards in processes, yielding for each; one that fails stops the others."""
    with worker_pool(workers) as pool:
        try:
            for future in as_completed(submit_all(pool, _write_one, jobs)):
                yield future.result()
        except BrokenProcessPool as error:
            raise RuntimeError(
                "a worker process ended before its shard was done (killed? out of memory? then fewer "
                "--workers); shards that are done stay, the same command goes on with the next"
            ) from error


def _write_one(job) -> None:
    path, seed, split, start = job
    cv2.setNumThreads(1)
    save_shard(path, [make_sample(seed, n, split) for n in range(start, start + SHARD_SIZE)])


def save_shard(path: Path, samples) -> None:
    """Write samples to one file: beside it first, then renamed, so that a shard is never half there."""
    encoded = [
        cv2.imencode(".jpg", s.image_rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].ravel()
        for s in samples
    ]
    people = [person for s in samples for person in s.people]
    arrays = {f"person_{name}": np.array([getattr(p, name) for p in people]) for name in _FIELDS}
    arrays |= _nobody_arrays(samples)
    distortion = np.zeros((len(samples), 14))
    for row, s in zip(distortion, samples):
        row[: len(s.camera.distortion)] = s.camera.distortion
    temporary = Path(path).with_suffix(f".{os.getpid()}.tmp")
    arrays |= {
        "image_bytes": np.concatenate(encoded),
        "image_end": np.cumsum([len(e) for e in encoded]),
        "camera_K": np.array([s.camera.K for s in samples]),
        "camera_size_wh_px": np.array([s.camera.size_wh_px for s in samples]),
        "camera_model": np.array([s.camera.distortion_model for s in samples]),
        "camera_distortion": distortion,
        "camera_distortion_count": np.array([len(s.camera.distortion) for s in samples]),
        "people_end": np.cumsum([len(s.people) for s in samples]),
        "key_seed": np.array([s.key[0] for s in samples]),
        "key_n": np.array([s.key[1] for s in samples]),
        "key_split": np.array([s.key[2] for s in samples]),
    }
    try:
        with open(temporary, "wb") as file:
            np.savez(file, **arrays)
        os.replace(temporary, path)
    finally:
        # Of a full disk not even the half stays.
        temporary.unlink(missing_ok=True)


def _nobody_arrays(samples) -> dict[str, np.ndarray]:
    boxes = [box for s in samples for box in s.nobody]
    arrays = {f"nobody_{name}": np.array([getattr(box, name) for box in boxes]) for name in _NOBODY_FIELDS}
    return {"nobody_end": np.cumsum([len(s.nobody) for s in samples])} | arrays


def read_shard_of(path, split: str) -> list:
    """The samples of a shard, which must be of a split: what is trained on is no hold-out.

    Raises
    ------
    ValueError : a sample of the other split
    """
    samples = read_shard(path)
    strange = next((s.key for s in samples if s.key[2] != split), None)
    if strange is not None:
        raise ValueError(f"{path} holds sample {strange} of the split {strange[2]!r}, expected {split!r}")
    return samples


def read_shard(path) -> list:
    """The samples of a shard (SyntheticSample), pictures decoded; shards without boxes of nobody have none."""
    with np.load(path, allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    image_start = np.concatenate([[0], data["image_end"][:-1]])
    people_start = np.concatenate([[0], data["people_end"][:-1]])
    nobody_end = data.get("nobody_end", np.zeros(len(image_start), np.int64))
    nobody_start = np.concatenate([[0], nobody_end[:-1]])
    samples = []
    for k, (begin, end) in enumerate(zip(image_start, data["image_end"])):
        image = cv2.imdecode(data["image_bytes"][begin:end], cv2.IMREAD_COLOR)[..., ::-1]
        count = int(data["camera_distortion_count"][k])
        camera = Camera(
            data["camera_K"][k],
            tuple(int(v) for v in data["camera_size_wh_px"][k]),
            str(data["camera_model"][k]),
            tuple(float(v) for v in data["camera_distortion"][k, :count]),
        )
        people = [_person(data, row) for row in range(people_start[k], data["people_end"][k])]
        key = (int(data["key_seed"][k]), int(data["key_n"][k]), str(data["key_split"][k]))
        nobody = [_nobody(data, row) for row in range(nobody_start[k], nobody_end[k])]
        samples.append(SyntheticSample(np.ascontiguousarray(image), camera, people, key, nobody))
    return samples


def _person(data: dict[str, np.ndarray], row: int) -> PersonLabel:
    return PersonLabel(**_values(data, "person", _FIELDS, row))


def _nobody(data: dict[str, np.ndarray], row: int) -> NobodyBox:
    return NobodyBox(**_values(data, "nobody", _NOBODY_FIELDS, row))


def _values(data: dict[str, np.ndarray], prefix: str, fields: list[str], row: int) -> dict:
    values = {name: data[f"{prefix}_{name}"][row] for name in fields}
    return {name: value.item() if value.ndim == 0 else value for name, value in values.items()}
