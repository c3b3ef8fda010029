"""Absolute poses: what a patch camera projects comes back from pixels, root depth and relative depths."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.patch import PatchConvention, patch_camera_for
from hdnet_ros.core.reading import Reading

CAMERAS = {
    "pinhole": Camera.from_matrix((1000, 0, 640, 0, 1010, 360, 0, 0, 1), (1280, 720)),
    "lens": Camera.from_matrix((700, 0, 640, 0, 700, 360, 0, 0, 1), (1280, 720), "plumb_bob", (-0.2, 0.05, 0, 0, 0)),
    "fisheye": Camera.from_matrix((500, 0, 640, 0, 500, 360, 0, 0, 1), (1280, 720), "equidistant", (0.01, 0, 0, 0)),
}
CONVENTIONS = {
    "virtual": PatchConvention(input_px=192),
    "crop": PatchConvention(input_px=192, mode="crop"),
    "authors": PatchConvention.authors(),
}
coordinates = st.floats(-900.0, 900.0, width=32)
poses = st.lists(st.tuples(coordinates, coordinates, coordinates), min_size=17, max_size=17)


def reading_of(joints_mm, patch_camera):
    depths_mm = patch_camera.depth_mm(joints_mm)
    pose = np.concatenate([patch_camera.project(joints_mm), (depths_mm - depths_mm[0])[:, None]], axis=1)
    return Reading(30.0, 0.02, pose[:, :2].copy(), np.ones(17), pose), float(depths_mm[0])


def patch_camera_of(root_mm, camera, convention):
    return patch_camera_for(camera, np.array([*camera.project(root_mm), 80.0, 200.0]), convention)


@pytest.mark.parametrize("lens", CAMERAS)
@pytest.mark.parametrize("mode", CONVENTIONS)
@settings(max_examples=25, deadline=None)
@given(offsets_mm=poses, depth_mm=st.floats(2500, 20000), bearing=st.floats(-0.35, 0.35))
def test_pose_comes_back_from_every_patch_camera(lens, mode, offsets_mm, depth_mm, bearing):
    camera = CAMERAS[lens]
    root_mm = np.array([bearing * depth_mm, 0.1 * depth_mm, depth_mm])
    joints_mm = root_mm + np.array(offsets_mm)
    joints_mm[0] = root_mm
    patch_camera = patch_camera_of(root_mm, camera, CONVENTIONS[mode])
    reading, root_depth_mm = reading_of(joints_mm, patch_camera)
    if not np.isfinite(reading.pose_patch).all():
        return  # a joint beyond the field of the lens
    found = reading.joints_camera_mm(patch_camera, root_depth_mm)
    assert found == pytest.approx(joints_mm, abs=1e-3 * depth_mm)


CAMERA, CONVENTION = CAMERAS["pinhole"], CONVENTIONS["virtual"]
ROOT_MM = np.array([1500.0, 200.0, 4000.0])
JOINTS_MM = ROOT_MM + np.linspace(0, 1, 17)[:, None] * (-300.0, 400.0, 250.0)


def test_another_root_depth_moves_all_joints_by_the_same_depth_along_their_rays():
    patch_camera = patch_camera_of(ROOT_MM, CAMERA, CONVENTION)
    reading, depth_mm = reading_of(JOINTS_MM, patch_camera)
    moved = reading.joints_camera_mm(patch_camera, depth_mm + 500.0)
    assert patch_camera.depth_mm(moved) - patch_camera.depth_mm(JOINTS_MM) == pytest.approx(np.full(17, 500.0))
    assert CAMERA.project(moved) == pytest.approx(CAMERA.project(JOINTS_MM), abs=1e-6)


def test_pelvis_is_where_the_network_puts_the_root_whatever_the_pose_says():
    patch_camera = patch_camera_of(ROOT_MM, CAMERA, CONVENTION)
    reading, depth_mm = reading_of(JOINTS_MM, patch_camera)
    pose = reading.pose_patch.copy()
    pose[0] += (9.0, -5.0, 0.0)
    pose[:, 2] += 80.0
    found = reading._replace(pose_patch=pose).joints_camera_mm(patch_camera, depth_mm)
    assert found == pytest.approx(JOINTS_MM, abs=1e-6)


def test_pose_that_is_not_finite_or_behind_the_camera_is_none():
    patch_camera = patch_camera_of(ROOT_MM, CAMERA, CONVENTION)
    reading, depth_mm = reading_of(JOINTS_MM, patch_camera)
    assert reading._replace(pose_patch=None).joints_camera_mm(patch_camera, depth_mm) is None
    behind, unknown = reading.pose_patch.copy(), reading.pose_patch.copy()
    behind[5, 2] = -depth_mm - 1.0
    unknown[5, 0] = np.nan
    for pose in (behind, unknown):
        assert reading._replace(pose_patch=pose).joints_camera_mm(patch_camera, depth_mm) is None


@pytest.mark.parametrize("lens, mode", [("fisheye", "virtual"), ("lens", "crop"), ("pinhole", "authors")])
def test_given_joints_replace_those_that_are_known(lens, mode):
    camera = CAMERAS[lens]
    patch_camera = patch_camera_of(ROOT_MM, camera, CONVENTIONS[mode])
    reading, depth_mm = reading_of(JOINTS_MM, patch_camera)
    reading = reading._replace(joints_patch_px=np.full((17, 2), 50.0), joint_confidence=np.full(17, 0.3))
    given_px = camera.project(JOINTS_MM)
    given_px[10] = np.nan
    found = reading.with_joints(given_px, camera, patch_camera)
    expected_px = patch_camera.project(JOINTS_MM)
    expected_px[10] = 50.0
    assert found.joints_patch_px == pytest.approx(expected_px, abs=1e-3)
    assert found.joint_confidence.tolist() == [1.0] * 10 + [0.3] + [1.0] * 6
    assert found.joints_camera_mm(patch_camera, depth_mm) == pytest.approx(JOINTS_MM, abs=0.1)
