"""From a suite's rows to the report's tables, plots and worst cases."""

from __future__ import annotations

from collections.abc import Mapping

from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.evaluate import plots, published
from hdnet_ros.evaluate.joint_error import PCK_THRESHOLDS
from hdnet_ros.evaluate.joint_error import PROTOCOL as JOINTS_PROTOCOL
from hdnet_ros.evaluate.people_table import PeopleTable, table_of_rows
from hdnet_ros.evaluate.pose_error import PROTOCOL as POSE_PROTOCOL
from hdnet_ros.evaluate.report import Line, Plot, Section, Table, number, percent
from hdnet_ros.evaluate.suites import Suite
from hdnet_ros.evaluate.worst_cases import WorstCase, worst_cases

DEPTH_PROTOCOL = (
    "|estimated / true - 1| of the depth along the optical axis, percent; bias: median of the signed error; the last"
    " three columns: true depths inside the central 50, 68 and 95 % intervals of the published sigma."
)
AS_ABOVE = "Relative depth error as above; a person may count in several groups."
MRPE_PROTOCOL = (
    "Mean Euclidean distance of the estimated from the true root and the mean absolute error along x, y and z of the"
    " camera, mm, with the estimator's own (u, v); the layout of the paper's Table 1. It grows with distance: compare"
    " only what was measured on the same pictures."
)
_BREAKDOWN_TITLES = {
    "distance": "by true distance",
    "truncation": "by truncation of the box",
    "occlusion": "by occlusion",
    "stature": "by stature",
}
_DEPTH_COLUMNS = ("people", "mean", "median", "p95", "bias", "in 50 %", "in 68 %", "in 95 %")


def section_of(suite: Suite) -> Section:
    """Everything that is reported of a suite."""
    tables = {name: table_of_rows(rows) for name, rows in suite.rows.items()}
    tables = {name: table for name, table in tables.items() if len(table.true_mm)}
    name, rows = suite.first
    if name not in tables:
        return Section(suite.name, f"{name}: nobody was located, {rows.lost} boxes without an answer.")
    shown = [*depth_tables(suite.rows[name].table(), tables), *_mrpe_table(tables)]
    shown += [*_joints_table(suite), *_joint_errors_table(suite), *_pose_table(suite), *_stability_table(suite), *_detector_tables(suite)]
    text = f"{len(suite.pictures)} pictures, {len(rows.true_mm)} people located, {rows.lost} boxes without an answer."
    return Section(suite.name, text, tuple(shown), depth_plots(tables), tuple(worst_cases(rows, suite.pictures)))


def figures_of(suite: Suite) -> dict:
    """Every number of a suite for the JSON: figures by group, breakdowns, calibration, MRPE, worst cases."""
    tables = {name: table_of_rows(rows) for name, rows in suite.rows.items()}
    return suite.figures() | depth_figures(tables, worst_cases(suite.first[1], suite.pictures))


def depth_figures(tables: Mapping[str, PeopleTable], worst: list[WorstCase]) -> dict:
    """Breakdowns, coverage curve and MRPE by estimator, and the worst cases of the first."""
    first = next(iter(tables.values()))
    return {
        "breakdowns": {name: table.breakdowns() for name, table in tables.items()},
        "coverage_curve": first.coverage_curve(),
        "mrpe_mm": {name: table.mrpe() for name, table in tables.items()},
        "worst": [
            {"picture": c.name, "estimated_m": c.estimated_m, "true_m": c.true_m, "sigma_m": c.sigma_m,
             "groups": list(c.groups)} for c in worst
        ],
    }  # fmt: skip


def depth_tables(groups: Mapping[str, dict], tables: Mapping[str, PeopleTable]) -> list[Table]:
    """Depth error by estimator, by group, and by whatever else is known of the people."""
    everyone = {name: table.part(table.true_mm == table.true_mm) for name, table in tables.items()}
    found = [_depth_table("Relative depth error", everyone, DEPTH_PROTOCOL)]
    first, table = next(iter(tables.items()))
    if len(groups) > 1:
        found.append(_depth_table(f"{first} by group", groups, AS_ABOVE))
    for kind, parts in table.breakdowns().items():
        found.append(_depth_table(f"{first} {_BREAKDOWN_TITLES[kind]}", parts, AS_ABOVE))
    return found


def depth_plots(tables: Mapping[str, PeopleTable]) -> tuple[Plot, ...]:
    """The plots of depth, error and calibration of one set of people."""
    first, table = next(iter(tables.items()))
    found = [
        Plot("Estimated and true depth", plots.estimated_against_true(table, first), f"{first}, one dot a person."),
        Plot("Calibration of the published sigma", plots.calibration(table, first),
             "Above the diagonal sigma says too much, below too little."),
        Plot("Depth error by distance", plots.error_by_distance(tables), "Bins with at least three people."),
        Plot("Depth error, distribution", plots.error_distribution(tables), "Share of people within an error."),
    ]  # fmt: skip
    broken = {name: other.breakdowns() for name, other in tables.items()}
    for kind in ("truncation", "occlusion", "stature"):
        if kind in broken[first]:
            parts = {name: found_parts.get(kind, {}) for name, found_parts in broken.items()}
            title = f"Depth error {_BREAKDOWN_TITLES[kind]}"
            found.append(Plot(title, plots.error_by_group(parts), "Mean over the people of each row."))
    return tuple(found)


