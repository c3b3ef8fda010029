"""Boxes of nobody: they hold nobody, their kinds, and what is stored of them."""

import numpy as np
import pytest

from hdnet_ros.data.synthetic.boxes import to_corners
from hdnet_ros.data.synthetic.nobody import BESIDE, KINDS, LARGEST_IOU, THING, draw_boxes

PERSON = np.array([199.5, 99.5, 249.5, 249.5])


def window(with_person=True):
    """Noise with a person of 50 x 150 px and a thing of 60 x 120 px."""
    picture = np.random.default_rng(0).integers(0, 255, (400, 500, 3)).astype(np.uint8)
    instance, things = np.full((400, 500), -1), np.full((400, 500), -1)
    things[120:240, 20:80] = 7
    if with_person:
        instance[100:250, 200:250] = 0
    return picture, instance, things


def drawn(with_person=True, seeds=range(40)):
    return [box for seed in seeds for box in draw_boxes(np.random.default_rng(seed), *window(with_person))]


def overlap(a, b):
    both = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    return both / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - both)


def test_no_box_overlaps_a_person_by_more_than_a_detector_would_call_nobody():
    boxes = drawn()
    assert len(boxes) > 80
    for box in boxes:
        iou = overlap(to_corners(box.box_xywh_center_px), PERSON)
        assert iou == pytest.approx(box.person_iou, abs=1e-6) and iou <= LARGEST_IOU


def test_all_kinds_are_drawn_and_lie_in_the_window():
    boxes = drawn()
    assert {box.kind for box in boxes} == set(KINDS)
    corners = np.array([to_corners(box.box_xywh_center_px) for box in boxes])
    assert (corners >= -0.5).all() and (corners <= [499.5, 399.5, 499.5, 399.5]).all()


def test_boxes_of_things_are_around_the_thing():
    things = [to_corners(box.box_xywh_center_px) for box in drawn() if box.kind == THING]
    middles = np.array([(c[:2] + c[2:]) / 2 for c in things])
    assert (np.abs(middles - [49.5, 179.5]) < [60, 60]).all()


def test_boxes_beside_somebody_are_largely_empty_but_near():
    beside = [box for box in drawn() if box.kind == BESIDE]
    assert any(box.person_share > 0.1 for box in beside)
    assert all(box.person_share <= 0.35 for box in beside)


def test_without_people_no_box_is_beside_anybody():
    boxes = drawn(with_person=False)
    assert boxes and all(box.kind != BESIDE and box.person_iou == 0.0 for box in boxes)
