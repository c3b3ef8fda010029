"""The paper's tables from a suite's result: published numbers first, ours below, a dash where nothing is known."""

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from hdnet_ros.evaluate.paper_report import paper_tables  # noqa: E402


def row(mrpe):
    return {"people": 4, "mrpe": mrpe, "x": 1.0, "y": 2.0, "z": 3.0}


def share(value):
    return {"mean_of_sequences": value, "by_sequence": {"TS1": value}, "by_joint": {"right_knee": value}}


FOUND = {
    "mrpe": {
        "protocol": "how MRPE",
        "by_estimator": {
            "hdnet": {
                "own uv": row(100.0), "given uv": None, "true uv": row(90.0), "lost": 0,
                "by_action": {"Eating": row(80.0), "Walking": row(float("nan"))},
            },
        },
    },
    "ap_root": {
        "protocol": "how AP", "people": 4,
        "by_estimator": {"hdnet": {"25": {"ap": 0.5, "ar": 0.6}, "10": {"ap": 0.1, "ar": 0.2}}},
    },
    "pck3d": {
        "protocol": "how PCK",
        "by_estimator": {"hdnet": {"metric": {
            "absolute": {"as predicted": {"matched": share(0.4)}},
            "relative": {"as predicted": {"matched": share(0.8)}},
        }}},
    },
}  # fmt: skip


def lines_of(title):
    (table,) = [table for table in paper_tables(FOUND) if table.title == title]
    return {line.name: dict(zip(table.columns, line.cells, strict=True)) for line in table.lines}


def test_mrpe_by_pixel_source_and_by_action():
    lines = lines_of("MRPE, as Table 1")
    assert list(lines) == [
        "RootNet (published, Human3.6M)", "HDNet (published, Human3.6M)", "hdnet, own (u, v)", "hdnet, true (u, v)",
    ]  # fmt: skip
    assert lines["HDNet (published, Human3.6M)"] == {"people": "–", "MRPE": "–", "x": "–", "y": "–", "z": "69.9"}
    assert lines["hdnet, true (u, v)"]["MRPE"] == "90.0"
    assert lines_of("MRPE by action, own (u, v)")["hdnet"] == {"Eating": "80", "Walking": "–"}


def test_ap_in_percent_beside_the_papers():
    lines = lines_of("AP and AR of the root, 4 people")
    assert [lines[name]["AP 25 cm"] for name in lines] == ["31.0", "39.4", "50.0"]
    assert lines["hdnet"]["AR 10 cm"] == "20.0" and lines["hdnet"]["AP 20 cm"] == "–"


def test_pck_overall_by_sequence_and_by_joint():
    name = "hdnet, metric annotation, as predicted, matched people"
    assert lines_of("3DPCK at 150 mm")[name] == {"relative": "80.0", "absolute": "40.0"}
    assert lines_of("3DPCK at 150 mm")["HDNet (published)"] == {"relative": "83.7", "absolute": "35.2"}
    assert lines_of("3DPCK, absolute, by sequence")[name] == {"TS1": "40"}
    assert lines_of("3DPCK, relative, by joint")[name] == {"right knee": "80"}


def test_tables_that_the_annotation_does_not_allow_are_left_out():
    assert paper_tables({"mrpe": None, "ap_root": None, "pck3d": None}) == []
    assert all(table.protocol.startswith("how ") for table in paper_tables(FOUND))
