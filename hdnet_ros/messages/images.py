"""Pixels out of image messages, checked and converted to RGB once, and back into them."""

from array import array

import cv2
import numpy as np

from hdnet_ros.files.picture import BAYER_TO_RGB, PictureError, decode_picture, eight_bits
from hdnet_ros.files.picture_header import picture_header
from hdnet_ros.messages.message_types import Header, Image
from hdnet_ros.pipeline.bad_input import BadInput

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
    "16UC3": (6, 3, 2, cv2.COLOR_BGR2RGB),
    "rgba16": (8, 4, 2, cv2.COLOR_RGBA2RGB),
    "bgra16": (8, 4, 2, cv2.COLOR_BGRA2RGB),
    **{f"{name}8": (1, 1, 1, conversion) for name, conversion in BAYER_TO_RGB.items()},
    **{f"{name}16": (2, 1, 2, conversion) for name, conversion in BAYER_TO_RGB.items()},
    "yuv422": (2, 2, 1, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": (2, 2, 1, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": (2, 2, 1, cv2.COLOR_YUV2RGB_YUY2),
    "yuyv": (2, 2, 1, cv2.COLOR_YUV2RGB_YUY2),
}
SUPPORTED_ENCODINGS = tuple(_LAYOUTS)
# 4:2:2: two pixels beside each other share their colour.
_COLOUR_BY_TWO = ("yuv422", "uyvy", "yuv422_yuy2", "yuyv")


class ImageDecoder:
    """Decode image messages to RGB, with numpy and OpenCV alone."""

    def rgb_from_image(self, msg) -> np.ndarray:
        """Return the (H, W, 3) uint8 RGB pixels of a sensor_msgs/Image.

        An rgb8 image is not copied: the result is a read-only view of the message. Of 16 bits as
        many count as the image uses, see `eight_bits`; `is_bigendian` says nothing about bytes.

        Raises
        ------
        BadInput
            An empty image, an unknown encoding, an odd width in 4:2:2, a wrong step, or data of
            another length.
        """
        rows = _checked_rows(msg)
        _, channels, channel_bytes, conversion = _LAYOUTS[msg.encoding]
        shape = (msg.height, msg.width) if channels == 1 else (msg.height, msg.width, channels)
        if channel_bytes == 2:
            order = ">u2" if msg.is_bigendian else "<u2"
            rows = eight_bits(np.ascontiguousarray(rows).view(order))
        if conversion is None and rows.flags.c_contiguous:
            return rows.reshape(shape)
        pixels = np.ascontiguousarray(rows).reshape(shape)
        return pixels if conversion is None else cv2.cvtColor(pixels, conversion)

    def rgb_from_compressed(self, msg, size_wh_px: tuple[int, int] | None = None) -> np.ndarray:
        """Return the (H, W, 3) uint8 RGB pixels of a sensor_msgs/CompressedImage.

        An orientation in the picture's EXIF data is ignored: intrinsics belong to the sensor. Red and
        blue, and a mosaic in place of colours, are as `format` says.

        Parameters
        ----------
        size_wh_px : what the camera's images have, where that is known

        Raises
        ------
        BadInput
            Data that is no whole picture, or whose declared size is not the camera's or enormous.
        """
        data = bytes(msg.data)
        if picture_header(data) is None:
            depth = " (a depth image shows nobody)" if "compressedDepth" in msg.format else ""
            raise BadInput("image", f"{len(data)} bytes of format {msg.format[:80]!r} are not a picture{depth}")
        mosaic, swapped = _coding(msg.format)
        try:
            return decode_picture(data, size_wh_px, mosaic, swapped)
        except PictureError as error:
            raise BadInput("image", str(error)) from None


def _coding(text: str) -> tuple[str, bool]:
    """Return the mosaic's pattern, empty without, and whether red and blue were exchanged.

    compressed_image_transport writes "<encoding of the camera>; <codec> compressed <encoding that was
    given to the codec>". Codecs are given blue first; who gave them rgb8 has exchanged the two.
    """
    camera, _, rest = text.lower().partition(";")
    given = rest.partition("compressed")[2].strip()
    pattern = camera.strip().rstrip("0123456789")
    mosaic = pattern if pattern in BAYER_TO_RGB and not given.startswith(("rgb", "bgr")) else ""
    return mosaic, given.startswith("rgb")


def _checked_rows(msg) -> np.ndarray:
    """Return the (H, W * bytes of a pixel) uint8 rows of an image, padding left out, no copy."""
    if msg.width == 0 or msg.height == 0:
        raise BadInput("image", f"size {msg.width} x {msg.height} px, expected at least 1 x 1")
    if msg.encoding not in _LAYOUTS:
        known = ", ".join(SUPPORTED_ENCODINGS)
        raise BadInput("image", f"encoding {msg.encoding[:80]!r}, expected one of {known}")
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


def image_from_rgb(header: Header, image_rgb: np.ndarray) -> Image:
    """Return an rgb8 sensor_msgs/Image of (H, W, 3) uint8 pixels; one copy."""
    height, width = image_rgb.shape[:2]
    msg = Image(header=header, height=height, width=width, encoding="rgb8", step=3 * width)
    # ROS's message classes check a list or bytes element by element, an array.array it takes as it is.
    pixels = array("B")
    pixels.frombytes(np.ascontiguousarray(image_rgb).data)
    msg.data = pixels
    return msg
