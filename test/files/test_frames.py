"""Pictures from files, folders and videos: numbers, stamps in ns, colours in RGB order."""

import struct

import cv2
import numpy as np
import pytest

from hdnet_ros.files.frames import FrameSource, FrameSourceError, natural_key

SIZE_WH_PX = (64, 48)


def _picture(red: int) -> np.ndarray:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[..., 0] = red
    return picture


def _write(path, red: int) -> None:
    cv2.imwrite(str(path), _picture(red)[..., ::-1])


@pytest.fixture
def video(tmp_path):
    return _write_video(tmp_path / "clip.avi", "MJPG")


def _write_video(path, codec):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 12.5, SIZE_WH_PX)
    for red in (40, 120, 200):
        writer.write(_picture(red)[..., ::-1])
    writer.release()
    return path


def test_picture_is_one_frame_at_stamp_zero_in_rgb(tmp_path):
    _write(tmp_path / "a.png", 200)
    source = FrameSource(tmp_path / "a.png")
    (frame,) = list(source)
    assert (source.kind, source.frame_count, source.size_wh_px) == ("image", 1, SIZE_WH_PX)
    assert (frame.index, frame.stamp_ns) == (0, 0)
    assert frame.image_rgb[0, 0].tolist() == [200, 0, 0]


def test_folder_is_read_in_natural_order_at_its_rate(tmp_path):
    for number in (10, 2, 1):
        _write(tmp_path / f"frame_{number}.png", 10 * number)
    (tmp_path / "notes.txt").write_text("no picture")
    frames = list(FrameSource(tmp_path, rate_hz=4.0))
    assert [int(frame.image_rgb[0, 0, 0]) for frame in frames] == [10, 20, 100]
    assert [frame.stamp_ns for frame in frames] == [0, 250_000_000, 500_000_000]


def test_video_stamps_are_its_own_times(video):
    source = FrameSource(video)
    frames = list(source)
    assert source.frame_count == 3
    assert source.rate_hz == pytest.approx(12.5)
    assert [frame.stamp_ns for frame in frames] == [0, 80_000_000, 160_000_000]
    assert abs(int(frames[2].image_rgb[20, 20, 0]) - 200) < 6
    assert int(frames[2].image_rgb[20, 20, 2]) < 10


def test_video_can_be_read_twice(video):
    source = FrameSource(video)
    assert [f.index for f in source] == [f.index for f in source] == [0, 1, 2]


def test_natural_key_orders_numbers_by_value(tmp_path):
    names = ["b1.png", "a10.png", "a9.png"]
    ordered = sorted((tmp_path / name for name in names), key=natural_key)
    assert [path.name for path in ordered] == ["a9.png", "a10.png", "b1.png"]


@pytest.mark.parametrize(
    ("name", "word"),
    [("missing.mp4", "no such file"), ("/dev/video99", "no such device"), ("empty", "no pictures"),
     ("text.avi", "neither a picture"), ("text.png", "not a picture")],
)  # fmt: skip
def test_unusable_source_is_named(tmp_path, name, word):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.avi").write_text("this is text")
    (tmp_path / "text.png").write_text("this is text")
    with pytest.raises(FrameSourceError, match=word) as caught:
        FrameSource(tmp_path / name)
    assert name in str(caught.value)


def test_a_turn_in_exif_is_told_and_not_made(tmp_path):
    rgb = np.random.default_rng(3).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    jpeg = cv2.imencode(".jpg", rgb)[1].tobytes()
    tiff = b"II*\0" + struct.pack("<IHHHII", 8, 1, 274, 3, 1, 6) + bytes(4)
    (tmp_path / "turned.jpg").write_bytes(
        jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff + jpeg[2:]
    )
    (tmp_path / "plain.jpg").write_bytes(jpeg)
    turned, plain = FrameSource(tmp_path / "turned.jpg"), FrameSource(tmp_path / "plain.jpg")
    assert turned.size_wh_px == plain.size_wh_px == (64, 48)
    assert "EXIF orientation 6, which is not followed: pixels are 64 x 48" in turned.orientation
    assert plain.orientation == ""
    np.testing.assert_array_equal(next(iter(turned)).image_rgb, next(iter(plain)).image_rgb)


def test_a_picture_that_declares_too_much_is_refused_at_once(tmp_path):
    data = bytearray(cv2.imencode(".bmp", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
    data[18:26] = (30_000).to_bytes(4, "little") * 2
    (tmp_path / "bomb.bmp").write_bytes(data)
    with pytest.raises(FrameSourceError, match="declares 30000 x 30000 px"):
        FrameSource(tmp_path / "bomb.bmp")


def test_a_picture_of_another_size_in_a_folder_is_named(tmp_path):
    for name, width in (("a.png", 64), ("b.png", 32)):
        cv2.imwrite(str(tmp_path / name), np.zeros((48, width, 3), np.uint8))
    with pytest.raises(FrameSourceError, match="b.png: PNG declares 32 x 48 px, expected 64 x 48 px"):
        list(FrameSource(tmp_path))


def test_a_rotation_in_a_video_is_told_and_not_made(tmp_path):
    video = _write_video(tmp_path / "plain.mp4", "mp4v")
    data = bytearray(video.read_bytes())
    place = data.index(struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000), data.index(b"tkhd"))
    data[place : place + 36] = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 48 << 16, 0, 0x40000000)
    (tmp_path / "turned.mp4").write_bytes(data)
    turned = FrameSource(tmp_path / "turned.mp4")
    assert turned.size_wh_px == SIZE_WH_PX
    assert "a rotation by 90 degrees, which is not followed" in turned.orientation
    np.testing.assert_array_equal(next(iter(turned)).image_rgb, next(iter(FrameSource(video))).image_rgb)


def test_what_macos_leaves_beside_a_picture_is_none(tmp_path):
    _write(tmp_path / "a.png", 10)
    (tmp_path / "._a.png").write_bytes(b"\0\5\x16\7")
    assert [frame.image_rgb[0, 0, 0] for frame in FrameSource(tmp_path)] == [10]
