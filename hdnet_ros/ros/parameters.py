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

from hdnet_ros.pipeline.parameter_spec import ParameterSpec


def descriptor(spec: ParameterSpec) -> ParameterDescriptor:
    """Return the descriptor that `ros2 param describe` shows."""
    made = ParameterDescriptor(
        description=spec.description,
        read_only=spec.read_only,
        additional_constraints=f"one of {', '.join(spec.choices)}" if spec.choices else "",
    )
    if spec.span and isinstance(spec.default, int):
        low, high = (int(value) for value in spec.span)
        made.integer_range = [IntegerRange(from_value=low, to_value=high, step=0)]
    elif spec.span:
        low, high = (float(value) for value in spec.span)
        made.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    return made


class Parameters(Mapping):
    """A node's declared parameters with their current values; a change is checked and seen.

    Raises
    ------
    ValueError
        From the constructor, if a value given at start is not one of its parameter's choices.
    """

    def __init__(self, node: Node, specs: Sequence[ParameterSpec]):
        self._specs = {spec.name: spec for spec in specs}
        self._values: dict[str, Any] = {}
        for spec in specs:
            value = node.declare_parameter(spec.name, spec.default, descriptor(spec)).value
            fault = spec.fault(value)
            if fault:
                raise ValueError(f"parameter {fault}")
            self._values[spec.name] = value
        node.add_on_set_parameters_callback(self._on_set)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self):
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _on_set(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        ours = [parameter for parameter in parameters if parameter.name in self._specs]
        for parameter in ours:
            fault = self._specs[parameter.name].fault(parameter.value)
            if fault:
                return SetParametersResult(successful=False, reason=fault)
        self._values.update({parameter.name: parameter.value for parameter in ours})
        return SetParametersResult(successful=True)
