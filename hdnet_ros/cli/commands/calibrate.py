"""`hdnet calibrate`: fit sigma on half of a hold-out, report it on the other half, store it."""

from __future__ import annotations

from pathlib import Path

import click

from hdnet_ros.cli.commands.failures import told_in_one_line

FEWEST_PEOPLE = 20


@click.command()
@click.argument("weights", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--holdout", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
              help="Folder of hold-out shards.")  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True,
              help="Checkpoint to write.")  # fmt: skip
@click.option("--device", default="auto", show_default=True)
def calibrate(weights, holdout, out, device):
    """Calibrate the sigma of WEIGHTS on a synthetic hold-out."""
    with told_in_one_line():
        from hdnet_ros.evaluate.calibrate import fit, predict, sigma_mm
        from hdnet_ros.evaluate.depth_error import coverage
        from hdnet_ros.data.holdout import pictures_in
        from hdnet_ros.model.checkpoint import load_checkpoint, save_checkpoint

        checkpoint = load_checkpoint(weights)
        bins = checkpoint.config.bins
        logits, estimated, true = predict(checkpoint, list(pictures_in(holdout)), device)
        if len(true) < FEWEST_PEOPLE:
            raise ValueError(f"{holdout} shows {len(true)} people, expected at least {FEWEST_PEOPLE}")
        half = len(true) // 2
        calibration = fit(logits[:half], estimated[:half], true[:half], bins)
        sigma = sigma_mm(logits[half:], estimated[half:], bins, calibration)
        covered = coverage(estimated[half:], sigma, true[half:])
        click.echo(f"temperature {calibration.temperature:.3f}, floor {calibration.floor_relative:.3f}")
        shares = ", ".join(f"{level:.0%} interval covers {share:.1%}" for level, share in covered.items())
        click.echo(f"on the other half: {shares}")
        network, about = checkpoint.network, checkpoint.metadata
        half = checkpoint.half
        save_checkpoint(out, network, checkpoint.convention, calibration=calibration, half=half, **about)
        click.echo(f"wrote {out}")
