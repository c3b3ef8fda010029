"""From one image with its detections to every message about it."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from hdnet_ros.messages import convert
from hdnet_ros.locate.backends import draw_people
from hdnet_ros.locate.protocol import BoxedImage, Estimator
from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.pipeline.floor import Floor, FloorFinder
from hdnet_ros.messages.images import ImageDecoder, image_from_rgb
from hdnet_ros.messages.markers import MarkerPublisher
from hdnet_ros.messages.message_types import (
    CameraInfo,
    CompressedImage,
    Detection2DArray,
    Detection3DArray,
    Header,
    Image,
    MarkerArray,
    PersonRootArray,
    PersonTrackArray,
    TransformStamped,
)
from hdnet_ros.pipeline.pairing import Pair
from hdnet_ros.messages.track_markers import TrackMarkers
from hdnet_ros.pipeline.tracking_frame import TrackingFrame


class Prepared(NamedTuple):
    """An image that the estimator can take."""

    header: Header
    image_rgb: np.ndarray
    detections: list
    camera: Any
    remarks: list[BadInput]


class Located(NamedTuple):
    """People of one image in the camera's frame, not yet tracked."""

    prepared: Prepared
    people: list
    inference_ms: float


class Views(NamedTuple):
    """The same people again, as tools show them."""

    markers: MarkerArray
    track_markers: MarkerArray
    detections_3d: Detection3DArray
    overlay: Image | None


class Answer(NamedTuple):
    """All that is published about one image."""

    persons: PersonRootArray
    tracks: PersonTrackArray
    transforms: list[TransformStamped]
    inference_ms: float
    remarks: list[BadInput]  # what was odd or left out
    size_wh_px: tuple[int, int]  # of the image
    image_rgb: np.ndarray
    floor: Floor | None  # in the frame of the tracks; None: not known, or nobody wants it
    # Robots wait for people, nobody for what is shown of them: it is built when the rest is out.
    # To be called once, before the next image is answered: markers remember whom they showed.
    views: Callable[[], Views]


