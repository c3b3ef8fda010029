"""The report: self-contained, every number with its protocol, the height bound in every depth plot."""

import base64
import json
import re
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.locate.priors import BoxAreaPrior, BoxHeightPrior
from hdnet_ros.core.types import Detection
from hdnet_ros.evaluate import benchmark
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.evaluate.depth_error import HEIGHT_AMBIGUITY_BOUND
from hdnet_ros.evaluate.suites import Suite

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from hdnet_ros.evaluate import provenance  # noqa: E402
from hdnet_ros.evaluate.plots import BOUND_LABEL  # noqa: E402
from hdnet_ros.evaluate.report import write_report  # noqa: E402
from hdnet_ros.evaluate.report_sections import figures_of, section_of  # noqa: E402

CAMERA = Camera(np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]), (640, 480), "none", ())
ABOUT = {"weights": "<b>mine</b>", "machine": "a machine"}


class WithPose(BoxHeightPrior):
    """The prior with a 3D pose whose joints all lie at the root."""

    def localize(self, image_rgb, detections, camera):
        people = super().localize(image_rgb, detections, camera)
        return [replace(p, joints_camera_mm=np.tile(p.root_camera_mm, (17, 1))) for p in people]


def suite():
    rng = np.random.default_rng(3)
    pictures = []
    for number in range(12):
        heights = rng.uniform(60, 300, 3)
        boxes = [Detection(np.array([100.0 + 200 * i, 240.0, 40.0, h])) for i, h in enumerate(heights)]
        true_mm = 500 * 1700 / heights * rng.normal(1, 0.06, 3)
        pictures.append(
            LabelledPicture(
                rng.integers(0, 255, (480, 640, 3), np.uint8), CAMERA, boxes, true_mm, name=f"picture {number}",
                stature_mm=rng.uniform(1100, 1950, 3), visible_fraction=rng.uniform(0.3, 1, 3),
                truncated=rng.random(3) < 0.4, root_camera_mm=np.stack([[0, 0, z] for z in true_mm]),
                joints_camera_mm=np.repeat([[[0, 0, z]] for z in true_mm], 17, axis=1), joints_px=np.zeros((3, 17, 2)), joint_visible=np.ones((3, 17), bool),
                tight_longer_side_px=heights, groups=[frozenset({"adult"}), frozenset({"child"}), frozenset()],
            )
        )  # fmt: skip
    estimators = {"box-height": WithPose(), "box-area": BoxAreaPrior()}
    rows = {name: benchmark.run(estimator, pictures) for name, estimator in estimators.items()}
    return Suite("people", rows, pictures, {"jitter_p95": 0.1, "jitter_mean": 0.05, "rung_mean": 0.02})


@pytest.fixture(scope="module")
def made():
    return suite()


@pytest.fixture(scope="module")
def section(made):
    return section_of(made)


