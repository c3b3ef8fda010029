"""Image messages of every supported encoding decoded to the same RGB picture."""

import cv2
import numpy as np
import pytest

pytest.importorskip("sensor_msgs", reason="ROS 2 is not in this environment")

from sensor_msgs.msg import CompressedImage, Image  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from hdnet_ros.pipeline.bad_input import BadInput  # noqa: E402
from hdnet_ros.messages.images import ImageDecoder, image_from_rgb  # noqa: E402

RGB = np.random.default_rng(5).integers(0, 256, (6, 8, 3), dtype=np.uint8)
GREY = np.repeat(RGB[..., :1], 3, axis=2)
ALPHA = np.full((6, 8, 1), 255, np.uint8)


def message(pixels, encoding, padding=0, is_bigendian=0):
    rows = pixels.reshape(pixels.shape[0], -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)))
    msg = Image(height=6, width=8, encoding=encoding, step=rows.shape[1], data=rows.tobytes())
    msg.is_bigendian = is_bigendian
    return msg


@pytest.fixture
def decoder():
    return ImageDecoder()


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize(
    "encoding, pixels, expected",
    [
        ("rgb8", RGB, RGB),
        ("bgr8", RGB[..., ::-1].copy(), RGB),
        ("8UC3", RGB[..., ::-1].copy(), RGB),
        ("rgba8", np.concatenate([RGB, ALPHA], axis=2), RGB),
        ("bgra8", np.concatenate([RGB[..., ::-1], ALPHA], axis=2), RGB),
        ("mono8", RGB[..., 0].copy(), GREY),
        ("mono16", (RGB[..., 0].astype("<u2") << 8) + 17, GREY),
        ("rgb16", RGB.astype("<u2") << 8, RGB),
        ("bgr16", RGB[..., ::-1].astype("<u2") << 8, RGB),
    ],
)
def test_every_encoding_gives_the_same_picture(decoder, encoding, pixels, expected, padding):
    decoded = decoder.rgb_from_image(message(pixels, encoding, padding))
    assert decoded.dtype == np.uint8 and decoded.flags.c_contiguous
    np.testing.assert_array_equal(decoded, expected)


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("encoding", ["mono16", "bayer_rggb16", "rgb16"])
def test_samples_of_more_than_8_bits_are_as_bright_as_they_were_meant(decoder, encoding, bits):
    pixels = np.tile(np.arange(256, dtype="<u2") << (bits - 8), 3)[: 6 * 8 * 3].reshape(6, 8, 3)
    pixels[0, 0] = 255 << (bits - 8)
    decoded = decoder.rgb_from_image(message(pixels if encoding == "rgb16" else pixels[..., 0].copy(), encoding))
    if encoding == "bayer_rggb16":
        eight = message((pixels[..., 0] >> (bits - 8)).astype(np.uint8), "bayer_rggb8")
    elif encoding == "rgb16":
        eight = message((pixels >> (bits - 8)).astype(np.uint8), "rgb8")
    else:
        eight = message((pixels[..., 0] >> (bits - 8)).astype(np.uint8), "mono8")
    np.testing.assert_array_equal(decoded, decoder.rgb_from_image(eight))


@pytest.mark.parametrize("encoding, channels", [("bgr8", 3), ("rgba8", 4), ("bgra8", 4), ("mono8", 1), ("rgb8", 3)])
def test_bytes_have_no_endianness(decoder, encoding, channels):
    pixels = np.random.default_rng(6).integers(0, 256, (6, 8, channels), dtype=np.uint8)
    little, big = (decoder.rgb_from_image(message(pixels, encoding, is_bigendian=flag)) for flag in (0, 1))
    np.testing.assert_array_equal(little, big)


def test_big_endian_mono16(decoder):
    msg = message((RGB[..., 0].astype("u2") << 8).astype(">u2"), "mono16", is_bigendian=1)
    np.testing.assert_array_equal(decoder.rgb_from_image(msg), GREY)


@pytest.mark.parametrize(
    "encoding, first_px",
    [("bayer_rggb8", 0), ("bayer_bggr8", 2), ("bayer_grbg8", 1), ("bayer_gbrg8", 1)],
)
def test_bayer_patterns_are_named_by_their_first_pixel(decoder, encoding, first_px):
    colour = np.array([200, 120, 40], np.uint8)
    pattern = {
        "rggb": (0, 1, 1, 2),
        "bggr": (2, 1, 1, 0),
        "grbg": (1, 0, 2, 1),
        "gbrg": (1, 2, 0, 1),
    }
    mosaic = np.tile(colour[list(pattern[encoding[6:10]])].reshape(2, 2), (3, 4))
    assert mosaic[0, 0] == colour[first_px]
    decoded = decoder.rgb_from_image(message(mosaic, encoding))
    np.testing.assert_array_equal(decoded[2:-2, 2:-2], np.broadcast_to(colour, (2, 4, 3)))


