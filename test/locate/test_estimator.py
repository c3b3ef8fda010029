import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from figures import MeasuringNetwork, draw_figure  # noqa: E402

from hdnet_ros.core.camera import Camera, resize_image
from hdnet_ros.core.depth_bins import DepthBins, denormalise_depth
from hdnet_ros.core.device import choose_device, choose_precision
from hdnet_ros.locate.protocol import BoxedImage
from hdnet_ros.locate.estimator import HDNetEstimator
from hdnet_ros.core.patch import PatchConvention, sample_patch
from hdnet_ros.core.types import Detection, PersonFlags, SigmaCalibration

BINS = DepthBins.ladder()
CAMERA = Camera.from_matrix((1000, 0, 640, 0, 1000, 360, 0, 0, 1), (1280, 720))
CENTRE_MM = np.array([400.0, 0.0, 8000.0])


def make_estimator(mode="virtual", network=None, **options):
    network = network or MeasuringNetwork(BINS)
    return HDNetEstimator(network, PatchConvention(mode=mode), BINS, device="cpu", **options)


def localize_one(estimator, camera, centre_mm, image=None):
    drawn, box = draw_figure(camera, centre_mm)
    image = drawn if image is None else image
    (person,) = estimator.localize(image, [Detection(box, 0.9, "p")], camera)
    return person


@pytest.mark.parametrize("mode", ["crop", "virtual"])
@pytest.mark.parametrize("centre_mm", [(0, 0, 5000), (400, 100, 8000), (-2500, 0, 7000), (0, 0, 25e3)])
def test_localize_finds_a_figure_within_half_a_percent(mode, centre_mm):
    person = localize_one(make_estimator(mode), CAMERA, np.array(centre_mm, float))
    assert person.root_camera_mm[2] == pytest.approx(centre_mm[2], rel=5e-3)
    assert person.root_camera_mm[:2] == pytest.approx(centre_mm[:2], abs=0.004 * centre_mm[2])
    assert person.flags == PersonFlags.NONE
    assert person.joints_px[0] == pytest.approx(CAMERA.project(np.array(centre_mm, float)), abs=1.0)


@pytest.mark.parametrize("mode", ["crop", "virtual"])
@pytest.mark.parametrize("scale", [0.5, 0.75, 1.5, 2.0, 3.0])
def test_depth_stays_when_focal_length_and_image_change_together(mode, scale):
    estimator = make_estimator(mode)
    image, box = draw_figure(CAMERA, CENTRE_MM)
    size = (round(1280 * scale), round(720 * scale))
    scaled_image, scaled_camera = resize_image(image, CAMERA, size)
    scaled_box = np.array([*((box[:2] + 0.5) * scale - 0.5), *(box[2:] * scale)])
    (reference,) = estimator.localize(image, [Detection(box)], CAMERA)
    (person,) = estimator.localize(scaled_image, [Detection(scaled_box)], scaled_camera)
    assert person.focal_px == pytest.approx(1000.0 * scale)
    assert person.root_camera_mm == pytest.approx(reference.root_camera_mm, rel=5e-3, abs=15.0)


@pytest.mark.parametrize("mode", ["crop", "virtual"])
@pytest.mark.parametrize("rung", [-1, 1, 2, 3])
def test_depth_stays_on_every_rung_of_the_ladder(mode, rung):
    image, box = draw_figure(CAMERA, CENTRE_MM)
    patch, patch_camera = sample_patch(image, CAMERA, box, PatchConvention(mode=mode), rung)
    estimator = make_estimator(mode)
    output = estimator.network(torch.from_numpy(patch[None]).permute(0, 3, 1, 2), None, torch.tensor([0]))
    normalised = float(BINS.normalised(output.bin_index[0]))
    depth_mm = denormalise_depth(normalised, patch_camera.focal_px, 256)
    assert depth_mm == pytest.approx(patch_camera.depth_mm(CENTRE_MM), rel=5e-3)


@pytest.mark.parametrize("mode", ["crop", "virtual"])
def test_depth_stays_when_the_box_is_looser(mode):
    image, box = draw_figure(CAMERA, CENTRE_MM)
    estimator = make_estimator(mode)
    for factor in (1.0, 1.1, 1.3, 1.6):
        loose = Detection(np.array([*box[:2], *(box[2:] * factor)]))
        (person,) = estimator.localize(image, [loose], CAMERA)
        assert person.root_camera_mm[2] == pytest.approx(8000.0, rel=5e-3)


def test_localize_nobody_is_empty_and_does_not_call_the_network():
    estimator = make_estimator()
    assert estimator.localize(np.zeros((720, 1280, 3), np.uint8), [], CAMERA) == []
    assert estimator.network.calls == []


