"""The real-clip benchmark: which frames and people count, and which detection is whose."""

import cv2
import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection
from hdnet_ros.data.clip import matched_boxes, pictures_of_clip
from hdnet_ros.data.ground_plane import GroundPlaneClip

# A camera 3 m above the ground, level, 500 px: feet 100 px below the horizon are 15 m away.
LEVEL = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
CAMERA = Camera(np.array([[500.0, 0, 160], [0, 500, 60], [0, 0, 1]]), (320, 240), "none", ())


def box(x, y, w, h):
    return np.array([x, y, w, h], float)


def found(*boxes):
    return [Detection(b) for b in boxes]


@pytest.fixture
def clip():
    whole, cut = Detection(box(160, 130, 20, 60), id="1"), Detection(box(5, 130, 20, 60), id="2")
    in_the_sky = Detection(box(250, 30, 10, 40), id="3")
    boxes = {0: [whole, cut], 1: [cut], 2: [whole, in_the_sky], 3: [], 4: [whole]}
    return GroundPlaneClip(CAMERA, LEVEL, -LEVEL @ [0, 0, 3000.0], boxes)


@pytest.fixture
def video(tmp_path):
    """Six grey frames, frame n of grey level 20 n."""
    for n in range(6):
        cv2.imwrite(str(tmp_path / f"{n}.png"), np.full((240, 320, 3), 20 * n, np.uint8))
    return tmp_path


def test_pictures_are_of_annotated_frames_with_whole_people_on_the_ground(clip, video):
    pictures = list(pictures_of_clip(video, clip))
    assert [int(p.image_rgb[0, 0, 0]) for p in pictures] == [0, 40, 80]
    assert [len(p.detections) for p in pictures] == [1, 1, 1]
    # 500 px * 3000 mm / 100 px; level camera, so the root is as far as the feet.
    assert [p.depth_mm[0] for p in pictures] == pytest.approx([15_000.0] * 3)
    assert pictures[0].groups == [{"track 1"}]


def test_every_second_frame(clip, video):
    assert [int(p.image_rgb[0, 0, 0]) for p in pictures_of_clip(video, clip, every=4)] == [0, 80]


def test_detected_boxes_replace_hand_made_ones_but_not_the_truth(clip, video):
    def detect(image_rgb):
        return found(box(162, 130, 24, 72)) if image_rgb[0, 0, 0] < 60 else []

    pictures = list(pictures_of_clip(video, clip, detect=detect))
    assert [int(p.image_rgb[0, 0, 0]) for p in pictures] == [0, 40]
    assert pictures[0].detections[0].box_xywh_center_px.tolist() == [162, 130, 24, 72]
    assert pictures[0].depth_mm == pytest.approx([15_000.0])


def test_changed_boxes_keep_their_truth(clip, video):
    pictures = list(pictures_of_clip(video, clip, box_change=lambda b: b * [1, 1, 1.25, 1.25]))
    assert pictures[0].detections[0].box_xywh_center_px.tolist() == [160, 130, 25, 75]
    assert pictures[0].depth_mm == pytest.approx([15_000.0])


def test_clip_without_boxes_has_no_pictures(video):
    nothing = GroundPlaneClip(CAMERA, LEVEL, np.zeros(3), {})
    assert list(pictures_of_clip(video, nothing)) == []


def test_detection_counts_from_an_overlap_of_two_fifths_on():
    person = box(50, 50, 20, 100)
    near, far = box(50, 50, 20, 41), box(50, 50, 20, 39)  # inside it: IoU 0.41 and 0.39
    assert matched_boxes([person], found(near))[0].tolist() == near.tolist()
    assert matched_boxes([person], found(far)) == [None]


def test_detection_goes_to_one_person_only_the_one_it_fits_best():
    left, right = box(50, 50, 40, 100), box(60, 50, 40, 100)
    between = box(57, 50, 40, 100)
    matches = matched_boxes([left, right], found(between))
    assert matches[0] is None
    assert matches[1].tolist() == between.tolist()


def test_person_whose_best_detection_is_taken_gets_the_next_best():
    left, right = box(50, 50, 40, 100), box(60, 50, 40, 100)
    best_of_both, other = box(59, 50, 40, 100), box(63, 50, 40, 100)
    # Both people overlap `best_of_both` most, `right` at 0.95 and `left` at 0.63; 0.51 remains for `left`.
    matches = matched_boxes([left, right], found(other, best_of_both))
    assert [m.tolist() for m in matches] == [other.tolist(), best_of_both.tolist()]


def test_nobody_or_no_detection():
    assert matched_boxes([], found(box(1, 1, 1, 1))) == []
    assert matched_boxes([box(1, 1, 1, 1)], []) == [None]
