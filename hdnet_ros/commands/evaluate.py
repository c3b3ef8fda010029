"""`hdnet eval`: depth errors of an estimator and the priors on the hold-out or the real clip."""

from __future__ import annotations

from pathlib import Path

import click

from hdnet_ros.commands.failures import told_in_one_line
from hdnet_ros.model.default_weights import NO_WEIGHTS_HELP, find_default_weights

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("eval")
@click.option("--data", type=click.Choice(["synthetic-holdout", "pets"]), required=True)
@click.option("--weights", type=FILE, help="Checkpoint; the bundled one by default.")
@click.option("--root", type=FOLDER, required=True,
              help="Hold-out shards, or the clip's camera.json and boxes*.json.")  # fmt: skip
@click.option("--train-shards", type=FOLDER, help="Shards the box-only regressor is fitted on.")
@click.option("--video", type=FILE, help="The clip of --data pets.")
@click.option("--every", type=click.IntRange(1), default=1, show_default=True,
              help="Take each n-th frame of the clip.")  # fmt: skip
@click.option("--most", type=click.IntRange(1), help="Most pictures of the hold-out.")
@click.option("--device", default="auto", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="JSON file for every figure.")
def evaluate(data, weights, root, train_shards, video, every, most, device, out):
    """Relative depth error, bias, sigma coverage and PCK, with the priors beside HDNet."""
    if data == "pets" and video is None:
        raise click.UsageError("--data pets needs --video, the clip that the boxes belong to")
    weights = weights or find_default_weights()
    if weights is None:
        raise click.ClickException(NO_WEIGHTS_HELP)
    with told_in_one_line():
        from hdnet_ros.evaluate import suites
        from hdnet_ros.model.checkpoint import load_checkpoint

        checkpoint = load_checkpoint(weights)
        regressor = _box_regressor(train_shards) if train_shards else None
        if data == "pets":
            results = suites.clip_suite(checkpoint, root, video, every, device, regressor)
        else:
            from hdnet_ros.learn.holdout import jittered, pictures_in

            pictures = list(pictures_in(root, most))
            results = suites.picture_suite(checkpoint, pictures, device, regressor, jittered)
        click.echo(suites.as_text(results))
        if out:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(suites.as_json(results))
            click.echo(f"wrote {out}")


def _box_regressor(train_shards: Path):
    from hdnet_ros.evaluate.box_regressor import BoxRegressor
    from hdnet_ros.learn.holdout import regressor_rows

    return BoxRegressor().fit(*regressor_rows(train_shards))
