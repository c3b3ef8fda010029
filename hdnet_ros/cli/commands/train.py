"""`hdnet train`: train a network on synthetic people; interrupted runs go on where they stopped."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from hdnet_ros.cli.commands.failures import told_in_one_line

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("config", type=FILE)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True,
              help="Folder of the run; an interrupted run in it goes on.")  # fmt: skip
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              help="Replace a setting, e.g. optimiser.steps=5000.")  # fmt: skip
@click.option("--init", type=FILE, help="state.pt of another run, or a checkpoint (.safetensors) of a related network, to start from "
              "(set losses.swap_tolerant_steps=0 where that has left and right); with network.pose, the HDNet checkpoint (.safetensors) whose 3D pose is trained.")  # fmt: skip
@click.option("--holdout", type=FOLDER, help="Shards to validate on.")
@click.option("--clip", type=FOLDER, help="Folder with a real clip's camera.json and boxes*.json.")
@click.option("--clip-video", type=FILE, help="The clip itself.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Stop and save after these.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads of the training process.")
@click.option("--cpu", is_flag=True, help="Train on the CPU even when there is a GPU.")
@click.option("--export", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the averaged network here at the end.")  # fmt: skip
def train(config, out, settings, init, holdout, clip, clip_video, minutes, threads, cpu, export):
    """Train the network that CONFIG describes."""
    if (clip is None) != (clip_video is None):
        raise click.UsageError("give --clip and --clip-video together: the boxes' folder and their video")
    overrides = parsed_settings(settings)
    with told_in_one_line():
        import torch

        from hdnet_ros.learn.config import load_train_config
        from hdnet_ros.learn.dataset import PatchStream
        from hdnet_ros.learn.pose3d import make_trainer
        from hdnet_ros.learn.train import NonFiniteLoss
        from hdnet_ros.evaluate.validate import Validator

        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        if threads:
            torch.set_num_threads(threads)
        loaded = load_train_config(config, overrides)
        validate = Validator(holdout, clip, clip_video) if holdout or clip else None
        PatchStream(loaded.data, loaded.convention).check()  # here, for the loader's processes tell it at length
        trainer = make_trainer(loaded, out, init=init, cpu=cpu)
    # Errors beyond this point keep their traceback, except those that say enough by themselves.
    try:
        trainer.run(validate, minutes * 60 if minutes else None)
    except (NonFiniteLoss, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    if export:
        trainer.export(export)
        click.echo(f"wrote {export}")


def parsed_settings(settings: tuple[str, ...]) -> dict:
    """Dotted keys to values; VALUE is read as YAML."""
    import yaml

    values = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not (key and equals):
            raise click.UsageError(f"--set {setting}: expected KEY=VALUE, e.g. optimiser.steps=5000")
        try:
            values[key] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise click.UsageError(f"--set {setting}: {text!r} is no YAML value") from error
    return values
