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
        from hdnet_ros.data.holdout import pictures_in
        from hdnet_ros.model.checkpoint import load_checkpoint, save_checkpoint

        checkpoint = load_checkpoint(weights)
        pictures = list(pictures_in(holdout))
        has_own = getattr(checkpoint.config, "sigma_head", False)
        calibration = (_level if has_own else _temperature)(checkpoint, pictures, holdout, device)
        save_checkpoint(
            out, checkpoint.network, checkpoint.convention, calibration=calibration, half=checkpoint.half, **checkpoint.metadata
        )
        click.echo(f"wrote {out}")


def _temperature(checkpoint, pictures, holdout: Path, device: str):
    """The calibration of the bins' spread, fitted on half of the people."""
    from hdnet_ros.evaluate.calibrate import fit, predict, sigma_mm

    bins = checkpoint.config.bins
    logits, estimated, true = predict(checkpoint, pictures, device)
    half = _half_of(true, holdout)
    calibration = fit(logits[:half], estimated[:half], true[:half], bins)
    click.echo(f"temperature {calibration.temperature:.3f}, floor {calibration.floor_relative:.3f}")
    _tell_coverage(estimated[half:], sigma_mm(logits[half:], estimated[half:], bins, calibration), true[half:])
    return calibration


def _level(checkpoint, pictures, holdout: Path, device: str):
    """The network's sigma is scaled, in place, as half of the people ask for; its calibration stays."""
    import numpy as np

    from hdnet_ros.evaluate import benchmark
    from hdnet_ros.evaluate.calibrate import level_of, levelled_mm, own_relative
    from hdnet_ros.locate.estimator import HDNetEstimator

    calibration, bins = checkpoint.calibration, checkpoint.config.bins
    estimator = HDNetEstimator(checkpoint.network, checkpoint.convention, bins, device, calibration)
    rows = benchmark.run(estimator, pictures)
    estimated, sigma, true = (np.array(column) for column in (rows.estimated_mm, rows.sigma_mm, rows.true_mm))
    half = _half_of(true, holdout)
    floor = estimator.sigma_calibration.floor_relative
    factor = level_of(estimated[:half], sigma[:half], true[:half], floor)
    click.echo(f"sigma times {factor:.3f}, floor {floor:.3f}")
    told, others = estimated[half:], sigma[half:]
    _tell_coverage(told, levelled_mm(told, factor * own_relative(told, others, floor), floor), true[half:])
    checkpoint.network.sigma_head.scale(factor)
    return calibration


def _half_of(true, holdout: Path) -> int:
    if len(true) < FEWEST_PEOPLE:
        raise ValueError(f"{holdout} shows {len(true)} people, expected at least {FEWEST_PEOPLE}")
    return len(true) // 2


def _tell_coverage(estimated, sigma, true) -> None:
    from hdnet_ros.evaluate.depth_error import coverage

    shares = ", ".join(f"{level:.0%} interval covers {share:.1%}" for level, share in coverage(estimated, sigma, true).items())
    click.echo(f"on the other half: {shares}")
