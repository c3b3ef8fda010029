"""The detector that is shipped: NanoDet-g on one or more sizes of an image, and on tiles of wide ones."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hdnet_ros.core.boxes import xywh_center_from_xyxy
from hdnet_ros.core.device import choose_device
from hdnet_ros.core.types import Detection
from hdnet_ros.locate.nanodet import SIDE_MULTIPLE_PX, NanoDet, decode
from hdnet_ros.locate.nanodet_views import View, tile_views, whole_view
from hdnet_ros.locate.suppress import suppress_duplicates
from hdnet_ros.model.engine import ImagesByOpenVino, about_torch, choose_engine, compiled_images, torch_threads
from hdnet_ros.model.default_weights import weights_folders
from hdnet_ros.model.tensor_file import read_metadata, read_tensors

WEIGHTS_NAME = "nanodet_g_person.safetensors"
_METADATA_KEY = "nanodet"
_FORMAT_VERSION = 1
# Bounds the memory of a pass however many tiles and cameras there are.
_PICTURES_AT_ONCE = 8
_SIDE_LIMITS_PX = (SIDE_MULTIPLE_PX, 4096)


class Preset(NamedTuple):
    """What the network is shown: the whole image at each side (longer side, px), tiles at one, or 0."""

    sides_px: tuple[int, ...]
    tile_px: int = 0


# Who fills the image is found at the smaller side, who is far away at the larger: people about 320 px
# tall in what the network is shown are its weak spot, and two sides do not have it in the same place.
PRESETS = {
    "fast": Preset((256, 416)),
    "good": Preset((320, 512)),
    "wide": Preset((320, 640), tile_px=640),
}


class NanoDetDetector:
    """People near and far, cut by the image's edge, sitting, from behind; COCO's person.

    Parameters
    ----------
    preset : "fast" for a robot's laptop, "good", or "wide", which adds tiles of wide images
    sides_px : longer sides at which the image is shown, in place of the preset's; empty: those
    score_threshold : 0..1, on the network's own score
    device : "auto", "cpu", "cuda" or "cuda:N"
    precision, engine : what runs the network, as `choose_engine` takes them
    weights : file made by tools/convert_nanodet.py; None takes the bundled one

    Attributes
    ----------
    engine : what runs the network, for people

    Raises
    ------
    ValueError : an unknown preset, a side out of range, a device that is not there, or what
        `choose_engine` says
    EngineError : the engine that was asked for cannot run it
    WeightsError : the weights are missing, damaged or of something else
    """

    name = "nanodet"

    def __init__(
        self,
        preset: str = "good",
        sides_px: Sequence[int] = (),
        score_threshold: float = 0.45,
        device: str = "auto",
        precision: str = "auto",
        weights: str | Path | None = None,
        engine: str = "auto",
    ) -> None:
        if preset not in PRESETS:
            raise ValueError(f"preset is {preset!r}, expected one of {', '.join(PRESETS)}")
        low, high = _SIDE_LIMITS_PX
        for side in sides_px:
            if not low <= side <= high:
                raise ValueError(f"a side is {side} px, expected {low} to {high}")
        chosen = PRESETS[preset]
        self.preset = chosen._replace(sides_px=tuple(sides_px)) if sides_px else chosen
        self.score_threshold = score_threshold
        self.device = choose_device(device)
        network = load_nanodet(weights).to(self.device, memory_format=torch.channels_last)
        self._choose_engine(network, engine, precision)

    def _choose_engine(self, network: NanoDet, engine: str, precision: str) -> None:
        """Set what runs the network, and on how many of PyTorch's threads the rest does (0: all)."""
        chosen = choose_engine(engine, precision, self.device)
        side = self.preset.sides_px[-1] // SIDE_MULTIPLE_PX * SIDE_MULTIPLE_PX
        compiled = compiled_images(network, (side, side), engine, chosen)
        self._is_compiled = compiled is not None
        # Begins with (B, 3, H, W) uint8 RGB; what it returns waits for (B, cells, 45).
        self.start: Callable[[Tensor], Callable[[], Tensor]]
        if compiled is None:
            self.start = functools.partial(_by_torch, network, self.device, chosen.dtype)
            self.engine, self._torch_threads = about_torch(chosen.dtype), 0
            return
        self.start = functools.partial(_compiled_logits, compiled)
        self.engine, self._torch_threads = compiled.about, 1

    def detect(self, image_rgb: np.ndarray) -> list[Detection]:
        """People in an (H, W, 3) uint8 RGB image, best first."""
        return self.detect_many([image_rgb])[0]

    def detect_many(self, images_rgb: Sequence[np.ndarray]) -> list[list[Detection]]:
        """People of each (H, W, 3) uint8 RGB image, best first."""
        found: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in images_rgb]
        views = ((index, view) for index, image in enumerate(images_rgb) for view in self._views(image))
        # A compiled network computes each view on a thread of its own, the first while others are made;
        # for PyTorch those of one size share a batch.
        batches = ([entry] for entry in views) if self._is_compiled else _batches(list(views))
        with torch_threads(self._torch_threads or torch.get_num_threads()), torch.inference_mode():
            under_way = [(batch, self.start(_pixels(batch))) for batch in batches]
            for batch, wait in under_way:
                for (index, view), cells in zip(batch, wait(), strict=True):
                    found[index].append(self._boxes(view, cells, images_rgb[index]))
        return [_merged(boxes) for boxes in found]

    def _views(self, image_rgb: np.ndarray) -> Iterator[View]:
        """The largest first: it takes longest."""
        if image_rgb.ndim != 3 or image_rgb.shape[2] != 3 or image_rgb.dtype != np.uint8:
            raise ValueError(
                f"image is {image_rgb.shape} {image_rgb.dtype}, expected (H, W, 3) uint8 RGB"
            )
        if min(image_rgb.shape[:2]) == 0:
            return
        yield from tile_views(image_rgb, self.preset.tile_px) if self.preset.tile_px else []
        for side in sorted(self.preset.sides_px, reverse=True):
            yield whole_view(image_rgb, side)

    def _boxes(self, view: View, cells: Tensor, image_rgb: np.ndarray):
        """Boxes (N, 4) in px of the image and scores (N,) of one view, doubles still among them."""
        height, width = image_rgb.shape[:2]
        boxes, scores = decode(cells, view.picture.shape[0], view.picture.shape[1], self.score_threshold)
        boxes_px = view.to_image_px(boxes.double().cpu().numpy())
        scores = scores.double().cpu().numpy()
        whole = ~view.is_cut(boxes_px, (width, height))
        boxes_px = boxes_px[whole].clip(-0.5, [width - 0.5, height - 0.5] * 2)
        usable = (boxes_px[:, 2:] > boxes_px[:, :2]).all(axis=1)
        return boxes_px[usable], scores[whole][usable]


