"""`hdnet ablate`: train and score the paper's ablations, and RootNet, under one budget."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import click

from hdnet_ros.cli.commands.failures import told_in_one_line
from hdnet_ros.cli.commands.train import parsed_settings

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
CLIP_EVERY = 10
log = logging.getLogger(__name__)


@click.command()
@click.option("--shards", type=FOLDER, required=True, help="Shards to train on (hdnet synth).")
@click.option("--holdout", type=FOLDER, required=True, help="Shards to score on (hdnet synth --split holdout).")
@click.option("--root", type=FOLDER, help="Folder with a real clip's camera.json and boxes*.json.")
@click.option("--video", type=FILE, help="The clip itself.")
@click.option("--steps", type=click.IntRange(1), required=True, help="Training steps of every variant.")
@click.option("--trunk", type=FILE, help="HDNet checkpoint whose convolutions every variant keeps: only what comes after "
              "them is trained, on features that are computed once.")  # fmt: skip
@click.option("--patches", type=click.IntRange(32), help="Patches to cut for --trunk.  [default: 20000]")
@click.option("--input-px", type=click.IntRange(32),
              help="Side of the network's input, a multiple of 32; with --trunk that of the trunk.  [default: 128]")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="The first, or only, seed.")
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="So many runs of every variant.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              help="Replace a setting of every variant, e.g. optimiser.batch_size=8; not with --trunk.")  # fmt: skip
@click.option("--only", multiple=True, metavar="VARIANT", help="Train and score these alone; the rest later.")
@click.option("--most", type=click.IntRange(1), default=512, show_default=True, help="Most pictures of the hold-out.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads.")
@click.option("--cpu", is_flag=True, help="Stay on the CPU even when there is a GPU; heads on a trunk always do.")
@click.option("--configs", type=FOLDER, default="configs/ablations", show_default=True,
              help="Folder with the variants' configurations.")  # fmt: skip
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True,
              help="A training run per variant and seed, ablation.json and ablation.md; started again, goes on.")  # fmt: skip
def ablate(
    shards, holdout, root, video, steps, trunk, patches, input_px, seed, seeds, settings, only, most, threads, cpu, configs, out
):
    """Train every variant of Table 6 alike, score it, and print the table in the paper's order."""
    if (root is None) != (video is None):
        raise click.UsageError("give --root and --video together: the clip's boxes and the clip")
    if trunk and (settings or input_px):
        raise click.UsageError("--set and --input-px belong to training from the start: with --trunk the patches are the trunk's")
    if patches and not trunk:
        raise click.UsageError("--patches belongs to --trunk: training from the start cuts its patches as it goes")
    overrides = parsed_settings(settings)
    with told_in_one_line():
        import torch

        from hdnet_ros.learn import ablation
        from hdnet_ros.data.holdout import pictures_in

        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        if threads:
            torch.set_num_threads(threads)
        keys = only or tuple(ablation.VARIANTS)
        variants = [
            ablation.load_variants(
                configs, keys, ablation.Budget(steps, input_px or 128, one).overrides(shards) | overrides
            )
            for one in range(seed, seed + seeds)
        ]
        runs = ablation.runs_of(variants, out)
        pictures = list(pictures_in(holdout, most))
        clip = _clip_pictures(root, video) if root else None
        if trunk:
            train, budget = _heads_on_trunk(trunk, runs, steps, patches or 20000, seed)
        else:
            train, budget = _whole(runs, cpu)
        about = {"budget of each": f"{budget}, {_seeds(seed, seeds)}"} | _about(shards, len(pictures), clip, cpu)
    # Errors beyond this point keep their traceback.
    scores = []
    for run, has_root in train():
        scores.append(_score(run, steps, has_root, pictures, clip, "cpu" if cpu else "auto"))
        _write(out, scores, about)
    click.echo((out / "ablation.md").read_text())
    click.echo(f"wrote {out / 'ablation.md'} and {out / 'ablation.json'}")


def _whole(runs: list, cpu: bool):
    """What trains the runs from the start, one after the other, and their budget in words."""
    from hdnet_ros.learn import ablation

    for run in runs:
        ablation.claim(run)

    def train():
        for run in runs:
            ablation.train_variant(run, cpu)
            yield run, True

    one = runs[0].config
    return train, (
        f"{one.optimiser.steps} steps of {one.optimiser.batch_size} patches of "
        f"{one.convention.input_px} px, {one.network.backbone}"
    )


def _heads_on_trunk(path: Path, runs: list, steps: int, patches: int, data_seed: int):
    """The same for runs that keep a trunk's convolutions."""
    from tqdm import tqdm

    from hdnet_ros.learn import ablation
    from hdnet_ros.learn import ablation_heads as learn
    from hdnet_ros.learn.heads import HeadsConfig

    trunk, heads = learn.Trunk.read(path), HeadsConfig(patches=patches, steps=steps, batch_size=learn.BATCH_SIZE)
    runs = [replace(run, config=trunk.variant(run.config, data_seed)) for run in runs]
    learn.check_data(runs)
    for run in runs:
        ablation.claim(run, trunk.settings(heads))

    def train():
        missing = [run for run in runs if not run.weights.exists()]
        with tqdm(total=patches, unit="patch", mininterval=5) as bar:
            rows = learn.kept_rows(trunk, missing, patches, lambda done: bar.update(done - bar.n))
        for run in runs:
            if run in missing:
                log.info("%s, seed %d", run.key, run.config.seed)
                learn.train_run(trunk, run, rows, heads)
            yield run, learn.tells_root(run)

    return train, (
        f"heads on the convolutions of {path.name}: {steps} steps of {heads.batch_size} of the same {patches} patches of "
        f"{trunk.loaded.convention.input_px} px"
    )


def _score(run, steps: int, has_root: bool, pictures: list, clip: list | None, device: str):
    from hdnet_ros.evaluate.ablation_score import score_variant
    from hdnet_ros.learn.ablation import VARIANTS

    score = score_variant(VARIANTS[run.key], steps, run.weights, pictures, clip, device)
    return replace(score, seed=run.config.seed, root_pck=score.root_pck if has_root else float("nan"))


def _seeds(first: int, count: int) -> str:
    return f"seed {first}" if count == 1 else f"seeds {first} to {first + count - 1}"


def _clip_pictures(root: Path, video: Path) -> list:
    from hdnet_ros.data.clip import pictures_of_clip
    from hdnet_ros.data.ground_plane import load_ground_plane_clip

    return list(pictures_of_clip(video, load_ground_plane_clip(root), every=CLIP_EVERY))


def _about(shards: Path, pictures: int, clip: list | None, cpu: bool) -> dict[str, str]:
    """What a reader needs to judge the table or make it again."""
    from hdnet_ros.evaluate.provenance import commit, machine_kind, versions

    return {
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
