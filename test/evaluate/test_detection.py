"""Recall and precision of a detector on people at known distances."""

import dataclasses

import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.evaluate.detection import run_detector
from hdnet_ros.locate.priors import BoxHeightPrior

CAMERA = Camera(np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]]), (320, 240))


class Judge(BoxHeightPrior):
    """Depth from the box; boxes lower than they are wide hold nobody."""

    def localize_many(self, images):
        found = super().localize_many(images)
        for located in found:
            located.people[:] = [
                dataclasses.replace(p, existence=float(p.box_xywh_center_px[3] > p.box_xywh_center_px[2]))
                for p in located.people
            ]
        return found


def picture(*people):
    return LabelledPicture(
        image_rgb=np.zeros((240, 320, 3), np.uint8), camera=CAMERA,
        detections=[Detection(box) for box, _, _ in people],
        depth_mm=np.array([1000.0 * z for _, z, _ in people]), groups=[frozenset({g}) for *_, g in people],
        name="room",
    )  # fmt: skip


PEOPLE = picture(([100, 120, 40, 200], 2.5, "cut"), ([200, 120, 30, 100], 5.0, "whole"), ([40, 120, 20, 50], 9.0, "whole"))


def figures(*boxes):
    detections = [Detection(box, score) for box, score in boxes]
    return run_detector(lambda image: detections, Judge(), [PEOPLE], min_existence=0.5)


def test_people_found_and_missed_are_counted_by_distance_and_group():
    rows = figures(([102, 121, 40, 200], 0.9), ([205, 125, 30, 100], 0.8), ([300, 200, 40, 20], 0.5))
    told = rows.figures()
    assert told["all"] == {"people": 3, "recall": pytest.approx(2 / 3), "boxes": 3, "precision": pytest.approx(2 / 3)}
    assert told["1.5 to 3 m"]["recall"] == 1.0 and told["6 to 10 m"]["recall"] == 0.0
    assert told["whole"] == {"people": 2, "recall": 0.5}
    assert told["taken for nobody, of the other boxes"] == 1 and told["taken for nobody, of the people found"] == 0
    ((where, what),) = told["other boxes"].items()
    assert where == "1: room" and "x 280..320, y 190..210 px, score 0.50" in what and "existence 0.00" in what


def test_a_second_box_on_somebody_found_is_nobody():
    told = figures(([100, 120, 40, 200], 0.6), ([101, 120, 40, 200], 0.9)).figures()
    assert (told["all"]["recall"], told["all"]["boxes"], told["all"]["precision"]) == (pytest.approx(1 / 3), 2, 0.5)


def test_boxes_that_found_somebody_take_the_place_of_the_labelled_ones():
    (found,) = figures(([205, 125, 30, 100], 0.8), ([102, 121, 40, 200], 0.7)).pictures
    assert [d.box_xywh_center_px.tolist() for d in found.detections] == [[102, 121, 40, 200], [205, 125, 30, 100]]
    assert found.depth_mm.tolist() == [2500.0, 5000.0] and found.groups == [{"cut"}, {"whole"}]


def test_nobody_found_is_no_error():
    told = figures().figures()
    assert told["all"]["recall"] == 0.0 and np.isnan(told["all"]["precision"])
