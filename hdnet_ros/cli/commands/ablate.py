"""`hdnet ablate`: train and score the paper's ablations, and RootNet, under one budget."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from hdnet_ros.cli.commands.failures import told_in_one_line
from hdnet_ros.cli.commands.train import parsed_settings

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
CLIP_EVERY = 10


@click.command()
@click.option("--shards", type=FOLDER, required=True, help="Shards to train on (hdnet synth).")
@click.option("--holdout", type=FOLDER, required=True, help="Shards to score on (hdnet synth --split holdout).")
@click.option("--root", type=FOLDER, help="Folder with a real clip's camera.json and boxes*.json.")
@click.option("--video", type=FILE, help="The clip itself.")
@click.option("--steps", type=click.IntRange(1), required=True, help="Training steps of every variant.")
@click.option("--input-px", type=click.IntRange(32), default=128, show_default=True,
              help="Side of the network's input, a multiple of 32.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              help="Replace a setting of every variant, e.g. optimiser.batch_size=8.")  # fmt: skip
@click.option("--only", multiple=True, metavar="VARIANT", help="Train and score these alone; the rest later.")
@click.option("--most", type=click.IntRange(1), default=512, show_default=True, help="Most pictures of the hold-out.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads.")
@click.option("--cpu", is_flag=True, help="Stay on the CPU even when there is a GPU.")
@click.option("--configs", type=FOLDER, default="configs/ablations", show_default=True,
              help="Folder with the variants' configurations.")  # fmt: skip
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True,
              help="A training run per variant, ablation.json and ablation.md; started again, goes on.")  # fmt: skip
def ablate(shards, holdout, root, video, steps, input_px, seed, settings, only, most, threads, cpu, configs, out):
    """Train every variant of Table 6 alike, score it, and print the table in the paper's order."""
    if (root is None) != (video is None):
        raise click.UsageError("give --root and --video together: the clip's boxes and the clip")
    overrides = parsed_settings(settings)
    with told_in_one_line():
        import torch

        from hdnet_ros.evaluate.ablation_score import score_variant
        from hdnet_ros.learn import ablation
        from hdnet_ros.data.holdout import pictures_in

        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        if threads:
            torch.set_num_threads(threads)
        budget = ablation.Budget(steps, input_px, seed)
        variants = ablation.load_variants(
            configs, only or tuple(ablation.VARIANTS), budget.overrides(shards) | overrides
        )
        pictures = list(pictures_in(holdout, most))
        clip = _clip_pictures(root, video) if root else None
        for key, config in variants.items():
            ablation.claim(config, out / key)
        about = _about(variants, shards, len(pictures), clip, cpu)
    scores, device = [], "cpu" if cpu else "auto"
    # Errors beyond this point keep their traceback.
    for key, config in variants.items():
        weights = ablation.train_variant(config, out / key, cpu)
        name, steps = ablation.VARIANTS[key], config.optimiser.steps
        scores.append(score_variant(name, steps, weights, pictures, clip, device))
        _write(out, scores, about)
    click.echo((out / "ablation.md").read_text())
    click.echo(f"wrote {out / 'ablation.md'} and {out / 'ablation.json'}")


def _clip_pictures(root: Path, video: Path) -> list:
    from hdnet_ros.data.clip import pictures_of_clip
    from hdnet_ros.data.ground_plane import load_ground_plane_clip

    return list(pictures_of_clip(video, load_ground_plane_clip(root), every=CLIP_EVERY))


def _about(variants: dict, shards: Path, pictures: int, clip: list | None, cpu: bool) -> dict[str, str]:
    """What a reader needs to judge the table or make it again."""
    from hdnet_ros.evaluate.provenance import commit, machine_kind, versions

    one = next(iter(variants.values()))
    return {
        "budget of each": f"{one.optimiser.steps} steps of {one.optimiser.batch_size} patches of "
        f"{one.convention.input_px} px, {one.network.backbone}, seed {one.seed}",
        "trained on": f"{len(list(shards.glob('*.npz')))} synthetic shards",
        "hold-out": f"{pictures} synthetic pictures",
        "clip": f"{len(clip)} frames, hand-made boxes" if clip else "none",
        "machine": machine_kind("cpu" if cpu else "auto"),
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
        "commit": commit(),
    }


def _write(out: Path, scores: list, about: dict[str, str]) -> None:
    from hdnet_ros.evaluate.ablation_table import as_markdown, as_plain
    from hdnet_ros.evaluate.suites import as_json

    (out / "ablation.md").write_text(as_markdown(scores, about))
    (out / "ablation.json").write_text(as_json(as_plain(scores, about)))
