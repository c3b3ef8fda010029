"""From an image with its detections and camera info to what the pipeline takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hdnet_ros.messages import convert
from hdnet_ros.messages.images import ImageDecoder
from hdnet_ros.messages.message_types import CameraInfo, CompressedImage, Detection2DArray, Image
from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.pipeline.scene import Shot, left_out


def shot_from_messages(
    image: Image | CompressedImage,
    detections: Detection2DArray,
    info: CameraInfo,
    options: Mapping[str, Any],
    decoder: ImageDecoder,
) -> Shot:
    """Return image, boxes and camera for the estimator.

    Parameters
    ----------
    options : values of `HDNET_SETTINGS`

    Raises
    ------
    BadInput
        If the image or the camera info cannot be used.
    """
    header = image.header
    camera = convert.camera_from_info(info, options["image_is_rectified"])
    image_rgb = _decoded(image, camera.size_wh_px, decoder)
    size = (image_rgb.shape[1], image_rgb.shape[0])
    if size != camera.size_wh_px:
        width, height = camera.size_wh_px
        raise BadInput(
            "camera_info",
            f"it is of {width} x {height} px (ROI and binning counted), the image has "
            f"{size[0]} x {size[1]} px",
        )
    found, rejected = convert.detections_from_msg(detections, convert.DetectionFilter.of(options), size)
    remarks = _header_remarks(header, detections, info)
    if rejected:
        remarks.append(left_out(rejected, len(detections.detections)))
    return Shot(convert.stamp_ns(header), convert.frame_id(header), image_rgb, found, camera, remarks)


def _decoded(
    image: Image | CompressedImage, size_wh_px: tuple[int, int], decoder: ImageDecoder
) -> np.ndarray:
    if isinstance(image, CompressedImage):
        return decoder.rgb_from_compressed(image, size_wh_px)
    return decoder.rgb_from_image(image)


def _header_remarks(header, detections: Detection2DArray, info: CameraInfo) -> list[BadInput]:
    remarks = []
    frame = convert.frame_id(header)
    boxes = convert.detections_header(detections)
    if not convert.known_stamp_ns(header):
        kind = "negative" if convert.stamp_ns(header) else "zero"
        remarks.append(BadInput("image", f"the stamp is {kind}: answered, but without TF"))
    if frame != header.frame_id:
        told = f"frame_id {header.frame_id!r} begins with a slash, which tf2 refuses: {frame!r} is published"
        remarks.append(BadInput("image", told))
    if not frame:
        remarks.append(BadInput("image", "frame_id is empty: answered, but without TF"))
    if not convert.known_stamp_ns(boxes):
        kind = "negative" if convert.stamp_ns(boxes) else "zero"
        remarks.append(BadInput("detections", f"the stamp is {kind}: taken for the newest image's"))
    others = {"camera_info": convert.frame_id(info.header), "detections": convert.frame_id(boxes)}
    for name, other in others.items():
        if not other:
            remarks.append(BadInput(name, f"frame_id is empty: taken for the image's {frame!r}"))
        elif frame and other != frame:
            remarks.append(BadInput(name, f"frame_id is {other!r}, the image's is {frame!r}"))
    return remarks
