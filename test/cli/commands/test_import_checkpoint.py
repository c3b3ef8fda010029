"""`hdnet import-checkpoint` refuses what is not the authors' file, by name."""

from click.testing import CliRunner

from hdnet_ros.cli.main import main


def test_foreign_file_is_refused_without_a_traceback(tmp_path):
    (tmp_path / "ckpt.pth.tar").write_bytes(b"something else")
    arguments = ["import-checkpoint", str(tmp_path / "ckpt.pth.tar"), "--out", str(tmp_path / "w.safetensors")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert "ckpt.pth.tar" in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "w.safetensors").exists()
