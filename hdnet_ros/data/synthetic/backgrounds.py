"""Textures and photographs for scenes: one flat array of mip-mapped texels, procedural and, where fetched,
photographic."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from hdnet_ros.data.synthetic.procedural import SIZE_PX, draw_textures, tileable_noise

HOLDOUT_SHARE = 0.15
PHOTO_FOLDER = "backgrounds"
_PROCEDURAL_SEED = 20


def cache_folder() -> Path:
    """Where downloaded and derived data live: $HDNET_CACHE, or ~/.cache/hdnet_ros."""
    return Path(os.environ.get("HDNET_CACHE") or Path.home() / ".cache" / "hdnet_ros")


def in_holdout(name: str) -> bool:
    """Whether a file belongs to the hold-out, by a hash of its name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") < HOLDOUT_SHARE * 2**32


@dataclass(frozen=True, eq=False)
class TextureBank:
    """Textures of one split, ready for raycast.

    texels : flat uint8, each texture followed by its halved levels down to 1 px
    table : (T, 3) int64: first texel, side in px, 1 where the texture repeats mirrored
    kinds : kind -> (n,) texture numbers
    tile_m : (T,) metres that one tile covers
    noise : (256, 256) float32 in 0..1, tileable
    photos : photographs for backdrops, (h, w, 3) uint8 views each
    panoramas : equirectangular linear pictures, (h, 2h, 3) float32 each
    fingerprint : names what the bank was made from; samples agree only between equal fingerprints
    """

    texels: np.ndarray
    table: np.ndarray
    kinds: dict[str, np.ndarray]
    tile_m: np.ndarray
    noise: np.ndarray
    photos: tuple[np.ndarray, ...]
    panoramas: tuple[np.ndarray, ...]
    fingerprint: str

    def pick(self, rng: np.random.Generator, kind: str) -> int:
        """Number of a random texture of a kind; of any kind where the split has none of it."""
        return int(rng.choice(self.kinds.get(kind, np.arange(len(self.table)))))


def with_mips(picture: np.ndarray) -> np.ndarray:
    """Flat texels of a square power-of-two picture and of its halved levels."""
    levels = [picture.reshape(-1)]
    while picture.shape[0] > 1:
        picture = cv2.resize(
            picture, (picture.shape[1] // 2, picture.shape[0] // 2), interpolation=cv2.INTER_AREA
        )
        levels.append(picture.reshape(-1))
    return np.concatenate(levels)


def _read_photo_cache(folder: Path) -> tuple[list[dict], np.ndarray | None]:
    index = folder / "index.json"
    if not index.is_file():
        return [], None
    entries = json.loads(index.read_text())
    return entries, np.memmap(folder / "pixels.bin", dtype=np.uint8, mode="r").view(np.ndarray)


def _fingerprint(entries: list[dict]) -> str:
    names = json.dumps([[entry["name"], entry["kind"]] for entry in entries])
    return f"procedural-{_PROCEDURAL_SEED}+" + hashlib.sha256(names.encode()).hexdigest()[:12]


@functools.lru_cache(maxsize=4)
def load_bank(split: str, folder: Path | None = None) -> TextureBank:
    """The textures of a split: procedural ones, and the photographs that fetch_data has cached.

    Parameters
    ----------
    split : "train" or "holdout"; a texture belongs to one of them by its name
    folder : cache to read; by default cache_folder()

    Raises
    ------
    ValueError : a split that does not exist
    """
    if split not in ("train", "holdout"):
        raise ValueError(f"split is {split!r}, expected 'train' or 'holdout'")
    entries, pixels = _read_photo_cache((folder or cache_folder()) / PHOTO_FOLDER)
    chunks, rows, kinds, tile_m = [], [], {}, []
    photos, panoramas = [], []
    offset = 0

    def add(kind: str, tile: float, texels: np.ndarray, side: int, mirrored: bool) -> None:
        nonlocal offset
        kinds.setdefault(kind, []).append(len(rows))
        rows.append((offset, side, int(mirrored)))
        chunks.append(texels)
        tile_m.append(tile)
        offset += texels.size

    for kind, tile, picture in draw_textures(_PROCEDURAL_SEED, split == "holdout"):
        add(kind, tile, with_mips(picture), SIZE_PX, False)
    for entry in entries:
        if in_holdout(entry["name"]) != (split == "holdout"):
            continue
        height, width = entry["size_hw_px"]
        start = entry["offset"]
        picture = pixels[start : start + height * width * 3].reshape(height, width, 3)
        if entry["kind"] == "photo":
            photos.append(picture)
        elif entry["kind"] == "panorama":
            panoramas.append(_linear_panorama(picture))
        else:
            add(entry["kind"], entry["tile_m"], with_mips(picture), height, True)
    noise = tileable_noise(np.random.default_rng(_PROCEDURAL_SEED), 1.1)
    noise = np.clip(0.5 + 0.2 * noise, 0, 1).astype(np.float32)
    return TextureBank(
        np.concatenate(chunks),
        np.array(rows, np.int64),
        {k: np.array(v) for k, v in kinds.items()},
        np.array(tile_m),
        noise,
        tuple(photos),
        tuple(panoramas),
        _fingerprint(entries),
    )


def srgb_to_linear(values: np.ndarray) -> np.ndarray:
    """sRGB in 0..1 to linear light."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(values: np.ndarray) -> np.ndarray:
    """Linear light in 0..1 to sRGB."""
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * np.maximum(values, 1e-8) ** (1 / 2.4) - 0.055)


SRGB_BYTE_TO_LINEAR = srgb_to_linear(np.arange(256) / 255.0).astype(np.float32)


def _linear_panorama(picture: np.ndarray) -> np.ndarray:
    return SRGB_BYTE_TO_LINEAR[picture]
