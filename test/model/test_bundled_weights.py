"""The checkpoint that ships: it loads, says where it comes from, and keeps its limits."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.heading import heading_of
from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.core.types import Detection
from hdnet_ros.data.driving_scene import load_driving_scene
from hdnet_ros.data.holdout import rendered_pictures
from hdnet_ros.data.synthetic.body_bank import bank_path
from hdnet_ros.evaluate import benchmark
from hdnet_ros.evaluate.depth_error import coverage
from hdnet_ros.model.checkpoint import CheckpointError, load_checkpoint
from hdnet_ros.model.default_weights import find_default_weights
from hdnet_ros.locate.factory import EstimatorSettings, make_estimator

BYTES_LIMIT = 40e6
PARAMETER_LIMIT = 8e6


def estimator_from(path, precision="auto", engine="auto"):
    settings = EstimatorSettings(
        "hdnet", str(path), "cpu", precision=precision, engine=engine, second_look="never"
    )
    return make_estimator(settings, is_live=True)[0]


@pytest.fixture(scope="module")
def weights():
    path = find_default_weights()
    assert path is not None, "weights/hdnet_lite.safetensors belongs to the repository"
    return path


def test_bundled_weights_are_small_and_name_their_origin(weights):
    loaded = load_checkpoint(weights)
    assert weights.stat().st_size < BYTES_LIMIT
    assert sum(p.numel() for p in loaded.network.parameters()) < PARAMETER_LIMIT
    assert loaded.metadata["name"] == "hdnet_lite" and loaded.metadata["licence"] == "Apache-2.0"
    assert "synthetic" in loaded.metadata["data"]
    assert loaded.convention.ladder and loaded.convention.mode == "virtual"
    assert loaded.config.sigma_head and loaded.calibration.temperature == 1.0
    assert loaded.calibration.floor_relative >= 0.056
    assert loaded.config.refiner_layers == 2


def test_bundled_weights_name_whose_joints_they_hold(weights):
    loaded = load_checkpoint(weights)
    assert loaded.config.joint_witness == "movenet_lightning"
    assert "MoveNet" in loaded.metadata["data"] and "Google" in loaded.metadata["data"]
    notice = weights.with_name("NOTICE-movenet").read_text()
    assert weights.name in notice and "LICENSE-movenet" in notice
    assert "Apache License" in weights.with_name("LICENSE-movenet").read_text()


def test_bundled_files_are_those_of_the_list_beside_them(weights):
    listed = dict(line.split()[::-1] for line in weights.with_name("SHA256SUMS").read_text().splitlines())
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in weights.parent.glob("*.safetensors")}
    assert found == listed, "after another file came: cd weights && sha256sum *.safetensors > SHA256SUMS"


def test_a_copy_of_bundled_weights_is_known_anywhere_and_one_flipped_bit_is_not(weights, tmp_path):
    copy = tmp_path / "mine.safetensors"
    content = bytearray(weights.read_bytes())
    copy.write_bytes(content)
    load_checkpoint(copy)
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(CheckpointError, match="sha256"):
        load_checkpoint(copy)


def test_bundled_weights_scale_depth_with_the_focal_length(weights):
    estimator = estimator_from(weights)
    image = np.full((480, 640, 3), 90, np.uint8)
    image[120:380, 290:350] = (30, 40, 80)
    person = [Detection(np.array([320.0, 250.0, 70.0, 270.0]))]

    def depth_mm(focal_px):
        camera = Camera(np.array([[focal_px, 0, 319.5], [0, focal_px, 239.5], [0, 0, 1]]), (640, 480))
        return estimator.localize(image, person, camera)[0].root_camera_mm[2]

    # The person is in the middle, so another focal length changes the picture of the patch hardly at all.
    assert depth_mm(1800.0) / depth_mm(900.0) == pytest.approx(2.0, rel=0.03)


@pytest.mark.parametrize(
    ("engine", "precision", "median", "p95"),
    [("torch", "bfloat16", 0.005, 0.02), ("openvino", "float32", 1e-4, 1e-4), ("openvino", "bfloat16", 0.005, 0.02)],
)
def test_bundled_weights_give_the_same_people_in_every_engine(weights, engine, precision, median, p95):
    if engine == "openvino":
        pytest.importorskip("openvino")
    scene = load_driving_scene(Path(__file__).parents[1] / "data" / "driving_scene")
    estimators = [estimator_from(weights, "float32", "torch"), estimator_from(weights, precision, engine)]
    people = [[], []]
    for frame, image_rgb in scene.pictures(every=5):
        boxes = [Detection(box) for box in frame.boxes.values()]
        for estimator, found in zip(estimators, people):
            found += estimator.localize(image_rgb, boxes, scene.camera)
    depths_mm, sigmas_mm = (
        np.array([[getattr_of(p) for p in found] for found in people])
        for getattr_of in (lambda p: p.root_camera_mm[2], lambda p: p.depth_sigma_mm)
    )
    assert depths_mm.shape[1] >= 30
    change = np.abs(depths_mm[1] / depths_mm[0] - 1.0)
    assert np.median(change) <= median and np.percentile(change, 95) <= p95
    # The same share of people lies within their sigma where neither depth nor sigma moves.
    assert np.median(np.abs(sigmas_mm[1] / sigmas_mm[0] - 1.0)) <= max(median, 0.01)


def test_sigma_covers_as_many_people_in_every_engine(weights):
    """Of the hold-out's people, whose depths are known: reduced precision leaves the coverage as it is."""
    pytest.importorskip("openvino")
    if not bank_path("holdout").is_file():
        pytest.skip(f"no body bank at {bank_path('holdout')}: draw people once with anny installed to build it")
    pictures = list(rendered_pictures(range(40)))
    shares = []
    for engine, precision in (("torch", "float32"), ("openvino", "float32"), ("openvino", "bfloat16")):
        rows = benchmark.run(estimator_from(weights, precision, engine), pictures)
        shares.append(list(coverage(rows.estimated_mm, rows.sigma_mm, rows.true_mm).values()))
    people = len(rows.true_mm)
    assert people >= 40
    reference, float32, bfloat16 = np.array(shares)
    assert np.abs(float32 - reference).max() < 1.0 / people, "somebody changes sides"
    # By less than what so many people tell a share to.
    assert np.abs(bfloat16 - reference).max() <= np.sqrt(0.5 * 0.5 / people)


