"""demo.mp4 plays, demo.png is one of its frames, the reach suits the people."""

import cv2
import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import PersonFlags
from hdnet_ros.cli.demo.draw import Clip, VideoError, check_plays, draw_clip, range_m, rate_hz

CAMERA = Camera.from_matrix([300.0, 0, 159.5, 0, 300.0, 119.5, 0, 0, 1], (320, 240))


def _record(frame: int, *roots_mm) -> dict:
    persons = [
        {"id": f"p{n}", "score": 1.0, "box_xywh_center_px": [160.0, 120.0, 40.0, 100.0], "root_camera_mm": list(root),
         "depth_sigma_mm": 300.0, "joints_px": [[None, None]] * 17, "focal_px": 300.0, "patch_px": None}
        for n, root in enumerate(roots_mm)
    ]  # fmt: skip
    return {"frame": frame, "stamp_ns": 5_000_000_000 + frame * 300_000_000, "persons": persons}


RECORDS = [_record(n, (0.0, 0.0, 5000.0), *[(900.0, 0.0, 6000.0)] * (n == 4)) for n in range(6)]


def _images():
    return [(record["stamp_ns"], np.full((240, 320, 3), 30 * n, np.uint8)) for n, record in enumerate(RECORDS)]


def test_video_has_the_answered_frames_and_the_still_shows_most_people(tmp_path):
    clip = Clip("clip.avi", "hdnet", CAMERA, None, RECORDS[1:], source_rate_hz=10.0)
    drawn = draw_clip(clip, _images(), tmp_path / "demo.mp4", tmp_path / "demo.png")
    assert drawn == 5
    capture = cv2.VideoCapture(str(tmp_path / "demo.mp4"))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(10.0)
    still = cv2.imread(str(tmp_path / "demo.png"))
    assert still.shape[:2] == (capture.get(cv2.CAP_PROP_FRAME_HEIGHT), capture.get(cv2.CAP_PROP_FRAME_WIDTH))
    # The picture of frame 4, where two people are.
    assert still[400, 60].tolist() == [120, 120, 120]


def test_the_still_shows_nobody_who_is_doubtful(tmp_path):
    doubtful = _record(5, (0.0, 0.0, 5000.0), (900.0, 0.0, 6000.0))
    for flags in (PersonFlags.NOBODY, PersonFlags.SHARED_JOINTS):
        doubtful["persons"][1]["flags"] = int(flags)
        records = [*RECORDS[1:4], RECORDS[4], doubtful]
        draw_clip(Clip("c", "e", CAMERA, None, records), _images(), tmp_path / "a.mp4", tmp_path / "a.png")
        assert cv2.imread(str(tmp_path / "a.png"))[400, 60].tolist() == [120, 120, 120]


def test_no_answer_is_nothing_to_draw(tmp_path):
    with pytest.raises(VideoError, match="no frame was answered"):
        draw_clip(Clip("c", "e", CAMERA, None, []), _images(), tmp_path / "a.mp4", tmp_path / "a.png")


def test_a_video_that_does_not_play_is_told(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(VideoError, match="3 frames written, 0 can be read"):
        check_plays(tmp_path / "a.mp4", 3)


def test_range_covers_the_farthest_and_has_a_least():
    assert range_m([_record(0, (3000.0, 9999.0, 4000.0))]) == pytest.approx(5.75)
    assert range_m([_record(0, (0.0, 0.0, 1000.0))]) == 4.0
    assert range_m([]) == 8.0


def test_rate_is_that_of_the_times():
    assert rate_hz([0, 500_000_000, 1_000_000_000]) == pytest.approx(2.0)
    assert rate_hz([7]) == 1.0
