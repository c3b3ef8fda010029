"""Images and detections paired by stamp, in ms for legibility."""

import pytest

from hdnet_ros.pipeline.pairing import DETECTIONS_KEPT, LATE_IN_A_ROW, FramePairing

MS = 1_000_000


def paired(pairing):
    pair = pairing.take()
    return None if pair is None else (pair.image, pair.detections)


def test_equal_stamps_pair_before_near_ones():
    pairing = FramePairing(slop_ns=40 * MS)
    for stamp in (1000, 1033, 1066):
        pairing.offer_image(stamp * MS, f"i{stamp}")
    pairing.offer_detections(1040 * MS, "near")
    pairing.offer_detections(1033 * MS, "equal")
    assert paired(pairing) == ("i1033", "equal")


def test_the_newest_complete_pair_wins_and_the_older_are_dropped():
    pairing = FramePairing(slop_ns=0)
    for stamp in (10, 20, 30, 40):
        pairing.offer_image(stamp * MS, f"i{stamp}")
        if stamp <= 30:
            pairing.offer_detections(stamp * MS, f"d{stamp}")
    assert paired(pairing) == ("i30", "d30")
    assert paired(pairing) is None
    assert (pairing.image_count.matched, pairing.image_count.dropped) == (1, 2)
    assert (pairing.detections_count.matched, pairing.detections_count.dropped) == (1, 2)
    pairing.offer_detections(40 * MS, "d40")
    assert paired(pairing) == ("i40", "d40")


def test_near_stamps_pair_within_the_slop_only():
    pairing = FramePairing(slop_ns=20 * MS)
    pairing.offer_image(1000 * MS, "i")
    pairing.offer_detections(1021 * MS, "too far")
    assert paired(pairing) is None
    assert pairing.gap_ns() == 21 * MS
    pairing.offer_detections(1019 * MS, "near")
    pair = pairing.take()
    assert (pair.image, pair.detections, pair.gap_ns) == ("i", "near", 19 * MS)
    assert pair.stamp_ns == 1000 * MS


def test_a_detector_that_copies_stamps_is_waited_for():
    pairing = FramePairing(slop_ns=40 * MS)
    pairing.offer_image(1000 * MS, "i1000")
    pairing.offer_detections(1000 * MS, "d1000")
    assert paired(pairing) == ("i1000", "d1000")
    pairing.offer_image(1033 * MS, "i1033")
    pairing.offer_detections(1066 * MS, "d1066")
    # i1033 is within the slop, but d1066 belongs to an image that has not come yet.
    assert paired(pairing) is None
    pairing.offer_image(1066 * MS, "i1066")
    assert paired(pairing) == ("i1066", "d1066")


def test_detections_before_their_image_pair_when_it_comes():
    pairing = FramePairing(slop_ns=0)
    pairing.offer_detections(5 * MS, "d")
    assert paired(pairing) is None
    pairing.offer_image(5 * MS, "i")
    assert paired(pairing) == ("i", "d")


def test_late_messages_are_dropped_and_counted():
    pairing = FramePairing(slop_ns=0)
    pairing.offer_image(500 * MS, "i500")
    pairing.offer_detections(500 * MS, "d500")
    assert paired(pairing) == ("i500", "d500")
    assert pairing.offer_image(400 * MS, "i400") == "late"
    assert pairing.offer_detections(400 * MS, "d400") == "late"
    assert paired(pairing) is None
    assert pairing.image_count.dropped == 1
    pairing.offer_image(600 * MS, "i600")
    pairing.offer_detections(600 * MS, "d600")
    assert paired(pairing) == ("i600", "d600")


def test_a_clock_that_jumps_back_starts_over():
    pairing = FramePairing(slop_ns=0)
    pairing.offer_image(90_000 * MS, "i90")
    pairing.offer_detections(90_000 * MS, "d90")
    assert paired(pairing) == ("i90", "d90")
    assert pairing.offer_image(10 * MS, "i0") == "clock jumped back"
    assert pairing.offer_detections(10 * MS, "d0") is None
    assert paired(pairing) == ("i0", "d0")
    assert pairing.clock_jumps == 1


def test_detections_that_outrun_a_clock_jump_are_kept_for_their_image():
    pairing = FramePairing(slop_ns=0)
    pairing.offer_image(90_000 * MS, "i90")
    pairing.offer_detections(90_000 * MS, "d90")
    pairing.take()
    pairing.offer_image(10 * MS, "i10")
    pairing.offer_image(43 * MS, "i43")
    pairing.offer_detections(43 * MS, "d43")
    assert paired(pairing) == ("i43", "d43")


def test_detections_of_stamp_zero_go_with_the_newest_image():
    pairing = FramePairing(slop_ns=0)
    pairing.offer_image(1000 * MS, "i1000")
    pairing.offer_image(1033 * MS, "i1033")
    assert pairing.offer_detections(0, "d") == "zero"
    pair = pairing.take()
    assert (pair.image, pair.stamp_ns) == ("i1033", 1033 * MS)


