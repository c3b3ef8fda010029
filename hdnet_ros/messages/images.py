"""Pixels out of image messages, checked and converted to RGB once, and back into them."""

from array import array
from collections.abc import Callable

import cv2
import numpy as np

from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.messages.message_types import Header, Image

# encoding: (bytes of a pixel, channels, bytes of a channel, OpenCV conversion to RGB or None)
_LAYOUTS: dict[str, tuple[int, int, int, int | None]] = {
    "rgb8": (3, 3, 1, None),
    "bgr8": (3, 3, 1, cv2.COLOR_BGR2RGB),
    "8UC3": (3, 3, 1, cv2.COLOR_BGR2RGB),
    "rgba8": (4, 4, 1, cv2.COLOR_RGBA2RGB),
    "bgra8": (4, 4, 1, cv2.COLOR_BGRA2RGB),
    "8UC4": (4, 4, 1, cv2.COLOR_BGRA2RGB),
    "mono8": (1, 1, 1, cv2.COLOR_GRAY2RGB),
    "8UC1": (1, 1, 1, cv2.COLOR_GRAY2RGB),
    "mono16": (2, 1, 2, cv2.COLOR_GRAY2RGB),
    "rgb16": (6, 3, 2, None),
    "bgr16": (6, 3, 2, cv2.COLOR_BGR2RGB),
    # OpenCV names a Bayer pattern by its second row, ROS by its first.
    "bayer_rggb8": (1, 1, 1, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr8": (1, 1, 1, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg8": (1, 1, 1, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg8": (1, 1, 1, cv2.COLOR_BayerGB2RGB),
    "yuv422": (2, 2, 1, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": (2, 2, 1, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": (2, 2, 1, cv2.COLOR_YUV2RGB_YUY2),
    "yuyv": (2, 2, 1, cv2.COLOR_YUV2RGB_YUY2),
}
SUPPORTED_ENCODINGS = tuple(_LAYOUTS)
# 4:2:2: two pixels beside each other share their colour.
_COLOUR_BY_TWO = ("yuv422", "uyvy", "yuv422_yuy2", "yuyv")
# What cv_bridge is asked for; the rest it does not know, or not in every release.
_CV_BRIDGE_ENCODINGS = ("bgr8", "rgba8", "bgra8", "mono8")


class ImageDecoder:
    """Decode image messages to RGB; one instance per node.

    cv_bridge converts what it can; where it cannot be imported (its compiled half was built for
    another NumPy) numpy and OpenCV do, with one warning.

    Parameters
    ----------
    warn : callable taking a str
        Where the one warning goes.
    """

    def __init__(self, warn: Callable[[str], None]):
        self._bridge = _cv_bridge(warn)

    def rgb_from_image(self, msg) -> np.ndarray:
        """Return the (H, W, 3) uint8 RGB pixels of a sensor_msgs/Image.

        An rgb8 image is not copied: the result is a read-only view of the message.

        Raises
        ------
        BadInput
            An empty image, an unknown encoding, an odd width in 4:2:2, a wrong step, or data of
            another length.
        """
        rows = _checked_rows(msg)
        _, channels, channel_bytes, conversion = _LAYOUTS[msg.encoding]
        tight = msg.step == rows.shape[1]
        if self._bridge is not None and tight and msg.encoding in _CV_BRIDGE_ENCODINGS:
            return self._bridge.imgmsg_to_cv2(msg, "rgb8")
        shape = (msg.height, msg.width) if channels == 1 else (msg.height, msg.width, channels)
        if channel_bytes == 2:
            order = ">u2" if msg.is_bigendian else "<u2"
            rows = (np.ascontiguousarray(rows).view(order) >> 8).astype(np.uint8)
        if conversion is None and rows.flags.c_contiguous:
            return rows.reshape(shape)
        pixels = np.ascontiguousarray(rows).reshape(shape)
        return pixels if conversion is None else cv2.cvtColor(pixels, conversion)

    def rgb_from_compressed(self, msg) -> np.ndarray:
        """Return the (H, W, 3) uint8 RGB pixels of a sensor_msgs/CompressedImage.

        An orientation in the picture's EXIF data is ignored: intrinsics belong to the sensor.

        Raises
        ------
        BadInput
            Data that is no JPEG, PNG or other picture that OpenCV decodes.
        """
        data = np.frombuffer(msg.data, dtype=np.uint8)
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        image_bgr = cv2.imdecode(data, flags) if data.size else None
        if image_bgr is None:
            raise BadInput("image", f"{data.size} bytes of format {msg.format!r} are not a picture")
        return cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB, dst=image_bgr)


def _checked_rows(msg) -> np.ndarray:
    """Return the (H, W * bytes of a pixel) uint8 rows of an image, padding left out, no copy."""
    if msg.width == 0 or msg.height == 0:
        raise BadInput("image", f"size {msg.width} x {msg.height} px, expected at least 1 x 1")
    if msg.encoding not in _LAYOUTS:
        known = ", ".join(SUPPORTED_ENCODINGS)
        raise BadInput("image", f"encoding {msg.encoding!r}, expected one of {known}")
    if msg.width % 2 and msg.encoding in _COLOUR_BY_TWO:
        raise BadInput(
            "image",
            f"width {msg.width} px, expected an even one, for two pixels of {msg.encoding} share "
            "their colour; let the driver publish an even width, or rgb8",
        )
    row_bytes = msg.width * _LAYOUTS[msg.encoding][0]
    if msg.step < row_bytes:
        raise BadInput(
            "image",
            f"step {msg.step} bytes, expected at least {row_bytes} "
            f"({msg.width} px of {msg.encoding})",
        )
    expected = msg.step * msg.height
    # The padding of the last row may be missing.
    least = expected - (msg.step - row_bytes)
    if not least <= len(msg.data) <= expected:
        raise BadInput(
            "image",
            f"data of {len(msg.data)} bytes, expected {expected} "
            f"(step {msg.step} x height {msg.height})",
        )
    data = np.frombuffer(msg.data, dtype=np.uint8)
    return np.lib.stride_tricks.as_strided(
        data, shape=(msg.height, row_bytes), strides=(msg.step, 1), writeable=False
    )


def _cv_bridge(warn: Callable[[str], None]):
    """Return a CvBridge that works, or None after a warning."""
    try:
        from cv_bridge import CvBridge

        # The compiled half is imported late, and may print a traceback instead of raising.
        from cv_bridge.boost.cv_bridge_boost import cvtColor2

        cvtColor2(np.zeros((1, 1, 3), np.uint8), "bgr8", "rgb8")
        return CvBridge()
    except Exception as error:  # noqa: BLE001  (a binary mismatch raises whatever it likes)
        kind = type(error).__name__
        warn(f"cv_bridge cannot be used ({kind}: {error}); decoding images with numpy instead")
        return None


def image_from_rgb(header: Header, image_rgb: np.ndarray) -> Image:
    """Return an rgb8 sensor_msgs/Image of (H, W, 3) uint8 pixels; one copy."""
    height, width = image_rgb.shape[:2]
    msg = Image(header=header, height=height, width=width, encoding="rgb8", step=3 * width)
    # rclpy checks a list or bytes element by element, an array.array it takes as it is.
    pixels = array("B")
    pixels.frombytes(np.ascontiguousarray(image_rgb).data)
    msg.data = pixels
    return msg
