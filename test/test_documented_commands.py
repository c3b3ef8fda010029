"""Every command of README, docs and model card: known, with options that are there, and run where it can be, shortened."""

import ast
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "weights" / "README.md"])
# Programs of others: they are not ours to test, and most want a robot.
OTHERS = ("cd", "rosdep", "colcon", "git", "pip", "export", "python", "ros2 topic", "ros2 lifecycle", "ros2 run usb_cam",
          "ros2 run camera_calibration", "ros2 pkg", "ros2 security", "sudo", "source")  # fmt: skip


def _documented() -> list[str]:
    """Command lines of code blocks and of inline code, joined where they go on, without their remarks."""
    found = []
    for page in PAGES:
        if "generated" in page.parts:
            continue
        text = page.read_text().replace("\\\n", " ")
        blocks = re.findall(r"^    ([a-z.$].*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
        inline = re.findall(r"`((?:ros2|hdnet|\./run) [^`…]*)`", text)
        found += [re.split(r"\s+#", line)[0].strip() for line in [*blocks, *inline]]
    return sorted(set(found))


COMMANDS = _documented()
HDNET = [re.sub(r"^\./run hdnet", "hdnet", line) for line in COMMANDS if re.match(r"(\./run )?hdnet ", line)]
OURS = ("hdnet", "./run", "ros2 launch hdnet_ros", "ros2 run hdnet_ros")


def test_there_are_commands_of_every_kind():
    for start in OURS:
        assert any(line.startswith(start) for line in COMMANDS), start


@pytest.mark.parametrize("line", [c for c in COMMANDS if not c.startswith((*OURS, *OTHERS))])
def test_no_other_programs_are_documented(line):
    assert "<-" in line, f"{line}: a command that no test knows; a figure of the imports has arrows"


@pytest.mark.parametrize("line", [c for c in COMMANDS if c.startswith("./run")])
def test_run_knows_its_commands(line):
    cases = re.findall(r"^  ([a-z |]+)\) ", (ROOT / "run").read_text(), re.MULTILINE)
    assert line.split()[1] in {name.strip() for case in cases for name in case.split("|")}


@pytest.mark.parametrize("line", [c for c in COMMANDS if c.startswith("ros2 run hdnet_ros")])
def test_executables_are_installed(line, installed):
    assert Path(installed(line.split()[3])).is_file()


@pytest.mark.parametrize("line", [c for c in COMMANDS if c.startswith("ros2 launch hdnet_ros")])
def test_launch_arguments_are_declared(line):
    _, _, _, name, *given = shlex.split(line)
    declared = set()
    for path in (ROOT / "launch" / name, ROOT / "launch" / "hdnet.launch.py"):  # the others include it
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "DeclareLaunchArgument":
                declared.add(ast.literal_eval(node.args[0]))
    assert {argument.split(":=")[0] for argument in given} <= declared


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder in which every file that the commands name is there, as far as commands look before they start."""
    folder = tmp_path_factory.mktemp("documented")
    for name in ("drive1", "drive2", "out/drive1", "shards", "new", "bodies", "holdout", "pets", "FOLDER", "Human36M", "MuPoTS"):
        (folder / name).mkdir(parents=True)
    (folder / "configs").symlink_to(ROOT / "configs")
    (folder / "test").symlink_to(ROOT / "test")
    (folder / "weights").mkdir()
    for path in (ROOT / "weights").glob("*.safetensors"):
        (folder / "weights" / path.name).symlink_to(path)
    for name in ("ckpt.pth.tar", "authors.safetensors", "lite.safetensors", "with_existence.safetensors", "refined.safetensors"):
        (folder / name).write_bytes(b"")
    return folder


def _picture(shade: int = 90) -> np.ndarray:
    picture = np.full((240, 320, 3), shade, np.uint8)
    cv2.rectangle(picture, (140, 40), (180, 200), (40, 60, 160), -1)
    return picture


def _write_files(folder: Path) -> None:
    """A still, a clip and their calibration."""
    cv2.imwrite(str(folder / "image.jpg"), _picture())
    clip = cv2.VideoWriter(str(folder / "clip.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (320, 240))
    for shade in (90, 95, 100):
        clip.write(_picture(shade))
    clip.release()
    shutil.copy(folder / "clip.avi", folder / "vtest.avi")
    camera = {
        "image_width": 320, "image_height": 240, "distortion_model": "plumb_bob",
        "camera_matrix": {"rows": 3, "cols": 3, "data": [300.0, 0.0, 160.0, 0.0, 300.0, 120.0, 0.0, 0.0, 1.0]},
        "distortion_coefficients": {"rows": 1, "cols": 5, "data": [0.0] * 5},
    }  # fmt: skip
    for name in ("camera.yaml", "right.yaml"):
        (folder / name).write_text(yaml.safe_dump(camera))


@pytest.mark.parametrize("line", HDNET)
def test_options_are_those_of_the_command(line, files, monkeypatch):
    """Names, values and existing files are checked as click does before anything runs."""
    from hdnet_ros.cli.main import main

    if not (files / "image.jpg").is_file():
        _write_files(files)
    monkeypatch.chdir(files)
    _, name, *arguments = shlex.split(line)
    command = main.get_command(None, name)
    assert command is not None, f"hdnet has no command {name}"
    if not arguments or arguments[0].startswith("-") and arguments[-1] == arguments[0]:
        return  # named in a sentence, without what it needs
    command.make_context(name, list(arguments))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workplace")
    _write_files(folder)
    return folder


def _run(executable: str, line: str, folder: Path) -> subprocess.CompletedProcess:
    words = shlex.split(line)[1:]
    return subprocess.run([executable, *words], cwd=folder, capture_output=True, text=True, timeout=280)


@pytest.mark.parametrize("line", [c for c in HDNET if c.startswith("hdnet localize ")])
def test_localize_answers_as_documented(line, workplace, installed):
    done = _run(installed("hdnet"), line, workplace)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_recordings_as_documented(workplace, installed):
    """bag, rescale: the lines of the docs, one after the other, on two recordings of one still each."""
    pytest.importorskip("rosbags")
    _write_recordings(workplace)
    lines = [c for c in HDNET if c.startswith(("hdnet bag ", "hdnet rescale "))]
    assert len(lines) >= 2
    for line in sorted(lines):
        done = _run(installed("hdnet"), line, workplace)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    assert (workplace / "out" / "drive1" / "metadata.yaml").is_file()
    assert (workplace / "out" / "drive2" / "metadata.yaml").is_file()


def _write_recordings(folder: Path) -> None:
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    kinds = store.types
    stamp = kinds["builtin_interfaces/msg/Time"](sec=10, nanosec=0)
    header = kinds["std_msgs/msg/Header"](stamp=stamp, frame_id="camera_optical_frame")
    picture = _picture()
    image = kinds["sensor_msgs/msg/Image"](header, 240, 320, "bgr8", 0, 960, picture.reshape(-1))
    roi = kinds["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
    k = np.array([300.0, 0, 160, 0, 300, 120, 0, 0, 1])
    p = np.array([300.0, 0, 160, 0, 0, 300, 120, 0, 0, 0, 1, 0])
    info = kinds["sensor_msgs/msg/CameraInfo"](header, 240, 320, "plumb_bob", np.zeros(5), k, np.eye(3).ravel(), p, 0, 0, roi)
    for name in ("drive1", "drive2"):
        with Writer(folder / name, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
            for topic, message in (("/camera/camera_info", info), ("/camera/image_raw", image)):
                kind = message.__msgtype__
                connection = writer.add_connection(topic, kind, typestore=store)
                writer.write(connection, 10_000_000_000, store.serialize_cdr(message, kind))


def test_the_drive_is_scored_as_documented(installed):
    (line,) = [c for c in HDNET if "--data drive" in c]
    pytest.importorskip("jinja2")
    pytest.importorskip("motmetrics")
    done = _run(installed("hdnet"), line, ROOT)
    assert done.returncode == 0, done.stderr
    assert "IDF1" in done.stdout or "idf1" in done.stdout
