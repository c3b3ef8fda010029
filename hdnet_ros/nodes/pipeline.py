"""From one image with its detections to every message about it."""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from geometry_msgs.msg import TransformStamped
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from vision_msgs.msg import Detection2DArray, Detection3DArray
from visualization_msgs.msg import MarkerArray

from hdnet_ros.msg import PersonRootArray
from hdnet_ros.nodes import convert
from hdnet_ros.nodes.backends import Backend, draw_people
from hdnet_ros.nodes.bad_input import BadInput
from hdnet_ros.nodes.images import ImageDecoder, image_from_rgb
from hdnet_ros.nodes.markers import MarkerPublisher
from hdnet_ros.nodes.pairing import Pair


class Answer(NamedTuple):
    """All that is published about one image."""

    persons: PersonRootArray
    markers: MarkerArray
    detections_3d: Detection3DArray
    transforms: list[TransformStamped]
    overlay: Image | None
    inference_ms: float
    remarks: list[BadInput]  # what was odd or left out


class Pipeline:
    """Answer images one after another; used by one thread.

    Parameters
    ----------
    backend : the estimator
    tracker : gives ids and velocities
    decoder, markers : made for the node
    options : the node's parameters, read anew for every image
    """

    def __init__(
        self,
        backend: Backend,
        tracker: Any,
        decoder: ImageDecoder,
        markers: MarkerPublisher,
        options: Mapping[str, Any],
    ):
        self._backend = backend
        self._tracker = tracker
        self._decoder = decoder
        self.markers = markers
        self._options = options

    def reset(self) -> None:
        """Forget everybody, for the clock was set back."""
        self._tracker.reset()

    def answer(self, pair: Pair, info: CameraInfo, want_overlay: bool) -> Answer:
        """Return the messages about one image; nobody there gives empty ones.

        Raises
        ------
        BadInput
            If the image or the camera info cannot be used.
        """
        header = pair.image.header
        camera = convert.camera_from_info(info, self._options["image_is_rectified"])
        image_rgb = self._decoded(pair.image)
        size = (image_rgb.shape[1], image_rgb.shape[0])
        if size != camera.size_wh_px:
            width, height = camera.size_wh_px
            raise BadInput(
                "camera_info",
                f"it is of {width} x {height} px (ROI and binning counted), the image has "
                f"{size[0]} x {size[1]} px",
            )
        detections, rejected = convert.detections_from_msg(pair.detections, self._wanted(), size)
        started = time.perf_counter()
        people = self._backend.estimator.localize(image_rgb, detections, camera)
        inference_ms = 1000.0 * (time.perf_counter() - started)
        for index, reason in getattr(self._backend.estimator, "last_rejected", ()):
            rejected.append(f"number {index}: {reason}")
        persons = self._tracker.update(convert.stamp_ns(header), people)
        remarks = _header_remarks(header, pair.detections, info)
        if rejected:
            remarks.append(_left_out(rejected, len(pair.detections.detections)))
        overlay = image_from_rgb(header, draw_people(image_rgb, persons)) if want_overlay else None
        return Answer(
            persons=convert.persons_to_msg(header, persons, self._backend.name),
            markers=self.markers.markers(header, convert.views_from_persons(persons, camera)),
            detections_3d=convert.detections_3d_to_msg(header, persons, camera),
            transforms=self._transforms(header, persons),
            overlay=overlay,
            inference_ms=inference_ms,
            remarks=remarks,
        )

    def _decoded(self, msg: Image | CompressedImage):
        if isinstance(msg, CompressedImage):
            return self._decoder.rgb_from_compressed(msg)
        return self._decoder.rgb_from_image(msg)

    def _wanted(self) -> convert.DetectionFilter:
        options = self._options
        return convert.DetectionFilter(
            class_ids=tuple(name for name in options["class_ids"] if name),
            min_score=options["min_score"],
            max_people=options["max_people"],
            scale=options["detections_scale"],
        )

    def _transforms(self, header, persons) -> list[TransformStamped]:
        # tf2 takes a stamp of zero for "the latest" and refuses an empty parent.
        if not self._options["publish_tf"] or not header.frame_id or not convert.stamp_ns(header):
            return []
        return convert.transforms_from_persons(header, persons, self._options["tf_prefix"])


def _header_remarks(header, detections: Detection2DArray, info: CameraInfo) -> list[BadInput]:
    remarks = []
    frame = header.frame_id
    if not convert.stamp_ns(header):
        remarks.append(BadInput("image", "the stamp is zero: answered, but without TF"))
    if not frame:
        remarks.append(BadInput("image", "frame_id is empty: answered, but without TF"))
    if not convert.stamp_ns(detections.header):
        remarks.append(BadInput("detections", "the stamp is zero: taken for the newest image's"))
    others = {"camera_info": info.header.frame_id, "detections": detections.header.frame_id}
    for name, other in others.items():
        if not other:
            remarks.append(BadInput(name, f"frame_id is empty: taken for the image's {frame!r}"))
        elif frame and other != frame:
            remarks.append(BadInput(name, f"frame_id is {other!r}, the image's is {frame!r}"))
    return remarks


def _left_out(rejected: list[str], total: int) -> BadInput:
    shown = "; ".join(rejected[:3]) + ("; ..." if len(rejected) > 3 else "")
    return BadInput("detections", f"{total} boxes, remarks on {len(rejected)}: {shown}")