class Pipeline:
    """Answer the images of one camera one after another; used by one thread.

    Parameters
    ----------
    estimator : locates people
    trackers : give ids and velocities; shared by cameras that see the same people
    decoder, markers : made for the camera
    options : the node's parameters, read anew for every image
    frame : what people are followed in; None: the camera's frame
    track_markers : shared by the cameras
    camera : name of the camera; empty where there is one
    floor : finds the floor; None: not known
    """

    def __init__(
        self,
        estimator: Estimator,
        trackers: Any,
        decoder: ImageDecoder,
        markers: MarkerPublisher,
        options: Mapping[str, Any],
        frame: TrackingFrame | None = None,
        track_markers: TrackMarkers | None = None,
        camera: str = "",
        floor: FloorFinder | None = None,
    ):
        self._estimator = estimator
        self._trackers = trackers
        self._decoder = decoder
        self.markers = markers
        self.track_markers = track_markers or TrackMarkers(markers.lifetime_s)
        self._options = options
        self._frame = frame or TrackingFrame("none", None, lambda sentence: None)
        self._camera = camera
        self._floor = floor or FloorFinder(None, options, lambda sentence: None)

    def reset(self) -> None:
        """Forget everybody, for the clock was set back; what is shown has to be deleted."""
        self._trackers.reset()
        self.markers.delete_all(Header())
        self.track_markers.reset()

    def frame_name(self, camera_frame: str) -> str:
        """Return the frame that people seen by a camera are followed in."""
        return self._frame.name(camera_frame) or camera_frame

    def answer(self, pair: Pair, info: CameraInfo, want_overlay: bool) -> Answer:
        """Return what is told about one image; nobody there gives empty messages.

        Where TF does not give the camera's pose, people are not tracked in this image.

        Raises
        ------
        BadInput
            If the image or the camera info cannot be used.
        """
        (located,) = locate_together(self._estimator, [self.prepare(pair, info)])
        return self.finish(located, want_overlay) or self.give_up(located, want_overlay)

    def prepare(self, pair: Pair, info: CameraInfo) -> Prepared:
        """Return image, boxes and camera for the estimator.

        Raises
        ------
        BadInput
            If the image or the camera info cannot be used.
        """
        header = pair.image.header
        camera = convert.camera_from_info(info, self._options["image_is_rectified"])
        image_rgb = self._decoded(pair.image, camera.size_wh_px)
        size = (image_rgb.shape[1], image_rgb.shape[0])
        if size != camera.size_wh_px:
            width, height = camera.size_wh_px
            raise BadInput(
                "camera_info",
                f"it is of {width} x {height} px (ROI and binning counted), the image has "
                f"{size[0]} x {size[1]} px",
            )
        detections, rejected = convert.detections_from_msg(pair.detections, self._wanted(), size)
        remarks = _header_remarks(header, pair.detections, info)
        if rejected:
            remarks.append(_left_out(rejected, len(pair.detections.detections)))
        return Prepared(header, image_rgb, detections, camera, remarks)

    def finish(self, located: Located, want_overlay: bool) -> Answer | None:
        """Track the people and return what is told of them; None where TF is not there (yet)."""
        header = located.prepared.header
        frame = self._frame.name(header.frame_id)
        # Without a stamp nobody can say how far somebody went since.
        if not convert.known_stamp_ns(header) or (frame and not header.frame_id):
            return self.give_up(located, want_overlay)
        if not frame:
            return self._answer(located, want_overlay, header, None)
        try:
            pose = self._frame.camera_pose_mm(convert.known_stamp_ns(header), header.frame_id)
        except BadInput as fault:
            located.prepared.remarks.append(fault)
            return self.give_up(located, want_overlay)
        if pose is None:
            return None
        return self._answer(located, want_overlay, Header(stamp=header.stamp, frame_id=frame), pose)

    def give_up(self, located: Located, want_overlay: bool) -> Answer:
        """Return what is told of people who are not tracked in this image: TF did not come."""
        header = located.prepared.header
        frame = self._frame.name(header.frame_id)
        tracker = self._tracker(frame, header.frame_id)
        stamp_ns = convert.known_stamp_ns(header)
        tracker.coast(stamp_ns)
        tracked_header = Header(stamp=header.stamp, frame_id=frame or header.frame_id)
        people = [person.moved(located.prepared.camera.centre_mm) for person in located.people]
        persons, tracks = tracker.untracked(people), tracker.tracks(stamp_ns)
        return self._told(located, want_overlay, persons, tracked_header, tracks, [])

    def _tracker(self, frame: str, camera_frame: str):
        """Return who follows people in a frame, or in this camera's own, which no other camera shares
        whatever it is called."""
        return self._trackers.of(frame or f"{self._camera}:{camera_frame}")

    def _answer(self, located: Located, want_overlay, header: Header, pose) -> Answer:
        camera_frame = located.prepared.header.frame_id
        tracker = self._tracker("" if pose is None else header.frame_id, camera_frame)
        stamp_ns = convert.known_stamp_ns(header)
        prepared = located.prepared
        people = self._floor.applied(located.people, prepared.camera, stamp_ns, camera_frame)
        people = [person.moved(prepared.camera.centre_mm) for person in people]
        persons = tracker.update(stamp_ns, people, pose, self._camera)
        tracks = tracker.tracks(stamp_ns)
        prefix = self._options["tf_prefix"]
        transforms = []
        # tf2 takes a stamp of zero for "the latest" and refuses an empty parent.
        if self._options["publish_tf"] and header.frame_id and stamp_ns:
            if pose is None:
                transforms = convert.transforms_from_persons(header, persons, prefix)
            else:
                transforms = convert.transforms_from_tracks(header, tracks, prefix, pose[:3, 3])
        return self._told(located, want_overlay, persons, header, tracks, transforms)

    def _told(
        self, located: Located, want_overlay, persons, tracked_header, tracks, transforms
    ) -> Answer:
        prepared = located.prepared
        header = prepared.header
        return Answer(
            persons=convert.persons_to_msg(header, persons, self._estimator.name),
            tracks=convert.tracks_to_msg(tracked_header, tracks),
            transforms=transforms,
            inference_ms=located.inference_ms,
            remarks=prepared.remarks,
            size_wh_px=prepared.camera.size_wh_px,
            image_rgb=prepared.image_rgb,
            floor=self._floor.for_discs(convert.known_stamp_ns(header), tracked_header.frame_id),
            views=lambda: self._views(prepared, want_overlay, persons, tracked_header, tracks),
        )

    def _views(
        self, prepared: Prepared, want_overlay, persons, tracked_header: Header, tracks
    ) -> Views:
        header, camera = prepared.header, prepared.camera
        overlay = None
        if want_overlay:
            overlay = image_from_rgb(header, draw_people(prepared.image_rgb, persons))
        seen = convert.views_from_persons(persons, camera)
        followed = convert.views_from_tracks(tracks)
        return Views(
            markers=self.markers.markers(header, seen),
            track_markers=self.track_markers.markers(tracked_header, followed, self._camera),
            detections_3d=convert.detections_3d_to_msg(header, persons, camera),
            overlay=overlay,
        )

    def _decoded(self, msg: Image | CompressedImage, size_wh_px: tuple[int, int]):
        if isinstance(msg, CompressedImage):
            return self._decoder.rgb_from_compressed(msg, size_wh_px)
        return self._decoder.rgb_from_image(msg)

    def _wanted(self) -> convert.DetectionFilter:
        options = self._options
        return convert.DetectionFilter(
            class_ids=tuple(name for name in options["class_ids"] if name),
            min_score=options["min_score"],
            max_people=options["max_people"],
            scale=options["detections_scale"],
            offset_px=(options["detections_offset_x_px"], options["detections_offset_y_px"]),
        )


