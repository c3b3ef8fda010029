"""`hdnet synth`: synthetic people as shards for training, or a contact sheet to look at."""

from __future__ import annotations

from pathlib import Path

import click

from hdnet_ros.cli.commands.failures import told_in_one_line


@click.command()
@click.option("--preview", type=click.Path(dir_okay=False, path_type=Path),
              help="Write a contact sheet of --count samples as PNG.")  # fmt: skip
@click.option("--out", type=click.Path(file_okay=False, path_type=Path),
              help="Write shards of 512 samples here; those that exist are kept.")  # fmt: skip
@click.option("--count", type=click.IntRange(1), default=48, show_default=True, help="Samples.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--first", type=click.IntRange(0), default=0, show_default=True,
              help="Number of the first sample of --out, a multiple of 512.")  # fmt: skip
@click.option("--split", type=click.Choice(["train", "holdout"]), default="train", show_default=True)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
def synth(preview, out, count, seed, first, split, workers):
    """Render synthetic people; sample n of a seed is the same everywhere."""
    if (preview is None) == (out is None):
        raise click.UsageError("give either --preview SHEET.png or --out DIR")
    with told_in_one_line():
        if preview is not None:
            from hdnet_ros.data.synthetic.preview import write_preview

            write_preview(preview, count, seed, split)
            click.echo(f"wrote {preview}")
        else:
            paths = _write_shards(out, count, seed, split, workers, first)
            click.echo(f"{len(paths)} shards in {out}")


def _write_shards(out: Path, count: int, seed: int, split: str, workers: int, first: int) -> list[Path]:
    from tqdm import tqdm

    from hdnet_ros.data.synthetic.shards import write_shards

    with tqdm(unit="shard") as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return write_shards(out, count, seed, split, workers, first, show)
