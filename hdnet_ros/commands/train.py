"""`hdnet train`: train a network on synthetic people; interrupted runs go on where they stopped."""

from __future__ import annotations

import logging
from pathlib import Path

import click


@click.command()
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the run; an interrupted run in it goes on.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Replace a setting, e.g. optimiser.steps=5000.")
@click.option("--init", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="state.pt of another run to start from.")
@click.option("--holdout", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Shards to validate on.")
@click.option("--clip", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder with a real clip's camera.json and boxes*.json.")
@click.option("--clip-video", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The clip itself.")
@click.option("--minutes", type=float, help="Stop and save after this many minutes.")
@click.option("--threads", type=int, help="CPU threads of the training process.")
@click.option("--cpu", is_flag=True, help="Train on the CPU even when there is a GPU.")
@click.option("--export", type=click.Path(dir_okay=False, path_type=Path), help="Write the averaged network here at the end.")
def train(config, out, settings, init, holdout, clip, clip_video, minutes, threads, cpu, export):
    """Train the network that CONFIG describes."""
    import torch
    import yaml

    from hdnet_ros.learn.config import load_train_config
    from hdnet_ros.learn.train import Trainer
    from hdnet_ros.learn.validate import Validator

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if threads:
        torch.set_num_threads(threads)
    overrides = dict(setting.split("=", 1) for setting in settings)
    try:
        loaded = load_train_config(config, {k: yaml.safe_load(v) for k, v in overrides.items()})
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    trainer = Trainer(loaded, out, init=init, cpu=cpu)
    validate = Validator(holdout, clip, clip_video) if holdout or clip else None
    trainer.run(validate, minutes * 60 if minutes else None)
    if export:
        trainer.export(export)
        click.echo(f"wrote {export}")
