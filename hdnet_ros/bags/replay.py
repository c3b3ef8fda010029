"""A recording through the node's own pairing and pipeline, every image answered, none in a hurry."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from hdnet_ros.bags.errors import BagError
from hdnet_ros.bags.source import BagSource, Recorded, transforms_of
from hdnet_ros.core.camera import Camera
from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.messages.convert import (
    DetectionFilter,
    classes_of,
    detections_header,
    frame_id,
    image_size_px,
    info_content,
    info_from_camera,
    info_size_px,
    known_stamp_ns,
)
from hdnet_ros.messages.door import check
from hdnet_ros.messages.message_types import TFMessage
from hdnet_ros.messages.publication import Publication
from hdnet_ros.pipeline.camera_infos import CameraInfos
from hdnet_ros.pipeline.class_census import ClassCensus
from hdnet_ros.pipeline.pairing import FramePairing, Pair
from hdnet_ros.pipeline.pipeline import Pipeline
from hdnet_ros.pipeline.scene import LocatedShot, Scene
from hdnet_ros.pipeline.tally import Tally


class Written(NamedTuple):
    """One message to write: recording time, topic (~ is the node's name), message."""

    time_ns: int
    topic: str
    message: Any


class Replay:
    """Answer a recording as a node does that is never late.

    Parameters
    ----------
    source : the recording
    locate : the people of an image (or what stands in for it), its detections and the camera info
    pipeline, publication : of the node
    options : parameters of the node
    frames : of the recording's TF, those to be written as well
    camera : stands in for the recording's camera info, or None
    detect : makes a Detection2DArray of an image message, or None to take the recording's
    image_role : role of the messages that are answered
    beside : topic beside which made camera info and detections are written; empty: the images'
    """

    def __init__(
        self,
        source: BagSource,
        locate: Callable[[Pair, Any], LocatedShot],
        pipeline: Pipeline,
        publication: Publication,
        options: dict[str, Any],
        frames: Collection[str],
        camera: Camera | None = None,
        detect: Callable[[Any], Any] | None = None,
        image_role: str = "image",
        beside: str = "",
    ):
        self._locate = locate
        self._publication = publication
        self._image_role = image_role
        self._namespace = (beside or source.topics[image_role].removesuffix("/compressed")).rpartition("/")[0]
        self._source = source
        self._pipeline = pipeline
        self._detect = detect
        self._camera = camera
        slop_ns = round(options["slop_s"] * 1e9)
        self._infos = CameraInfos(slop_ns, kept=None, content=info_content)
        self._is_rectified = options["image_is_rectified"]
        # All of them first: a recording whose camera info comes late loses no image by it.
        for recorded in source.messages("camera_info") if camera is None else ():
            self._offer_info(recorded.message)
        if camera is None and not self._infos:
            raise BagError(
                f"{source.path}: no sensor_msgs/CameraInfo; without intrinsics there are no metres. "
                "Give the camera's calibration with --camera FILE"
            )
        self._frames = frames
        self._images_kept = options["images_kept"]
        self._pairing = FramePairing(slop_ns, self._images_kept)
        self._jumps = 0
        self._classes = ClassCensus()
        self._wanted = DetectionFilter.of(options).class_ids
        self.tally = Tally()

    def __iter__(self) -> Iterator[Written]:
        """Yield inputs worth keeping and all results, in the order of recording.

        Raises
        ------
        BagError : not one image could be answered; the message says why
        """
        for recorded in self._source.messages():
            if recorded.role in ("tf", "tf_static"):
                yield from self._other_frames(recorded)
            else:
                yield from self._take(recorded)
        count, reason = self._source.unreadable
        if count:
            self.tally.remarks["unreadable"] = count
            self.tally.examples["unreadable"] = f"messages that cannot be decoded, the first: {reason}"
        for problem in self._source.problems:
            self.tally.remarks[problem] += 1
            self.tally.examples[problem] = f"not all could be read: {problem}"
        strange = self._classes.sentence(self._wanted, images=1)
        if strange:
            self.tally.remark(BadInput("detections", strange))
        if self.tally.images and not self.tally.answered:
            reasons = "; ".join(self.tally.sentences()) or self._why_no_pairs()
            raise BagError(f"{self._source.path}: no image could be answered: {reasons}")

    def _take(self, recorded: Recorded) -> Iterator[Written]:
        time_ns, role, message = recorded
        if role == "camera_info":
            if self._camera is None:
                yield Written(time_ns, self._source.topics["camera_info"], message)
            return
        if role == "detections" and self._detect is not None:
            return
        header = detections_header(message) if role == "detections" else message.header
        stamp_ns = known_stamp_ns(header)
        if role == self._image_role:
            self.tally.images += 1
            oddity = self._pairing.offer_image(stamp_ns, message)
            if self._camera is not None:
                info = info_from_camera(message.header, self._camera)
                self._offer_info(info)
                yield Written(time_ns, self._beside_image("camera_info"), info)
            if self._detect is not None:
                yield from self._detected(time_ns, stamp_ns, message)
        else:
            oddity = self._pairing.offer_detections(stamp_ns, message)
            self._remark_late_boxes()
            yield Written(time_ns, self._source.topics["detections"], message)
        if oddity in ("late", "clock jumped back"):
            self.tally.remark(BadInput(role, f"stamp {stamp_ns * 1e-9:.9f} s: {oddity}"))
        yield from self._answers(time_ns)

    def _detected(self, time_ns: int, stamp_ns: int, image: Any) -> Iterator[Written]:
        detections = self._guarded("detection failed on an image", lambda: self._detect(image))
        if detections is None:
            return
        self._pairing.offer_detections(stamp_ns, detections)
        yield Written(time_ns, self._beside_image("detections"), detections)

    def _answers(self, time_ns: int) -> Iterator[Written]:
        pair = self._pairing.take()
        if self._pairing.clock_jumps != self._jumps:
            self._jumps = self._pairing.clock_jumps
            self._pipeline.reset()
            for topic, message in self._publication.reset():
                yield Written(time_ns, topic, message)
        if pair is None:
            return
        self._classes.note(classes_of(pair.detections), self._wanted)
        scene = self._guarded("an image could not be answered", lambda: self._scene(pair))
        if scene is not None:
            self._count(scene)
            yield from self._told(time_ns, scene)

    def _scene(self, pair: Pair) -> Scene:
        return self._pipeline.scene(self._locate(pair, self._info_of(pair.image)))

    def _offer_info(self, info: Any) -> None:
        size_wh_px = info_size_px(info, self._is_rectified)
        self._infos.offer(known_stamp_ns(info.header), frame_id(info.header), size_wh_px, info)

    def _info_of(self, image: Any) -> Any:
        return self._infos.of_image(known_stamp_ns(image.header), frame_id(image.header), image_size_px(image))

    def _why_no_pairs(self) -> str:
        gap_ns = self._pairing.gap_ns()
        if gap_ns is None:
            return "there are no boxes for them (--detector NAME finds people anew)"
        return (
            f"images and boxes have stamps {gap_ns * 1e-9:.3f} s apart at best, more than slop_s "
            f"({self._pairing.slop_ns * 1e-9:g}); --detector NAME finds people anew"
        )

    def _remark_late_boxes(self) -> None:
        needed = self._pairing.images_needed()
        if needed:
            self.tally.remark(
                BadInput(
                    "detections",
                    f"they come {needed - 1} images after theirs, of which {self._images_kept} wait: give "
                    f"-p images_kept:={needed} or more",
                )
            )

    def _guarded(self, what: str, call: Callable[[], Any]) -> Any | None:
        """Return what a call returns; where it fails, count that as the node does, return None."""
        try:
            return call()
        except BadInput as fault:
            self.tally.remark(fault)
        except Exception as error:  # one image must not end the recording
            self.tally.failure(what, error)
        return None

    def _told(self, time_ns: int, scene: Scene) -> Iterator[Written]:
        """Yield what the node publishes about an image, in its order."""
        told = self._publication.of(scene)
        while True:
            one = self._guarded("an image could not be shown", lambda: next(told, None))
            if one is None:
                return
            if self._guarded(f"{one[0]} is not written", lambda said=one: (check(said[1]), True)):
                yield Written(time_ns, *one)

    def _other_frames(self, recorded: Recorded) -> Iterator[Written]:
        kept = transforms_of(recorded.message, self._frames)
        if kept:
            yield Written(recorded.time_ns, f"/{recorded.role}", TFMessage(transforms=kept))

    def _beside_image(self, name: str) -> str:
        return f"{self._namespace}/{name}"

    def _count(self, scene: Scene) -> None:
        self.tally.answered += 1
        self.tally.people += len(scene.people)
        for fault in scene.remarks:
            self.tally.remark(fault)