def test_localize_keeps_order_and_leaves_out_unusable_boxes():
    image, box = draw_figure(CAMERA, CENTRE_MM)
    boxes = [box, (np.nan, 1, 2, 3), box, (640, 360, -5, 10), (0, 0, 0, 0), (-500, 0, 40, 80), box]
    estimator = make_estimator()
    detections = [Detection(b, id=str(i)) for i, b in enumerate(boxes)]
    (located,) = estimator.localize_many([BoxedImage(image, detections, CAMERA)])
    assert [person.id for person in located.people] == ["0", "2", "6"]
    assert [index for index, _ in located.rejected] == [1, 3, 4, 5]
    assert "outside the 1280 x 720 image" in located.rejected[3][1]


def test_localize_a_thousand_boxes_runs_in_chunks():
    image = np.full((120, 160, 3), 255, np.uint8)
    image[20:100, 60:100] = 0
    camera = Camera.from_matrix((150, 0, 80, 0, 150, 60, 0, 0, 1), (160, 120))
    convention = PatchConvention(input_px=32)
    estimator = HDNetEstimator(MeasuringNetwork(BINS, 8), convention, BINS, device="cpu", chunk=16)
    people = estimator.localize(image, [Detection((80, 60, 40, 80))] * 1000, camera)
    assert len(people) == 1000
    assert max(estimator.network.calls) == (16, 16)
    assert sum(count for _, count in estimator.network.calls) == 1000


def test_localize_with_the_authors_convention_shares_one_patch():
    image, box = draw_figure(CAMERA, CENTRE_MM)
    bins = DepthBins(61, 2.0, 12.0)
    network = MeasuringNetwork(bins)
    estimator = HDNetEstimator(network, PatchConvention.authors(), bins, device="cpu")
    people = estimator.localize(image, [Detection(box), Detection(box + [5, 0, 0, 0])], CAMERA)
    assert network.calls == [(1, 2)]
    assert [person.patch_px for person in people] == [1000.0, 1000.0]
    assert people[0].normalised_depth == pytest.approx(8.0, rel=0.02)
    far_right = Detection((1230.0, 360.0, 60, 200))
    (located,) = estimator.localize_many([BoxedImage(image, [far_right], CAMERA)])
    assert located.people == []
    assert "outside the network's patch of 1000 source px" in located.rejected[0][1]


class _Listening(MeasuringNetwork):
    """Keeps what it is told of others."""

    reads_other_boxes = True

    def forward(self, images, box_masks, patch_index, other_boxes_cells):
        self.told = other_boxes_cells
        return super().forward(images, box_masks, patch_index)


def test_a_network_that_reads_them_is_told_the_boxes_that_overlap():
    image, box = draw_figure(CAMERA, CENTRE_MM)
    shift = np.array([0.5 * box[2], 0, 0, 0])
    estimator = make_estimator("crop", _Listening(BINS))
    estimator.localize(image, [Detection(box), Detection(box - 2.2 * shift), Detection(box + shift)], CAMERA)
    told = estimator.network.told
    assert told.shape == (3, 2, 4)
    assert told.isnan().all(-1).tolist() == [[False, True], [True, True], [False, True]]
    middle = (0.5 * (told[..., 0] + told[..., 2])).numpy()
    # Each has the other half its own width aside: to the right of the first, to the left of the last.
    assert middle[0, 0] - 31.5 == pytest.approx(31.5 - middle[2, 0], abs=0.1)
    assert middle[0, 0] > 32.0


class _Broken(MeasuringNetwork):
    """Answers the second person with NaN."""

    def forward(self, images, box_masks, patch_index):
        output = super().forward(images, box_masks, patch_index)
        output.bin_index[1] = torch.nan
        return output


def test_localize_drops_results_that_are_not_finite():
    image, box = draw_figure(CAMERA, CENTRE_MM)
    estimator = make_estimator(network=_Broken(BINS))
    detections = [Detection(box, id=name) for name in "abc"]
    (located,) = estimator.localize_many([BoxedImage(image, detections, CAMERA)])
    people = located.people
    assert [person.id for person in people] == ["a", "c"]
    assert located.rejected == [(1, "the network's result is not finite")]


def test_sigma_is_spread_and_floor_in_quadrature():
    calibration = SigmaCalibration(temperature=1.0, floor_relative=0.05)
    person = localize_one(make_estimator(sigma_calibration=calibration), CAMERA, CENTRE_MM)
    relative = person.depth_sigma_mm / person.root_camera_mm[2]
    # Two neighbouring bins at most: a spread of half a step, 2.7 %, or less.
    assert 0.05 <= relative <= np.hypot(0.05, BINS.log_step / 2 + 1e-9)