@pytest.fixture(scope="module")
def page(made, section, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return write_report(folder, "hdnet eval: test", ABOUT, [section], {made.name: figures_of(made)})


def test_page_loads_nothing_from_elsewhere(page):
    html = page.read_text()
    links = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", html)
    assert links and all(link.startswith("data:") for link in links)
    assert not re.search(r"url\(|@import|<script|<iframe", html)
    assert "&lt;b&gt;mine&lt;/b&gt;" in html  # what comes from a checkpoint is text


def test_every_depth_plot_shows_the_height_bound(section):
    assert HEIGHT_AMBIGUITY_BOUND == 0.046
    depth_plots = [plot for plot in section.plots if "sigma" not in plot.title]
    assert [plot.title for plot in depth_plots] == [
        "Estimated and true depth", "Depth error by distance", "Depth error, distribution",
        "Depth error by truncation of the box", "Depth error by occlusion", "Depth error by stature",
    ]  # fmt: skip
    for plot in depth_plots:
        # Matplotlib notes each text that it draws as curves in a comment.
        assert BOUND_LABEL in base64.b64decode(plot.data_uri.partition(",")[2]).decode()


def test_every_table_says_its_protocol_and_published_numbers_their_source(section):
    assert all(table.protocol for table in section.tables)
    assert len(section.worst) == 20
    for table in section.tables:
        assert bool(table.source) == any(line.published for line in table.lines), table.title
        assert all(len(line.cells) == len(table.columns) for line in table.lines), table.title
    (mrpe,) = [table for table in section.tables if table.title == "Root position error"]
    (pose,) = [table for table in section.tables if table.title == "3D pose"]
    (line,) = pose.lines  # the other estimator has no pose
    assert line.name == "box-height" and line.cells[:2] == ("36", "0") and line.cells[3] == "100.0"
    assert mrpe.lines[0].cells == ("–", "120.0", "23.3", "23.0", "108.1")


def test_json_holds_what_the_page_shows(page, made):
    read = json.loads((page.parent / "report.json").read_text(), parse_constant=pytest.fail)
    assert read["about"] == ABOUT
    people = read["people"]
    assert people["box-height"]["everyone"]["people"] == 36
    assert people["breakdowns"]["box-area"]["truncation"].keys() == {"whole in the picture", "cut by the picture's edge"}
    assert len(people["worst"]) == 20 and len(people["coverage_curve"]) == 19
    errors = [abs(case["estimated_m"] / case["true_m"] - 1) for case in people["worst"]]
    assert errors == sorted(errors, reverse=True)
    assert people["mrpe_mm"]["box-height"]["people"] == 36


def test_markdown_holds_every_table(page, section):
    lines = (page.parent / "report.md").read_text().splitlines()
    assert [line[4:] for line in lines if line.startswith("### ")] == [table.title for table in section.tables]
    assert "| RootNet (published, Human3.6M) | – | 120.0 | 23.3 | 23.0 | 108.1 |" in lines
    assert "- machine: a machine" in lines


def test_nobody_located_is_said_not_drawn(tmp_path):
    far_off = LabelledPicture(
        np.zeros((480, 640, 3), np.uint8), CAMERA, [Detection(np.array([5000.0, 0, 10, 10]))], np.array([4000.0])
    )
    empty = Suite("nobody", {"box-height": benchmark.run(BoxHeightPrior(), [far_off])}, [far_off])
    html = write_report(tmp_path, "t", {}, [section_of(empty)], {"nobody": figures_of(empty)}).read_text()
    assert "nobody was located" in html
    assert json.loads((tmp_path / "report.json").read_text())["nobody"]["lost"] == 1


def test_provenance_of_a_checkpoint(tmp_path):
    import torch

    from hdnet_ros.model.tensor_file import write_tensors

    metadata = {"format": "hdnet_ros", "name": '"mine"', "seed": "7", "budget": '"two hours"', "config": "{}"}
    write_tensors(tmp_path / "w.safetensors", {"x": torch.zeros(1)}, metadata)
    about = provenance.provenance(tmp_path / "w.safetensors", "cpu", data="pets", most=None)
    assert about["weights"] == "mine (w.safetensors)"
    assert (about["seed of the training"], about["budget"]) == ("7", "two hours")
    assert about["trained on"] == provenance.NOT_RECORDED
    assert about["machine"].startswith("CPU only: ") and "PyTorch" in about["versions"]
    assert "most" not in about and "config" not in about


def test_commit_of_another_project_is_not_told_as_ours(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "hdnet_ros"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "theirs"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr(provenance.hdnet_ros, "__file__", str(package / "__init__.py"))
    assert provenance.commit() == "not a git checkout"
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "ours"], check=True)
    assert re.fullmatch(r"[0-9a-f]{10}", provenance.commit())


def test_report_in_a_browser_has_no_error_and_all_its_pictures(page, browser):
    browser.get(page.as_uri())
    widths = browser.execute_script("return [...document.images].map(i => i.complete ? i.naturalWidth : 0)")
    assert len(widths) == 7 + 20 and min(widths) > 0
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
