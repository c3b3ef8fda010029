"""`hdnet export`: a checkpoint as ONNX, for runtimes of other machines."""

from __future__ import annotations

from pathlib import Path

import click

from hdnet_ros.cli.commands.failures import told_in_one_line
from hdnet_ros.model.default_weights import NO_WEIGHTS_HELP, find_default_weights

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--weights", type=_FILE, help="Checkpoint; the bundled one by default.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write (.onnx).")
def export(weights: Path | None, out: Path) -> None:
    """Write a network as ONNX, one person a patch and any number of people, for TensorRT or ONNX Runtime.

    Beside it a .json of the same name says how patches are cut, what the depth bins are, and how sigma
    is calibrated.
    """
    weights = weights or find_default_weights()
    if weights is None:
        raise click.ClickException(NO_WEIGHTS_HELP)
    if out.suffix != ".onnx":
        raise click.ClickException(f"--out is {out}, expected a name that ends in .onnx")
    with told_in_one_line():
        from hdnet_ros.model.checkpoint import load_checkpoint
        from hdnet_ros.model.export_onnx import export_onnx

        out.parent.mkdir(parents=True, exist_ok=True)
        names = export_onnx(load_checkpoint(weights), out)
    click.echo(f"wrote {out} ({out.stat().st_size / 1e6:.0f} MB; {', '.join(names)}) and {out.with_suffix('.json')}")
