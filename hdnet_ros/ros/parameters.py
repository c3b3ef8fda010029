"""The parameters of a node: declared from a table, checked when they change."""

from collections.abc import Mapping, Sequence
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from hdnet_ros.pipeline.setting import Setting


def descriptor(setting: Setting) -> ParameterDescriptor:
    """Return the descriptor that `ros2 param describe` shows."""
    made = ParameterDescriptor(
        description=setting.sentence(),
        read_only=setting.read_only,
        additional_constraints=f"one of {', '.join(setting.choices)}" if setting.choices else "",
    )
    if setting.span and isinstance(setting.default, int):
        low, high = (int(value) for value in setting.span)
        made.integer_range = [IntegerRange(from_value=low, to_value=high, step=0)]
    elif setting.span:
        low, high = (float(value) for value in setting.span)
        made.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    return made


class Parameters(Mapping):
    """A node's declared parameters with their current values; a change is checked and seen.

    Raises
    ------
    ValueError
        From the constructor, if a value given at start is not one of its parameter's choices.
    """

    def __init__(self, node: Node, settings: Sequence[Setting]):
        self._settings = {setting.name: setting for setting in settings}
        self._values: dict[str, Any] = {}
        for setting in settings:
            value = node.declare_parameter(setting.name, setting.default, descriptor(setting)).value
            fault = setting.fault(value)
            if fault:
                raise ValueError(f"parameter {fault}")
            self._values[setting.name] = value
        node.add_on_set_parameters_callback(self._on_set)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self):
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _on_set(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        ours = [parameter for parameter in parameters if parameter.name in self._settings]
        for parameter in ours:
            fault = self._settings[parameter.name].fault(parameter.value)
            if fault:
                return SetParametersResult(successful=False, reason=fault)
        self._values.update({parameter.name: parameter.value for parameter in ours})
        return SetParametersResult(successful=True)
