"""Table 6 of the paper with what was measured here: rows in its order, its own numbers beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hdnet_ros.evaluate.published import ABLATION_SOURCE, ABLATIONS

FULL, DIRECT, RIVAL = "full", "direct regression", "RootNet"


@dataclass(frozen=True, eq=False)
class VariantScore:
    """How one variant came out.

    Attributes
    ----------
    name : a row of the paper's table, a key of `published.ABLATIONS`
    parameters : trained numbers in the network
    steps : of training
    holdout : group to its error summary on the synthetic hold-out, as `Rows.table` gives it
    root_pck : share of roots within 0.1 of the person's longer side, on the hold-out
    lost : people of the hold-out without an estimate
    clip : error summary of everyone on the real clip, or None
    """

    name: str
    parameters: int
    steps: int
    holdout: Mapping[str, Mapping]
    root_pck: float
    lost: int
    clip: Mapping | None = None


def in_paper_order(scores: Sequence[VariantScore]) -> list[VariantScore]:
    """The scores as the rows of Table 6 follow one another.

    Raises
    ------
    ValueError : a name that the table has no row for
    """
    order = list(ABLATIONS)
    for score in scores:
        if score.name not in order:
            raise ValueError(f"variant {score.name!r}, expected one of {', '.join(order)}")
    return sorted(scores, key=lambda score: order.index(score.name))


def ordering(scores: Sequence[VariantScore]) -> dict[str, bool]:
    """What the paper finds, and whether it was found here: statement to truth, on each data set.

    Read off the mean relative depth error of everyone; statements about variants that are not
    there are left out.
    """
    found: dict[str, bool] = {}
    for data, means in _means(scores).items():
        if FULL not in means:
            continue
        parts = {name: mean for name, mean in means.items() if name not in (FULL, RIVAL)}
        if DIRECT in parts and len(parts) > 1:
            found[f"{data}: {DIRECT} is the worst of the ablations"] = parts[DIRECT] == max(parts.values())
        for name, mean in parts.items():
            found[f"{data}: {name} is worse than {FULL}"] = mean > means[FULL]
        if RIVAL in means:
            found[f"{data}: {RIVAL} is worse than {FULL}"] = means[RIVAL] > means[FULL]
    return found


def as_markdown(scores: Sequence[VariantScore], about: Mapping[str, object]) -> str:
    """The table, what it was made with, and whether the paper's ordering came out."""
    with_clip = any(score.clip for score in scores)
    head = ["", "hold-out mean", "median", "adults in full view", "children", "root PCK"]
    head += ["clip mean", "clip bias"] if with_clip else []
    head += ["parameters", "paper: z mm", "paper: AP 25"]
    lines = [_row(head), _row(["---"] + ["---:"] * (len(head) - 1))]
    lines += [_row(_cells(score, with_clip)) for score in in_paper_order(scores)]
    lines += ["", f"Mean and median relative depth error. The paper's columns: {ABLATION_SOURCE}", ""]
    lines += [f"- {score.name}: no estimate for {score.lost} people" for score in scores if score.lost]
    lines += [f"- {'yes' if holds else '**no**'}: {statement}" for statement, holds in ordering(scores).items()]
    return "\n".join([*lines, "", *(f"- {name}: {value}" for name, value in about.items())]) + "\n"


def as_plain(scores: Sequence[VariantScore], about: Mapping[str, object]) -> dict:
    """The same as plain values for JSON."""
    return {
        "about": dict(about),
        "rows": [vars(score) | {"paper": ABLATIONS[score.name]} for score in in_paper_order(scores)],
        "ordering": ordering(scores),
    }


def _means(scores: Sequence[VariantScore]) -> dict[str, dict[str, float]]:
    ordered = in_paper_order(scores)
    return {
        "hold-out": {score.name: score.holdout["everyone"]["mean"] for score in ordered},
        "clip": {score.name: score.clip["mean"] for score in ordered if score.clip},
    }


def _cells(score: VariantScore, with_clip: bool) -> list[str]:
    everyone, paper = score.holdout["everyone"], ABLATIONS[score.name]
    groups = [score.holdout.get(name, {}).get("mean") for name in ("upright unoccluded adult", "child")]
    cells = [score.name, *map(_percent, (everyone["mean"], everyone["median"], *groups, score.root_pck))]
    if with_clip:
        clip = score.clip or {}
        cells += [_percent(clip.get("mean")), _percent(clip.get("bias"), "{:+.1f} %")]
    return [*cells, f"{score.parameters / 1e6:.2f} M", f"{paper['mrpe_z_mm']:.1f}", f"{paper['ap_25']:.1f}"]


def _percent(share: float | None, form: str = "{:.1f} %") -> str:
    return "" if share is None or share != share else form.format(share * 100)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
