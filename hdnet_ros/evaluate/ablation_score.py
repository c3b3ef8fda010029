"""Scores of a trained variant of the ablation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.evaluate import benchmark
from hdnet_ros.evaluate.ablation_table import VariantScore
from hdnet_ros.locate.factory import EstimatorSettings, estimator_of
from hdnet_ros.model.checkpoint import load_checkpoint
from hdnet_ros.model.networks import make_network


def score_variant(
    name: str,
    steps: int,
    weights: Path,
    holdout: Sequence[LabelledPicture],
    clip: Sequence[LabelledPicture] | None,
    device: str = "auto",
) -> VariantScore:
    """Scores of a trained variant on the hold-out and, where there is one, the real clip.

    Parameters
    ----------
    name : of its row in the table
    steps : of its training
    """
    settings = EstimatorSettings(device=device, precision="float32", second_look="never")
    checkpoint = load_checkpoint(weights)
    estimator = estimator_of(checkpoint, settings)
    rows = benchmark.run(estimator, holdout)
    pck = rows.pck()
    return VariantScore(
        name=name,
        parameters=sum(p.numel() for p in make_network(checkpoint.config).parameters()),
        steps=steps,
        holdout=rows.table(),
        root_pck=float("nan") if pck is None else float(pck[ROOT]),
        lost=rows.lost,
        clip=benchmark.run(estimator, clip).table()["everyone"] if clip else None,
    )
