"""Table 6 of the paper with what was measured here: rows in its order, its own numbers beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hdnet_ros.evaluate.published import ABLATION_SOURCE, ABLATIONS

FULL, DIRECT, RIVAL = "full", "direct regression", "RootNet"


@dataclass(frozen=True, eq=False)
class VariantScore:
    """How one run of a variant came out.

    Attributes
    ----------
    name : a row of the paper's table, a key of `published.ABLATIONS`
    parameters : trained numbers in the network
    steps : of training
    holdout : group to its error summary on the synthetic hold-out, as `Rows.table` gives it
    root_pck : share of roots within 0.1 of the person's longer side, on the hold-out
    lost : people of the hold-out without an estimate
    clip : error summary of everyone on the real clip, or None
    seed : of the run
    """

    name: str
    parameters: int
    steps: int
    holdout: Mapping[str, Mapping]
    root_pck: float
    lost: int
    clip: Mapping | None = None
    seed: int = 1


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


def ordering(scores: Sequence[VariantScore]) -> dict[str, bool | None]:
    """What the paper finds, and whether it was found here: statement to truth, on each data set.

    Read off the mean relative depth error of everyone; statements about variants that are not
    there are left out. Where the seeds of two variants overlap, None: they could not be told apart.
    """
    found: dict[str, bool | None] = {}
    for data, errors in _errors(scores).items():
        if FULL not in errors:
            continue
        parts = {name: of_seeds for name, of_seeds in errors.items() if name not in (FULL, RIVAL)}
        if DIRECT in parts and len(parts) > 1:
            others = [of_seeds for name, of_seeds in parts.items() if name != DIRECT]
            verdicts = [_is_worse(parts[DIRECT], other) for other in others]
            found[f"{data}: {DIRECT} is the worst of the ablations"] = _all(verdicts)
        for name, of_seeds in parts.items():
            found[f"{data}: {name} is worse than {FULL}"] = _is_worse(of_seeds, errors[FULL])
        if RIVAL in errors:
            found[f"{data}: {RIVAL} is worse than {FULL}"] = _is_worse(errors[RIVAL], errors[FULL])
    return found


def _is_worse(these: Sequence[float], those: Sequence[float]) -> bool | None:
    """Whether all errors of one variant's seeds are larger than all of another's; None where they overlap."""
    if min(these) > max(those):
        return True
    return False if max(these) < min(those) else None


def _all(verdicts: Sequence[bool | None]) -> bool | None:
    if False in verdicts:
        return False
    return None if None in verdicts else True


_VERDICTS = {True: "yes", False: "**no**", None: "not told apart"}


def as_markdown(scores: Sequence[VariantScore], about: Mapping[str, object]) -> str:
    """The table, what it was made with, and whether the paper's ordering came out."""
    with_clip = any(score.clip for score in scores)
    head = ["", "hold-out mean", "median", "adults in full view", "children", "root PCK"]
    head += ["clip mean", "clip bias"] if with_clip else []
    head += ["parameters", "paper: z mm", "paper: AP 25"]
    lines = [_row(head), _row(["---"] + ["---:"] * (len(head) - 1))]
    of_variant = _of_variant(scores)
    lines += [_row(_cells(of_seeds, with_clip)) for of_seeds in of_variant.values()]
    lines += ["", f"Mean and median relative depth error. The paper's columns: {ABLATION_SOURCE}", ""]
    most = max(map(len, of_variant.values()))
    if most > 1:
        lines += [f"Figures of up to {most} seeds: their mean ± half of the range between them.", ""]
    else:
        lines += ["One seed of each: how far another one would be off is not known.", ""]
    lines += [
        f"- {score.name}, seed {score.seed}: no estimate for {score.lost} people" for score in scores if score.lost
    ]
    lines += [f"- {_VERDICTS[verdict]}: {statement}" for statement, verdict in ordering(scores).items()]
    return "\n".join([*lines, "", *(f"- {name}: {value}" for name, value in about.items())]) + "\n"


def as_plain(scores: Sequence[VariantScore], about: Mapping[str, object]) -> dict:
    """The same as plain values for JSON."""
    return {
        "about": dict(about),
        "rows": [vars(score) | {"paper": ABLATIONS[score.name]} for score in in_paper_order(scores)],
        "ordering": ordering(scores),
    }


def _of_variant(scores: Sequence[VariantScore]) -> dict[str, list[VariantScore]]:
    """The seeds of each variant, in the paper's order."""
    found: dict[str, list[VariantScore]] = {}
    for score in in_paper_order(scores):
        found.setdefault(score.name, []).append(score)
    return found


def _errors(scores: Sequence[VariantScore]) -> dict[str, dict[str, list[float]]]:
    """Data set to variant to the mean error of each seed."""
    of_variant = _of_variant(scores)
    clips = {name: [s.clip["mean"] for s in of_seeds if s.clip] for name, of_seeds in of_variant.items()}
    return {
        "hold-out": {name: [s.holdout["everyone"]["mean"] for s in of_seeds] for name, of_seeds in of_variant.items()},
        "clip": {name: of_seeds for name, of_seeds in clips.items() if of_seeds},
    }


def _cells(of_seeds: Sequence[VariantScore], with_clip: bool) -> list[str]:
    one = of_seeds[0]
    everyone, paper = [score.holdout["everyone"] for score in of_seeds], ABLATIONS[one.name]
    columns = [[summary["mean"] for summary in everyone], [summary["median"] for summary in everyone]]
    for group in ("upright unoccluded adult", "child"):
        columns.append([score.holdout.get(group, {}).get("mean") for score in of_seeds])
    columns.append([score.root_pck for score in of_seeds])
    cells = [one.name, *map(_percent, columns)]
    if with_clip:
        clips = [score.clip or {} for score in of_seeds]
        cells += [_percent([c.get("mean") for c in clips]), _percent([c.get("bias") for c in clips], "{:+.1f}")]
    return [*cells, f"{one.parameters / 1e6:.2f} M", f"{paper['mrpe_z_mm']:.1f}", f"{paper['ap_25']:.1f}"]


def _percent(shares: Sequence[float | None], form: str = "{:.1f}") -> str:
    """Mean of the seeds that have the figure, and half of their range where there are several."""
    known = [100 * share for share in shares if share is not None and share == share]
    if not known:
        return ""
    mean = form.format(sum(known) / len(known))
    return f"{mean} %" if len(known) == 1 else f"{mean} ± {(max(known) - min(known)) / 2:.1f} %"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
