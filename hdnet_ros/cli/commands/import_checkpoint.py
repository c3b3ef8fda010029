"""`hdnet import-checkpoint`: the authors' released weights as a file of ours."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write (.safetensors).")
@click.option("--half", is_flag=True, help="Store float16: half the size, outputs move by rounding.")
def import_checkpoint(checkpoint: Path, out: Path, half: bool) -> None:
    """Convert CHECKPOINT (ckpt.pth.tar of github.com/jiahaoLjh/HumanDepth)."""
    from hdnet_ros.model.checkpoint import CheckpointError
    from hdnet_ros.model.import_authors import import_authors_checkpoint

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        import_authors_checkpoint(checkpoint, out, half=half)
    except (CheckpointError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"wrote {out} ({out.stat().st_size / 1e6:.0f} MB); use it with --weights {out}")
