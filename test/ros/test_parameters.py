"""What the nodes declare is what the table says."""

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")

from rcl_interfaces.msg import ParameterType  # noqa: E402

from hdnet_ros.pipeline.settings import SETTINGS  # noqa: E402
from hdnet_ros.ros.parameters import descriptor  # noqa: E402


def test_descriptors_have_range_choices_and_effect():
    for table in SETTINGS.values():
        for setting in table:
            made = descriptor(setting)
            assert made.description == setting.sentence() and made.read_only == setting.read_only
            ranges = [(r.from_value, r.to_value) for r in (*made.integer_range, *made.floating_point_range)]
            assert ranges == ([tuple(setting.span)] if setting.span else [])
            assert all(choice in made.additional_constraints for choice in setting.choices)


def test_the_node_declares_the_table(make_hdnet_node):
    node = make_hdnet_node("/declares")
    kinds = {"bool": 1, "int": 2, "double": 3, "string": 4, "string[]": 9}
    for setting in SETTINGS["hdnet_node"]:
        parameter = node.get_parameter(setting.name).get_parameter_value()
        assert parameter.type == kinds[setting.kind] != ParameterType.PARAMETER_NOT_SET, setting.name
