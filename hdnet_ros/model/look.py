"""Looks at people: their patches are cut, put on the device and shown to a network."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.patch import box_mask, boxes_in_cells, sample_patch_of_camera
from hdnet_ros.core.patch_camera import PatchCamera, PatchConvention
from hdnet_ros.model.device_patches import DeviceImage


@dataclass(frozen=True, eq=False)
class PersonInImage:
    """Somebody to look at.

    Attributes
    ----------
    image_rgb : (H, W, 3) uint8
    camera : of the image
    box_xywh_center_px : (4,) box in the image
    patch_camera : of the patch that the answer is about
    box_patch_px : (4,) corners of the box in that patch, px
    other_boxes_xywh_center_px : (K, 4) of those of other people in the image that overlap it, the most first
    """

    image_rgb: np.ndarray
    camera: Camera
    box_xywh_center_px: np.ndarray
    patch_camera: PatchCamera
    box_patch_px: np.ndarray
    other_boxes_xywh_center_px: np.ndarray = field(default_factory=lambda: np.empty((0, 4)))


class Patches:
    """Patches that are cut when they are asked for, one after the other.

    A network that takes them so computes the first while the next is cut.

    Parameters
    ----------
    cuts : of each patch what cuts it, (S, S, 3) uint8
    side_px : S
    """

    def __init__(self, cuts: Sequence[Callable[[], Tensor]], side_px: int) -> None:
        self.cuts = list(cuts)
        self.shape = (len(self.cuts), 3, side_px, side_px)
        self.ndim = 4

    def __len__(self) -> int:
        return len(self.cuts)

    def __iter__(self) -> Iterator[Tensor]:
        return (cut() for cut in self.cuts)

    def stacked(self) -> Tensor:
        """All of them, (B, 3, S, S); bytes in rows of pixels, which the network normalises."""
        return torch.stack(list(self)).permute(0, 3, 1, 2)


class Look(Protocol):
    """From people to what a network says of them, in terms of their `patch_camera`."""

    patches_per_person: int

    def at(self, people: Sequence[PersonInImage], device: torch.device) -> Any:
        """The network's output (`HDNetOutput`), one row a person.

        Parameters
        ----------
        people : at least one; those of one image lie next to each other
        """


class OneLook:
    """A look at the patch that the convention gives; people whose patch is the same share it.

    Parameters
    ----------
    network : forward(images (B, 3, S, S) uint8, box_masks (N, S / 4, S / 4), patch_index (N,))
    convention : how the patches are cut
    """

    patches_per_person = 1

    def __init__(self, network: nn.Module, convention: PatchConvention) -> None:
        self.network = network
        self._convention = convention

    def at(self, people: Sequence[PersonInImage], device: torch.device) -> Any:
        """As `Look.at`."""
        patches, masks, patch_index = network_inputs(people, self._convention, device)
        others = (other_boxes(people, self._convention, device),) if reads_other_boxes(self.network) else ()
        return self.network(as_taken(self.network, patches), masks, patch_index, *others)


def as_taken(network: nn.Module, patches: Patches) -> Patches | Tensor:
    """Patches as a network takes them: one by one where it says so (`HDNet.takes_patches`), else stacked."""
    return patches if getattr(network, "takes_patches", False) else patches.stacked()


def reads_other_boxes(network: nn.Module) -> bool:
    """Whether a network is to be told whose boxes overlap whose."""
    return getattr(network, "reads_other_boxes", False)


def other_boxes(people: Sequence[PersonInImage], convention: PatchConvention, device: torch.device) -> Tensor:
    """Boxes of others as `HDNet.forward` takes them, (N, 2, 4) heatmap cells."""
    rows = [
        boxes_in_cells(person.other_boxes_xywh_center_px, person.camera, person.patch_camera, convention)
        for person in people
    ]
    return torch.from_numpy(np.stack(rows)).to(device)


def network_inputs(
    people: Sequence[PersonInImage], convention: PatchConvention, device: torch.device
) -> tuple[Patches, Tensor, Tensor]:
    """Patches, masks (N, S / 4, S / 4) bool of the boxes, and (N,) whose patch is which."""
    # Around the principal point, without a ladder, everybody's patch of an image is the same.
    is_shared = convention.centre == "principal_point" and not convention.ladder
    cuts: list[Callable[[], Tensor]] = []
    patch_index: list[int] = []
    last: PersonInImage | None = None
    on_device: DeviceImage | None = None
    for person in people:
        is_same_image = last is not None and person.image_rgb is last.image_rgb
        if _cuts_there(device) and not is_same_image:
            on_device = DeviceImage(person.image_rgb, person.camera, device)
        if not (is_shared and is_same_image):
            cuts.append(functools.partial(_patch, person, convention.antialias, on_device))
        patch_index.append(len(cuts) - 1)
        last = person
    masks = np.stack([box_mask(person.box_patch_px, convention) for person in people])
    patches = Patches(cuts, convention.input_px)
    return patches, torch.from_numpy(masks).to(device), torch.tensor(patch_index, device=device)


def _cuts_there(device: torch.device) -> bool:
    """Whether patches are cut on the device, to which the image goes once."""
    return device.type != "cpu"


def _patch(person: PersonInImage, antialias: bool, on_device: DeviceImage | None) -> Tensor:
    """(S, S, 3) uint8: cut on the CPU, or of an image that is on a device there."""
    if on_device is not None:
        return on_device.patch(person.patch_camera, antialias).permute(1, 2, 0)
    return torch.from_numpy(
        sample_patch_of_camera(person.image_rgb, person.camera, person.patch_camera, antialias)
    )
