"""Parameters as tables: name, default, range, unit and meaning in one place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter


@dataclass(frozen=True)
class ParameterSpec:
    """One parameter.

    Parameters
    ----------
    name : as in config/hdnet.yaml
    default : its type is the parameter's; a list is one of strings and never empty
    description : with the unit, and when a change takes effect
    span : smallest and largest value of a number
    choices : what a string may be; empty: anything
    read_only : True where it can only be given at start
    """

    name: str
    default: Any
    description: str
    span: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    read_only: bool = False

    def descriptor(self) -> ParameterDescriptor:
        """Return the descriptor that `ros2 param describe` shows."""
        descriptor = ParameterDescriptor(
            description=self.description,
            read_only=self.read_only,
            additional_constraints=f"one of {', '.join(self.choices)}" if self.choices else "",
        )
        if self.span and isinstance(self.default, int):
            low, high = (int(value) for value in self.span)
            descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=0)]
        elif self.span:
            low, high = (float(value) for value in self.span)
            descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        return descriptor

    def fault(self, value: Any) -> str | None:
        """Return why a value is refused beyond its type and range, or None."""
        if self.choices and value not in self.choices:
            return f"{self.name} is {value!r}, expected one of {', '.join(self.choices)}"
        return None


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
            value = node.declare_parameter(spec.name, spec.default, spec.descriptor()).value
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
