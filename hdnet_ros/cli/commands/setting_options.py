"""Options of commands, made from the table of settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from hdnet_ros.pipeline.setting import Setting, SettingError, filled, from_file


def setting_option(table: Sequence[Setting], name: str, *flags: str) -> Callable:
    """Return a click option for a setting; not given, its value is None.

    Parameters
    ----------
    flags : names of the option; empty: --name with dashes
    """
    (setting,) = [entry for entry in table if entry.name == name]
    kind: Any = type(setting.default)
    if setting.choices:
        kind = click.Choice(setting.choices)
    elif setting.span:
        kind = (click.IntRange if kind is int else click.FloatRange)(*setting.span)
    unit = f" [{setting.unit}]" if setting.unit else ""
    shown = f"  [default: {setting.default}]" if setting.default not in ("", [""]) else ""
    flags = flags or (f"--{name.replace('_', '-')}",)
    return click.option(*flags, type=kind, help=setting.description + unit + shown)


def given_values(params: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return values of hdnet_node and of detector_node from NAME:=VALUE, detector_node.NAME:=VALUE.

    Raises
    ------
    click.UsageError : another form
    """
    mine: dict[str, str] = {}
    detectors: dict[str, str] = {}
    for text in params:
        name, separator, value = text.partition(":=")
        if not separator:
            raise click.UsageError(f"-p {text}: expected NAME:=VALUE")
        if name.startswith("detector_node."):
            detectors[name.removeprefix("detector_node.")] = value
        else:
            mine[name] = value
    return mine, detectors


def settings_of(
    table: Sequence[Setting], node: str, file: str | None, given: dict[str, Any]
) -> dict[str, Any]:
    """Return the value of every setting of a node: defaults, a parameter file's, then those given.

    Values of None are not given. What the file has and the table has not is told.

    Raises
    ------
    click.ClickException : an unknown name, a value that does not fit, or a file that is none
    """
    try:
        values, remarks = from_file(file, table, node) if file else ({}, [])
        for remark in remarks:
            click.echo(remark, err=True)
        return filled(table, values | {name: value for name, value in given.items() if value is not None})
    except SettingError as error:
        raise click.ClickException(str(error)) from error