def test_images_of_stamp_zero_pair_with_detections_of_stamp_zero_again_and_again():
    pairing = FramePairing(slop_ns=0)
    for number in range(3):
        assert pairing.offer_image(0, f"i{number}") == "zero"
        pairing.offer_detections(0, f"d{number}")
        assert paired(pairing) == (f"i{number}", f"d{number}")
    pairing.offer_image(1000 * MS, "good")
    pairing.offer_detections(1000 * MS, "good")
    assert paired(pairing) == ("good", "good")


def test_nothing_queues_however_much_comes():
    pairing = FramePairing(slop_ns=0, images_kept=5)
    for number in range(1, 1001):
        pairing.offer_image(2 * number * MS, "i")
        pairing.offer_detections((2 * number + 1) * MS, "d")
    assert pairing.image_count.dropped == 995
    assert pairing.detections_count.dropped == 1000 - DETECTIONS_KEPT
    assert paired(pairing) is None


def test_counts_add_up_after_a_reset():
    pairing = FramePairing(slop_ns=0)
    pairing.offer_image(1 * MS, "i")
    pairing.offer_detections(2 * MS, "d")
    pairing.reset()
    for count in (pairing.image_count, pairing.detections_count):
        assert count.received == count.matched + count.dropped == 1


def test_a_negative_slop_is_refused():
    with pytest.raises(ValueError, match="slop_ns -1"):
        FramePairing(slop_ns=-1)


def test_detections_that_come_long_before_their_image_wait_for_it():
    pairing = FramePairing(slop_ns=20 * MS)
    for stamp in range(1000, 4000, 33):
        pairing.offer_detections(stamp * MS, f"d{stamp}")
        if stamp >= 1990:
            pairing.offer_image((stamp - 990) * MS, f"i{stamp - 990}")
            assert paired(pairing) == (f"i{stamp - 990}", f"d{stamp - 990}")
    assert pairing.ahead_ns() == 990 * MS
    assert pairing.images_needed() == 0


def test_detections_whose_image_is_gone_tell_how_many_must_wait():
    pairing = FramePairing(slop_ns=0, images_kept=30)
    for number in range(1, 41):
        pairing.offer_image(number * 33 * MS, number)
    pairing.offer_detections(1 * 33 * MS, "the first image's")
    assert paired(pairing) is None
    needed = pairing.images_needed()
    fitting = FramePairing(slop_ns=0, images_kept=needed)
    for number in range(1, 41):
        fitting.offer_image(number * 33 * MS, number)
    fitting.offer_detections(1 * 33 * MS, "the first image's")
    assert needed == 40 and paired(fitting) == (1, "the first image's")
    pairing.offer_detections(40 * 33 * MS, "the last image's")
    assert pairing.images_needed() == 0 and paired(pairing) == (40, "the last image's")


def test_a_clock_set_back_by_less_than_a_second_for_good_starts_over_and_loses_nothing():
    pairing = FramePairing(slop_ns=0)
    answered, told = [], []
    for _ in range(3):  # a recording of half a second in a loop
        for stamp in range(100, 600, 100):
            told.append(pairing.offer_image(stamp * MS, f"i{stamp}"))
            pairing.offer_detections(stamp * MS, f"d{stamp}")
            answered.append(paired(pairing))
    assert told[5:5 + LATE_IN_A_ROW] == ["late", "late", "clock jumped back"]
    assert pairing.clock_jumps == 2
    assert answered[:5] == [(f"i{s}", f"d{s}") for s in range(100, 600, 100)]
    assert answered[5:10] == [None, None, ("i300", "d300"), ("i400", "d400"), ("i500", "d500")]


def test_images_out_of_order_now_and_then_are_no_clock_set_back():
    pairing = FramePairing(slop_ns=0)
    for stamp in range(1000, 3000, 100):
        pairing.offer_image(stamp * MS, stamp)
        pairing.offer_detections(stamp * MS, stamp)
        assert paired(pairing) == (stamp, stamp)
        for late in (stamp - 50, stamp - 40):
            assert pairing.offer_image(late * MS, late) == "late"
    assert pairing.clock_jumps == 0
    count = pairing.image_count
    pairing.reset()
    assert count.received == count.matched + count.dropped == 60


def test_a_stamp_below_zero_is_no_time_and_pairs_with_its_equal():
    pairing = FramePairing(slop_ns=20 * MS)
    pairing.offer_image(90_000 * MS, "i90")
    assert pairing.offer_image(-5 * MS, "strange") == "negative"
    assert pairing.offer_detections(-5 * MS, "strange") == "negative"
    assert paired(pairing) == ("strange", "strange")
    pairing.offer_detections(90_000 * MS, "d90")
    assert paired(pairing) == ("i90", "d90")
    assert pairing.clock_jumps == 0


def test_a_pair_that_is_not_ready_stays():
    pairing = FramePairing(slop_ns=0)
    pairing.offer_image(5 * MS, "i")
    pairing.offer_detections(5 * MS, "d")
    assert pairing.take(lambda pair: False) is None
    assert paired(pairing) == ("i", "d")
