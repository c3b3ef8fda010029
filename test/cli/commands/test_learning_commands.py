"""`hdnet train`, `synth`, `eval` and `calibrate`: what they say when something is missing or wrong."""

import click
import pytest
from click.testing import CliRunner

from hdnet_ros.cli.main import main
from hdnet_ros.cli.commands import evaluate
from hdnet_ros.cli.commands.failures import told_in_one_line


@pytest.fixture
def files(tmp_path):
    (tmp_path / "run.yaml").write_text("name: a\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "clip.avi").write_bytes(b"no video")
    (tmp_path / "weights.safetensors").write_bytes(b"no weights")
    return tmp_path


def hdnet(*arguments):
    """Exit code and what was said; an exception that reaches the user as a traceback fails the test."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize("given", ["--clip", "--clip-video"])
def test_train_wants_clip_and_video_together(files, given):
    value = files / ("empty" if given == "--clip" else "clip.avi")
    code, said = hdnet("train", files / "run.yaml", "--out", files / "run", given, value)
    assert code == 2
    assert "give --clip and --clip-video together" in said
    assert not (files / "run").exists()


@pytest.mark.parametrize("setting", ["optimiser.steps", "=3"])
def test_train_setting_without_key_or_value_is_a_usage_error(files, setting):
    code, said = hdnet("train", files / "run.yaml", "--out", files / "run", "--set", setting)
    assert code == 2
    assert f"--set {setting}: expected KEY=VALUE" in said


def test_train_setting_that_is_no_yaml_is_a_usage_error(files):
    code, said = hdnet("train", files / "run.yaml", "--out", files / "run", "--set", "seed=[1")
    assert code == 2
    assert "'[1' is no YAML value" in said


@pytest.mark.parametrize(
    ("setting", "named"),
    [("optimiser.step=3", "unknown key 'step'"), ("optimiser.steps=many", "steps is 'many', expected int")],
)
def test_train_names_settings_that_do_not_fit(files, setting, named):
    pytest.importorskip("accelerate")
    pytest.importorskip("numba")
    code, said = hdnet("train", files / "run.yaml", "--out", files / "run", "--set", setting)
    assert code == 1
    assert named in said
    assert not (files / "run").exists()


@pytest.mark.parametrize(
    ("init", "named"), [(None, "give its checkpoint, --init"), ("weights.safetensors", "no safetensors file")]
)
def test_train_of_a_pose_wants_the_checkpoint_it_is_for(files, init, named):
    pytest.importorskip("accelerate")
    pytest.importorskip("numba")
    (files / "run.yaml").write_text("name: a\nnetwork: {pose: {backbone: shared}}\n")
    given = () if init is None else ("--init", files / init)
    code, said = hdnet("train", files / "run.yaml", "--out", files / "run", "--cpu", *given)
    assert code == 1
    assert named in said
    assert not (files / "run").exists()


def test_train_refuses_an_empty_holdout_before_anything_is_written(files):
    pytest.importorskip("accelerate")
    pytest.importorskip("numba")
    code, said = hdnet("train", files / "run.yaml", "--out", files / "run", "--holdout", files / "empty")
    assert code == 1
    assert "has no shard; write some with `hdnet synth" in said
    assert not (files / "run").exists()


def test_train_without_shards_says_how_to_write_some_before_anything_is_written(files):
    pytest.importorskip("accelerate")
    pytest.importorskip("numba")
    shards = ("--set", f"data.shards={files / 'empty'}")
    code, said = hdnet("train", files / "run.yaml", "--out", files / "run", "--cpu", *shards)
    assert code == 1
    assert "no shards in" in said and "hdnet synth --out" in said
    assert not (files / "run").exists()


@pytest.mark.parametrize(
    "data, options, named",
    [
        ("synthetic-holdout", ("--every", 12), "--every does nothing for synthetic-holdout"),
        ("pets", ("--most", 50), "--most does nothing for pets"),
        ("drive", ("--most", 50), "--most does nothing for drive"),
        ("drive", ("--keypoints", "movenet_thunder"), "--keypoints does nothing for drive"),
        ("pets", ("--joints", "weights.safetensors"), "--joints is for pictures, not for pets"),
        ("drive", ("--train-shards", "empty"), "--train-shards does nothing for drive"),
        ("drive", ("--rival", "weights.safetensors"), "--rival does nothing for drive"),
    ],
)
def test_eval_refuses_what_would_do_nothing(files, monkeypatch, data, options, named):
    monkeypatch.chdir(files)
    code, said = hdnet("eval", "--data", data, "--root", "empty", "--video", "clip.avi", *options)
    assert code == 2
    assert named in said


@pytest.mark.parametrize("data", ["synthetic-holdout", "pets"])
def test_eval_without_any_weights_says_where_they_come_from(files, monkeypatch, data):
    monkeypatch.setattr(evaluate, "find_default_weights", lambda: None)
    code, said = hdnet("eval", "--data", data, "--root", files / "empty", "--video", files / "clip.avi")
    assert code == 1
    assert "HDNet needs trained weights" in said
    assert "hdnet import-checkpoint" in said


def test_eval_says_in_a_log_how_far_it_is_where_it_takes_long(monkeypatch, capsys):
    with evaluate._tracked() as track:
        assert list(track(range(3), "rendering")) == [0, 1, 2]
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(evaluate, "SECONDS_OF_SILENCE", 0.0)
        assert list(track(range(3), "rendering")) == [0, 1, 2]
        assert list(track(iter("ab"), "detector")) == ["a", "b"]
    assert capsys.readouterr().err.split("\n")[:4] == [
        "rendering: 0 of 3", "rendering: 1 of 3", "rendering: 2 of 3", "detector: 0"
    ]  # fmt: skip


def test_eval_of_the_clip_wants_its_video(files):
    code, said = hdnet("eval", "--data", "pets", "--root", files / "empty")
    assert code == 2
    assert "--data pets needs --video" in said


def test_eval_of_the_drive_wants_its_folder_and_has_no_report(files):
    for options in ((), ("--root", files / "empty", "--report", files / "report")):
        code, said = hdnet("eval", "--data", "drive", *options)
        assert code == 2
        assert "--data drive needs --root" in said


@pytest.fixture
def rootnet(files):
    from hdnet_ros.core.patch import PatchConvention
    from hdnet_ros.model.checkpoint import save_checkpoint
    from hdnet_ros.model.rootnet import RootNet, RootNetConfig

    weights = files / "rootnet.safetensors"
    network = RootNet(RootNetConfig(backbone="efficientnet_lite0"))
    save_checkpoint(weights, network, PatchConvention(), name="a", data="none", licence="none", calibration=None)
    return weights


def test_eval_looks_twice_with_hdnet_only(files, rootnet):
    code, said = hdnet("eval", "--data", "drive", "--root", files / "empty", "--weights", rootnet,
                       "--second-look", "always")  # fmt: skip
    assert code == 1
    assert "second_look: is for HDNet, not for RootNet" in said


def test_eval_wants_3d_poses_for_the_optimisation(files, rootnet):
    wanted = {
        ("--keypoints", "movenet_thunder"): "--keypoints needs 3D poses: these weights have none",
        ("--poses", rootnet): "--poses: these weights have no 3D poses",
    }
    for option, named in wanted.items():
        code, said = hdnet("eval", "--data", "synthetic-holdout", "--root", files / "empty", "--weights", rootnet, *option)
        assert code == 2
        assert named in said


@pytest.mark.parametrize("option", ["--every", "--most"])
def test_eval_of_every_zeroth_picture_is_a_usage_error(files, option):
    code, said = hdnet("eval", "--data", "pets", "--root", files / "empty", option, "0")
    assert code == 2
    assert "0 is not in the range x>=1" in said


@pytest.mark.parametrize("command", ["eval", "calibrate"])
def test_file_that_is_no_checkpoint_is_named(files, command):
    pytest.importorskip("numba")
    weights = files / "weights.safetensors"
    arguments = {
        "eval": ("--data", "synthetic-holdout", "--root", files / "empty", "--weights", weights),
        "calibrate": (weights, "--holdout", files / "empty", "--out", files / "out.safetensors"),
    }
    code, said = hdnet(command, *arguments[command])
    assert code == 1
    assert "weights.safetensors: damaged or no safetensors file" in said
    assert not (files / "out.safetensors").exists()


@pytest.mark.parametrize("options", [(), ("--preview", "sheet.png", "--out", "shards")])
def test_synth_wants_either_a_sheet_or_shards(options):
    code, said = hdnet("synth", *options)
    assert code == 2
    assert "either --preview SHEET.png or --out DIR" in said


def test_synth_from_the_middle_of_a_shard_is_named(files):
    pytest.importorskip("numba")
    code, said = hdnet("synth", "--out", files / "shards", "--first", "100")
    assert code == 1
    assert "first 100, expected at least 1, and a multiple of 512" in said


def test_missing_package_is_named_with_the_file_that_lists_it():
    named = "No module named 'anny'; .* requirements/learn.txt"
    with pytest.raises(click.ClickException, match=named), told_in_one_line():
        raise ModuleNotFoundError("No module named 'anny'")
