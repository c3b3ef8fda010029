"""The self-contained report of `hdnet eval`: one HTML file that loads nothing, with JSON and Markdown beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np

from hdnet_ros.evaluate.depth_error import HEIGHT_AMBIGUITY_BOUND
from hdnet_ros.evaluate.suites import as_json
from hdnet_ros.evaluate.worst_cases import WorstCase

TEMPLATE = "report.html.jinja"


@dataclass(frozen=True)
class Line:
    """One line of a table: its name and its cells, as text; `published` marks numbers of a paper."""

    name: str
    cells: tuple[str, ...]
    published: bool = False


@dataclass(frozen=True)
class Table:
    """Numbers with what they are: `protocol` says how they were counted, `source` whose the published are."""

    title: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    protocol: str
    source: str = ""


@dataclass(frozen=True)
class Plot:
    """A picture as data URI and what it shows."""

    title: str
    data_uri: str
    caption: str


@dataclass(frozen=True)
class Section:
    """What belongs to one set of pictures; `text` says which."""

    title: str
    text: str = ""
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
    worst: tuple[WorstCase, ...] = ()


def number(value: float | None, form: str = "{:.1f}") -> str:
    """A number as text, a dash where there is none."""
    return "–" if value is None or not np.isfinite(value) else form.format(value)


def percent(share: float | None, form: str = "{:.1f}") -> str:
    """A share as percent without the sign, a dash where there is none."""
    return number(None if share is None else 100 * share, form)


def write_report(
    folder: str | Path, title: str, about: dict[str, str], sections: Sequence[Section], figures: dict
) -> Path:
    """Write report.html, report.json and report.md (the tables alone) into a folder; returns the HTML's path.

    Parameters
    ----------
    about : name to value of weights, budget, machine, versions, commit and date
    figures : every number, as plain values
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(as_json({"title": title, "about": about, **figures}) + "\n")
    (folder / "report.md").write_text(as_markdown(title, about, sections), encoding="utf-8")
    path = folder / "report.html"
    path.write_text(render(title, about, sections), encoding="utf-8")
    return path


def render(title: str, about: dict[str, str], sections: Sequence[Section]) -> str:
    """The report as one HTML page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    template = environment.get_template(TEMPLATE)
    return template.render(title=title, about=about, sections=sections, bound=HEIGHT_AMBIGUITY_BOUND)


def as_markdown(title: str, about: dict[str, str], sections: Sequence[Section]) -> str:
    """The report's facts and tables as Markdown, for docs/RESULTS.md and the like."""
    parts = [f"# {title}", "\n".join(f"- {name}: {value}" for name, value in about.items())]
    for section in sections:
        parts += [f"## {section.title}", *([section.text] if section.text else [])]
        for table in section.tables:
            rows = [("", *table.columns), ("---", *["---:"] * len(table.columns))]
            rows += [(line.name, *line.cells) for line in table.lines]
            parts += [f"### {table.title}", table.protocol, "\n".join(f"| {' | '.join(row)} |" for row in rows)]
            parts += [f"Published numbers: {table.source}"] if table.source else []
    return "\n\n".join(parts) + "\n"