def test_temperature_widens_sigma_and_leaves_depth():
    sharp = localize_one(make_estimator(), CAMERA, CENTRE_MM)
    soft = localize_one(
        make_estimator(sigma_calibration=SigmaCalibration(temperature=8.0)), CAMERA, CENTRE_MM
    )
    assert soft.depth_sigma_mm > 1.5 * sharp.depth_sigma_mm
    assert soft.root_camera_mm == pytest.approx(sharp.root_camera_mm)


def test_joint_confidence_is_the_mass_near_the_joint():
    person = localize_one(make_estimator(), CAMERA, CENTRE_MM)
    assert person.joint_confidence == pytest.approx(np.ones(17))


class _Judging(MeasuringNetwork):
    """Says of the n-th person that they are a child with a logit of n."""

    def forward(self, images, box_masks, patch_index):
        output = super().forward(images, box_masks, patch_index)
        return SimpleNamespace(**output._asdict(), child_logit=torch.arange(float(len(patch_index))))


def test_whether_a_child_is_the_networks_word_for_each_and_changes_no_depth():
    image, box = draw_figure(CAMERA, CENTRE_MM)
    boxes = [Detection(box, id=name) for name in ("p0", "p1", "p2")]
    silent, judging = (
        make_estimator(network=network(BINS)).localize(image, boxes, CAMERA) for network in (MeasuringNetwork, _Judging)
    )
    assert np.isnan([person.child_probability for person in silent]).all()
    assert [person.child_probability for person in judging] == pytest.approx([0.5, 0.7311, 0.8808], abs=1e-4)
    assert [person.root_camera_mm[2] for person in judging] == [person.root_camera_mm[2] for person in silent]


class _Posing(MeasuringNetwork):
    """Every joint 200 mm behind the root but the last, which is 150 mm before it and 8 cells to the right."""

    def forward(self, images, box_masks, patch_index):
        output = super().forward(images, box_masks, patch_index)
        relative_mm = torch.full((len(patch_index), 17), 200.0)
        relative_mm[:, 0], relative_mm[:, 16] = 0.0, -150.0
        cells = output.joints_cells.clone()
        cells[:, 16, 0] += 8.0
        pose = SimpleNamespace(joints_cells=cells, relative_depth_mm=relative_mm)
        return SimpleNamespace(**output._asdict(), pose=pose)


def test_absolute_pose_is_the_root_depth_plus_the_joints_own():
    assert localize_one(make_estimator("crop"), CAMERA, CENTRE_MM).joints_camera_mm is None
    person = localize_one(make_estimator("crop", _Posing(BINS)), CAMERA, CENTRE_MM)
    root_mm, joints_mm = person.root_camera_mm, person.joints_camera_mm
    assert joints_mm[0] == pytest.approx(root_mm)
    assert joints_mm[1:16] == pytest.approx(np.tile(root_mm * (1 + 200.0 / root_mm[2]), (15, 1)))
    # 8 cells of 4 px of the patch.
    offset_mm = 32.0 / person.patch_focal_px * joints_mm[16, 2]
    assert joints_mm[16, 2] == pytest.approx(root_mm[2] - 150.0)
    assert joints_mm[16, 0] == pytest.approx(root_mm[0] * joints_mm[16, 2] / root_mm[2] + offset_mm)
    # The 2D joints are the network's first answer.
    assert person.joints_px[16] == pytest.approx(person.joints_px[0])


def test_joints_of_the_detection_take_the_place_of_the_networks():
    image, box = draw_figure(CAMERA, CENTRE_MM)
    given_px = np.full((17, 2), np.nan)
    given_px[0], given_px[16] = CAMERA.project(CENTRE_MM) + (3.0, -40.0), (705.0, 330.0)
    detection = Detection(box, joints_px=given_px)
    (own,) = make_estimator(network=_Posing(BINS)).localize(image, [detection], CAMERA)
    estimator = make_estimator(network=_Posing(BINS), joints_from="detection")
    person, plain = estimator.localize(image, [detection, Detection(box)], CAMERA)
    assert plain.root_camera_mm == pytest.approx(own.root_camera_mm)
    assert plain.root_network_camera_mm is None and own.root_network_camera_mm is None
    assert person.root_network_camera_mm == pytest.approx(own.root_camera_mm)
    assert CAMERA.project(person.root_camera_mm) == pytest.approx(given_px[0], abs=1e-6)
    assert person.normalised_depth == own.normalised_depth
    assert person.joints_px[[0, 16]] == pytest.approx(given_px[[0, 16]], abs=1e-6)
    assert person.joints_px[5] == pytest.approx(own.joints_px[5])
    assert CAMERA.project(person.joints_camera_mm[16]) == pytest.approx(given_px[16], abs=1e-6)
    with pytest.raises(ValueError, match="joints_from is 'cpn', expected one of"):
        make_estimator(joints_from="cpn")
    with pytest.raises(ValueError, match=r"joints_px has shape \(16, 2\), expected \(17, 2\)"):
        Detection(box, joints_px=given_px[:16])


