"""The bundled detector: what the network computes, how its cells become boxes, what it is shown."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.locate import nanodet_detector
from hdnet_ros.locate.detectors import DETECTOR_NAMES, PRESET_NAMES, make_detector
from hdnet_ros.locate.nanodet import DISTANCE_BINS, STRIDES_PX, NanoDet, cell_centres_px, decode
from hdnet_ros.locate.nanodet_detector import PRESETS, NanoDetDetector, WeightsError, load_nanodet
from hdnet_ros.locate.nanodet_views import tile_views, whole_view

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "weights/nanodet_g_person.safetensors"


@pytest.fixture(scope="module")
def network():
    return load_nanodet(WEIGHTS)


@pytest.fixture
def detector():
    return NanoDetDetector(sides_px=[416], weights=WEIGHTS, device="cpu", precision="float32")


def test_the_shipped_file_is_the_one_that_notice_and_script_name():
    found = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    script = (ROOT / "tools/convert_nanodet.py").read_text()
    assert re.search(r'^RESULT_SHA256 = "(\w+)"', script, re.MULTILINE)[1] == found
    assert found in (ROOT / "weights/NOTICE-nanodet").read_text()
    assert "Apache License" in (ROOT / "weights/LICENSE-nanodet").read_text()


def test_the_network_answers_as_the_published_graph(network):
    """Values of the TensorFlow.js graph for a picture of ramps, at three cells of each level."""
    rows, columns = torch.arange(416.0)[:, None], torch.arange(416.0)[None]
    blue_green_red = torch.stack([rows + 0 * columns, columns + 0 * rows, (rows + columns) / 2]) % 256
    with torch.inference_mode():
        answer = network(blue_green_red.flip(0)[None].float())[0]
    assert answer.shape == (52 * 52 + 26 * 26 + 13 * 13, 1 + 4 * DISTANCE_BINS)
    for cell, expected in GRAPH_ANSWERS.items():
        assert answer[cell, [0, 1, 12, 44]].tolist() == pytest.approx(expected, abs=1e-3)


# Cell: logit of a person, the first bins of left and of top, the last bin of the bottom.
GRAPH_ANSWERS = {
    0: (-4.6902, 2.0359, 2.1105, -0.6987),
    1234: (-4.9288, 0.4670, 1.0241, -0.6510),
    2703: (-4.1792, 1.8258, 2.4068, -0.6489),
    2704: (-4.8772, -0.3025, -0.3872, -0.5862),
    3000: (-3.8294, -0.2713, -0.4412, -0.8163),
    3379: (-4.9318, 0.0616, 0.0366, -0.4620),
    3380: (-4.4847, 0.0353, -0.3440, -1.1832),
    3450: (-2.1658, -2.0155, -1.7900, -1.3220),
    3548: (-4.4189, 0.0601, -0.2768, -1.2022),
}


def test_decode_reads_the_mean_of_each_distance():
    logits = torch.full((84, 1 + 4 * DISTANCE_BINS), -20.0)
    cell = 64 + 5  # the second level's row 1, column 1, of a 64 x 64 picture
    logits[cell, 0] = 2.0
    bins = logits[cell, 1:].view(4, DISTANCE_BINS)
    bins[0, 1] = bins[1, 2] = bins[2, 3] = 20.0
    bins[3, 4] = bins[3, 5] = 20.0
    boxes, scores = decode(logits, 64, 64, score_threshold=0.5)
    # Centre 24, 24; distances 1, 2, 3 and 4.5 strides of 16 px.
    assert boxes.tolist() == [pytest.approx([8.0, -8.0, 72.0, 96.0], abs=1e-3)]
    assert scores.tolist() == [pytest.approx(1 / (1 + np.exp(-2.0)))]


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(1, 12))
def test_cells_are_as_many_as_the_network_gives_and_lie_in_the_picture(rows, columns):
    height, width = 32 * rows, 32 * columns
    centres, strides = cell_centres_px(height, width)
    assert len(centres) == len(strides) == sum(height * width // s**2 for s in STRIDES_PX)
    assert (centres > 0).all() and (centres < torch.tensor([width, height])).all()


def test_forward_gives_as_many_cells_as_have_centres():
    picture = torch.zeros(2, 3, 64, 96, dtype=torch.uint8)
    assert NanoDet().eval()(picture).shape[:2] == (2, len(cell_centres_px(64, 96)[0]))


@settings(deadline=None, max_examples=50)
@given(st.integers(20, 900), st.integers(20, 900), st.sampled_from([320, 416, 640]))
def test_a_view_takes_boxes_back_to_the_image(width, height, side):
    view = whole_view(np.zeros((height, width, 3), np.uint8), side)
    assert view.picture.shape[0] % 32 == 0 and view.picture.shape[1] % 32 == 0
    shown = np.array([width, height]) * view.scale_xy
    assert shown.max() == pytest.approx(side)
    # The whole picture is the whole image: outer border to outer border, centres of pixels integer.
    box = view.to_image_px(np.array([[0.0, 0.0, *shown]]))[0]
    assert box == pytest.approx([-0.5, -0.5, width - 0.5, height - 0.5], abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(st.integers(200, 4200), st.integers(200, 2400), st.integers(0, 2**31))
def test_tiles_cover_the_image_and_hold_whoever_is_small(width, height, seed):
    views = tile_views(np.zeros((height, width, 3), np.uint8), 640)
    if not views:
        assert max(width, height) <= 800
        return
    assert len(views) <= 16 and all(max(view.picture.shape[:2]) == 640 for view in views)
    tile = max(views[0].tile.width, views[0].tile.height)
    rng = np.random.default_rng(seed)
    size = rng.uniform(10, 0.2 * tile, 2).clip(max=[width, height])
    low = rng.uniform(0, np.array([width, height]) - size)
    box = np.concatenate([low, low + size])[None]
    inside = [
        (box[0, :2] >= [v.tile.x0, v.tile.y0]).all()
        and (box[0, 2:] <= [v.tile.x0 + v.tile.width, v.tile.y0 + v.tile.height]).all()
        for v in views
    ]
    assert any(inside)


def test_a_box_that_ends_at_an_inner_edge_of_its_tile_is_cut_and_at_the_image_s_is_not():
    image = np.zeros((640, 1500, 3), np.uint8)
    first, *_, last = tile_views(image, 640)
    at_inner_edge = np.array([[600.0, 100.0, 639.0, 300.0]])
    at_image_edge = np.array([[-0.5, 100.0, 50.0, 639.5]])
    assert first.is_cut(at_inner_edge, (1500, 640)).tolist() == [True]
    assert first.is_cut(at_image_edge, (1500, 640)).tolist() == [False]
    assert last.is_cut(np.array([[1400.0, 10.0, 1499.5, 630.0]]), (1500, 640)).tolist() == [False]


class Told:
    """Stands in for what starts the network: one person in the cell that covers a point of the picture."""

    def __init__(self, x_px, y_px):
        self.point, self.shapes = (x_px, y_px), []

    def __call__(self, pictures):
        self.shapes.append(tuple(pictures.shape))
        _, _, height, width = pictures.shape
        cells = len(cell_centres_px(height, width)[0])
        logits = torch.full((len(pictures), cells, 1 + 4 * DISTANCE_BINS), -20.0)
        cell = (self.point[1] // 8) * (width // 8) + self.point[0] // 8
        logits[:, cell, 0] = 3.0
        logits[:, cell, 1:].view(-1, 4, DISTANCE_BINS)[:, :, 4] = 20.0
        return lambda: logits


def test_boxes_come_in_px_of_the_image_clipped_to_it(detector):
    detector.start = Told(8, 200)
    (person,) = detector.detect(np.zeros((480, 640, 3), np.uint8))
    # Cell centre 12, 204 at 416 / 640; 4 strides of 8 px to each side; 12 - 32 lies outside.
    low, high = (12 - 32) / 0.65, (12 + 32) / 0.65 - 0.5
    assert low < 0
    x, y, width, height = person.box_xywh_center_px
    assert (x - width / 2, x + width / 2) == pytest.approx((-0.5, high))
    assert (y, height) == pytest.approx((204 / 0.65 - 0.5, 64 / 0.65))
    assert person.score == pytest.approx(1 / (1 + np.exp(-3.0)))


def test_several_cameras_of_one_size_share_a_batch_of_pytorch_and_keep_their_people():
    detector = NanoDetDetector(sides_px=[416], weights=WEIGHTS, device="cpu", engine="torch")
    detector.start = told = Told(100, 100)
    images = [np.zeros((480, 640, 3), np.uint8)] * 3 + [np.zeros((480, 480, 3), np.uint8)]
    found = detector.detect_many(images)
    assert told.shapes == [(3, 3, 320, 416), (1, 3, 416, 416)]
    assert [len(people) for people in found] == [1, 1, 1, 1]


def test_several_cameras_keep_their_people(detector):
    detector.start = Told(100, 100)
    images = [np.zeros((480, 640, 3), np.uint8)] * 3 + [np.zeros((480, 480, 3), np.uint8), np.zeros((0, 4, 3), np.uint8)]
    assert [len(people) for people in detector.detect_many(images)] == [1, 1, 1, 1, 0]


def test_score_threshold_may_change_while_it_runs(detector):
    detector.start = Told(100, 100)
    image = np.zeros((480, 640, 3), np.uint8)
    detector.score_threshold = 0.99
    assert detector.detect(image) == []


def test_nobody_in_a_grey_image_of_any_size(detector):
    for shape in ((480, 640, 3), (1, 1, 3), (7, 900, 3), (0, 40, 3)):
        assert detector.detect(np.full(shape, 128, np.uint8)) == []


def test_what_is_no_rgb_image_is_named(detector):
    with pytest.raises(ValueError, match=r"image is \(4, 4\) uint8, expected \(H, W, 3\) uint8 RGB"):
        detector.detect(np.zeros((4, 4), np.uint8))


def test_presets_and_names_are_those_of_the_options():
    assert tuple(PRESETS) == PRESET_NAMES and "nanodet" in DETECTOR_NAMES
    chosen = make_detector("nanodet", WEIGHTS, preset="wide", sides_px=[512], device="cpu").preset
    assert chosen == (((512,)), 640)


def test_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match="preset is 'best', expected one of fast, good, wide"):
        NanoDetDetector("best")
    with pytest.raises(ValueError, match="a side is 16 px, expected 32 to 4096"):
        NanoDetDetector(sides_px=[16])


def test_weights_of_something_else_are_named(tmp_path):
    with pytest.raises(WeightsError, match="nowhere.*no readable weights"):
        load_nanodet(tmp_path / "nowhere")
    with pytest.raises(WeightsError, match="not made by tools/convert_nanodet.py"):
        load_nanodet(ROOT / "weights/hdnet_lite.safetensors")
    half = tmp_path / "half.safetensors"
    half.write_bytes(WEIGHTS.read_bytes()[:100_000])
    with pytest.raises(WeightsError, match="half.safetensors"):
        load_nanodet(half)


def test_missing_bundled_weights_say_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(nanodet_detector, "weights_folders", lambda: [tmp_path])
    with pytest.raises(WeightsError, match="convert_nanodet.py, or choose the detector hog"):
        load_nanodet()
