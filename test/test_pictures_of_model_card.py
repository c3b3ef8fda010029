"""The model card's pictures: whose case is shown where, and what a tile is of."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.evaluate.benchmark import Rows
from hdnet_ros.locate.priors import BoxHeightPrior

PATH = Path(__file__).parents[1] / "tools" / "pictures_of_model_card.py"
pytestmark = pytest.mark.skipif(not PATH.is_file(), reason="tools/ are not part of an installed package")
CAMERA = Camera(np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]), (640, 480))


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("pictures_of_model_card", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def picture(shade, people=1):
    return LabelledPicture(
        image_rgb=np.full((480, 640, 3), shade, np.uint8), camera=CAMERA,
        detections=[Detection([150.0 + 300 * i, 240, 80, 200]) for i in range(people)], depth_mm=np.full(people, 4000.0),
    )  # fmt: skip


class InTheMiddle(BoxHeightPrior):
    """Every joint is in the middle of the box."""

    def localize(self, image, detections, camera):
        people = super().localize(image, detections, camera)
        return [replace(p, joints_px=np.tile(p.box_xywh_center_px[:2], (17, 1))) for p in people]


def test_a_tile_is_one_person_of_each_picture_with_the_box_in_the_middle(tool):
    pictures = [picture(80, people=2), picture(120, people=2), picture(160)]
    drawn = tool.joints_on_clip(InTheMiddle(), pictures)
    assert drawn.shape == (240, 8 * 240, 3)
    assert [int(drawn[200, 120 + 240 * i, 0]) for i in range(4)] == [80, 120, 160, 0]
    assert (drawn[120, 120] != 80).any() and (drawn[120, 360] != 120).any()


def test_each_kind_shows_its_worst_and_nobody_twice(tool, monkeypatch):
    monkeypatch.setattr(tool, "_case", lambda rows, pictures, n, kind: np.full((2, 3, 3), n, np.uint8))
    groups = ["not upright", "occluded or cut", "upright unoccluded adult", "not upright", "occluded or cut"]
    rows = Rows(
        key=[(n, 0) for n in range(5)], estimated_mm=[1500.0, 1100, 1010, 2000, 1300], true_mm=[1000.0] * 5,
        stature_mm=[1700.0, 1700, 1700, 1000, 1800], groups=[frozenset({name}) for name in groups],
    )  # fmt: skip
    drawn = tool.worst_of_each_kind(rows, [picture(0)] * 5)
    # The child lies, too, but is shown as a child; then who lies, the hidden ones by error, the adult.
    assert drawn[0, ::3, 0].tolist() == [3, 0, 4, 1, 2, 0]
