from pathlib import Path

import numpy as np
import pytest
import torch

from hdnet_ros.locate.detectors import (
    DetectorError,
    HogDetector,
    TorchvisionDetector,
    make_detector,
)
from hdnet_ros.core.skeleton import JOINT_NAMES


def test_hog_in_an_empty_image_finds_nobody():
    assert HogDetector().detect(np.full((240, 320, 3), 128, np.uint8)) == []


def test_hog_in_an_image_smaller_than_its_window_finds_nobody():
    assert HogDetector(scale=1.0).detect(np.zeros((60, 40, 3), np.uint8)) == []


def test_hog_boxes_are_scaled_back_shrunk_and_thinned():
    detector = HogDetector(scale=2.0)
    # Of the 480 px high image, enlarged; and of its half with 60 px around it.
    looks = {960: ([[100, 200, 64, 128], [104, 200, 64, 128]], [0.4, 1.2]), 360: ([[70, 80, 100, 200]], [0.9])}
    detector._hog = Looks(looks)
    far, near = detector.detect(np.zeros((480, 640, 3), np.uint8))
    # Centre 136 / 2 - 0.5, width 64 / 2 less 20 %, height 128 / 2 less 14 %.
    assert far.box_xywh_center_px == pytest.approx([67.5, 131.5, 25.6, 55.04])
    assert far.score == pytest.approx(1 / (1 + np.exp(-1.2)))
    # Centre 120 x 2 - 0.5 less the border of 120 px, width 200 less 20 %, height 400 less 14 %.
    assert near.box_xywh_center_px == pytest.approx([119.5, 239.5, 160.0, 344.0])


class Looks:
    """Stands in for OpenCV's HOG: boxes and margins by the height of what it is shown."""

    def __init__(self, looks):
        self.looks = looks

    def detectMultiScale(self, grey, **_):  # noqa: N802  (OpenCV's name)
        boxes, margins = self.looks[grey.shape[0]]
        return np.array(boxes), np.array(margins)


def test_hog_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match="scale is 0, expected 0.1 to 8"):
        HogDetector(scale=0)
    with pytest.raises(ValueError, match="shrink is 0.5"):
        HogDetector(shrink_width=0.5)


def test_make_detector_by_name():
    assert make_detector("hog", hog_scale=2.0, score_threshold=0.3).scale == 2.0
    with pytest.raises(ValueError, match="'yolo', expected one of nanodet, hog, maskrcnn"):
        make_detector("yolo")


def test_torchvision_without_weights_asks_nobody_and_says_what_to_do(monkeypatch):
    def asked(*_, **__):
        raise AssertionError("asked the network")

    monkeypatch.setattr("socket.socket.connect", asked)
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", asked)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", asked)
    with pytest.raises(DetectorError, match="nothing is downloaded: fetch .* use the detector nanodet"):
        TorchvisionDetector("fasterrcnn", device="cpu")


def test_a_pickle_that_runs_code_is_not_run(tmp_path):
    class Planted:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save(Planted(), tmp_path / "weights.pth")
    with pytest.raises(DetectorError, match="does not hold weights of fasterrcnn"):
        TorchvisionDetector("fasterrcnn", tmp_path / "weights.pth", device="cpu")
    assert not (tmp_path / "ran").exists()


def test_torchvision_weights_of_something_else_are_named(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(DetectorError, match="weights.pth does not hold weights"):
        TorchvisionDetector("fasterrcnn", path, device="cpu")


def test_torchvision_keeps_people_above_the_threshold(monkeypatch):
    class Network(torch.nn.Module):
        def forward(self, images):
            assert images[0].shape == (3, 48, 64)
            boxes = torch.tensor([[10.0, 20, 30, 40], [0, 0, 8, 8], [5, 5, 9, 9], [2, 4, 12, 24]])
            return [{"boxes": boxes, "labels": torch.tensor([1, 3, 1, 1]),
                     "scores": torch.tensor([0.7, 0.99, 0.2, 0.9])}]  # fmt: skip

    monkeypatch.setattr("hdnet_ros.locate.detectors._torchvision_network", lambda *_: Network())
    detector = make_detector("maskrcnn", score_threshold=0.5, device="cpu")
    people = detector.detect(np.zeros((48, 64, 3), np.uint8))
    assert [round(person.score, 2) for person in people] == [0.9, 0.7]
    assert people[1].box_xywh_center_px == pytest.approx([19.5, 29.5, 20.0, 20.0])


def test_keypointrcnn_brings_joints_that_are_rather_there_than_not(monkeypatch):
    class Network(torch.nn.Module):
        def forward(self, images):
            points = torch.arange(34.0).reshape(1, 17, 2) + 0.5
            logits = torch.ones(1, 17)
            logits[0, 15] = -2.0
            return [{"boxes": torch.tensor([[10.0, 20, 30, 40]]), "labels": torch.tensor([1]),
                     "scores": torch.tensor([0.9]), "keypoints_scores": logits,
                     "keypoints": torch.cat([points, torch.ones(1, 17, 1)], -1)}]  # fmt: skip

    monkeypatch.setattr("hdnet_ros.locate.detectors._torchvision_network", lambda *_: Network())
    (person,) = make_detector("keypointrcnn", device="cpu").detect(np.zeros((48, 64, 3), np.uint8))
    # The hips are COCO's 11 and 12; pixel centres are integers.
    assert person.joints_px[JOINT_NAMES.index("pelvis")].tolist() == [23.0, 24.0]
    assert np.isnan(person.joints_px[JOINT_NAMES.index("left_ankle")]).all()
    assert person.joints_px[JOINT_NAMES.index("right_ankle")].tolist() == [32.0, 33.0]