def test_bundled_weights_say_who_may_be_a_child(weights):
    """Of the drive's people one is a child of 1.22 m: likelier to be one than any of those who walk upright beside it."""
    scene = load_driving_scene(Path(__file__).parents[1] / "data" / "driving_scene")
    estimator, said = estimator_from(weights), {}
    for frame, image_rgb in scene.pictures(every=5):
        boxes = [Detection(box, id=name) for name, box in frame.boxes.items()]
        for person in estimator.localize(image_rgb, boxes, scene.camera):
            said.setdefault(person.id, []).append(person.child_probability)
    mean = {name: float(np.mean(values)) for name, values in said.items()}
    assert all(0.0 <= value <= 1.0 for value in mean.values())
    walking = [value for name, value in mean.items() if name not in ("child", "sitting")]
    assert mean["child"] > max(walking), mean


def test_bundled_weights_give_skeletons_in_metres_that_face_where_people_walk(weights):
    scene = load_driving_scene(Path(__file__).parents[1] / "data" / "driving_scene")
    estimator, turned_deg, walking = estimator_from(weights), [], 0
    for frame, image_rgb in scene.pictures(every=5):
        to_odom = scene.camera_to_odom(frame)[:3, :3]
        boxes = [Detection(box, id=name) for name, box in frame.boxes.items()]
        for person in estimator.localize(image_rgb, boxes, scene.camera):
            joints_mm = person.joints_camera_mm
            assert joints_mm[ROOT] == pytest.approx(person.root_camera_mm, rel=1e-5)
            np.testing.assert_allclose(scene.camera.project(joints_mm), person.joints_px, atol=0.1)
            assert np.abs(joints_mm - joints_mm[ROOT]).max() < 2000.0
            velocity = frame.people[person.id].truth.velocity_mm_s
            if np.linalg.norm(velocity) < 500.0:
                continue
            walking += 1
            heading = heading_of(joints_mm @ to_odom.T, (0.0, 0.0, 1.0))
            if heading is not None:
                cosine = heading.forward @ velocity / np.linalg.norm(velocity)
                turned_deg.append(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
    assert walking > 20 and len(turned_deg) > 0.8 * walking
    assert np.median(turned_deg) < 25.0
