import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.patch import (
    OUTSIDE_RGB,
    PatchConvention,
    box_in_patch,
    box_mask,
    boxes_in_cells,
    cells_to_patch_px,
    choose_patch_px,
    patch_camera_for,
    patch_px_to_cells,
    sample_patch,
)

K = (900.0, 0.0, 655.0, 0.0, 880.0, 350.0, 0.0, 0.0, 1.0)
SIZE = (1280, 720)
CAMERAS = {
    "none": Camera.from_matrix(K, SIZE),
    "plumb_bob": Camera.from_matrix(K, SIZE, "plumb_bob", (-0.2, 0.05, 0.001, -0.002, 0.0)),
    "equidistant": Camera.from_matrix(
        (500.0, 0, 640, 0, 500, 360, 0, 0, 1), SIZE, "equidistant", (0.01, -0.002, 0.0, 0.0)
    ),
}
CONVENTIONS = {
    "crop": PatchConvention(mode="crop"),
    "virtual": PatchConvention(mode="virtual"),
    "raw": PatchConvention(mode="crop", undistort=False),
    "authors": PatchConvention.authors(),
}
boxes = st.tuples(
    st.floats(200.0, 1080.0), st.floats(150.0, 570.0), st.floats(20.0, 200.0), st.floats(40.0, 400.0)
)


@pytest.mark.parametrize("lens", CAMERAS)
@pytest.mark.parametrize("name", CONVENTIONS)
@settings(max_examples=40, deadline=None)
@given(box=boxes, rung=st.integers(-2, 2), inside=st.tuples(st.floats(0, 255), st.floats(0, 255)))
def test_project_inverts_backproject_to_a_millionth_px(lens, name, box, rung, inside):
    patch_camera = patch_camera_for(CAMERAS[lens], box, CONVENTIONS[name], rung_offset=rung)
    point = patch_camera.backproject(np.array(inside), 5000.0)
    if np.isfinite(point).all():
        assert patch_camera.project(point) == pytest.approx(np.array(inside), abs=1e-6)
        assert patch_camera.depth_mm(point) == pytest.approx(5000.0, abs=1e-6)


@pytest.mark.parametrize("lens", CAMERAS)
@pytest.mark.parametrize("name", ["crop", "virtual", "raw"])
@settings(max_examples=40, deadline=None)
@given(box=boxes)
def test_patch_centre_shows_the_box_centre(lens, name, box):
    camera, convention = CAMERAS[lens], CONVENTIONS[name]
    patch_camera = patch_camera_for(camera, box, convention)
    point = patch_camera.backproject(np.array([127.5, 127.5]), 4000.0)
    assert camera.project(point) == pytest.approx(np.array(box[:2]), abs=1e-6)


@pytest.mark.parametrize("name", CONVENTIONS)
@pytest.mark.parametrize("rung", [-1, 0, 3])
def test_focal_px_is_exactly_f_times_input_over_patch(name, rung):
    camera = CAMERAS["plumb_bob"]
    patch_camera = patch_camera_for(camera, (700, 300, 60, 200), CONVENTIONS[name], rung)
    expected = camera.focal_px * 256.0 / patch_camera.patch_px
    assert patch_camera.focal_px == pytest.approx(expected, rel=1e-12)


def test_choose_patch_px_takes_the_nearest_rung():
    convention = PatchConvention()
    # 148.48 / 0.58 = 256 = 2^8; the next rung is 362.04, the border between them at 304.4.
    assert choose_patch_px((0, 0, 60, 148.48), convention) == pytest.approx(256.0)
    assert choose_patch_px((0, 0, 60, 304.0 * 0.58), convention) == pytest.approx(256.0)
    assert choose_patch_px((0, 0, 305.0 * 0.58, 60), convention) == pytest.approx(2**8.5)
    assert choose_patch_px((0, 0, 60, 148.48), convention, rung_offset=-2) == pytest.approx(128.0)
    assert choose_patch_px((0, 0, 60, 148.48), convention, zoom=1.25) == pytest.approx(204.8)
    assert choose_patch_px((0, 0, 60, 148.48), PatchConvention.authors()) == 1000.0
    for box, zoom in (((0, 0, 0, 0), 1.0), ((0, 0, 60, 100), 0.0)):
        with pytest.raises(ValueError, match="expected above 0"):
            choose_patch_px(box, convention, zoom=zoom)


