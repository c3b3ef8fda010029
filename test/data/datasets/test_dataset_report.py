"""`hdnet eval --data mupots` on small files of the right format: figures, report, and what is said when files lack."""

import json

import pytest
from click.testing import CliRunner

from hdnet_ros.cli.main import main
from hdnet_ros.model.checkpoint import load_checkpoint
from hdnet_ros.model.default_weights import find_default_weights

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")


def hdnet_eval(*arguments):
    result = CliRunner().invoke(main, ["eval", *map(str, arguments), "--device", "cpu"])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result.exit_code, result.output


@pytest.mark.skipif(find_default_weights() is None, reason="no bundled weights")
def test_report_of_mupots_has_the_papers_tables(mupots_json, tmp_path):
    folder = tmp_path / "report"
    rivals = ("--rival", find_default_weights()) * 2
    code, said = hdnet_eval("--data", "mupots", "--root", mupots_json, "--report", folder, "--detected-boxes", *rivals)
    assert code == 0, said
    read = json.loads((folder / "report.json").read_text(), parse_constant=pytest.fail)
    assert read["data"]["name"] == "MuPoTS-3D" and read["data"]["people"] == 3
    # Two rivals of one name are two lines.
    name = load_checkpoint(find_default_weights()).metadata["name"]
    optimised = [f"reprojection, {joints}" for joints in ("all joints", "torso", "RANSAC")]
    assert list(read["ap_root"]["by_estimator"]) == ["hdnet", name, f"{name} (2)", "box-height", "box-area", *optimised]
    assert read["about"]["rivals"].count(name) >= 2
    assert read["mrpe_mm"]["box-height"]["people"] == 3 and len(read["worst"]) == 3
    html = (folder / "report.html").read_text()
    for published in ("120.0", "39.4", read["ap_root"]["protocol"][:40]):
        assert published in html


def test_missing_files_are_one_line(tmp_path):
    if find_default_weights() is None:
        pytest.skip("no bundled weights")
    code, said = hdnet_eval("--data", "mupots", "--root", tmp_path)
    assert code == 1 and str(tmp_path) in said and "Traceback" not in said


@pytest.mark.parametrize("data", ["human36m", "muco", "mupots", "coco"])
def test_data_set_needs_its_folder(data):
    code, said = hdnet_eval("--data", data)
    assert code == 2 and f"--data {data} needs --root" in said


def test_detected_boxes_are_mupots_own(tmp_path):
    code, said = hdnet_eval("--data", "coco", "--root", tmp_path, "--detected-boxes")
    assert code == 2 and "--detected-boxes is for mupots, not for coco" in said


def test_pets_says_everything_that_it_needs():
    code, said = hdnet_eval("--data", "pets")
    assert code == 2 and "--root" in said and "--video" in said and "vtest.avi" in said


def test_tracks_and_floor_are_of_the_clip(tmp_path):
    code, said = hdnet_eval("--data", "synthetic-holdout", "--root", tmp_path, "--also", "tracks")
    assert code == 2 and "--also is for pets, not for synthetic-holdout" in said
