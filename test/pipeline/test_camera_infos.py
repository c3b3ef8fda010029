"""Which camera info belongs to an image; stamps in ms for legibility."""

import pytest

from hdnet_ros.pipeline.camera_infos import CAMERAS_KEPT, KEPT, CameraInfos

MS = 1_000_000
VGA, HD = (640, 480), (1280, 720)


@pytest.fixture
def infos():
    return CameraInfos(slop_ns=10 * MS)


def test_an_image_gets_the_info_of_its_own_stamp_however_many_came_since(infos):
    for stamp in range(1000, 2000, 33):
        infos.offer(stamp * MS, "a", VGA, f"zoomed {stamp}")
    assert infos.of_image(1033 * MS, "a", VGA) == "zoomed 1033"
    assert infos.of_image(1066 * MS, "a", VGA) == "zoomed 1066"


def test_without_an_equal_stamp_the_nearest_within_the_slop_then_the_newest_before(infos):
    for stamp in (1000, 1100):
        infos.offer(stamp * MS, "a", VGA, stamp)
    assert infos.of_image(1092 * MS, "a", VGA) == 1100
    assert infos.of_image(1080 * MS, "a", VGA) == 1000
    assert infos.of_image(5000 * MS, "a", VGA) == 1100
    assert infos.of_image(900 * MS, "a", VGA) == 1000


@pytest.mark.parametrize("stamp", [0, -5 * MS, 1000 * MS])
def test_an_info_without_a_stamp_holds_until_the_next(infos, stamp):
    infos.offer(0, "a", VGA, "first")
    infos.offer(0, "a", VGA, "second")
    assert infos.of_image(stamp, "a", VGA) == "second"


def test_an_image_without_a_stamp_gets_the_newest(infos):
    for stamp in (1000, 1100):
        infos.offer(stamp * MS, "a", VGA, stamp)
    assert infos.of_image(0, "a", VGA) == 1100


def test_another_cameras_info_of_the_same_stamp_is_not_taken(infos):
    infos.offer(1000 * MS, "a", VGA, "mine")
    infos.offer(1000 * MS, "b", VGA, "other frame")
    infos.offer(1000 * MS, "a", HD, "other size")
    infos.offer(1005 * MS, "b", VGA, "other frame later")
    assert infos.of_image(1000 * MS, "a", VGA) == "mine"
    assert infos.of_image(1005 * MS, "a", VGA) == "mine"
    assert infos.of_image(1000 * MS, "a", HD) == "other size"
    infos.offer(2000 * MS, "b", VGA, "other frame")
    infos.offer(2000 * MS, "b", HD, "other frame and size")
    assert infos.of_image(2000 * MS, "a", VGA) == "mine"


def test_an_images_own_info_of_another_size_is_given_out_to_be_named(infos):
    infos.offer(1000 * MS, "a", VGA, "right")
    infos.offer(1033 * MS, "a", HD, "wrong")
    assert infos.of_image(1033 * MS, "a", VGA) == "wrong"
    assert infos.of_image(1066 * MS, "a", VGA) == "right"


def test_the_size_decides_where_no_frame_fits_and_the_frame_where_no_size_does(infos):
    infos.offer(1000 * MS, "b", VGA, "vga")
    infos.offer(1000 * MS, "c", HD, "hd")
    assert infos.of_image(1000 * MS, "a", VGA) == "vga"
    assert infos.of_image(1000 * MS, "b", (320, 240)) == "vga"
    assert infos.of_image(1000 * MS, "", None) == "hd"


def test_an_info_without_a_frame_goes_before_one_of_another(infos):
    infos.offer(1000 * MS, "", VGA, "no frame")
    infos.offer(1001 * MS, "b", VGA, "other")
    assert infos.of_image(1001 * MS, "a", VGA) == "no frame"


def test_an_info_that_comes_with_every_image_is_waited_for(infos):
    assert infos.may_come(1000 * MS, "a", VGA)
    infos.offer(1000 * MS, "a", VGA, "first")
    assert not infos.may_come(1033 * MS, "a", VGA)
    infos.of_image(1000 * MS, "a", VGA)
    assert infos.may_come(1033 * MS, "a", VGA)
    infos.offer(1033 * MS, "a", VGA, "second")
    assert not infos.may_come(1033 * MS, "a", VGA)
    assert infos.may_come(1066 * MS, "a", VGA)
    infos.stop_waiting()
    assert not infos.may_come(1066 * MS, "a", VGA)


def test_memory_stays_flat_and_a_quiet_camera_is_not_forgotten_for_a_loud_one(infos):
    infos.offer(1, "quiet", VGA, "once")
    for stamp in range(1, 3 * KEPT):
        infos.offer(stamp * MS, "loud", VGA, stamp)
    assert infos.of_image(5 * MS, "quiet", VGA) == "once"
    assert infos.of_image(1 * MS, "loud", VGA) == 2 * KEPT
    for number in range(5 * CAMERAS_KEPT):
        infos.offer(1, f"frame {number}", VGA, number)
    assert infos.of_image(1, "frame 0", VGA) != 0


def test_of_a_recording_all_are_kept_and_equal_ones_once():
    infos = CameraInfos(0, None, content=lambda info: info["f"])
    for stamp in range(1, 2000):
        infos.offer(stamp, "a", VGA, {"f": 1000 if stamp < 1500 else 1200})
    assert infos.of_image(1, "a", VGA) is infos.of_image(1499, "a", VGA)
    assert infos.of_image(1500, "a", VGA) == {"f": 1200}


def test_after_a_clock_was_set_back_the_info_of_the_stamp_counts(infos):
    for stamp in (1000, 1100, 20):
        infos.offer(stamp * MS, "a", VGA, stamp)
    assert infos.of_image(10 * MS, "a", VGA) == 20
    assert infos.of_image(30 * MS, "a", VGA) == 20
