import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.locate.detections import Detections

SIDES = st.floats(1.0, 200.0)


@given(st.floats(0, 300), st.floats(0, 200), SIDES, SIDES)
def test_the_same_box_comes_out_of_every_format(left, top, width, height):
    size = np.array([640, 480])
    of_corners = Detections.from_xyxy([[left, top, left + width, top + height]], [0.5])
    of_coco = Detections.from_coco([{"bbox": [left, top, width, height], "score": 0.5, "category_id": 1}])
    shares = [0, *((np.array([left, top]) + [width / 2, height / 2]) / size), width / 640, height / 480, 0.5]
    of_yolo = Detections.from_yolo([shares], (640, 480))
    # Pixel centres are integers: a box over the first pixel alone is centred at 0.
    expected = [left + width / 2 - 0.5, top + height / 2 - 0.5, width, height]
    for found in (of_corners, of_coco, of_yolo):
        assert found[0].box_xywh_center_px == pytest.approx(expected, abs=1e-6)
        assert found[0].score == 0.5


def test_only_people_count():
    coco = [{"bbox": [0, 0, 9, 9], "category_id": 3}, {"bbox": [0, 0, 5, 9], "category_id": 1}, {"bbox": [0, 0, 7, 9]}]
    assert [d.box_xywh_center_px[2] for d in Detections.from_coco(coco)] == [5.0, 7.0]
    assert len(Detections.from_yolo("0 0.5 0.5 0.1 0.2\n\n2 0.5 0.5 0.1 0.2\n", (100, 100))) == 1


def test_joints_are_in_this_packages_order():
    points = np.stack([np.arange(17.0), np.arange(17.0)], axis=1) * 10 + 0.5
    keypoints = np.concatenate([points, np.full((17, 1), 2.0)], axis=1)
    keypoints[0, 2] = 0.0  # the nose is not known
    (person,) = Detections.from_coco([{"bbox": [0, 0, 9, 9], "keypoints": keypoints.ravel().tolist()}])
    (same,) = Detections.from_xyxy([[0, 0, 9, 9]], coco17_px=[points])
    hip = JOINT_NAMES.index("left_hip")
    assert person.joints_px[hip].tolist() == same.joints_px[hip].tolist() == [110.0, 110.0]
    assert np.isnan(person.joints_px[JOINT_NAMES.index("nose")]).all()


def test_nobody_is_empty():
    assert [len(d) for d in (Detections(), Detections.from_xyxy([]), Detections.from_coco([]), Detections.from_yolo("", (9, 9)))] == [0] * 4  # fmt: skip


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Detections.from_xyxy([[1, 2, 3]]), r"shape \(1, 3\), expected \(N, 4\)"),
        (lambda: Detections.from_xyxy([[1, 2, 3, 4]], scores=[0.1, 0.2]), "scores has 2 entries, expected 1"),
        (lambda: Detections.from_coco([{"bbox": [1, 2, 3]}]), "expected .left, top, width, height"),
        (lambda: Detections.from_coco([{"bbox": [1, 2, 3, 4], "keypoints": [1, 2]}]), "expected 51"),
        (lambda: Detections.from_yolo([[0, 320, 240, 40, 80]], (640, 480)), "from_xyxy"),
        (lambda: Detections.from_yolo([[0, 1]], (640, 480)), r"expected \(N, 5\)"),
    ],
)
def test_what_does_not_fit_is_said(make, told):
    with pytest.raises(ValueError, match=told):
        make()
