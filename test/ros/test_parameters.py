"""config/hdnet.yaml and the declared parameters say the same."""

from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")

from hdnet_ros.pipeline import options# noqa: E402

CONFIG = Path(__file__).resolve().parents[2] / "config" / "hdnet.yaml"
SPECS = {
    "hdnet_node": options.HDNET_PARAMETERS,
    "detector_node": options.DETECTOR_PARAMETERS,
    "video_node": options.VIDEO_PARAMETERS,
}
EVERY_SPEC = [(node, spec) for node, specs in SPECS.items() for spec in specs]
IDS = [f"{node}.{spec.name}" for node, spec in EVERY_SPEC]


@pytest.mark.parametrize("node", SPECS)
def test_the_file_names_every_parameter_with_its_default(node):
    values = yaml.safe_load(CONFIG.read_text())[f"/**/{node}"]["ros__parameters"]
    assert values == {spec.name: spec.default for spec in SPECS[node]}
    for spec in SPECS[node]:
        assert type(values[spec.name]) is type(spec.default), spec.name


def comment_above(node, name):
    """Return the comment lines right above a parameter, as one line."""
    lines = CONFIG.read_text().split(f"/**/{node}:")[1].splitlines()
    number = next(i for i, line in enumerate(lines) if line.strip().startswith(f"{name}:"))
    comment = []
    while lines[number - 1].strip().startswith("#"):
        number -= 1
        comment.insert(0, lines[number].strip(" #"))
    return " ".join(comment)


@pytest.mark.parametrize("node, spec", EVERY_SPEC, ids=IDS)
def test_the_file_tells_range_and_choices(node, spec):
    comment = comment_above(node, spec.name)
    assert comment
    if spec.span:
        assert f"range {spec.span[0]:g} to {spec.span[1]:g}" in comment
    for choice in spec.choices:
        assert choice in comment
    assert ("at start only" in comment) == spec.read_only


@pytest.mark.parametrize("node, spec", EVERY_SPEC, ids=IDS)
def test_a_default_lies_in_its_range(node, spec):
    assert spec.fault(spec.default) is None
    if spec.span:
        assert spec.span[0] <= spec.default <= spec.span[1]
    if spec.name.endswith("_s"):
        assert ", s;" in spec.description
    if spec.name.endswith("_m"):
        assert ", m;" in spec.description
