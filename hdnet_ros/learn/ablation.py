"""Table 6 under one budget: each variant and seed a training run, scored on the same people."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hdnet_ros.learn.config import TrainConfig, load_train_config
from hdnet_ros.learn.train import Trainer

log = logging.getLogger(__name__)

# File in configs/ablations to its row in the paper's table, `published.ABLATIONS`.
VARIANTS = {
    "rootnet": "RootNet",
    "direct_regression": "direct regression",
    "shared_branch": "shared feature branch",
    "no_gnn": "without GNN",
    "no_heatmap_pooling": "without heatmap pooling",
    "full": "full",
}
_COOLDOWN_SHARE = 0.15
_WARMUP_SHARE, _MOST_WARMUP_STEPS = 0.05, 200


@dataclass(frozen=True)
class Budget:
    """What every variant gets alike.

    Parameters
    ----------
    steps : of training; the last 15 % cool down
    input_px : side of the network's input
    seed : of initial weights and of the order of the data
    """

    steps: int
    input_px: int = 128
    seed: int = 1

    def overrides(self, shards: Path) -> dict:
        """Settings for `load_train_config`."""
        share = max(1, round(_COOLDOWN_SHARE * self.steps))
        return {
            "seed": self.seed,
            "data.seed": self.seed,
            "data.shards": str(shards),
            "convention.input_px": self.input_px,
            "optimiser.steps": self.steps,
            "optimiser.cooldown_steps": share,
            "optimiser.warmup_steps": min(_MOST_WARMUP_STEPS, max(1, round(_WARMUP_SHARE * self.steps))),
            "losses.swap_tolerant_steps": share,
        }


@dataclass(frozen=True)
class Run:
    """One variant with one seed.

    Attributes
    ----------
    key : of `VARIANTS`
    config : with the run's seed
    folder : of the run's settings and weights, its own
    """

    key: str
    config: TrainConfig
    folder: Path

    @property
    def weights(self) -> Path:
        """The checkpoint that it ends in."""
        return self.folder / "weights.safetensors"


def runs_of(variants: Sequence[dict[str, TrainConfig]], out: Path) -> list[Run]:
    """The runs of all variants, loaded once for each seed: one seed of all, then the next, so that a budget cut short is fair."""
    several = len(variants) > 1
    return [
        Run(key, of_seed[key], out / (f"{key}_seed{of_seed[key].seed}" if several else key))
        for of_seed in variants
        for key in of_seed
    ]


def load_variants(folder: Path, keys: Sequence[str], overrides: dict) -> dict[str, TrainConfig]:
    """Configurations of the variants `keys`, read from `folder` with the same overrides for all.

    Raises
    ------
    ValueError : a key that `VARIANTS` lacks, or a configuration that does not load
    """
    for key in keys:
        if key not in VARIANTS:
            raise ValueError(f"variant {key!r}, expected one of {', '.join(VARIANTS)}")
    return {key: load_train_config(folder / f"{key}.yaml", overrides) for key in keys}


def train_variant(run: Run, cpu: bool = False) -> None:
    """Train a variant to the end of its budget, going on where it stopped, and write its checkpoint."""
    trainer = Trainer(run.config, run.folder, cpu=cpu)
    if trainer.step < run.config.optimiser.steps:
        trainer.run()
    trainer.export(run.weights)


def claim(run: Run, more: Mapping[str, object] | None = None) -> None:
    """Keep a run's settings in its folder: under two budgets in turn it would be under neither.

    Parameters
    ----------
    more : settings beside those of its configuration

    Raises
    ------
    ValueError : the folder holds a run with other settings, which are named
    """
    folder = run.folder
    settings = json.loads(json.dumps(dataclasses.asdict(run.config) | dict(more or {})))
    path = folder / "settings.json"
    if path.exists():
        kept = json.loads(path.read_text())
        differing = sorted(_differing(kept, settings))
        if differing:
            raise ValueError(
                f"{folder} holds a run with another {', '.join(differing)}; take another --out or delete it"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings, indent=1))


def _differing(one: dict, other: dict, prefix: str = "") -> list[str]:
    names = []
    for key in sorted(set(one) | set(other)):
        a, b = one.get(key), other.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            names += _differing(a, b, f"{prefix}{key}.")
        elif a != b:
            names.append(prefix + key)
    return names
