"""Pictures from outside: what is declared is read first, what is missing is found, nothing is printed."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.files.picture import PictureError, decode_picture, eight_bits
from hdnet_ros.files.picture_header import picture_header

RGB = cv2.GaussianBlur(np.random.default_rng(5).integers(0, 256, (120, 160, 3), dtype=np.uint8), (0, 0), 3)
FORMATS = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp", "PNM": ".ppm", "TIFF": ".tiff", "WebP": ".webp"}


def encoded(extension=".jpg", pixels=RGB, options=()):
    return cv2.imencode(extension, pixels[..., ::-1], list(options))[1].tobytes()


def with_exif(jpeg, orientation):
    tiff = b"II*\0" + struct.pack("<IHHHII", 8, 1, 274, 3, 1, orientation) + bytes(4)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff + jpeg[2:]


def declaring(width, height, kind):
    """Return a small picture that declares another size than it has."""
    if kind == "PNG":
        data = bytearray(encoded(".png"))
        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
        return bytes(data)
    if kind == "BMP":
        data = bytearray(encoded(".bmp"))
        data[18:26] = struct.pack("<ii", width, height)
        return bytes(data)
    data = bytearray(encoded())
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_header_of_every_format_declares_its_size(kind):
    header = picture_header(encoded(FORMATS[kind]))
    assert (header.kind, header.size_wh_px, header.orientation) == (kind, (160, 120), 1)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_its_pixels(kind):
    options = (cv2.IMWRITE_WEBP_QUALITY, 101) if kind == "WebP" else ()
    decoded = decode_picture(encoded(FORMATS[kind], options=options))
    np.testing.assert_allclose(decoded, RGB, atol=8 if kind == "JPEG" else 0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP"])
def test_a_picture_bomb_is_refused_by_what_it_declares(kind, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    data = declaring(30_000, 30_000, kind)
    assert picture_header(data).size_wh_px == (30_000, 30_000)
    with pytest.raises(PictureError, match=f"{kind} of {len(data)} bytes declares 30000 x 30000 px, expected 1 to 100 million"):
        decode_picture(data)
    with pytest.raises(PictureError, match="declares 30000 x 30000 px, expected 160 x 120 px"):
        decode_picture(data, (160, 120))


def test_a_jpeg_of_endless_scans_is_refused():
    jpeg = encoded(options=(cv2.IMWRITE_JPEG_PROGRESSIVE, 1))
    begin, end = jpeg.rindex(b"\xff\xda"), jpeg.rindex(b"\xff\xd9")
    with pytest.raises(PictureError, match="scans, expected at most 100"):
        decode_picture(jpeg[:begin] + jpeg[begin:end] * 1000 + jpeg[end:])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_nothing_and_is_told(orientation):
    jpeg = with_exif(encoded(), orientation)
    assert picture_header(jpeg).orientation == orientation
    assert picture_header(jpeg).size_wh_px == (160, 120)
    np.testing.assert_array_equal(decode_picture(jpeg), decode_picture(encoded()))


@pytest.mark.parametrize("options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 4)])
@pytest.mark.parametrize(
    "damage",
    [
        lambda data, m: data[:m],
        lambda data, m: data[:m] + b"\xff\xd9",
        lambda data, m: data[: m - 300] + data[m + 300 :],
        lambda data, m: data[: m - 300] + bytes(600) + data[m + 300 :],
    ],
    ids=["cut off", "cut off and ended", "a piece missing", "a piece of zeros"],
)
def test_a_jpeg_with_missing_data_is_not_answered_as_whole(damage, options, capfd):
    jpeg = encoded(options=options)
    with pytest.raises(PictureError, match="missing data|cannot be decoded"):
        decode_picture(damage(jpeg, len(jpeg) // 2))
    assert capfd.readouterr().err == ""


def test_bytes_that_usb_cameras_pad_with_cost_nothing():
    jpeg = encoded()
    padded = jpeg[:-2] + bytes(3) + jpeg[-2:]
    np.testing.assert_array_equal(decode_picture(padded), decode_picture(jpeg))
    np.testing.assert_array_equal(decode_picture(jpeg + bytes(500)), decode_picture(jpeg))


def test_what_others_print_while_a_picture_is_decoded_is_passed_on(capfd, monkeypatch):
    import os

    def telling(*_):
        os.write(2, b"somebody else's line\nlibpng error: of ours\n")

    monkeypatch.setattr(cv2, "imdecode", telling)
    with pytest.raises(PictureError, match="libpng error: of ours"):
        decode_picture(encoded(".png"))
    assert capfd.readouterr().err == "somebody else's line\n"


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_eight_bits_takes_as_many_as_are_used(bits):
    samples = np.array([0, 1 << (bits - 2), (1 << bits) - 1], np.uint16)
    assert eight_bits(samples).tolist() == [0, 64, 255]


def test_eight_bits_of_floats_is_named():
    with pytest.raises(PictureError, match="float32, expected 8 or 16 bits"):
        eight_bits(np.zeros(3, np.float32))


def test_a_chunk_that_declares_more_than_there_is_is_not_allocated():
    data = bytearray(encoded(".png"))
    place = data.index(b"IDAT")
    data[place - 4] = 0x40
    with pytest.raises(PictureError, match="declares more than it holds"):
        decode_picture(bytes(data))


@settings(deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.data())
def test_damaged_pictures_are_pictures_or_a_picture_error(kind, data):
    whole = bytearray(encoded(FORMATS[kind]))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, min(len(whole), 400) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        assert decode_picture(damaged, (160, 120)).shape == (120, 160, 3)
    except PictureError as error:
        assert "\n" not in str(error) and len(str(error)) < 250
