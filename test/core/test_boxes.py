import numpy as np
import pytest

from hdnet_ros.core.boxes import (
    most_overlapping,
    box_problem,
    detection_problem,
    intersection_over_union,
    suppress_overlaps,
    touches_border,
    xywh_center_from_xyxy,
    xyxy_from_xywh_center,
)
from hdnet_ros.core.types import Detection


def test_xyxy_and_xywh_center_invert_each_other():
    box = np.array([[100.0, 50.0, 20.0, 60.0]])
    assert xyxy_from_xywh_center(box).tolist() == [[90.0, 20.0, 110.0, 80.0]]
    assert xywh_center_from_xyxy(xyxy_from_xywh_center(box)).tolist() == box.tolist()


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ([np.nan, 1, 2, 3], "non-finite"),
        ([50, 50, 0, 10], "is 0 x 10 px, expected above 0"),
        ([50, 50, 10, -4], "is 10 x -4 px"),
        ([-50, 50, 20, 40], "outside the 640 x 480 image"),
        ([50, 500, 20, 40], "outside the 640 x 480 image"),
        ([1e9, 50, 1e10, 40], "beyond a million"),
        ([0.5, 0.5, 0.2, 0.6], "is in shares of the image (0 to 1), expected px"),
        ([1.05, 0.98, 0.1, 0.2], "is in shares of the image"),
        ([320, 240, 3, 7], "is 3 x 7 px, expected at least 8 px on its longer side"),
        ([320, 240, 1, 40], "is 1 x 40 px, expected at least"),
        ([320, 240, 1e-7, 1e-7], "is 1e-07 x 1e-07 px, expected at least"),
        ([320, 240, 20, 1e-155], "expected at least"),
        ([320, 240, 100, 331_000], "is 100 x 331000 px, the image 640 x 480"),
    ],
)
def test_box_problem_names_what_is_wrong(box, reason):
    assert reason in box_problem(np.array(box, float), (640, 480))


def test_box_problem_is_none_for_a_box_partly_outside():
    assert box_problem(np.array([5.0, 50.0, 20.0, 40.0]), (640, 480)) is None


@pytest.mark.parametrize("score", [-0.1, 1.01, 87.0, np.nan, np.inf, 1e300])
def test_detection_problem_names_a_score_that_is_not_0_to_1(score):
    box = np.array([320.0, 240.0, 50.0, 100.0])
    assert detection_problem(Detection(box, score), (640, 480)) == f"score is {score:g}, expected 0 to 1"
    assert detection_problem(Detection(box, 0.5), (640, 480)) is None


def test_the_smallest_box_that_is_taken_is_8_px():
    assert box_problem(np.array([320.0, 240.0, 2.0, 8.0]), (640, 480)) is None
    assert box_problem(np.array([320.0, 240.0, 8.0, 2.0]), (640, 480)) is None


def test_touches_border_within_one_percent_or_2_px():
    assert touches_border(np.array([320.0, 240.0, 20.0, 475.0]), (640, 480))
    assert not touches_border(np.array([320.0, 240.0, 20.0, 400.0]), (640, 480))
    assert touches_border(np.array([15.0, 240.0, 20.0, 100.0]), (640, 480))
    assert not touches_border(np.array([17.0, 240.0, 20.0, 100.0]), (640, 480))


def test_intersection_over_union_of_half_overlap_is_a_third():
    iou = intersection_over_union(np.array([0.0, 0, 2, 2]), np.array([[1.0, 0, 3, 2], [5, 5, 6, 6]]))
    assert iou == pytest.approx([1 / 3, 0.0])


def test_most_overlapping_are_those_that_share_the_largest_area():
    box = np.array([50.0, 50.0, 20.0, 40.0])
    others = np.array([[300.0, 50, 20, 40], [65.0, 50, 20, 40], [55.0, 50, 20, 40], [60.0, 50, 20, 40]])
    assert most_overlapping(box, others, 2).tolist() == others[[2, 3]].tolist()
    assert most_overlapping(box, others[:2], 2).tolist() == others[[1]].tolist()
    assert most_overlapping(box, np.empty((0, 4)), 2).shape == (0, 4)


def test_a_person_who_was_found_twice_is_nobody_else():
    box = np.array([50.0, 50.0, 20.0, 40.0])
    again, beside = box + (1.0, -1.0, 1.0, 2.0), box + (8.0, 0.0, 0.0, 0.0)
    assert most_overlapping(box, np.stack([again, beside]), 2).tolist() == [beside.tolist()]


def test_suppress_overlaps_keeps_the_better_box():
    boxes = np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]])
    assert suppress_overlaps(boxes, [0.5, 0.9, 0.1], 0.5) == [1, 2]
    assert suppress_overlaps(np.zeros((0, 4)), [], 0.5) == []
