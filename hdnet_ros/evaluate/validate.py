"""Scores during training: the averaged network on the synthetic hold-out and on a real clip."""

from __future__ import annotations

from pathlib import Path

from hdnet_ros.locate.estimator import HDNetEstimator
from hdnet_ros.evaluate import benchmark
from hdnet_ros.data.clip import pictures_of_clip
from hdnet_ros.data.ground_plane import load_ground_plane_clip
from hdnet_ros.data.holdout import pictures_in

HOLDOUT_PICTURES = 300
CLIP_EVERY = 25


class Validator:
    """Callable (trainer) -> scores; mean relative depth errors, bias and PCK as fractions.

    Parameters
    ----------
    holdout : folder of hold-out shards, or None.
    clip : folder with camera.json and boxes*.json, or None.
    video : the clip's video; needed with `clip`.
    """

    def __init__(self, holdout: Path | None, clip: Path | None, video: Path | None = None):
        if clip is not None and video is None:
            raise ValueError("a clip's folder was given without its video; expected both")
        self.holdout = list(pictures_in(holdout, HOLDOUT_PICTURES)) if holdout else []
        self.clip = (
            list(pictures_of_clip(video, load_ground_plane_clip(clip), every=CLIP_EVERY)) if clip else []
        )

    def __call__(self, trainer) -> dict[str, float]:
        config = trainer.config
        device = str(trainer.accelerator.device)
        estimator = HDNetEstimator(
            trainer.averaged_network(), config.convention, config.network.bins, device
        )
        scores: dict[str, float] = {}
        if self.holdout:
            rows = benchmark.run(estimator, self.holdout)
            table = rows.table()
            scores["holdout_mean"] = table["everyone"]["mean"]
            for name in ("upright unoccluded adult", "child"):
                scores[f"holdout_{name.split()[-1]}"] = table.get(name, {}).get("mean", float("nan"))
            pck = rows.pck()
            scores["holdout_pck"] = float("nan") if pck is None else float(pck[-1])
            pose = rows.pose()
            if pose is not None:
                scores["holdout_mpjpe_mm"] = pose["everyone"]["mpjpe_relative_mm"]
        if self.clip:
            everyone = benchmark.run(estimator, self.clip).table()["everyone"]
            scores |= {"clip_mean": everyone["mean"], "clip_bias": everyone["bias"]}
        trainer.average.module.train()
        return scores