def test_flags_say_what_to_distrust():
    image, box = draw_figure(CAMERA, CENTRE_MM)
    estimator = make_estimator()
    low_image, low_box = draw_figure(CAMERA, np.array([400.0, 2000.0, 8000.0]))
    (person,) = estimator.localize(low_image, [Detection(low_box, id="a")], CAMERA)
    assert person.flags == PersonFlags.TRUNCATED_BOX
    tall = Detection(np.array([*box[:2], box[2], 1.6 * box[3]]), id="a")
    (person,) = estimator.localize(image, [tall], CAMERA)
    assert person.flags == PersonFlags.IMPLAUSIBLE_HEIGHT
    narrow = DepthBins(71, 0.5, 1.0)
    estimator = HDNetEstimator(MeasuringNetwork(narrow), PatchConvention(), narrow, device="cpu")
    (person,) = estimator.localize(image, [Detection(box)], CAMERA)
    assert PersonFlags.OUT_OF_TRAINED_RANGE | PersonFlags.UNTRACKED_ID in person.flags


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((720, 1280), np.uint8), r"expected \(H, W, 3\) uint8"),
        (np.zeros((720, 1280, 3), np.float32), r"expected \(H, W, 3\) uint8"),
        (np.zeros((480, 640, 3), np.uint8), "image is 640 x 480 px, its camera says 1280 x 720"),
    ],
)
def test_localize_refuses_images_that_do_not_fit(image, message):
    with pytest.raises(ValueError, match=message):
        make_estimator().localize(image, [], CAMERA)


def test_choose_device_auto_without_cuda_is_loud(monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with caplog.at_level(logging.WARNING):
        assert choose_device("auto").type == "cpu"
    assert "NO CUDA DEVICE" in caplog.text
    with pytest.raises(ValueError, match="torch finds no CUDA"):
        choose_device("cuda")
    with pytest.raises(ValueError, match="'gpu', expected auto, cpu"):
        choose_device("gpu")


@pytest.mark.parametrize(
    "found, expected",
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16), ({"avx2": True}, torch.float32)],
)
def test_choose_precision_auto_asks_the_processor(monkeypatch, found, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    assert choose_precision("auto", torch.device("cpu")) == expected
    assert choose_precision("float32", torch.device("cpu")) == torch.float32
    assert choose_precision("bfloat16", torch.device("cpu")) == torch.bfloat16
    with pytest.raises(ValueError, match="precision is 'half', expected auto, float32, bfloat16 for PyTorch on cpu"):
        choose_precision("half", torch.device("cpu"))


@pytest.mark.parametrize("error", [np.linalg.LinAlgError("Singular matrix"), OverflowError("too large"), ValueError("no ray")])
def test_whatever_one_persons_arithmetic_throws_costs_nobody_else_the_answer(monkeypatch, error):
    estimator = make_estimator()
    image, box = draw_figure(CAMERA, CENTRE_MM)
    people = [Detection(box, 0.9, "good"), Detection(box, 0.5, "bad"), Detection(box, 0.8, "also good")]
    look_at, expected = estimator._look_at, estimator.localize(image, people[:1], CAMERA)

    def failing(waiting):
        if any(one.detection.id == "bad" for one in waiting):
            raise error
        return look_at(waiting)

    monkeypatch.setattr(estimator, "_look_at", failing)
    (located,) = estimator.localize_many([BoxedImage(image, people, CAMERA)])
    assert [person.id for person in located.people] == ["good", "also good"]
    assert located.rejected == [(1, str(error))]
    for person in located.people:
        assert person.root_camera_mm == pytest.approx(expected[0].root_camera_mm, rel=1e-5)


@pytest.mark.parametrize("score", [1.5, -0.1, np.nan, np.inf])
def test_a_score_that_is_not_0_to_1_leaves_out_its_box(score):
    image, box = draw_figure(CAMERA, CENTRE_MM)
    (located,) = make_estimator().localize_many([BoxedImage(image, [Detection(box, score), Detection(box, 0.9)], CAMERA)])
    assert len(located.people) == 1 and located.rejected == [(0, f"score is {score:g}, expected 0 to 1")]
