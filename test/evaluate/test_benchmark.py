"""One row per person: pairing by detection, groups, people that are lost, and the rivals."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.locate.priors import BoxHeightPrior
from hdnet_ros.core.types import Detection
from hdnet_ros.evaluate import benchmark, rivals, suites
from hdnet_ros.data.labelled import LabelledPicture

CAMERA = Camera(np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]), (640, 480), "none", ())
# Boxes of 170, 85 and 340 px: the height prior says 5, 10 and 2.5 m.
HEIGHTS_PX = (170.0, 85.0, 340.0)


def picture(**changes):
    boxes = [Detection(np.array([100.0 + 200 * i, 240.0, 40.0, h])) for i, h in enumerate(HEIGHTS_PX)]
    values = {
        "image_rgb": np.zeros((480, 640, 3), np.uint8), "camera": CAMERA, "detections": boxes,
        "depth_mm": np.array([5000.0, 8000.0, 2500.0]),
        "groups": [frozenset({"adult"}), frozenset({"child", "short"}), frozenset({"adult"})],
    }  # fmt: skip
    return LabelledPicture(**(values | changes))


def test_table_of_everyone_and_of_each_group():
    table = benchmark.run(BoxHeightPrior(), [picture(), picture()]).table()
    assert list(table) == ["everyone", "adult", "child", "short"]
    assert [table[name]["people"] for name in table] == [6, 4, 2, 2]
    assert table["adult"]["mean"] == pytest.approx(0.0, abs=1e-12)
    assert table["child"]["mean"] == table["short"]["bias"] == pytest.approx(0.25)  # 10 m instead of 8
    assert table["everyone"]["mean"] == pytest.approx(0.25 / 3)
    # The prior's sigma of 14.2 % puts 8 m at 1.41 sigma: outside 68 %, inside 95 %.
    assert table["child"]["coverage"] == {0.5: 0.0, 0.68: 0.0, 0.95: 1.0}


def test_lost_person_does_not_shift_the_others_truth():
    boxes = list(picture().detections)
    boxes[0] = Detection(np.array([5000.0, 240.0, 40.0, 170.0]))
    rows = benchmark.run(BoxHeightPrior(), [picture(detections=boxes)])
    assert rows.lost == 1
    assert rows.true_mm == [8000.0, 2500.0]
    assert rows.groups[0] == {"child", "short"}


def test_pictures_without_groups_or_people():
    assert list(benchmark.run(BoxHeightPrior(), [picture(groups=())]).table()) == ["everyone"]
    empty = benchmark.run(BoxHeightPrior(), [])
    assert empty.table()["everyone"]["people"] == 0
    assert empty.pck() is None


class ExactJoints:
    """Puts every joint where it is, but for the first one, which it moves by 12 px."""

    def localize(self, image, detections, camera):
        people = BoxHeightPrior().localize(image, detections, camera)
        joints_px = np.zeros((17, 2))
        joints_px[0, 0] = 12.0
        return [replace(person, joints_px=joints_px) for person in people]


def test_pck_uses_each_persons_tight_box():
    joints = {
        "joints_px": np.zeros((3, 17, 2)), "joint_visible": np.ones((3, 17), bool),
        "tight_longer_side_px": np.array([119.0, 121.0, 300.0]),
    }  # fmt: skip
    found = benchmark.run(ExactJoints(), [picture(**joints)]).pck()
    assert found[0] == pytest.approx(2 / 3)
    assert found[1:17].tolist() == [1.0] * 16
    assert found[17] == pytest.approx(50 / 51)


class PoseFarBehind:
    """The true pose of every person, moved back by 100 mm; the second person has none."""

    def localize(self, image, detections, camera):
        people = BoxHeightPrior().localize(image, detections, camera)
        poses = [joints + [0, 0, 100.0] for joints in JOINTS_MM]
        poses[1] = None
        return [replace(person, joints_camera_mm=pose) for person, pose in zip(people, poses, strict=True)]


JOINTS_MM = np.random.default_rng(4).uniform(-500, 500, (3, 17, 3)) + [0, 0, 6000.0]


def test_pose_errors_of_everyone_who_has_a_pose_and_of_each_group():
    rows = benchmark.run(PoseFarBehind(), [picture(joints_camera_mm=JOINTS_MM)])
    errors = rows.pose()
    assert list(errors) == ["everyone", "adult", "child", "short"]
    assert [errors[name]["people"] for name in errors] == [2, 2, 0, 0]
    assert errors["adult"]["mpjpe_absolute_mm"] == pytest.approx(100.0)
    assert errors["adult"]["mpjpe_relative_mm"] == pytest.approx(0.0, abs=1e-9)
    assert benchmark.run(PoseFarBehind(), [picture()]).pose() is None
    assert benchmark.run(BoxHeightPrior(), [picture(joints_camera_mm=JOINTS_MM)]).pose() is None
    assert benchmark.run(BoxHeightPrior(), []).pose() is None


def test_pose_errors_are_among_the_figures_and_in_their_text():
    rows = benchmark.run(PoseFarBehind(), [picture(joints_camera_mm=JOINTS_MM)])
    figures = suites.Suite("x", {"hdnet": rows}, []).figures()
    assert figures["pose"]["everyone"]["pck_absolute"] == 1.0
    line = next(text for text in suites.as_text(figures["pose"]).splitlines() if text.startswith("everyone"))
    assert line.split()[:6] == "everyone 2 people MPJPE 0 mm".split() and "100 mm absolute" in line


class TwiceAsFar:
    def predict(self, features):
        assert features.shape == (3, 5)
        return np.array([10_000.0, 20_000.0, 5000.0])


def test_box_regressors_estimate_moves_along_the_ray_with_its_sigma():
    shot = picture()
    moved = rivals.BoxRegressorEstimator(TwiceAsFar()).localize(shot.image_rgb, shot.detections, CAMERA)
    prior = BoxHeightPrior().localize(shot.image_rgb, shot.detections, CAMERA)
    for person, base in zip(moved, prior, strict=True):
        assert person.root_camera_mm == pytest.approx(2 * base.root_camera_mm)
        assert person.depth_sigma_mm == pytest.approx(2 * base.depth_sigma_mm)
    assert rivals.BoxRegressorEstimator(TwiceAsFar()).localize(shot.image_rgb, [], CAMERA) == []


def test_relative_change_is_of_people_found_both_times():
    changed = {(0, 0): 1100.0, (0, 2): 900.0, (5, 0): 1.0}
    base = {(0, 0): 1000.0, (0, 1): 7.0, (0, 2): 1000.0}
    assert suites._relative_change(changed, base) == pytest.approx([0.1, 0.1])


TABLE = benchmark.run(BoxHeightPrior(), [picture()]).table()
RESULTS = {"hdnet": TABLE, "lost": 2, "rung_mean": np.float64(0.05)}


def test_results_as_text_name_levels_and_shares():
    text = suites.as_text(RESULTS)
    child = next(line for line in text.splitlines() if "child" in line)
    assert child.split() == (
        "child 1 people mean 25.0 % median 25.0 % p95 25.0 % bias +25.0 % inside 50/68/95 %: 0/0/100".split()
    )
    assert "rung_mean                    0.0500" in text


def test_results_as_json_can_be_read_by_any_parser():
    nobody = benchmark.run(BoxHeightPrior(), []).table()
    read = json.loads(suites.as_json(RESULTS | {"nobody": nobody}), parse_constant=pytest.fail)
    assert read["hdnet"]["child"]["coverage"] == {"0.5": 0.0, "0.68": 0.0, "0.95": 1.0}
    assert read["nobody"]["everyone"]["mean"] is None
    assert (read["lost"], read["rung_mean"]) == (2, 0.05)
