"""Detector-like boxes: their statistics, and what happens at the picture's edge."""

import numpy as np
import pytest

from hdnet_ros.data.synthetic.boxes import (
    DetectorStyle,
    clip_corners,
    detect,
    draw_style,
    to_center,
    to_corners,
)

PICTURE = np.array([-0.5, -0.5, 1279.5, 719.5])
PERSON = np.array([600.0, 200.0, 700.0, 500.0])
EXACT = DetectorStyle((1.0, 1.0), 0.0, 0.0, 0.0, amodal_share=1.0, merge_share=0.0)


def test_to_corners_inverts_to_center():
    assert np.allclose(to_corners(to_center(PERSON)), PERSON)


def test_detect_without_jitter_is_the_tight_box():
    box = detect(np.random.default_rng(0), EXACT, PERSON, PERSON, [], PICTURE)
    assert np.allclose(box, [650, 350, 100, 300])


def test_detect_cuts_at_the_pictures_edge():
    person = PERSON + [0, 400, 0, 400]
    x, y, w, h = detect(np.random.default_rng(0), EXACT, person, person, [], PICTURE)
    assert y + h / 2 <= 719.5 + 1e-9
    assert (x, w) == pytest.approx((650, 100))


def test_detect_covers_the_visible_part_when_not_amodal():
    style = DetectorStyle((1.0, 1.0), 0.0, 0.0, 0.0, amodal_share=0.0, merge_share=0.0)
    visible = np.array([600.0, 200.0, 700.0, 350.0])
    assert np.allclose(
        detect(np.random.default_rng(0), style, PERSON, visible, [], PICTURE), [650, 275, 100, 150]
    )


def test_detect_fixed_aspect_sets_the_width():
    style = DetectorStyle((1.0, 1.2), 0.41, 0.0, 0.0, amodal_share=1.0, merge_share=0.0)
    _, _, w, h = detect(np.random.default_rng(0), style, PERSON, PERSON, [], PICTURE)
    assert h == pytest.approx(360)
    assert w == pytest.approx(0.41 * 360)


def test_drawn_styles_pad_from_tight_to_hog_like():
    rng = np.random.default_rng(1)
    ratios = []
    for _ in range(3000):
        box = detect(rng, draw_style(rng), PERSON, PERSON, [], PICTURE)
        ratios.append(box[3] / 300)
    low, middle, high = np.percentile(ratios, [2, 50, 98])
    assert 0.82 < low < 0.97
    assert 1.0 < middle < 1.12
    assert 1.25 < high < 1.5


def test_drawn_styles_shift_a_few_percent():
    rng = np.random.default_rng(2)
    shifts = [(detect(rng, draw_style(rng), PERSON, PERSON, [], PICTURE)[1] - 350) / 300 for _ in range(3000)]
    assert abs(np.mean(shifts)) < 0.005
    assert 0.025 < np.std(shifts) < 0.06


def test_clip_corners_outside_has_no_area():
    x0, y0, x1, y1 = clip_corners(np.array([-50.0, 10, -20, 30]), PICTURE)
    assert x1 - x0 == 0