def _pixels(views: Sequence[tuple[int, View]]) -> Tensor:
    """Pictures of one size as (B, 3, H, W), in rows of pixels in memory."""
    return torch.from_numpy(np.stack([view.picture for _, view in views])).permute(0, 3, 1, 2)


def _by_torch(network: NanoDet, device: torch.device, dtype: torch.dtype, pixels: Tensor) -> Callable[[], Tensor]:
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        logits = network(pixels.to(device))
    return lambda: logits


def _compiled_logits(compiled: ImagesByOpenVino, pixels: Tensor) -> Callable[[], Tensor]:
    wait = compiled.start(pixels)
    return lambda: wait()[0]


def load_nanodet(weights: str | Path | None = None) -> NanoDet:
    """The network in eval mode, float32, on the CPU; None reads the bundled weights.

    Raises
    ------
    WeightsError : the weights are missing, damaged or of something else
    """
    path = Path(weights).expanduser() if weights else _bundled()
    try:
        about = json.loads(read_metadata(path)[0].get(_METADATA_KEY, "{}"))
        state = {key: value.float() for key, value in read_tensors(path, vouched=True).items()}
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: no readable weights of NanoDet ({error})") from error
    if about.get("format_version") != _FORMAT_VERSION:
        raise WeightsError(
            f"{path}: not made by tools/convert_nanodet.py, or by another version of it;"
            f" expected metadata {_METADATA_KEY!r} with format_version {_FORMAT_VERSION}"
        )
    network = NanoDet()
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(f"{path}: tensors do not fit NanoDet-g: {error}") from error
    return network.eval()


class WeightsError(ValueError):
    """A file that cannot be used as NanoDet's weights."""


def _bundled() -> Path:
    for folder in weights_folders():
        if (folder / WEIGHTS_NAME).is_file():
            return folder / WEIGHTS_NAME
    raise WeightsError(
        f"{WEIGHTS_NAME} is not in this copy's weights folder; take it from the repository's"
        " weights/ or make it with tools/convert_nanodet.py, or choose the detector hog"
    )


def _batches(views: Sequence[tuple[int, View]]):
    """Lists of views whose pictures have one size."""
    by_size: dict[tuple, list] = {}
    for entry in views:
        by_size.setdefault(entry[1].picture.shape, []).append(entry)
    for alike in by_size.values():
        for start in range(0, len(alike), _PICTURES_AT_ONCE):
            yield alike[start : start + _PICTURES_AT_ONCE]


def _merged(found: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[Detection]:
    if not found:
        return []
    boxes = np.concatenate([boxes for boxes, _ in found])
    scores = np.concatenate([scores for _, scores in found])
    return [
        Detection(xywh_center_from_xyxy(boxes[i]), float(scores[i]))
        for i in suppress_duplicates(boxes, scores)
    ]
