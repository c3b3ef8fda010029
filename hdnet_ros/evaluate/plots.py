"""The report's plots, each an SVG as a data URI; every depth plot shows the height-ambiguity bound."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from hdnet_ros.evaluate.depth_error import HEIGHT_AMBIGUITY_BOUND
from hdnet_ros.evaluate.people_table import DISTANCES_M, PeopleTable

BOUND_LABEL = f"height ambiguity, {HEIGHT_AMBIGUITY_BOUND * 100:.1f} %"
# Told apart also by those who see no red or no green; the estimator under test comes first.
COLOURS = ("#1f5fbf", "#d98200", "#4a9c8c", "#9456a8", "#b8433f", "#6b7280", "#8a6d1d")
_INK, _QUIET, _BOUND = "#1d2430", "#6b7280", "#c0262d"
_STYLE = {
    "font.size": 9.5, "axes.edgecolor": "#b9c0cc", "axes.labelcolor": _INK, "text.color": _INK,
    "xtick.color": _QUIET, "ytick.color": _QUIET, "axes.spines.top": False, "axes.spines.right": False,
    "axes.axisbelow": True, "axes.grid": True, "grid.color": "#e7eaf0", "legend.frameon": False,
    # The same numbers give the same file.
    "svg.hashsalt": "hdnet_ros", "svg.fonttype": "path",
}  # fmt: skip


def estimated_against_true(table: PeopleTable, name: str) -> str:
    """Estimated over true depth, logarithmic, with the band of the height ambiguity."""

    def draw(axes) -> None:
        true_m, estimated_m = table.true_mm / 1000, table.estimated_mm / 1000
        low, high = _range_m(np.concatenate([true_m, estimated_m]))
        line = np.array([low, high])
        axes.fill_between(
            line, line * (1 - HEIGHT_AMBIGUITY_BOUND), line * (1 + HEIGHT_AMBIGUITY_BOUND),
            color=_BOUND, alpha=0.18, linewidth=0, label=f"± {BOUND_LABEL}",
        )  # fmt: skip
        axes.plot(line, line, color=_INK, linewidth=0.8)
        axes.scatter(
            true_m, estimated_m, s=7, alpha=0.45, color=COLOURS[0], linewidths=0, rasterized=True, label=name
        )
        axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
        axes.set(xlabel="true depth, m", ylabel="estimated depth, m", aspect="equal")
        ticks = [t for t in (0.5, 1, 2, 3, 5, 8, 13, 20, 30, 50) if low <= t <= high]
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(ticks, [f"{t:g}" for t in ticks])
            axis.set_ticks([], minor=True)
        axes.legend(loc="upper left")

    return _figure(draw, (5.0, 4.8))


def error_by_distance(tables: Mapping[str, PeopleTable]) -> str:
    """Mean |relative error| of each estimator in bins of true distance; the first one's median too."""

    def draw(axes) -> None:
        edges = np.array(DISTANCES_M)
        for (name, table), colour in zip(tables.items(), COLOURS):
            number = np.digitize(table.true_mm / 1000, edges)
            bins = [b for b in np.unique(number) if (number == b).sum() >= 3]
            centre_m = [np.mean(table.true_mm[number == b]) / 1000 for b in bins]
            error = np.abs(table.relative) * 100
            axes.plot(centre_m, [error[number == b].mean() for b in bins], "o-", ms=4, color=colour, label=name)
            if colour == COLOURS[0]:
                medians = [np.median(error[number == b]) for b in bins]
                axes.plot(centre_m, medians, ":", color=colour, label=f"{name}, median")
        axes.set(xlabel="true depth, m", ylabel="mean |relative depth error|, %", xlim=(0, None))
        _bound(axes)

    return _figure(draw, (5.6, 3.6))


