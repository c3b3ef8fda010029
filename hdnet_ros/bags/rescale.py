"""A recording of people whose camera was calibrated wrongly, corrected without the images."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


from hdnet_ros.bags.answer import is_bag, read_camera, write_all
from hdnet_ros.bags.errors import BagError
from hdnet_ros.bags.output import OutputBag
from hdnet_ros.bags.replay import Replay
from hdnet_ros.bags.source import BagSource, Topics
from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import PersonEstimate
from hdnet_ros.locate.rescale import limits, patch_mode, rescaled
from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.messages.convert import (
    DetectionFilter,
    camera_from_info,
    detections_from_msg,
    detections_to_msg,
    estimates_from_msg,
    stamp_ns,
)
from hdnet_ros.messages.message_types import Detection2DArray, PersonRootArray
from hdnet_ros.messages.publication import Publication
from hdnet_ros.pipeline.pairing import Pair
from hdnet_ros.pipeline.pipeline import make_pipeline
from hdnet_ros.pipeline.scene import LocatedShot, Shot
from hdnet_ros.pipeline.setting import SettingError, filled
from hdnet_ros.pipeline.settings import HDNET_SETTINGS

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
    try:
        return _rescaled(source, target, camera_file, given, topics, storage, overwrite)
    except OSError as error:
        raise BagError(f"{error.filename or target}: {error.strerror or error}; nothing is left half written") from error


def _rescaled(
    source: Path, target: Path, camera_file: str | Path, given: dict[str, Any], topics: Topics,
    storage: str, overwrite: bool,
) -> RescaleReport:  # fmt: skip
    if is_bag(target, source) and not overwrite:
        raise BagError(f"{target} is there; --overwrite replaces it")
    new = read_camera(camera_file)
    with BagSource(source, topics, _ROLES) as bag:
        noted = json.loads(bag.note("hdnet") or "{}")
        before = noted.get("options", {})
        # The new camera's K and distortion count, and the floor must not be brought in twice.
        fixed = {"image_is_rectified": False, "ground_depth": False}
        options = _options({**before, **given, **fixed})
        rectified = bool(before.get("image_is_rectified"))
        people = _People(bag, new, rectified, options)
        told: list[str] = []
        transforms = bag.transforms(options["tf_prefix"])
        pipeline = make_pipeline(options, transforms, told.append)
        publication = Publication(options, people.estimator)
        detect = None if "detections" in bag.topics else _boxes
        replay = Replay(
            bag, people.located, pipeline, publication, options, transforms.frames, new, detect,
            image_role="persons", beside=bag.topics["camera_info"],
        )  # fmt: skip
        notes = {"hdnet": json.dumps({**noted, "options": options})}
        node = bag.topics["persons"].rpartition("/")[0]
        write_all(replay, publication, OutputBag(target, storage, notes), node, lambda: None)
    tally = replay.tally
    factor = new.focal_px / people.old.focal_px
    reasons = tuple(limits(people.old, new, people.mode))
    if before.get("ground_depth"):
        reasons += ("depths were fused with the floor's (ground_depth), whose part in them stays",)
    remarks = (*told, *tally.sentences())
    return RescaleReport(target, tally.answered, tally.people, factor, reasons, remarks)


def _options(values: dict[str, Any]) -> dict[str, Any]:
    try:
        return filled(HDNET_SETTINGS, values)
    except SettingError as error:
        raise BagError(str(error)) from error


class _People:
    """The people of a recording, as another camera places them."""

    def __init__(self, bag: BagSource, new: Camera, rectified: bool, options: dict[str, Any]):
        persons, info = (_first(bag, role) for role in ("persons", "camera_info"))
        self._new = new
        self._wanted = DetectionFilter.of(options)
        try:
            self.old = camera_from_info(info, rectified)
        except BadInput as fault:
            raise BagError(f"{bag.path}: {fault}") from fault
        if self.old.size_wh_px != new.size_wh_px:
            sizes = "{} x {} px".format(*self.old.size_wh_px), "{} x {} px".format(*new.size_wh_px)
            raise BagError(f"{bag.path}: recorded camera of {sizes[0]}, the other of {sizes[1]}")
        self.mode = patch_mode(_first_people(bag), self.old)
        self.estimator = persons.estimator

    def located(self, pair: Pair, info: Any) -> LocatedShot:
        """Return the people of a message as the new camera places them, with the detector's ids."""
        header = pair.image.header
        size = self._new.size_wh_px
        detections, _ = detections_from_msg(pair.detections, self._wanted, size)
        ids = {tuple(item.box_xywh_center_px): item.id for item in detections}
        people, rejected = [], []
        # Seen from the old camera's optical centre, where its rays begin.
        back_mm = [-value for value in self.old.centre_mm]
        for index, person in enumerate(person.moved(back_mm) for person in estimates_from_msg(pair.image)):
            try:
                moved = rescaled(person, self.old, self._new, self.mode)
            except ValueError as error:
                rejected.append((index, str(error)))
                continue
            people.append(replace(moved, id=ids.get(tuple(person.box_xywh_center_px), "")))
        shot = Shot(stamp_ns(header), header.frame_id, None, detections, self._new)
        return LocatedShot(shot, people, rejected, 0.0)


def _first(bag: BagSource, role: str) -> Any:
    message = bag.first(role)
    if message is None:
        unreadable, reason = bag.unreadable
        what = f"none of the {role} can be read ({reason})" if unreadable else f"no {role}"
        raise BagError(f"{bag.path}: {what}; both persons and camera_info are needed")
    return message


def _boxes(persons: PersonRootArray) -> Detection2DArray:
    """Return the people's boxes as detections, for recordings that lack those."""
    return detections_to_msg(persons.header, estimates_from_msg(persons), "person")


def _first_people(bag: BagSource) -> list[PersonEstimate]:
    """Return the people of the first moments that have any: enough to tell how patches were cut."""
    found: list[PersonEstimate] = []
    for recorded in bag.messages("persons"):
        found += estimates_from_msg(recorded.message)
        if len(found) >= 20:
            break
    return found
