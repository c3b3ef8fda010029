"""A recording of people whose camera was calibrated wrongly, corrected without the images."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hdnet_ros.bags.answer import is_bag, make_pipeline, read_camera, write_all
from hdnet_ros.bags.errors import BagError
from hdnet_ros.bags.output import OutputBag
from hdnet_ros.bags.replay import Replay
from hdnet_ros.bags.settings import node_options
from hdnet_ros.bags.source import BagSource, Recorded, Topics
from hdnet_ros.core.camera import Camera
from hdnet_ros.locate.rescale import limits, patch_mode, rescaled
from hdnet_ros.locate.protocol import BoxedImage, Estimator, Located
from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.messages.convert import camera_from_info, detections_to_msg, estimates_from_msg
from hdnet_ros.messages.message_types import Image

_ROLES = ("camera_info", "detections", "persons")


@dataclass(frozen=True)
class RescaleReport:
    """What became of a recording; `limits`: why it is not exactly what another run would give."""

    target: Path
    frames: int
    people: int
    factor: float
    limits: tuple[str, ...]
    remarks: tuple[str, ...]


def rescale_bag(
    source: Path, target: Path, camera_file: str | Path, given: dict[str, Any], topics: Topics,
    storage: str = "mcap", overwrite: bool = False,
) -> RescaleReport:  # fmt: skip
    """Write people as another camera places them, followed anew.

    Parameters
    ----------
    source : recording with the node's persons and the camera_info that they were located with
    camera_file : calibration of the same size, of raw images
    given : parameters of hdnet_node beyond those that `hdnet bag` noted in the recording

    Raises
    ------
    BagError : the recording lacks persons or camera_info, the camera is of another size, or the
        target is there or would replace the source
    """
    if is_bag(target, source) and not overwrite:
        raise BagError(f"{target} is there; --overwrite replaces it")
    new = read_camera(camera_file)
    with BagSource(source, topics, _ROLES) as bag:
        noted = json.loads(bag.note("hdnet") or "{}")
        before = noted.get("options", {})
        # The new camera's K and distortion count, and the floor must not be brought in twice.
        fixed = {"image_is_rectified": False, "ground_depth": False}
        options, _ = node_options(None, {**before, **given, **fixed})
        rectified = bool(before.get("image_is_rectified"))
        people = _People(bag, new, rectified)
        told: list[str] = []
        transforms = bag.transforms(options["tf_prefix"])
        pipeline = make_pipeline(people, options, _NoPixels(), transforms, told.append)
        detect = None if "detections" in bag.topics else people.boxes
        replay = Replay(people, pipeline, options, transforms.frames, new, detect)
        notes = {"hdnet": json.dumps({**noted, "options": options})}
        node = bag.topics["persons"].rpartition("/")[0]
        write_all(replay, OutputBag(target, storage, notes), node, lambda: None)
    tally = replay.tally
    factor = new.focal_px / people.old.focal_px
    reasons = tuple(limits(people.old, new, people.mode))
    if before.get("ground_depth"):
        reasons += ("depths were fused with the floor's (ground_depth), whose part in them stays",)
    remarks = (*told, *tally.sentences())
    return RescaleReport(target, tally.answered, tally.people, factor, reasons, remarks)


class _People(Estimator):
    """The recording as Replay reads it, with persons for images; and the estimator of its pipeline."""

    def __init__(self, bag: BagSource, new: Camera, rectified: bool):
        for role in ("persons", "camera_info"):
            if not bag.count(role):
                raise BagError(f"{bag.path}: no {role}; both persons and camera_info are needed")
        self._bag = bag
        self._new = new
        self._current: list = []
        self.path = bag.path
        self.topics = {**bag.topics, "image": bag.topics["camera_info"]}
        try:
            self.old = camera_from_info(bag.first("camera_info"), rectified)
        except BadInput as fault:
            raise BagError(f"{bag.path}: {fault}") from fault
        if self.old.size_wh_px != new.size_wh_px:
            sizes = "{} x {} px".format(*self.old.size_wh_px), "{} x {} px".format(*new.size_wh_px)
            raise BagError(f"{bag.path}: recorded camera of {sizes[0]}, the other of {sizes[1]}")
        first = self._first_people()
        self.mode = patch_mode(first, self.old)
        self.name, self.device = bag.first("persons").estimator, "none"

    @property
    def unreadable(self) -> tuple[int, str]:
        return self._bag.unreadable

    def messages(self, *roles: str) -> Iterator[Recorded]:
        """Yield the recording; where people were published, an image of theirs without pixels."""
        for recorded in self._bag.messages(*roles):
            if recorded.role != "persons":
                yield recorded
                continue
            self._current = self._of_camera(recorded.message)
            width, height = self._new.size_wh_px
            image = Image(header=recorded.message.header, width=width, height=height)
            yield Recorded(recorded.time_ns, "image", image)

    def first(self, role: str) -> Any | None:
        return self._bag.first(role)

    def boxes(self, image: Any) -> Any:
        """Return the people's boxes as detections, for recordings that lack those."""
        return detections_to_msg(image.header, self._current, "person")

    def localize_many(self, images: Sequence[BoxedImage]) -> list[Located]:
        """Return the people of this moment as the new camera places them, with the detector's ids."""
        return [self._located(boxed) for boxed in images]

    def _located(self, boxed: BoxedImage) -> Located:
        ids = {tuple(item.box_xywh_center_px): item.id for item in boxed.detections}
        located = Located()
        for index, person in enumerate(self._current):
            try:
                moved = rescaled(person, self.old, boxed.camera, self.mode)
            except ValueError as error:
                located.rejected.append((index, str(error)))
                continue
            located.people.append(replace(moved, id=ids.get(tuple(person.box_xywh_center_px), "")))
        return located

    def _of_camera(self, message: Any) -> list:
        """Return the people of a message as seen from the old camera's optical centre."""
        back_mm = [-value for value in self.old.centre_mm]
        return [person.moved(back_mm) for person in estimates_from_msg(message)]

    def _first_people(self) -> list:
        """Return the people of the first moments that have any: enough to tell how patches were cut."""
        found: list = []
        for recorded in self._bag.messages("persons"):
            found += self._of_camera(recorded.message)
            if len(found) >= 20:
                break
        return found


class _NoPixels:
    """Decodes what has no pixels; the estimator looks at none."""

    def rgb_from_image(self, image: Any) -> np.ndarray:
        return np.broadcast_to(np.zeros(3, np.uint8), (image.height, image.width, 3))
