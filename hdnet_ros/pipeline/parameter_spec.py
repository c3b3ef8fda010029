"""One parameter as a line of a table; nothing of ROS."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ParameterSpec:
    """One parameter.

    Parameters
    ----------
    name : as in config/hdnet.yaml
    default : its type is the parameter's; a list is never empty
    description : with the unit, and when a change takes effect
    span : smallest and largest value of a number
    choices : what a string, or each of a list, may be; empty: anything
    read_only : True where it can only be given at start
    """

    name: str
    default: Any
    description: str
    span: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    read_only: bool = False

    def fault(self, value: Any) -> str | None:
        """Return why a value is refused beyond its type and range, or None."""
        # ROS has no empty list of strings: one empty string stands for it.
        given = [item for item in value if item] if isinstance(value, (list, tuple)) else [value]
        for item in given if self.choices else ():
            if item not in self.choices:
                return f"{self.name} is {item!r}, expected one of {', '.join(self.choices)}"
        return None
