"""The one way to import, read from the sources: core <- model <- (learn, evaluate, nodes, cli)."""
import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / 'hdnet_ros'
SOURCES = sorted(PACKAGE.rglob('*.py'))

# What each part may import of this package. A part that is not named is a consumer: it may import core, model and more.
ALLOWED = {
    'core': {'core'},
    'model': {'core', 'model'},
    'viz': {'core', 'viz'},
    'evaluate': {'core', 'model', 'evaluate'},
    'learn': {'core', 'model', 'evaluate', 'learn'},
    'nodes': {'core', 'model', 'nodes', 'viz'},
    'bags': {'core', 'model', 'nodes', 'bags'},
}
CORE_MODULES = {'numpy', 'cv2', 'torch', 'torchvision', 'scipy', 'yaml'}
ROS_MODULES = {
    'rclpy', 'cv_bridge', 'tf2_ros', 'tf2_py', 'tf2_msgs', 'tf_transformations', 'std_msgs', 'sensor_msgs',
    'geometry_msgs', 'vision_msgs', 'visualization_msgs', 'diagnostic_msgs', 'lifecycle_msgs', 'builtin_interfaces',
    'rcl_interfaces', 'message_filters', 'launch', 'launch_ros', 'ament_index_python', 'rosidl_runtime_py',
}
# Data of ROS, as opposed to its machinery: with a core type, only nodes/convert/ knows it.
MESSAGE_MODULES = {'sensor_msgs', 'geometry_msgs', 'vision_msgs', 'std_msgs', 'visualization_msgs'}


def imported_modules(path):
    """Return the dotted names that a file imports, anywhere in it, relative ones resolved."""
    package = ('hdnet_ros', *path.relative_to(PACKAGE).parent.parts)
    names = []
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = '.'.join(package[:len(package) - node.level + 1]) + '.' if node.level else ''
            module = f'{base}{node.module or ""}'.rstrip('.')
            names += [f'{module}.{alias.name}' for alias in node.names]
    return names


def part_of(path):
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def own_parts(path):
    return {name.split('.')[1] for name in imported_modules(path) if name.startswith('hdnet_ros.')}


def foreign_modules(path):
    return {name.split('.')[0] for name in imported_modules(path)}


def name_of(path):
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize('path', [p for p in SOURCES if part_of(p) in ALLOWED], ids=name_of)
def test_parts_import_only_what_lies_below(path):
    # hdnet_ros.msg are the generated messages
    allowed = ALLOWED[part_of(path)] | ({'msg'} if part_of(path) == 'nodes' else set())
    assert own_parts(path) - allowed == set()


@pytest.mark.parametrize('path', [p for p in SOURCES if part_of(p) != 'nodes'], ids=name_of)
def test_ros_is_imported_only_in_nodes(path):
    allowed = {'hdnet_ros.msg'} if part_of(path) == 'demo' else set()
    generated = {name for name in imported_modules(path) if name.startswith('hdnet_ros.msg')}
    assert foreign_modules(path) & ROS_MODULES == set()
    assert {'.'.join(name.split('.')[:2]) for name in generated} - allowed == set()


@pytest.mark.parametrize('path', [p for p in SOURCES if part_of(p) == 'core'], ids=name_of)
def test_core_needs_numpy_opencv_and_torch_only(path):
    import sys
    assert foreign_modules(path) - CORE_MODULES - set(sys.stdlib_module_names) - {'hdnet_ros'} == set()


def test_convert_alone_knows_messages_and_core_types():
    knows_both = [name_of(path) for path in SOURCES
                  if any(name.startswith('hdnet_ros.core.types') for name in imported_modules(path))
                  and (foreign_modules(path) & MESSAGE_MODULES or 'msg' in own_parts(path)
                       or any(name.startswith('hdnet_ros.nodes.message_types') for name in imported_modules(path)))]
    assert knows_both and {str(Path(name).parent) for name in knows_both} == {'nodes/convert'}


def test_learn_and_nodes_never_meet():
    for path in SOURCES:
        assert not {'learn', 'nodes'} <= own_parts(path) | {part_of(path)}, name_of(path)
