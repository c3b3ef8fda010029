"""Pictures from files, folders and videos: numbers, stamps in ns, colours in RGB order."""

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
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 12.5, SIZE_WH_PX)
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
