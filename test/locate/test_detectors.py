import urllib.error

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
    found = np.array([[100.0, 200.0, 64.0, 128.0], [104.0, 200.0, 64.0, 128.0]])
    (person,) = detector._detections(found, np.array([0.4, 1.2]))
    # Centre 136 / 2 - 0.5, width 64 / 2 less 20 %, height 128 / 2 less 14 %.
    assert person.box_xywh_center_px == pytest.approx([67.5, 131.5, 25.6, 55.04])
    assert person.score == pytest.approx(1 / (1 + np.exp(-1.2)))


def test_hog_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match="scale is 0, expected 0.1 to 8"):
        HogDetector(scale=0)
    with pytest.raises(ValueError, match="shrink is 0.5"):
        HogDetector(shrink_width=0.5)


def test_make_detector_by_name():
    assert make_detector("hog", scale=2.0, score_threshold=0.3).scale == 2.0
    with pytest.raises(ValueError, match="'yolo', expected one of hog, torchvision"):
        make_detector("yolo")


def test_torchvision_without_network_says_what_to_do(monkeypatch):
    def no_network(*_, **__):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", no_network)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", no_network)
    with pytest.raises(DetectorError, match="give its path, or use the detector hog"):
        TorchvisionDetector("fasterrcnn_mobilenet_v3_large_320_fpn", device="cpu")


def test_torchvision_weights_of_something_else_are_named(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(DetectorError, match="weights.pth does not hold weights"):
        TorchvisionDetector("fasterrcnn_mobilenet_v3_large_320_fpn", path, device="cpu")


def test_torchvision_keeps_people_above_the_threshold(monkeypatch):
    class Network(torch.nn.Module):
        def forward(self, images):
            assert images[0].shape == (3, 48, 64)
            boxes = torch.tensor([[10.0, 20, 30, 40], [0, 0, 8, 8], [5, 5, 9, 9], [2, 4, 12, 24]])
            return [{"boxes": boxes, "labels": torch.tensor([1, 3, 1, 1]),
                     "scores": torch.tensor([0.7, 0.99, 0.2, 0.9])}]  # fmt: skip

    monkeypatch.setattr("hdnet_ros.locate.detectors._torchvision_network", lambda *_: Network())
    detector = make_detector("torchvision", score_threshold=0.5, device="cpu")
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