def locate_together(estimator: Estimator, images: Sequence[Prepared]) -> list[Located]:
    """Return the people of every image, in order; they share batches."""
    started = time.perf_counter()
    found = estimator.localize_many([BoxedImage(p.image_rgb, p.detections, p.camera) for p in images])
    inference_ms = 1000.0 * (time.perf_counter() - started)
    for prepared, located in zip(images, found, strict=True):
        if located.rejected:
            told = [f"number {index}: {reason}" for index, reason in located.rejected]
            prepared.remarks.append(_left_out(told, len(prepared.detections)))
    return [Located(p, located.people, inference_ms) for p, located in zip(images, found, strict=True)]


def _header_remarks(header, detections: Detection2DArray, info: CameraInfo) -> list[BadInput]:
    remarks = []
    frame = header.frame_id
    boxes = convert.detections_header(detections)
    if not convert.known_stamp_ns(header):
        kind = "negative" if convert.stamp_ns(header) else "zero"
        remarks.append(BadInput("image", f"the stamp is {kind}: answered, but without TF"))
    if not frame:
        remarks.append(BadInput("image", "frame_id is empty: answered, but without TF"))
    if not convert.known_stamp_ns(boxes):
        kind = "negative" if convert.stamp_ns(boxes) else "zero"
        remarks.append(BadInput("detections", f"the stamp is {kind}: taken for the newest image's"))
    others = {"camera_info": info.header.frame_id, "detections": boxes.frame_id}
    for name, other in others.items():
        if not other:
            remarks.append(BadInput(name, f"frame_id is empty: taken for the image's {frame!r}"))
        elif frame and other != frame:
            remarks.append(BadInput(name, f"frame_id is {other!r}, the image's is {frame!r}"))
    return remarks


def _left_out(rejected: list[str], total: int) -> BadInput:
    shown = "; ".join(rejected[:3]) + ("; ..." if len(rejected) > 3 else "")
    return BadInput("detections", f"{total} boxes, remarks on {len(rejected)}: {shown}")
