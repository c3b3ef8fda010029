"""The command's list, and that listing it does not load torch."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from hdnet_ros.cli.main import COMMANDS, main


def test_help_lists_every_command():
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert [name for name in COMMANDS if name not in result.output] == []


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_its_own_help(name):
    pytest.importorskip("torch")
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0, result.output


def test_unknown_command_is_named():
    result = CliRunner().invoke(main, ["localise"])
    assert result.exit_code == 2
    assert "localise" in result.output


def test_help_imports_neither_torch_nor_opencv():
    code = (
        "import sys; from hdnet_ros.cli.main import main; main(['--help'], standalone_mode=False); "
        "sys.exit(sum(name in sys.modules for name in ('torch', 'cv2')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr


def test_a_package_that_is_missing_is_named_with_what_installs_it(tmp_path, installed):
    pytest.importorskip("torch")
    (tmp_path / "rosbags.py").write_text("raise ModuleNotFoundError(\"No module named 'rosbags'\", name='rosbags')")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    for arguments in (["bag", "in", "out"], ["rescale", "in", "--camera", "c.yaml"], ["view", "in"]):
        command = [installed("hdnet"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
        assert done.returncode == 1
        assert done.stderr.strip() == (
            "Error: No module named 'rosbags'; recordings are read and written by it: pip install rosbags"
        )
