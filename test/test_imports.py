"""The one way to import, read from the sources."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "hdnet_ros"
SOURCES = sorted(PACKAGE.rglob("*.py"))

GEOMETRY = {"core"}
LOCATE = {"core", "tracking", "files", "model", "locate", "viz"}
PIPELINE = LOCATE | {"pipeline"}
# What each part may import of this package; a part that is not named may import everything.
ALLOWED = {
    "core": GEOMETRY,
    "tracking": {"core", "tracking"},
    "files": {"core", "files"},
    "model": {"core", "model"},
    "viz": {"core", "files", "tracking", "viz"},
    "locate": LOCATE,
    "pipeline": PIPELINE,
    "messages": PIPELINE | {"messages"},
    "ros": PIPELINE | {"messages", "ros"},
    "bags": PIPELINE | {"messages", "bags"},
    "data": {"core", "files", "model", "data"},
    "evaluate": LOCATE | {"data", "evaluate"},
    "learn": {"core", "files", "model", "data", "learn"},
}
CORE_MODULES = {"numpy", "cv2", "torch", "scipy", "hdnet_ros"}
ROS_MACHINERY = {"rclpy", "cv_bridge", "tf2_ros", "tf2_py", "rcl_interfaces", "message_filters", "lifecycle_msgs"}
ROS_MESSAGES = {
    "std_msgs", "sensor_msgs", "geometry_msgs", "vision_msgs", "visualization_msgs", "diagnostic_msgs",
    "builtin_interfaces", "tf2_msgs", "people_msgs", "hri_msgs", "cohan_msgs",
}  # fmt: skip


def imported_modules(path):
    """Return the dotted names that a file imports, anywhere in it, relative ones resolved."""
    package = ("hdnet_ros", *path.relative_to(PACKAGE).parent.parts)
    names = []
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) + "." if node.level else ""
            module = f"{base}{node.module or ''}".rstrip(".")
            names += [f"{module}.{alias.name}" for alias in node.names]
    return names


def part_of(path):
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def own_parts(path):
    return {name.split(".")[1] for name in imported_modules(path) if name.startswith("hdnet_ros.")}


def foreign_modules(path):
    return {name.split(".")[0] for name in imported_modules(path)}


def places(wrong):
    """Return "file: modules" of each file for which `wrong` finds some."""
    return [f"{path.relative_to(PACKAGE)}: {sorted(found)}" for path in SOURCES if (found := wrong(path))]


def test_parts_import_only_what_lies_below():
    parts = {name.stem for name in PACKAGE.iterdir()} | {"msg"}
    assert not places(lambda path: own_parts(path) - {"msg"} - ALLOWED.get(part_of(path), parts))


def test_the_machinery_of_ros_is_imported_in_ros_only():
    allowed = {"ros": ROS_MACHINERY}
    assert not places(lambda path: foreign_modules(path) & ROS_MACHINERY - allowed.get(part_of(path), set()))


def test_messages_are_imported_in_messages_and_ros_only():
    def wrong(path):
        generated = {"hdnet_ros.msg"} if "msg" in own_parts(path) else set()
        return (foreign_modules(path) & ROS_MESSAGES | generated) if part_of(path) not in ("messages", "ros") else ()

    assert not places(wrong)


def test_core_needs_numpy_opencv_and_torch_only():
    import sys

    known = CORE_MODULES | set(sys.stdlib_module_names)
    assert not places(lambda path: foreign_modules(path) - known if part_of(path) == "core" else ())


def test_learn_and_the_nodes_never_meet():
    assert not places(lambda path: {"learn", "ros"} <= own_parts(path) | {part_of(path)})