@pytest.mark.parametrize("encoding, order", [("yuv422", "UYVY"), ("yuv422_yuy2", "YUYV")])
def test_yuv422_of_a_grey_picture(decoder, encoding, order):
    values = {"U": 128, "V": 128, "Y": 126}  # limited range: 126 is (126 - 16) * 255 / 219 = 128
    row = [values[letter] for letter in order] * 4
    pixels = np.tile(np.array(row, np.uint8), (6, 1))
    decoded = decoder.rgb_from_image(message(pixels, encoding))
    np.testing.assert_allclose(decoded, 128, atol=1)


def test_rgb8_is_not_copied(decoder):
    msg = message(RGB, "rgb8")
    decoded = decoder.rgb_from_image(msg)
    assert np.shares_memory(decoded, np.frombuffer(msg.data, np.uint8))
    assert not decoded.flags.writeable


def test_the_padding_of_the_last_row_may_be_missing(decoder):
    msg = message(RGB, "rgb8", padding=4)
    msg.data = msg.data[:-4]
    np.testing.assert_array_equal(decoder.rgb_from_image(msg), RGB)


@pytest.mark.parametrize(
    "change, named",
    [
        ({"encoding": "32FC1"}, "encoding '32FC1', expected one of rgb8, "),
        ({"step": 23}, "step 23 bytes, expected at least 24"),
        ({"data": bytes(143)}, "data of 143 bytes, expected 144"),
        ({"data": bytes(145)}, "data of 145 bytes, expected 144"),
        ({"width": 0}, "size 0 x 6 px"),
        ({"width": 7, "encoding": "yuv422"}, "width 7 px, expected an even one"),
        ({"width": 7, "encoding": "yuyv"}, "width 7 px, expected an even one"),
    ],
)
def test_what_is_wrong_is_named(decoder, change, named):
    msg = message(RGB, "rgb8")
    for name, value in change.items():
        setattr(msg, name, value)
    with pytest.raises(BadInput, match=named):
        decoder.rgb_from_image(msg)


def test_compressed_pictures_lose_nothing_as_png(decoder):
    msg = CompressedImage(format="png", data=cv2.imencode(".png", RGB[..., ::-1])[1].tobytes())
    np.testing.assert_array_equal(decoder.rgb_from_compressed(msg), RGB)


def compressed(pixels_bgr, format, extension=".png"):
    return CompressedImage(format=format, data=cv2.imencode(extension, pixels_bgr)[1].tobytes())


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_a_png_of_16_bits_is_as_bright_as_it_was_meant(decoder, bits):
    samples = np.random.default_rng(7).integers(0, 1 << bits, (60, 80), dtype=np.uint16)
    samples[0, 0] = (1 << bits) - 1
    decoded = decoder.rgb_from_compressed(compressed(samples, "mono16; png compressed mono16"))
    np.testing.assert_array_equal(decoded[..., 0], samples >> (bits - 8))


@pytest.mark.parametrize("format", ["bayer_rggb8; png compressed ", "bayer_rggb8; png compressed bayer_rggb8", "bayer_rggb8;png compressed mono8"])
def test_a_mosaic_in_a_picture_gets_its_colours(decoder, format):
    colour = np.array([200, 120, 40], np.uint8)
    mosaic = np.tile(colour[[0, 1, 1, 2]].reshape(2, 2), (30, 40))
    decoded = decoder.rgb_from_compressed(compressed(mosaic, format))
    np.testing.assert_array_equal(decoded[2:-2, 2:-2], np.broadcast_to(colour, (56, 76, 3)))


@pytest.mark.parametrize(
    "format, swapped",
    [
        ("png", False),
        ("rgb8; png compressed bgr8", False),
        ("bgr8; png compressed bgr8", False),
        ("bayer_rggb8; png compressed bgr8", False),
        ("rgb8; png compressed rgb8", True),
        ("bgr8; png compressed rgb8", True),
    ],
)
def test_red_and_blue_are_where_the_format_says(decoder, format, swapped):
    decoded = decoder.rgb_from_compressed(compressed(RGB if swapped else RGB[..., ::-1], format))
    np.testing.assert_array_equal(decoded, RGB)


def test_a_compressed_picture_of_another_size_is_refused_before_it_is_decoded(decoder):
    msg = compressed(RGB[..., ::-1], "png")
    with pytest.raises(BadInput, match="PNG declares 8 x 6 px, expected 640 x 480 px"):
        decoder.rgb_from_compressed(msg, (640, 480))
    np.testing.assert_array_equal(decoder.rgb_from_compressed(msg, (8, 6)), RGB)


@pytest.mark.parametrize("data", [b"", b"not a picture"])
def test_compressed_data_that_is_no_picture_is_named(decoder, data):
    with pytest.raises(BadInput, match=f"{len(data)} bytes of format 'jpeg' are not a picture"):
        decoder.rgb_from_compressed(CompressedImage(format="jpeg", data=data))


def test_there_and_back(decoder):
    msg = image_from_rgb(Header(frame_id="camera"), RGB)
    assert (msg.height, msg.width, msg.step, msg.encoding) == (6, 8, 24, "rgb8")
    np.testing.assert_array_equal(decoder.rgb_from_image(msg), RGB)
