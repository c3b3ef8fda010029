"""The floor through a lookup of TF, without ROS."""

import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.locate.priors import BoxHeightPrior
from hdnet_ros.core.types import Detection
from hdnet_ros.pipeline.floor import FloorFinder

CAMERA = Camera.from_matrix((500, 0, 320, 0, 500, 240, 0, 0, 1), (640, 480))
STAMP_NS = 5_000_000_000


def level_camera(height_m=1.2):
    """Pose of a base in the optical frame of a level camera `height_m` over it."""
    pose = np.eye(4)
    pose[:3, :3] = [[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]
    pose[:3, 3] = 0.0, height_m, -0.2
    return pose


def finder(pose, **options):
    asked, said = [], []

    def lookup(*arguments):
        asked.append(arguments)
        return pose

    values = {
        "ground_frame": "base_footprint", "ground_depth": True, "ground_pitch_sigma_rad": 0.0087,
        "outputs": [""], **options,
    }  # fmt: skip
    return FloorFinder(lookup, values, said.append), asked, said


def people():
    """A child of 1.1 m, 4 m away: feet 150 px below the horizon, head 12.5 px below it."""
    return BoxHeightPrior().localize(None, [Detection(np.array([320.0, 321.25, 50.0, 137.5]))], CAMERA)


def test_floor_is_looked_up_at_the_stamp_and_corrects_a_child():
    found, asked, _ = finder(level_camera())
    [told] = found.applied(people(), CAMERA, STAMP_NS, "camera")
    assert asked == [(STAMP_NS, "base_footprint", "camera")]
    assert people()[0].root_camera_mm[2] == pytest.approx(6182, abs=1)
    assert told.root_camera_mm[2] == pytest.approx(4200, abs=100)
    assert told.stature_mm == pytest.approx(1100.0, abs=1.0)


@pytest.mark.parametrize("pose", [None, level_camera(-0.5)], ids=["TF is not there", "base above the camera"])
def test_people_stay_as_they_are_without_a_floor(pose):
    found, _, _ = finder(pose)
    [told] = found.applied(people(), CAMERA, STAMP_NS, "camera")
    assert told.root_camera_mm[2] == pytest.approx(6182, abs=1) and np.isnan(told.stature_mm)


@pytest.mark.parametrize("options", [{"ground_frame": ""}, {}], ids=["switched off", "no stamp"])
def test_nothing_is_looked_up_without_frame_or_stamp(options):
    found, asked, _ = finder(level_camera(), **options)
    assert found.in_frame(STAMP_NS if options else 0, "camera") is None and asked == []


def test_no_floor_is_said_once_and_only_where_it_is_wanted():
    wanted, _, said = finder(None)
    silent, _, nothing = finder(None, ground_depth=False)
    for _ in range(60):
        wanted.in_frame(STAMP_NS, "camera")
        silent.in_frame(STAMP_NS, "camera")
    assert len(said) == 1 and "'base_footprint'" in said[0] and "ground_frame" in said[0]
    assert nothing == []


def test_floor_below_a_point():
    floor = finder(level_camera())[0].in_frame(STAMP_NS, "camera")
    assert floor.below(np.array([0.3, 0.1, 5.0])) == pytest.approx([0.3, 1.2, 5.0])


def test_floor_for_discs_is_looked_up_only_for_ground_points():
    without, asked, _ = finder(level_camera())
    assert without.for_discs(STAMP_NS, "odom") is None and asked == []
    assert finder(level_camera(), outputs=["ground_points"])[0].for_discs(STAMP_NS, "odom") is not None


def test_a_camera_over_a_level_floor_stands_in_for_tf():
    from hdnet_ros.cli.commands.localize import floor_lookup

    options = {"ground_frame": "base_footprint", "outputs": [], "ground_depth": True, "ground_pitch_sigma_rad": 0.0087}
    for pitch_rad in (-0.2, 0.0, 0.3):
        floor = FloorFinder(floor_lookup("base_footprint", 1.5, pitch_rad), options, print).in_frame(1, "camera")
        # Up in the optical frame (y down, z ahead) leans back where the camera looks down.
        assert floor.up == pytest.approx([0.0, -np.cos(pitch_rad), -np.sin(pitch_rad)])
        # The camera is 1.5 m over the floor: the floor's points have up . X = -1.5.
        assert floor.offset_m == pytest.approx(-1.5)
