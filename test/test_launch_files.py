"""Launch files and layouts, read as text; test_launch_runs.py runs them where `launch` is installed."""

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
LAUNCH_FILES = sorted((ROOT / "launch").glob("*.launch.py"))
HDNET = ROOT / "launch" / "hdnet.launch.py"
# What the files may name beside this package.
OTHER_PACKAGES = {"rviz2": {"rviz2"}, "usb_cam": {"usb_cam_node_exe"}, "realsense2_camera": {"realsense2_camera_node"}}  # fmt: skip
# Of hdnet_ros.messages.markers and track_markers, which need the messages to be imported.
MARKER_NAMESPACES = ("root", "skeleton", "label", "sigma", "tail", "velocity", "ellipsoid")


def calls(path, name):
    """Yield the calls of a function or class by its name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name:
            yield node


def constants(path):
    """Return the literals that a file assigns at its top, by name."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def keywords(call):
    return {keyword.arg: keyword.value for keyword in call.keywords}


def arguments_of(path):
    return {call.args[0].value: keywords(call) for call in calls(path, "DeclareLaunchArgument")}


def test_the_four_files_are_there():
    assert [path.name for path in LAUNCH_FILES] == [
        "camera.launch.py", "demo.launch.py", "hdnet.launch.py", "multi_camera.launch.py",
    ]  # fmt: skip


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
class TestEveryLaunchFile:
    def test_it_compiles_and_returns_a_description(self, path):
        tree = ast.parse(path.read_text())
        compile(tree, str(path), "exec")
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert "generate_launch_description" in functions
        assert ast.get_docstring(tree)

    def test_every_argument_is_described(self, path):
        for name, given in arguments_of(path).items():
            assert "description" in given, name

    def test_every_configuration_read_is_declared(self, path):
        declared = set(arguments_of(path))
        if "IncludeLaunchDescription" in path.read_text():
            declared |= set(arguments_of(HDNET))
        read = {
            call.args[0].value
            for call in calls(path, "LaunchConfiguration")
            if isinstance(call.args[0], ast.Constant)
        }
        found = re.search(r"^ARGUMENT_NAMES = (\(.*?\))$", path.read_text(), re.M | re.S)
        read |= set(ast.literal_eval(found.group(1))) if found else set()
        assert read <= declared

    def test_files_it_names_exist(self, path):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call) or ast.unparse(call.func) != "os.path.join":
                continue
            if isinstance(call.args[0], ast.Name) and call.args[0].id == "SHARE":
                parts = [part.value for part in call.args[1:]]
                assert ROOT.joinpath(*parts).is_file(), "/".join(parts)

    def test_executables_it_starts_exist(self, path):
        cmake = (ROOT / "CMakeLists.txt").read_text()
        ours = set(re.findall(r"^install_executable\((\w+) ", cmake, re.M))
        for call in calls(path, "Node"):
            given = keywords(call)
            package, executable = given["package"].value, given["executable"]
            if isinstance(executable, ast.Subscript):
                executable = constants(path)[executable.value.id][executable.slice.value]
            else:
                executable = executable.value
            assert executable in (OTHER_PACKAGES.get(package) or ours)


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_only_hdnet_launch_starts_our_nodes_and_the_others_include_it(path):
    started = {getattr(keywords(call)["executable"], "value", "") for call in calls(path, "Node")} - {""}
    if path == HDNET:
        assert started == {"hdnet_node", "detector_node"}
    else:
        assert not started & {"hdnet_node", "detector_node"}
        (included,) = calls(path, "PythonLaunchDescriptionSource")
        assert ast.unparse(included).endswith("(os.path.join(SHARE, 'launch', 'hdnet.launch.py'))")


def test_hdnet_launch_sets_the_dds_profile_before_its_nodes():
    functions = [ast.unparse(keywords(call)["function"]) for call in calls(HDNET, "OpaqueFunction")]
    assert functions == ["dds_profile", "nodes"]


def test_rviz_shows_the_topics_and_the_frame_of_the_nodes():
    shown = yaml.safe_load((ROOT / "config" / "hdnet.rviz").read_text())["Visualization Manager"]
    topics = {d["Topic"]["Value"] for d in shown["Displays"] if "Topic" in d}
    assert topics == {"/hdnet_node/markers", "/hdnet_node/overlay", "/image"}
    by_name = {d["Name"]: d for d in shown["Displays"]}
    assert by_name["Body frames"]["Enabled"] and by_name["Camera"]["Class"] == "rviz_default_plugins/Camera"
    assert by_name["People"]["Namespaces"] == dict.fromkeys(MARKER_NAMESPACES, True)
    config = yaml.safe_load((ROOT / "config" / "hdnet.yaml").read_text())
    frame = config["/**/video_node"]["ros__parameters"]["frame_id"]
    assert shown["Global Options"]["Fixed Frame"] == frame


def test_foxglove_layout_has_every_panel_that_it_places_and_topics_of_the_nodes():
    layout = json.loads((ROOT / "config" / "foxglove.json").read_text())
    placed = re.findall(r'"(?:first|second)": "([^"]+)"', json.dumps(layout["layout"]))
    assert sorted(placed) == sorted(layout["configById"])
    kinds = {name.partition("!")[0] for name in placed}
    assert kinds == {"3D", "Image", "DiagnosticSummary", "RawMessages"}
    topics = set(re.findall(r'"(/[a-z_/0-9]+)"', json.dumps(layout)))
    recorder = (ROOT / "hdnet_ros" / "ros" / "recorder.py").read_text()
    recorded = set(re.findall(r'"(/[a-z_/0-9]+)"', recorder))
    assert "/hdnet_node/markers" in topics and topics <= recorded
