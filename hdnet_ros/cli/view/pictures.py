"""Image messages as JPEG."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.messages.images import ImageDecoder

_JPEG_QUALITY = 85


def jpeg_of(message: Any, decoder: ImageDecoder) -> bytes | None:
    """An Image or CompressedImage as JPEG; None where it cannot be decoded."""
    try:
        if hasattr(message, "format"):
            if "jp" in message.format:
                return bytes(message.data)
            image_rgb = decoder.rgb_from_compressed(message)
        else:
            image_rgb = decoder.rgb_from_image(message)
    except BadInput:
        return None
    image_bgr = np.ascontiguousarray(image_rgb[..., ::-1])
    return cv2.imencode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()