def error_by_group(breakdowns: Mapping[str, Mapping[str, Mapping[str, dict]]]) -> str:
    """Mean |relative error| as bars.

    Parameters
    ----------
    breakdowns : estimator to label to summary, as `PeopleTable.by_stature` gives one
    """

    def draw(axes) -> None:
        labels = list(next(iter(breakdowns.values())))
        height = 0.8 / len(breakdowns)
        for row, ((name, parts), colour) in enumerate(zip(breakdowns.items(), COLOURS)):
            place = np.arange(len(labels)) + (row - (len(breakdowns) - 1) / 2) * height
            values = [100 * parts.get(label, {}).get("mean", np.nan) for label in labels]
            axes.barh(place, values, 0.9 * height, color=colour, label=name)
            for y, value in zip(place, values):
                if np.isfinite(value):
                    axes.text(value, y, f" {value:.1f}", va="center", fontsize=7.5, color=_QUIET)
        counts = next(iter(breakdowns.values()))
        axes.set_yticks(range(len(labels)), [f"{label}\n{counts[label]['people']} people" for label in labels])
        axes.set(xlabel="mean |relative depth error|, %")
        axes.invert_yaxis()
        axes.grid(False, axis="y")
        _bound(axes, vertical=True)

    rows = len(next(iter(breakdowns.values()))) * max(len(breakdowns), 2)
    return _figure(draw, (5.6, 1.3 + 0.2 * rows))


def error_distribution(tables: Mapping[str, PeopleTable]) -> str:
    """Share of people whose |relative error| is at most so much."""

    def draw(axes) -> None:
        for (name, table), colour in zip(tables.items(), COLOURS):
            error = np.sort(np.abs(table.relative)) * 100
            axes.plot(error, np.arange(1, len(error) + 1) / len(error) * 100, color=colour, label=name)
        axes.set(xlabel="|relative depth error|, %", ylabel="people, %", xlim=(0, 50), ylim=(0, 100))
        _bound(axes, vertical=True)

    return _figure(draw, (5.6, 3.6))


def calibration(table: PeopleTable, name: str) -> str:
    """Observed over nominal coverage of the central intervals of the published sigma."""

    def draw(axes) -> None:
        curve = table.coverage_curve()
        marked = table.part(np.ones(len(table.true_mm), bool))["coverage"]
        axes.plot([0, 100], [0, 100], color=_INK, linewidth=0.8, label="as it says")
        axes.plot(
            [100 * level for level in curve], [100 * share for share in curve.values()], color=COLOURS[0], label=name
        )
        for level, share in marked.items():
            axes.plot(100 * level, 100 * share, "o", color=COLOURS[0])
            # On the side of the diagonal where the curve is not.
            below = share < level
            axes.annotate(
                f"{100 * level:.0f} % holds {100 * share:.0f} %", (100 * level, 100 * share),
                xytext=(4, -16) if below else (-6, 6), textcoords="offset points",
                ha="left" if below and level < 0.9 else "right", fontsize=8.5,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
            )  # fmt: skip
        axes.set(xlabel="interval of the published sigma, %", ylabel="true depths inside, %")
        axes.set(xlim=(0, 100), ylim=(0, 103), aspect="equal")
        axes.legend(loc="upper left")

    return _figure(draw, (4.8, 4.8))


def _bound(axes, vertical: bool = False) -> None:
    line = axes.axvline if vertical else axes.axhline
    line(100 * HEIGHT_AMBIGUITY_BOUND, color=_BOUND, linestyle="--", linewidth=1.2, label=BOUND_LABEL)
    if vertical:
        axes.set_xlim(0, None if axes.get_xlim()[1] > 2 else 8)
    else:
        axes.set_ylim(0, max(axes.get_ylim()[1], 6))
    axes.legend(loc="best", fontsize=8.5)


def _range_m(values_m: np.ndarray) -> tuple[float, float]:
    finite = values_m[np.isfinite(values_m) & (values_m > 0)]
    return (0.85 * float(finite.min()), 1.15 * float(finite.max())) if len(finite) else (1.0, 10.0)


def _figure(draw, size_inch: tuple[float, float]) -> str:
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size_inch, layout="constrained")
        draw(figure.add_subplot())
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", dpi=130, metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode()
