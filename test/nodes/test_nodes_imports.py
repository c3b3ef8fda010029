"""Who may import what in nodes/, read from the sources."""

import ast
from pathlib import Path

import pytest

NODES = Path(__file__).resolve().parents[2] / "hdnet_ros" / "nodes"
MODULES = sorted(NODES.rglob("*.py"))


def imported(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def knows_messages(names):
    return any(name.endswith((".msg", ".message_types")) for name in names)


def knows_core(names):
    return any(name.startswith(("hdnet_ros.core", "hdnet_ros.model")) for name in names)


def test_convert_is_the_one_place_that_knows_messages_and_core():
    both = {
        path.parent.relative_to(NODES) for path in MODULES
        if knows_messages(imported(path)) and knows_core(imported(path))
    }  # fmt: skip
    assert both == {Path("convert")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(NODES)))
def test_nodes_and_learn_never_meet(path):
    assert not any(name.startswith("hdnet_ros.learn") for name in imported(path))


@pytest.mark.parametrize(
    "name", ["backends", "bad_input", "logbook", "pairing", "statistics", "views"]
)
def test_what_needs_no_ros_imports_none(name):
    names = imported(NODES / f"{name}.py")
    assert not knows_messages(names)
    assert not any(module.startswith("rclpy") for module in names)


@pytest.mark.parametrize(
    "name",
    [
        *(f"convert/{name}" for name in ("__init__", "fields", "inputs", "persons", "tracks")),
        *("images", "markers", "options", "pipeline", "track_markers"),
    ],
)
def test_what_answers_bags_takes_its_messages_from_one_module(name):
    names = imported(NODES / f"{name}.py")
    assert not any(module.endswith(".msg") for module in names)
    assert not any(module.startswith(("rclpy", "rcl_interfaces", "tf2_ros")) for module in names)
