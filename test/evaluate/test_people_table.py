"""Depth error by distance, stature, occlusion and truncation; what is unknown counts nowhere."""

import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.locate.priors import BoxHeightPrior
from hdnet_ros.core.types import Detection
from hdnet_ros.evaluate import benchmark
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.evaluate.people_table import PeopleTable, table_of_people, table_of_rows


def table(estimated_m, true_m, **columns):
    true = np.array(true_m, float) * 1000
    unknown = np.full(len(true), np.nan)
    values = {
        "estimated_mm": np.array(estimated_m, float) * 1000, "sigma_mm": 0.1 * true, "true_mm": true,
        "root_camera_mm": np.zeros((len(true), 3)), "true_root_camera_mm": np.full((len(true), 3), np.nan),
        "stature_mm": unknown, "visible_fraction": unknown, "truncated": unknown,
    }  # fmt: skip
    return PeopleTable(**values | {name: np.array(column, float) for name, column in columns.items()})


def test_distance_bins_hold_their_lower_edge():
    parts = table([4.4, 5.0, 6.6], [4.0, 5.0, 6.0]).by_distance()
    assert {label: part["people"] for label, part in parts.items()} == {"4 to 6 m": 2, "6 to 8 m": 1}
    assert parts["4 to 6 m"]["mean"] == pytest.approx(0.05)
    assert parts["6 to 8 m"]["bias"] == pytest.approx(0.1)


def test_only_breakdowns_of_what_is_known():
    assert list(table([4], [4]).breakdowns()) == ["distance"]
    known = table([4, 4], [4, 5], stature_mm=[1150, np.nan], truncated=[0, 1], visible_fraction=[1.0, 0.4])
    breakdowns = known.breakdowns()
    assert list(breakdowns["stature"]) == ["0 to 1.2 m"]
    assert list(breakdowns["truncation"]) == ["whole in the picture", "cut by the picture's edge"]
    assert list(breakdowns["occlusion"]) == ["90 to 100 % visible", "0 to 50 % visible"]
    assert breakdowns["truncation"]["cut by the picture's edge"]["mean"] == pytest.approx(0.2)


def test_coverage_curve_of_errors_of_one_sigma():
    # Everybody is off by exactly one sigma: inside from the 68.3 % interval on.
    curve = table([4.4] * 5, [4.0] * 5).coverage_curve()
    assert curve[0.65] == 0.0 and curve[0.7] == 1.0 and len(curve) == 19


def test_mrpe_leaves_out_people_whose_root_is_unknown():
    roots = {"root_camera_mm": [[3, 4, 0], [9, 9, 9]], "true_root_camera_mm": [[0, 0, 0], [np.nan] * 3]}
    assert table([4, 4], [4, 4], **roots).mrpe() == {"people": 1, "mrpe": 5.0, "x": 3.0, "y": 4.0, "z": 0.0}


def test_rows_of_a_picture_keep_what_it_knows():
    # A box of 170 px is 5 m away for the height prior at 500 px.
    camera = Camera(np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]), (640, 480), "none", ())
    picture = LabelledPicture(
        np.zeros((480, 640, 3), np.uint8), camera, [Detection(np.array([320.0, 240.0, 40.0, 170.0]))],
        np.array([4000.0]), stature_mm=np.array([1360.0]), truncated=np.array([True]),
        root_camera_mm=np.array([[0.0, 0.0, 4000.0]]),
    )  # fmt: skip
    found = table_of_rows(benchmark.run(BoxHeightPrior(), [picture]))
    assert found.relative == pytest.approx([0.25])
    assert found.stature_mm.tolist() == [1360.0] and found.truncated.tolist() == [1.0]
    assert np.isnan(found.visible_fraction).all()
    assert found.mrpe()["z"] == pytest.approx(1000.0)


def test_people_one_by_one_with_what_is_unknown():
    person = {
        "root_camera_mm": np.array([0, 0, 5000.0]), "true_root_camera_mm": np.array([0, 0, 4000.0]), "sigma_mm": 300.0,
        "stature_mm": None, "visible_fraction": None, "truncated": False,
    }  # fmt: skip
    found = table_of_people([person])
    assert found.relative == pytest.approx([0.25])
    assert list(found.breakdowns()) == ["distance", "truncation"]
