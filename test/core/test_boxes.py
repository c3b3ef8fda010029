import numpy as np
import pytest

from hdnet_ros.core.boxes import (
    box_problem,
    intersection_over_union,
    suppress_overlaps,
    touches_border,
    xywh_center_from_xyxy,
    xyxy_from_xywh_center,
)


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
    ],
)
def test_box_problem_names_what_is_wrong(box, reason):
    assert reason in box_problem(np.array(box, float), (640, 480))


def test_box_problem_is_none_for_a_box_partly_outside():
    assert box_problem(np.array([5.0, 50.0, 20.0, 40.0]), (640, 480)) is None


def test_touches_border_within_one_percent_or_2_px():
    assert touches_border(np.array([320.0, 240.0, 20.0, 475.0]), (640, 480))
    assert not touches_border(np.array([320.0, 240.0, 20.0, 400.0]), (640, 480))
    assert touches_border(np.array([15.0, 240.0, 20.0, 100.0]), (640, 480))
    assert not touches_border(np.array([17.0, 240.0, 20.0, 100.0]), (640, 480))


def test_intersection_over_union_of_half_overlap_is_a_third():
    iou = intersection_over_union(np.array([0.0, 0, 2, 2]), np.array([[1.0, 0, 3, 2], [5, 5, 6, 6]]))
    assert iou == pytest.approx([1 / 3, 0.0])


def test_suppress_overlaps_keeps_the_better_box():
    boxes = np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]])
    assert suppress_overlaps(boxes, [0.5, 0.9, 0.1], 0.5) == [1, 2]
    assert suppress_overlaps(np.zeros((0, 4)), [], 0.5) == []
