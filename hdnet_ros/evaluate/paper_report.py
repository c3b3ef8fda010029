"""`hdnet eval` on the paper's datasets: the suite's result as the paper's tables, with its numbers beside ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hdnet_ros.evaluate import published
from hdnet_ros.data.datasets import open_dataset
from hdnet_ros.evaluate.paper_suite import paper_suite
from hdnet_ros.evaluate.people_table import PeopleTable, table_of_people
from hdnet_ros.evaluate.rivals import Beside, estimators_of

_UV = {"own uv": "own (u, v)", "given uv": "given (u, v)", "true uv": "true (u, v)"}


def run_dataset(
    checkpoint, data: str, root: Path, beside: Beside, track: Callable, options: dict
) -> tuple[dict, Callable]:
    """Figures of a dataset, and a function that returns the report's sections and numbers.

    Parameters
    ----------
    options : settings, every, most, detected_boxes, as `hdnet eval` has them

    Raises
    ------
    FileNotFoundError, ValueError : a file or key of the dataset is missing or malformed; names it
    """
    pictures = open_dataset(
        data, root, every=options["every"], most=options["most"], detected_boxes=options["detected_boxes"]
    )
    estimators = estimators_of(checkpoint, options["settings"], beside)
    ticks = iter(track(range(len(pictures)), data))
    found = paper_suite(estimators, pictures, lambda *_: next(ticks, None))
    people = found.pop("people")
    tables = {name: table_of_people(rows) for name, rows in people.items() if rows}
    depth = {name: {"everyone": table.part(table.true_mm > 0)} for name, table in tables.items()}

    def sections():
        return _sections(found, tables, people, pictures)

    return {**found, "relative depth error": depth}, sections


def _sections(found: dict, tables: dict[str, PeopleTable], people: dict, pictures):
    # Here, because plots need matplotlib and figures alone do not.
    from hdnet_ros.evaluate.report import Section
    from hdnet_ros.evaluate.report_sections import depth_figures, depth_plots, depth_tables
    from hdnet_ros.evaluate.worst_cases import worst_people

    shown = paper_tables(found)
    data = found["data"]
    title = f"{data['name']}: {data['pictures']} pictures, {data['people']} people"
    if not tables:
        return [Section(title, data["protocol"], tuple(shown))], found
    worst = worst_people(people[next(iter(tables))], pictures)
    section = Section(title, data["protocol"], (*shown, *depth_tables({}, tables)), depth_plots(tables), tuple(worst))
    return [section], found | depth_figures(tables, worst)


def paper_tables(found: dict) -> list:
    """Tables in the paper's layout of what the suite could count."""
    makers = {"mrpe": _mrpe_tables, "ap_root": _ap_tables, "pck3d": _pck_tables}
    return [table for key, make in makers.items() if found.get(key) for table in make(found[key])]


def _mrpe_tables(part: dict) -> list:
    from hdnet_ros.evaluate.report import Line, Table, number
    from hdnet_ros.evaluate.report_sections import mrpe_table

    scores, actions = {}, {}
    for name, result in part["by_estimator"].items():
        scores |= {f"{name}, {said}": result[uv] for uv, said in _UV.items() if result.get(uv)}
        actions[name] = result.get("by_action") or {}
    tables = [mrpe_table("MRPE, as Table 1", scores, part["protocol"])]
    names = list(dict.fromkeys(action for by_action in actions.values() for action in by_action))
    if len(names) > 1:
        lines = [
            Line(name, tuple(number(by_action.get(action, {}).get("mrpe"), "{:.0f}") for action in names))
            for name, by_action in actions.items()
        ]
        tables.append(Table("MRPE by action, own (u, v)", tuple(names), tuple(lines), part["protocol"]))
    return tables


def _ap_tables(part: dict) -> list:
    from hdnet_ros.evaluate.report import Line, Table, number, percent

    reaches = ("25", "20", "15", "10")
    columns = tuple(f"{kind} {reach} cm" for kind in ("AP", "AR") for reach in reaches)
    lines = [
        Line(name, (number(value), *["–"] * (len(columns) - 1)), True) for name, value in published.AP_ROOT_25.items()
    ]
    for name, result in part["by_estimator"].items():
        cells = [percent(result.get(reach, {}).get(kind)) for kind in ("ap", "ar") for reach in reaches]
        lines.append(Line(name, tuple(cells)))
    title = f"AP and AR of the root, {part['people']} people"
    return [Table(title, columns, tuple(lines), part["protocol"], published.AP_SOURCE)]


def _pck_tables(part: dict) -> list:
    """Overall, by sequence and by joint; one line per estimator, annotation, bones and matching."""
    from hdnet_ros.evaluate.report import Line, Table, number, percent

    cells: dict[str, dict[str, dict]] = {}
    for name, by_annotation in part["by_estimator"].items():
        for annotation, kinds in by_annotation.items():
            for kind, by_bones in kinds.items():
                for bones, by_people in by_bones.items():
                    for counted, result in by_people.items():
                        line = f"{name}, {annotation} annotation, {bones}, {counted} people"
                        cells.setdefault(line, {})[kind] = result
    kinds = ("relative", "absolute")
    overall = [
        Line(name, tuple(number(row[kind]) for kind in kinds), True) for name, row in published.PCK3D.items()
    ]
    overall += [
        Line(name, tuple(percent(row.get(kind, {}).get("mean_of_sequences")) for kind in kinds))
        for name, row in cells.items()
    ]
    tables = [Table("3DPCK at 150 mm", kinds, tuple(overall), part["protocol"], published.PCK_SOURCE)]
    for kind in kinds:
        for split in ("by_sequence", "by_joint"):
            rows = {name: row[kind][split] for name, row in cells.items() if row.get(kind, {}).get(split)}
            names = list(dict.fromkeys(key for row in rows.values() for key in row))
            lines = [Line(name, tuple(percent(row.get(key), "{:.0f}") for key in names)) for name, row in rows.items()]
            if lines:
                columns = tuple(name.replace("_", " ") for name in names)
                title = f"3DPCK, {kind}, {split.replace('_', ' ')}"
                tables.append(Table(title, columns, tuple(lines), part["protocol"]))
    return tables
