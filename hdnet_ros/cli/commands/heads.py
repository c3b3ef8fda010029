"""`hdnet heads`: go on training a checkpoint's last layers, on features that are computed once."""

from __future__ import annotations

from pathlib import Path

import click

from hdnet_ros.cli.commands.failures import told_in_one_line


@click.command()
@click.argument("checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--shards", type=click.Path(exists=True, file_okay=False), required=True,
              help="Folder of `hdnet synth --out`.")  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True,
              help="Checkpoint to write.")  # fmt: skip
@click.option("--only-existence", is_flag=True,
              help="Train whether somebody is in the box alone: depths and joints stay as they are.")  # fmt: skip
@click.option("--only-sigma", is_flag=True,
              help="Train how wrong depths may be alone, on people that the depth was not trained on.")  # fmt: skip
@click.option("--only-refiner", is_flag=True,
              help="Give the network a refiner of its depth, with a 3D pose, and train it, on people that the depth was not trained on.")  # fmt: skip
@click.option("--patches", type=click.IntRange(32), default=20000, show_default=True, help="Patches to cut.")
@click.option("--steps", type=click.IntRange(1), default=1200, show_default=True)
@click.option("--nobody-share", type=click.FloatRange(0, 1, max_open=True), default=0.25, show_default=True,
              help="Share of the patches around boxes that hold nobody.")  # fmt: skip
@click.option("--joint-witness", type=click.Choice(["movenet_lightning", "movenet_thunder"]),
              help="Have it as a witness of the joints; tools/convert_movenet.py makes it.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
def heads(
    checkpoint, shards, out, only_existence, only_sigma, only_refiner, patches, steps, nobody_share, joint_witness, seed
):
    """Train graph network, depth and existence of CHECKPOINT on synthetic people, all before them frozen."""
    if only_existence + only_sigma + only_refiner > 1 or ((only_sigma or only_refiner) and joint_witness):
        raise click.UsageError(
            "--only-existence, --only-sigma and --only-refiner train nothing else: give one of them,"
            " and --joint-witness with neither of the last two"
        )
    with told_in_one_line():
        if only_refiner:
            _refiner(checkpoint, shards, out, patches, steps, seed)
        elif only_sigma:
            _sigma(checkpoint, shards, out, patches, steps, seed)
        else:
            _heads(checkpoint, shards, out, only_existence, patches, steps, nobody_share, joint_witness, seed)
    click.echo(f"wrote {out}")


def _refiner(checkpoint: Path, shards: str, out: Path, patches: int, steps: int, seed: int) -> None:
    from tqdm import tqdm

    from hdnet_ros.learn import refiner as learn
    from hdnet_ros.learn.config import DataConfig
    from hdnet_ros.learn.dataset import PatchStream
    from hdnet_ros.learn.heads import save_with_heads
    from hdnet_ros.model.checkpoint import load_checkpoint

    config = learn.RefinerTraining(steps=steps, seed=seed)
    network = learn.network_with_refiner(checkpoint, config)
    convention = load_checkpoint(checkpoint).convention
    data = DataConfig(
        shards=shards, seed=seed, views=3, rung_jitter=0.3, zoom_range=0.0, centre_jitter=0.0,
        box_scale_jitter=0.08, box_shift_jitter=0.04,
    )  # fmt: skip
    PatchStream(data, convention).check()
    with tqdm(total=patches, unit="patch") as bar:
        rows = learn.refiner_rows(network, data, convention, patches, lambda done: bar.update(done - bar.n))
    with tqdm(total=steps, unit="step") as bar:
        learn.train_refiner(network, rows, config, lambda done: bar.update(done - bar.n))
    save_with_heads(
        out, network, checkpoint, f"refiner: {patches} patches of synthetic people, {steps} steps, seed {seed}"
    )


def _sigma(checkpoint: Path, shards: str, out: Path, patches: int, steps: int, seed: int) -> None:
    from tqdm import tqdm

    from hdnet_ros.learn import sigma as learn
    from hdnet_ros.model.checkpoint import load_checkpoint

    network = learn.network_with_sigma(checkpoint)
    convention = load_checkpoint(checkpoint).convention
    with tqdm(total=patches, unit="patch") as bar:
        rows = learn.sigma_rows(
            network, shards, convention, patches, seed, lambda done: bar.update(done - bar.n)
        )
    learn.train_sigma(network, rows, learn.SigmaTraining(steps=steps, seed=seed))
    told = f"sigma: {patches} patches of synthetic people, {steps} steps, seed {seed}"
    learn.save_with_sigma(out, network, checkpoint, told)


def _heads(checkpoint, shards, out, only_existence, patches, steps, nobody_share, joint_witness, seed) -> None:
    from tqdm import tqdm

    from hdnet_ros.learn import heads as learn
    from hdnet_ros.learn.config import DataConfig
    from hdnet_ros.learn.dataset import PatchStream
    from hdnet_ros.model.checkpoint import load_checkpoint

    network = learn.network_with_existence(checkpoint, joint_witness or "")
    convention = load_checkpoint(checkpoint).convention
    data = DataConfig(
        shards=shards, seed=seed, nobody_share=nobody_share, rung_jitter=0.3,
        box_scale_jitter=0.09, box_shift_jitter=0.045,
    )  # fmt: skip
    PatchStream(data, convention).check()
    with tqdm(total=patches, unit="patch") as bar:
        rows = learn.pooled_rows(network, data, convention, patches, lambda done: bar.update(done - bar.n))
    config = learn.HeadsConfig(patches=patches, steps=steps, only_existence=only_existence, seed=seed)
    learn.train_heads(network, rows, config)
    what = "existence" if only_existence else "existence, graph network and depth"
    learn.save_with_heads(
        out, network, checkpoint, f"{what}: {patches} patches of synthetic people, {steps} steps, seed {seed}"
    )
