"""The root from a 2D and a 3D pose: recovery for any camera, joints that are missing or wrong."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.core.camera import Camera
from hdnet_ros.locate.factory import EstimatorSettings
from hdnet_ros.locate.priors import BoxHeightPrior
from hdnet_ros.locate.protocol import BoxedImage
from hdnet_ros.core.skeleton import JOINT_NAMES, ROOT
from hdnet_ros.core.types import Detection
from hdnet_ros.evaluate import benchmark, rivals
from hdnet_ros.data.driving_scene import load_driving_scene
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.evaluate.reprojection import TORSO, VARIANTS, Ransac, fit_root
from hdnet_ros.evaluate.reprojection_estimators import (
    LabelledPoses,
    RememberedPoses,
    ReprojectionEstimator,
    reprojection_estimators,
)
from hdnet_ros.model.checkpoint import load_checkpoint
from hdnet_ros.model.default_weights import find_default_weights

# A standing person of 1.7 m seen from the front, root-relative, in the optical frame (y down), mm.
STANDING_MM = np.array(
    [
        [0, 0, 0], [-100, 10, 0], [-110, 430, 20], [-110, 830, -20], [100, 10, 0], [110, 430, 20],
        [110, 830, -20], [0, -230, 10], [0, -480, 0], [0, -600, -90], [0, -760, -10], [170, -470, 0],
        [220, -190, 20], [220, 40, -40], [-170, -470, 0], [-220, -190, 20], [-220, 40, -40],
    ],
    dtype=float,
)  # fmt: skip
LIMBS = [j for j in range(len(JOINT_NAMES)) if j not in TORSO]


@st.composite
def views(draw):
    """A camera of any field of view, with a lens, a person in front of it and a pose of theirs."""
    width, height = draw(st.sampled_from([(640, 480), (1280, 720), (1000, 1000)]))
    fx = draw(st.floats(0.5, 3.0)) * width
    fy = fx * draw(st.floats(0.9, 1.1))
    K = np.array([[fx, 0, 0.5 * width], [0, fy, 0.5 * height], [0, 0, 1.0]])
    lens = draw(st.sampled_from([("none", ()), ("plumb_bob", (-0.1, 0.02, 0.001, -0.001, 0.0))]))
    camera = Camera(K, (width, height), *lens)
    depth_mm = draw(st.floats(2500, 40000))
    offset = np.array([draw(st.floats(-0.2, 0.2)), draw(st.floats(-0.15, 0.15)), 1.0])
    yaw = draw(st.floats(-np.pi, np.pi))
    c, s = np.cos(yaw), np.sin(yaw)
    bent = np.random.default_rng(draw(st.integers(0, 99))).normal(0, 60, STANDING_MM.shape)
    pose_mm = (STANDING_MM + bent * (np.arange(17) != ROOT)[:, None]) @ [[c, 0, s], [0, 1, 0], [-s, 0, c]]
    return camera, offset * depth_mm, pose_mm


@settings(max_examples=40, deadline=None)
@given(views(), st.sampled_from(VARIANTS))
def test_exact_pose_gives_back_the_root(view, variant):
    camera, root_mm, pose_mm = view
    fit = fit_root(camera.project(pose_mm + root_mm), pose_mm, camera, variant)
    assert fit.root_camera_mm == pytest.approx(root_mm, rel=1e-5, abs=0.5)
    assert fit.residual_px < 1e-3
    assert set(np.flatnonzero(fit.used)) == set(TORSO if variant == "torso" else range(17))


@settings(max_examples=30, deadline=None)
@given(views(), st.sets(st.integers(0, 16), min_size=1, max_size=12), st.sampled_from(["2D", "3D", "weak"]))
def test_missing_joints_are_done_without(view, missing, how):
    camera, root_mm, pose_mm = view
    missing = sorted(missing)
    joints_px, pose_given = camera.project(pose_mm + root_mm), pose_mm.copy()
    confidence = np.ones(17)
    if how == "2D":
        joints_px[missing] = np.nan
    elif how == "3D":
        pose_given[missing] = np.nan
    else:
        confidence[missing] = 0.05
        joints_px[missing] += 200.0
    fit = fit_root(joints_px, pose_given, camera, "all", confidence)
    assert fit.root_camera_mm == pytest.approx(root_mm, rel=1e-4, abs=1.0)
    assert not fit.used[missing].any()
    assert fit.used.sum() == 17 - len(missing)


@settings(max_examples=30, deadline=None)
@given(views(), st.sets(st.integers(0, 16), min_size=1, max_size=5), st.integers(0, 99))
def test_ransac_leaves_out_joints_that_are_far_off(view, wrong, seed):
    camera, root_mm, pose_mm = view
    wrong = sorted(wrong)
    joints_px = camera.project(pose_mm + root_mm)
    side_px = np.ptp(joints_px, axis=0).max()
    direction = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(wrong))
    joints_px[wrong] += 0.3 * side_px * np.stack([np.cos(direction), np.sin(direction)], axis=1)
    fit = fit_root(joints_px, pose_mm, camera, "ransac")
    assert fit.root_camera_mm == pytest.approx(root_mm, rel=1e-3, abs=5.0)
    assert not fit.used[wrong].any()


def seen_from(depth_mm=5000.0, focal_px=1000.0):
    camera = Camera(np.array([[focal_px, 0, 320], [0, focal_px, 240], [0, 0, 1.0]]), (640, 480))
    root_mm = np.array([200.0, -100.0, depth_mm])
    return camera, root_mm, camera.project(STANDING_MM + root_mm)


def test_wrong_limbs_move_all_joints_but_not_the_torso():
    camera, root_mm, joints_px = seen_from()
    joints_px[LIMBS] = joints_px[ROOT] + 1.2 * (joints_px[LIMBS] - joints_px[ROOT])
    depths = {v: fit_root(joints_px, STANDING_MM, camera, v).root_camera_mm[2] for v in ("all", "torso")}
    assert depths["torso"] == pytest.approx(5000.0, abs=1.0)
    assert depths["all"] < 4500.0  # limbs 20 % too long look nearer


def test_person_taken_for_ten_percent_taller_is_ten_percent_farther():
    camera, root_mm, joints_px = seen_from()
    fit = fit_root(joints_px, 1.1 * STANDING_MM, camera)
    assert fit.root_camera_mm == pytest.approx(1.1 * root_mm, rel=1e-6)


@pytest.mark.parametrize("known", [(), (4,)])
def test_fewer_than_two_joints_are_refused_with_their_number(known):
    camera, _, joints_px = seen_from()
    joints_px[[j for j in range(17) if j not in known]] = np.nan
    with pytest.raises(ValueError, match=f"{len(known)} usable joints, expected at least 2"):
        fit_root(joints_px, STANDING_MM, camera)


def test_joints_found_at_one_place_are_refused_instead_of_being_infinitely_far():
    camera = Camera(np.array([[600.0, 0, 320], [0, 600.0, 240], [0, 0, 1.0]]), (640, 480))
    joints_px = np.full((17, 2), np.nan)
    joints_px[[11, 12, 13]] = [[400.0, 200.0]] * 3
    with pytest.raises(ValueError, match="the pose fits .* km away: its 2D joints do not tell a depth"):
        fit_root(joints_px, STANDING_MM, camera)


def test_pose_that_fits_only_behind_the_camera_is_refused():
    camera, _, joints_px = seen_from()
    mirrored_px = 2 * joints_px[ROOT] - joints_px
    with pytest.raises(ValueError, match="do not tell a depth"):
        fit_root(mirrored_px, STANDING_MM, camera)


def test_unknown_variant_and_wrong_shapes_are_named():
    camera, _, joints_px = seen_from()
    with pytest.raises(ValueError, match="variant is 'hands', expected one of all, torso, ransac"):
        fit_root(joints_px, STANDING_MM, camera, "hands")
    with pytest.raises(ValueError, match=r"joints_px is \(16, 2\)"):
        fit_root(joints_px[:16], STANDING_MM, camera)
    with pytest.raises(ValueError, match="subset=1"):
        Ransac(subset=1)


def picture_of_two():
    """Two standing people at 5 and 8 m, and a detection between them of which nothing is known."""
    camera = seen_from()[0]
    roots_mm = np.array([[-600.0, 0, 5000], [900.0, 0, 8000], [0, 0, 6000]])
    joints_mm = STANDING_MM + roots_mm[:, None]
    joints_mm[2] = np.nan
    joints_px = np.stack([camera.project(j) for j in joints_mm])
    boxes = [(200.0, 250, 80, 330), (432.0, 245, 60, 210), (320.0, 240, 60, 280)]
    return LabelledPicture(
        image_rgb=np.zeros((480, 640, 3), np.uint8),
        camera=camera,
        detections=[Detection(np.array(b), id=name) for b, name in zip(boxes, "abc", strict=True)],
        depth_mm=roots_mm[:, 2],
        joints_px=joints_px,
        joint_visible=np.isfinite(joints_px).all(axis=-1),
        tight_longer_side_px=np.array([320.0, 200, 270]),
        joints_camera_mm=joints_mm,
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_labelled_poses_score_without_error_and_the_unlabelled_are_lost(variant):
    source = LabelledPoses()
    unlabelled = replace(picture_of_two(), joints_camera_mm=None)
    estimator = ReprojectionEstimator(source, variant)
    rows = benchmark.run(estimator, source.following([picture_of_two(), unlabelled, picture_of_two()]))
    assert rows.true_mm == [5000.0, 8000.0] * 2
    assert rows.estimated_mm == pytest.approx([5000.0, 8000.0] * 2, rel=1e-6)
    assert rows.lost == 2
    (located,) = estimator.localize_many([BoxedImage(None, picture_of_two().detections, picture_of_two().camera)])
    assert located.rejected == [(2, "0 usable joints, expected at least 2")]


def test_estimate_keeps_identity_and_moves_pose_and_sigma_with_the_root():
    picture = picture_of_two()
    source = LabelledPoses()
    next(source.following([picture]))
    people = ReprojectionEstimator(source).localize(picture.image_rgb, picture.detections, picture.camera)
    prior = BoxHeightPrior().localize(picture.image_rgb, picture.detections, picture.camera)
    assert [p.id for p in people] == ["a", "b"]
    for person, base, truth in zip(people, prior, picture.joints_camera_mm, strict=False):
        assert person.joints_camera_mm == pytest.approx(truth, abs=0.1)
        ratio = person.root_camera_mm[2] / base.root_camera_mm[2]
        assert person.depth_sigma_mm == pytest.approx(base.depth_sigma_mm * ratio)


def test_source_without_3d_pose_gives_nobody_and_says_why():
    picture = picture_of_two()
    estimator = ReprojectionEstimator(BoxHeightPrior())
    (located,) = estimator.localize_many([BoxedImage(picture.image_rgb, picture.detections, picture.camera)])
    assert located.people == []
    assert located.rejected[0] == (0, "the pose source gives no 3D pose")


def test_baselines_come_in_the_papers_order():
    source = LabelledPoses()
    named = reprojection_estimators(source)
    assert list(named) == ["reprojection, all joints", "reprojection, torso", "reprojection, RANSAC"]
    assert [e.variant for e in named.values()] == ["all", "torso", "ransac"]


def test_baselines_stand_beside_the_priors_where_there_are_3d_poses():
    assert list(rivals.rivals(None)) == ["box-height", "box-area"]
    named = rivals.rivals(None, LabelledPoses())
    assert list(named)[2:] == ["reprojection, all joints", "reprojection, torso", "reprojection, RANSAC"]


class Counting(BoxHeightPrior):
    """The box-height prior, and how many images it was asked about."""

    asked = 0

    def localize_many(self, images):
        self.asked += len(images)
        return super().localize_many(images)


def test_poses_are_asked_for_once_an_image_and_its_boxes():
    picture, source = picture_of_two(), Counting()
    remembered = RememberedPoses(source)
    boxed = BoxedImage(picture.image_rgb, picture.detections, picture.camera)
    others = (
        boxed._replace(image_rgb=picture.image_rgb + np.uint8(1)),
        boxed._replace(detections=picture.detections[:1]),
        boxed._replace(detections=[replace(d, id="x") for d in picture.detections]),
    )
    first = remembered.localize_many([boxed, *others])
    assert source.asked == 4
    first[0].people.clear()
    again = remembered.localize_many([boxed, *others])
    assert source.asked == 4
    wanted = source.localize_many([boxed, *others])
    for found, true in zip(again, wanted, strict=True):
        assert [p.id for p in found.people] == [p.id for p in true.people]
        assert [p.root_camera_mm.tolist() for p in found.people] == [p.root_camera_mm.tolist() for p in true.people]


def test_the_bundled_weights_pose_is_held_against_joints_that_are_not_its_own():
    """Fitted to its own projection, a pose would only be put where it was."""
    scene = load_driving_scene(Path(__file__).parents[1] / "data" / "driving_scene")
    frame, image_rgb = next(scene.pictures())
    boxed = BoxedImage(image_rgb, [Detection(box, id=name) for name, box in frame.boxes.items()], scene.camera)
    once = EstimatorSettings(device="cpu", second_look="never")
    named = rivals.estimators_of(load_checkpoint(find_default_weights()), once)
    tested, fitted = (named[name].localize_many([boxed])[0].people for name in ("hdnet", "reprojection, all joints"))
    depths_mm = [{person.id: person.root_camera_mm[2] for person in people} for people in (tested, fitted)]
    ratios = np.array([depths_mm[1][name] / depth_mm for name, depth_mm in depths_mm[0].items() if name in depths_mm[1]])
    assert len(ratios) >= 4
    assert (np.abs(ratios - 1.0) > 1e-3).all() and (np.abs(ratios - 1.0) < 0.5).all()
