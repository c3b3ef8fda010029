"""One box a person; two who stand close are two."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hdnet_ros.core.boxes import intersection_over_union
from hdnet_ros.locate.suppress import suppress_duplicates

PERSON = np.array([100.0, 50.0, 160.0, 250.0])


def test_a_double_that_sits_on_a_better_box_goes():
    double = PERSON + [2, 10, 4, -20]
    assert suppress_duplicates([double, PERSON], [0.6, 0.8]) == [1]


def test_two_who_hug_stay_two():
    other = PERSON + [15, 4, 15, 4]
    assert intersection_over_union(PERSON, other[None])[0] > 0.5
    assert suppress_duplicates([PERSON, other], [0.8, 0.7]) == [0, 1]
    assert suppress_duplicates([PERSON, other], [0.8, 0.5]) == [0]


def test_a_box_around_both_is_nobody_s():
    both = PERSON + [0, 0, 40, 0]
    assert intersection_over_union(PERSON, both[None])[0] > 0.5
    assert suppress_duplicates([PERSON, both], [0.8, 0.7]) == [0]


def test_a_box_around_two_whose_own_boxes_are_there_is_nobody_s():
    left, right = np.array([0.0, 0, 40, 100]), np.array([44.0, 4, 84, 100])
    around = np.array([0.0, 0, 84, 100])
    assert suppress_duplicates([left, right, around], [0.7, 0.6, 0.65]) == [0, 1]
    assert suppress_duplicates([left, right, around], [0.6, 0.5, 0.8]) == [0, 1]


def test_somebody_with_two_children_before_them_stays():
    grown, children = np.array([0.0, 0, 80, 200]), [np.array([-10.0, 110, 30, 200]), np.array([50.0, 110, 90, 200])]
    assert sorted(suppress_duplicates([grown, *children], [0.8, 0.7, 0.6])) == [0, 1, 2]


def test_one_behind_another_stays():
    behind = np.array([130.0, 60.0, 180.0, 220.0])
    assert suppress_duplicates([PERSON, behind], [0.8, 0.7]) == [0, 1]


def test_of_none_there_are_none():
    assert suppress_duplicates(np.zeros((0, 4)), []) == []


@given(arrays(float, (7, 4), elements=st.floats(0, 100)), arrays(float, 7, elements=st.floats(0, 1)))
def test_best_first_and_nobody_lost_whom_no_better_one_covers(corners, scores):
    boxes = np.concatenate([corners[:, :2], corners[:, :2] + corners[:, 2:] + 1], axis=1)
    kept = suppress_duplicates(boxes, scores)
    assert list(scores[kept]) == sorted(scores[kept], reverse=True)
    for index in set(range(7)) - set(kept):
        others = [k for k in range(7) if k != index]
        overlapped = intersection_over_union(boxes[index], boxes[others]).max() > 0.5
        inside = [k for k in kept if np.prod(boxes[k, 2:] - boxes[k, :2]) < np.prod(boxes[index, 2:] - boxes[index, :2])]
        assert overlapped or len(inside) >= 2