def test_virtual_camera_does_not_roll():
    patch_camera = patch_camera_for(CAMERAS["none"], (1200, 650, 60, 100), CONVENTIONS["virtual"])
    down = np.array([0.0, 1.0, 0.0])
    assert (patch_camera.rotation_patch_to_camera.T @ down)[0] == pytest.approx(0.0, abs=1e-12)
    assert np.linalg.det(patch_camera.rotation_patch_to_camera) == pytest.approx(1.0)


def test_virtual_camera_fills_the_patch_alike_at_the_rim_of_a_fisheye():
    camera, convention = CAMERAS["equidistant"], CONVENTIONS["virtual"]
    fills = []
    for x in (640.0, 900.0, 1200.0):
        patch_camera = patch_camera_for(camera, (x, 360.0, 40.0, 148.0), convention)
        x0, y0, x1, y1 = box_in_patch((x, 360.0, 40.0, 148.0), camera, patch_camera)
        fills.append((y1 - y0) / 256.0)
    assert 0.58 / 2**0.25 - 0.01 < min(fills) <= max(fills) < 0.58 * 2**0.25 + 0.01


def test_patch_centre_without_a_ray_is_named():
    camera = Camera.from_matrix(K, SIZE, "plumb_bob", (-0.5, 0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"centre \(1270.0, 700.0\) px has no ray"):
        patch_camera_for(camera, (1270, 700, 20, 40), CONVENTIONS["virtual"])


def test_authors_pixels_and_cells_sample_where_their_code_does():
    camera = Camera.from_matrix(K, SIZE)
    convention = PatchConvention.authors()
    patch_camera = patch_camera_for(camera, (700, 300, 60, 200), convention)
    j = np.array([[0.0, 0.0], [128.0, 128.0], [255.0, 17.0]])
    source_px = camera.project(patch_camera.backproject(j, 1.0))
    assert source_px == pytest.approx((j - 128.0) * 1000.0 / 256.0 + [655.0, 350.0], abs=1e-9)
    i = np.array([[0.0, 0.0], [32.0, 32.0], [63.0, 5.0]])
    source_px = camera.project(patch_camera.backproject(cells_to_patch_px(i, convention), 1.0))
    assert source_px == pytest.approx((i - 32.0) * 1000.0 / 64.0 + [655.0, 350.0], abs=1e-9)
    # The paper's rule for joints: x / z = (u - c) / f.
    ray = patch_camera.backproject(j[2], 1.0)
    u, v = (j[2] - 128.0) * 1000.0 / 256.0
    assert ray == pytest.approx([u / 900.0, v / 880.0, 1.0])


def test_authors_patch_is_bilinear_without_antialiasing():
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    camera = Camera.from_matrix(K, SIZE)
    patch, _ = sample_patch(image, camera, (700, 300, 60, 200), PatchConvention.authors())
    for row, column in ((60, 0), (128, 128), (200, 77), (131, 254)):
        u, v = (column - 128) * 1000 / 256 + 655.0, (row - 128) * 1000 / 256 + 350.0
        x, y = int(np.floor(u)), int(np.floor(v))
        a, b = u - x, v - y
        four = image[y : y + 2, x : x + 2].astype(float)
        expected = (1 - b) * ((1 - a) * four[0, 0] + a * four[0, 1]) + b * (
            (1 - a) * four[1, 0] + a * four[1, 1]
        )
        # OpenCV rounds positions to 1/32 px, up to 4 of 255 grey levels in noise.
        assert patch[row, column] == pytest.approx(expected, abs=5.0)
    # 1000 px around v = 350 begin 150 px above a 720 px image.
    assert patch[0, 128].tolist() == list(OUTSIDE_RGB)


@pytest.mark.parametrize("lens", CAMERAS)
@pytest.mark.parametrize("name", ["crop", "virtual", "raw"])
@pytest.mark.parametrize("zoom", [0.2, 0.55, 1.0, 3.0])
def test_sample_patch_shows_points_where_the_patch_camera_says(lens, name, zoom):
    camera = CAMERAS[lens]
    box = np.array([900.3, 250.7, 50.0, 120.0])
    wide = patch_camera_for(camera, box, CONVENTIONS[name], zoom=zoom)
    points = wide.backproject(np.array([[127.5, 127.5], [90.0, 150.0], [170.0, 100.0]]), 1.0)
    for target in points:
        sigma_px = max(1.5, 3.0 * wide.patch_px / 256.0)
        image = _blob(camera, camera.project(target), sigma_px)
        patch, patch_camera = sample_patch(image, camera, box, CONVENTIONS[name], zoom=zoom)
        centroid = _centroid(patch[..., 0].astype(float))
        assert centroid == pytest.approx(patch_camera.project(target), abs=0.2)


def test_sample_patch_averages_what_would_alias():
    camera = CAMERAS["none"]
    checks = (np.indices((720, 1280)).sum(axis=0) % 2 * 255).astype(np.uint8)
    image = np.repeat(checks[..., None], 3, axis=2)
    box, convention = (640, 360, 60, 371.0), PatchConvention(mode="crop")
    for rung in (0, 1, 2):
        patch, patch_camera = sample_patch(image, camera, box, convention, rung_offset=rung)
        inside = patch[110:146, 110:146].astype(float)
        assert patch_camera.patch_px / 256.0 > 1.4
        assert inside.mean() == pytest.approx(127.5, abs=2.0)
        assert inside.std() < 8.0
    aliased = PatchConvention(mode="crop", antialias=False)
    patch, _ = sample_patch(image, camera, box, aliased)
    assert patch[110:146, 110:146].std() > 30.0


def test_sample_patch_outside_the_image_is_grey():
    image = np.zeros((720, 1280, 3), np.uint8)
    patch, _ = sample_patch(image, CAMERAS["none"], (0, 0, 40, 100), PatchConvention(mode="crop"))
    assert (patch[0, 0] == OUTSIDE_RGB).all()
    assert (patch[200, 200] == 0).all()
    far, _ = sample_patch(image, CAMERAS["none"], (-900, 0, 40, 100), PatchConvention(mode="crop"))
    assert (far == OUTSIDE_RGB).all()


def test_sample_patch_beyond_the_fold_of_the_lens_is_grey():
    camera = Camera.from_matrix(K, SIZE, "plumb_bob", (-0.35, 0.0, 0.0, 0.0))
    image = np.full((720, 1280, 3), 200, np.uint8)
    box = (640, 360, 60, 500)
    patch, patch_camera = sample_patch(image, camera, box, PatchConvention(mode="crop"), 4)
    assert np.isnan(camera.project(patch_camera.backproject(np.array([0.0, 0.0]), 1.0))).all()
    assert (patch[0, 0] == OUTSIDE_RGB).all()
    assert (patch[128, 128] == 200).all()


def test_sample_patch_reads_images_with_reversed_channels():
    image = np.zeros((720, 1280, 3), np.uint8)
    image[..., 0] = 255
    patch, _ = sample_patch(image[..., ::-1], CAMERAS["none"], (640, 360, 60, 120), PatchConvention())
    assert patch[128, 128].tolist() == [0, 0, 255]


def test_sample_patch_of_another_image_size_is_refused():
    with pytest.raises(ValueError, match="image is 640 x 480 px, its camera says 1280 x 720"):
        sample_patch(
            np.zeros((480, 640, 3), np.uint8), CAMERAS["none"], (9, 9, 9, 9), PatchConvention()
        )


def test_box_in_patch_of_a_crop_is_the_scaled_box():
    camera = Camera.from_matrix((900, 0, 655, 0, 900, 350, 0, 0, 1), SIZE)
    box = (700.0, 300.0, 64.0, 128.0)
    patch_camera = patch_camera_for(camera, box, PatchConvention(mode="crop"))
    assert patch_camera.patch_px == pytest.approx(256.0)
    bounds = box_in_patch(box, camera, patch_camera)
    assert bounds == pytest.approx([127.5 - 32, 127.5 - 64, 127.5 + 32, 127.5 + 64])


@settings(deadline=None, max_examples=30)
@given(box=boxes, other=boxes)
def test_boxes_in_cells_end_where_their_masks_do(box, other):
    camera, convention = CAMERAS["plumb_bob"], PatchConvention()
    patch_camera = patch_camera_for(camera, box, convention)
    corners = boxes_in_cells(np.array([other]), camera, patch_camera, convention)
    assert corners.shape == (2, 4)
    assert np.isnan(corners[1]).all()
    mask = box_mask(box_in_patch(other, camera, patch_camera), convention)
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    expected = np.array([columns[0], rows[0], columns[-1], rows[-1]])
    inside = (corners[0] > 1) & (corners[0] < 62)
    if inside.all() and (corners[0, 2:] - corners[0, :2] > 2).all():
        assert np.abs(corners[0] - expected).max() <= 1.0


def test_box_mask_takes_cells_whose_centre_is_inside():
    tight = PatchConvention(box_margin=0.0)
    # Cell centres are at 4 i + 1.5: 101.5 is cell 25, 109.5 cell 27.
    mask = box_mask((101.0, 41.5, 110.0, 49.6), tight)
    assert mask.shape == (64, 64)
    rows, columns = np.nonzero(mask)
    assert sorted(set(columns)) == [25, 26, 27]
    assert sorted(set(rows)) == [10, 11, 12]


def test_box_mask_is_widened_by_the_margin():
    # 80 px wide: 15 % are 12 px or 3 cells on each side.
    columns = box_mask((81.5, 81.5, 161.5, 161.5), PatchConvention(box_margin=0.15)).any(axis=0)
    assert np.flatnonzero(columns).tolist() == list(range(17, 44))


@pytest.mark.parametrize("bounds", [(102.0, 102.0, 102.2, 102.2), (-50.0, 300.0, -40.0, 310.0)])
def test_box_mask_has_at_least_one_cell(bounds):
    assert box_mask(bounds, PatchConvention()).sum() >= 1


@given(st.floats(-5.0, 70.0), st.booleans())
def test_patch_px_to_cells_inverts_cells_to_patch_px(cell, half_pixel):
    convention = PatchConvention(half_pixel=half_pixel)
    assert patch_px_to_cells(cells_to_patch_px(cell, convention), convention) == pytest.approx(cell)


def test_convention_from_dict_names_an_unknown_key():
    convention = PatchConvention.authors()
    assert PatchConvention.from_dict(convention.to_dict()) == convention
    with pytest.raises(ValueError, match="rungs"):
        PatchConvention.from_dict({"rungs": 3})


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "warp"},
        {"centre": "corner"},
        {"input_px": 254},
        {"fixed_patch_px": 0.0},
        {"box_margin": -0.1},
        {"mode": "virtual", "undistort": False},
    ],
)
def test_convention_refuses_what_does_not_fit(change):
    with pytest.raises(ValueError, match="expected"):
        PatchConvention(**change)


def _blob(camera, centre_px, sigma_px):
    x, y = np.arange(camera.size_wh_px[0]), np.arange(camera.size_wh_px[1])
    column = np.exp(-0.5 * ((y - centre_px[1]) / sigma_px) ** 2)
    row = np.exp(-0.5 * ((x - centre_px[0]) / sigma_px) ** 2)
    grey = np.rint(250.0 * column[:, None] * row[None, :]).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _centroid(values):
    # The grey outside the image is 124 in red: only what is brighter around the peak counts.
    y, x = np.unravel_index(np.argmax(values), values.shape)
    weights = np.zeros_like(values)
    window = (slice(max(0, y - 14), y + 15), slice(max(0, x - 14), x + 15))
    weights[window] = np.clip(values[window] - 130.0, 0.0, None)
    rows, columns = np.indices(values.shape)
    return np.array([(columns * weights).sum(), (rows * weights).sum()]) / weights.sum()
