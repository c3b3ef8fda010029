"""The recording that is read stays as it is, wherever the result was to go."""

import dataclasses

import pytest
from click.testing import CliRunner

from hdnet_ros.bags.answer import answer_bag
from hdnet_ros.bags.errors import BagError
from hdnet_ros.cli.commands.bag import bag
from hdnet_ros.cli.commands.rescale import rescale

CAMERA = "{image_width: 640, image_height: 480, k: [1100, 0, 320, 0, 1100, 240, 0, 0, 1]}"
PRIOR = ["-p", "estimator:=box-height"]


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def recordings(write_bag, tmp_path):
    """A recording, one in its folder, a link to it, and one whose file is a link to its file."""
    write_bag("in", frames=2)
    write_bag("in/inner", frames=2)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    linked = write_bag("linked", frames=2) / "linked.mcap"
    linked.unlink()
    linked.symlink_to(tmp_path / "in" / "in.mcap")
    (tmp_path / "sub").mkdir()
    return tmp_path


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize(
    ("source", "target"),
    [("in", "in"), ("in", "sub/../in"), ("in/in.mcap", "in"), ("in/in.mcap", "in/in.mcap"), ("in", "link"),
     ("link", "in"), ("in/inner", "in"), ("linked", "in")],
)  # fmt: skip
def test_a_target_that_is_or_holds_the_recording_is_refused(recordings, make_job, source, target, overwrite):
    job = dataclasses.replace(make_job(recordings / source, target), overwrite=overwrite)
    before = files(recordings)
    with pytest.raises(BagError, match=f"would replace the recording .*{source}.*give another place"):
        answer_bag(job)
    assert files(recordings) == before


def test_a_recording_where_unfinished_results_go_is_refused(write_bag, make_job, tmp_path):
    (tmp_path / ".out.partial").mkdir()
    source = write_bag(".out.partial/out", frames=2)
    with pytest.raises(BagError, match="would replace the recording"):
        answer_bag(make_job(source, "out"))
    assert source.is_dir()


def test_a_target_in_the_recordings_folder_is_written(recordings, make_job):
    before = files(recordings)
    assert answer_bag(make_job(recordings / "in", "in/out")).answered == 2
    assert before.items() <= files(recordings).items()


@pytest.mark.parametrize("overwrite", [["--overwrite"], []])
def test_the_command_refuses_its_sources_and_answers_the_others(write_bag, tmp_path, overwrite):
    for folder in ("bags", "other"):
        (tmp_path / folder).mkdir()
    mine, other = write_bag("bags/a", frames=2), write_bag("other/b", frames=2)
    before = files(mine)
    done = CliRunner().invoke(bag, [str(mine), str(other), str(tmp_path / "bags"), *PRIOR, *overwrite])
    assert done.exit_code == 1 and "1 of 2 recordings failed" in done.output
    assert "would replace the recording" in done.output and "done before" not in done.output
    assert "2 of 2 images answered" in done.output and (tmp_path / "bags" / "b").is_dir()
    assert files(mine) == before


@pytest.mark.parametrize("source", ["people", "people/people.mcap"])
def test_rescale_refuses_its_source(write_bag, make_job, tmp_path, source):
    people = answer_bag(make_job(write_bag(frames=2), "people")).target
    (tmp_path / "camera.yaml").write_text(CAMERA)
    before = files(people)
    given = [str(tmp_path / source), "--camera", str(tmp_path / "camera.yaml"), "--out", str(people), "--overwrite"]
    done = CliRunner().invoke(rescale, given)
    assert done.exit_code == 1 and "would replace the recording" in done.output
    assert files(people) == before
