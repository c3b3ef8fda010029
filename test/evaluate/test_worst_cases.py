"""The worst cases: who they are, in which order, and what is drawn where."""

import base64

import cv2
import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.locate.priors import BoxHeightPrior
from hdnet_ros.core.types import Detection
from hdnet_ros.evaluate import benchmark
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.evaluate.worst_cases import jpeg_data_uri, person_picture, worst_cases, worst_people

CAMERA = Camera(np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]), (640, 480), "none", ())
NOWHERE = np.full((17, 2), np.nan)


def picture(name, *true_m):
    # Boxes of 170 px: 5 m for the height prior.
    boxes = [Detection(np.array([120.0 + 150 * i, 240.0, 60.0, 170.0])) for i in range(len(true_m))]
    groups = [frozenset({"adult"})] * len(true_m)
    grey = np.full((480, 640, 3), 90, np.uint8)
    return LabelledPicture(grey, CAMERA, boxes, np.array(true_m) * 1000.0, groups=groups, name=name)


def test_the_worst_come_first_and_no_more_than_asked_for():
    pictures = [picture("a", 5.0, 4.0), picture("b", 10.0, 4.9)]
    worst = worst_cases(benchmark.run(BoxHeightPrior(), pictures), pictures, 3)
    assert [(case.name, round(case.true_m, 1)) for case in worst] == [("b", 10.0), ("a", 4.0), ("b", 4.9)]
    assert [case.relative for case in worst] == pytest.approx([-0.5, 0.25, 0.1 / 4.9])
    assert worst[0].estimated_m == pytest.approx(5.0) and worst[0].groups == ("adult",)


def test_people_of_a_data_set_are_found_in_their_picture():
    pictures = [picture("a", 5.0), picture("b", 5.0)]
    person = {
        "picture": 1, "name": "b", "sequence": "TS3", "action": "", "root_camera_mm": np.array([0, 0, 5000.0]),
        "true_root_camera_mm": np.array([0, 0, 4000.0]), "sigma_mm": 280.0, "joints_px": NOWHERE,
        "box_xywh_center_px": [120.0, 240.0, 60.0, 170.0],
    }  # fmt: skip
    (case,) = worst_people([person], pictures)
    assert (case.name, case.groups, case.estimated_m, case.sigma_m) == ("b", ("TS3",), 5.0, 0.28)


def is_near(pixel, colour, tolerance=40):
    return np.abs(np.asarray(pixel, int) - colour).max() < tolerance


def test_box_and_joints_lie_where_they_are_in_the_picture():
    image = np.full((480, 640, 3), 90, np.uint8)
    joints = NOWHERE.copy()
    joints[0], joints[1] = (300, 240), (340, 240)  # a link of 40 px
    crop = person_picture(image, np.array([320.0, 240.0, 100.0, 200.0]), joints, None, np.array([320.0, 200.0]))
    # 0.75 of the height to each side: 300 source px become 340.
    scale, left = 340 / 300, 320 - 0.55 * 0.75 * 200
    u, v = (round((x + 0.5) * scale) for x in (320 - left, 240 - 90))
    assert crop.shape[0] == 340
    assert is_near(crop[v, u], (64, 224, 255))  # the link
    assert is_near(crop[v - round(40 * scale), u], (255, 64, 96))  # the root
    assert any(is_near(crop[v, u + round(50 * scale) + d], (255, 176, 32)) for d in (-2, -1, 0, 1, 2))  # the box
    assert is_near(crop[20, 20], (90, 90, 90))


@pytest.mark.parametrize("box", [(5, 5, 40, 90), (639, 479, 30, 30), (320, 240, 2000, 2000), (-40, 240, 60, 170)])
def test_boxes_at_and_over_the_edge_give_a_picture(box):
    crop = person_picture(np.zeros((480, 640, 3), np.uint8), np.array(box, float), NOWHERE, NOWHERE, np.full(2, np.nan))
    assert crop.shape[0] == 340 and crop.shape[1] > 0
    data = base64.b64decode(jpeg_data_uri(crop).partition(",")[2])
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == crop.shape