def _depth_table(title: str, summaries: Mapping[str, dict], protocol: str) -> Table:
    return Table(title, _DEPTH_COLUMNS, tuple(_depth_line(n, s) for n, s in summaries.items()), protocol)


def _depth_line(name: str, summary: dict) -> Line:
    errors = [percent(summary[key]) for key in ("mean", "median", "p95")]
    covered = [percent(share, "{:.0f}") for share in summary["coverage"].values()]
    return Line(name, (str(summary["people"]), *errors, percent(summary["bias"], "{:+.1f}"), *covered))


def _mrpe_table(tables: Mapping[str, PeopleTable]) -> list[Table]:
    scores = {name: table.mrpe() for name, table in tables.items()}
    if not any(score["people"] for score in scores.values()):
        return []
    return [mrpe_table("Root position error", scores, MRPE_PROTOCOL)]


def mrpe_table(title: str, scores: Mapping[str, dict], protocol: str) -> Table:
    """The layout of the paper's Table 1: published rows first, then ours."""
    keys = ("mrpe", "x", "y", "z")
    lines = [
        Line(name, ("–", *(number(row.get(key)) for key in keys)), True) for name, row in published.MRPE_MM.items()
    ]
    lines += [Line(n, (str(s["people"]), *(number(s[key]) for key in keys))) for n, s in scores.items()]
    return Table(title, ("people", "MRPE", "x", "y", "z"), tuple(lines), protocol, published.MRPE_SOURCE)


def _joints_table(suite: Suite) -> list[Table]:
    scores = suite.first[1].pck()
    if scores is None:
        return []
    by_joint = dict(zip(JOINT_NAMES, scores, strict=False))
    kinds = list(dict.fromkeys(name.removeprefix("left_").removeprefix("right_") for name in JOINT_NAMES))
    lines = [
        Line(side or "middle", tuple(percent(by_joint.get(f"{side}_{k}" if side else k), "{:.0f}") for k in kinds))
        for side in ("", "left", "right")
    ]
    protocol = (
        "Percent of visible joints within 0.1 of the longer side of the person's tight box (PCK at 0.1);"
        f" over all of them {percent(scores[-1])}."
    )
    columns = tuple(kind.replace("_", " ") for kind in kinds)
    return [Table(f"Joints of {suite.first[0]} in the picture", columns, tuple(lines), protocol)]


def _joint_errors_table(suite: Suite) -> list[Table]:
    found = {name: errors for name, rows in suite.rows.items() if (errors := rows.joints()) is not None}
    columns = ("joints", *(f"PCK {threshold:g}" for threshold in PCK_THRESHOLDS), "swapped", "ankle gap")
    lines = [
        Line(name, (str(row["joints"]), *(percent(row[f"pck_{t:g}"]) for t in PCK_THRESHOLDS),
                    percent(row["sides_swapped"]), number(row["ankle_gap"], "{:.2f}")))
        for name, row in found.items()
    ]  # fmt: skip
    return [Table("Joints in the picture", columns, tuple(lines), JOINTS_PROTOCOL)] if lines else []


def _pose_table(suite: Suite) -> list[Table]:
    found = {name: rows.pose() for name, rows in suite.rows.items()}
    scores = {name: groups["everyone"] for name, groups in found.items() if groups is not None}
    columns = {
        "MPJPE relative": ("mpjpe_relative_mm", number, "{:.0f}"),
        "MPJPE absolute": ("mpjpe_absolute_mm", number, "{:.0f}"),
        "3DPCK relative": ("pck_relative", percent, "{:.1f}"),
        "3DPCK absolute": ("pck_absolute", percent, "{:.1f}"),
        "heading, median": ("heading_median_deg", number, "{:.0f}"),
    }
    lines = tuple(
        Line(name, (str(row["people"]), *(form(row[key], digits) for key, form, digits in columns.values())))
        for name, row in scores.items()
    )
    return [Table("3D pose", ("people", *columns), lines, POSE_PROTOCOL)] if lines else []


def _stability_table(suite: Suite) -> list[Table]:
    if not suite.stability:
        return []
    columns = ("box jitter, p95", "box jitter, mean", "next rung, mean")
    cells = tuple(percent(suite.stability[key]) for key in ("jitter_p95", "jitter_mean", "rung_mean"))
    protocol = (
        "Percent that the depth changes when the box's sides and place move by up to 15 %, and when the patch is cut"
        " one rung of the scale ladder larger or smaller."
    )
    return [Table("How far the depth follows the box", columns, (Line(suite.first[0], cells),), protocol)]


def _detector_tables(suite: Suite) -> list[Table]:
    if not suite.detector:
        return []
    lines = [
        Line(name, (str(f["people"]), percent(f["recall"]), str(f.get("boxes", "")), percent(f.get("precision"))))
        for name, f in suite.detector.items()
        if isinstance(f, dict) and "recall" in f
    ]
    others = [Line(picture, (what,)) for picture, what in suite.detector["other boxes"].items()]
    protocol = (
        "A person is found by a box that overlaps theirs by an IoU of 0.5 or more, best score first, a box for one"
        " person; boxes beyond these are counted as nobody, real people whom nobody labelled among them."
    )
    columns = ("people", "recall", "boxes", "precision")
    found = [Table("Detector", columns, tuple(lines), protocol)]
    return found + ([Table("Boxes that are nobody labelled", ("where",), tuple(others), protocol)] if others else [])
