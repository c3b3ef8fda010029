"""The ablation table: the paper's rows in its order, its numbers, and what is said of the ordering."""

import pytest

from hdnet_ros.evaluate.ablation_table import VariantScore, as_markdown, as_plain, in_paper_order, ordering

PAPER_ORDER = [
    "RootNet", "direct regression", "shared feature branch", "without GNN", "without heatmap pooling", "full",
]  # fmt: skip


def score(name, mean, clip_mean=None, lost=0):
    group = {"people": 10, "mean": mean, "median": 0.9 * mean, "p95": 2 * mean, "bias": 0.01}
    clip = None if clip_mean is None else group | {"mean": clip_mean, "bias": -0.02}
    tables = {"everyone": group, "child": group | {"mean": 2 * mean}}
    return VariantScore(name, 3_300_000, 500, tables, root_pck=0.875, lost=lost, clip=clip)


AS_IN_THE_PAPER = [
    score("full", 0.10), score("without GNN", 0.12), score("direct regression", 0.30),
    score("without heatmap pooling", 0.11), score("RootNet", 0.40), score("shared feature branch", 0.12),
]  # fmt: skip


def test_rows_follow_the_papers_table():
    assert [s.name for s in in_paper_order(AS_IN_THE_PAPER)] == PAPER_ORDER
    with pytest.raises(ValueError, match="variant 'half', expected one of RootNet, direct regression"):
        in_paper_order([score("half", 0.1)])


def test_table_has_measured_figures_and_the_papers_beside_them():
    lines = as_markdown(AS_IN_THE_PAPER, {"machine": "two cores"}).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert [row[0] for row in rows[2:]] == PAPER_ORDER
    assert all(len(row) == len(rows[0]) for row in rows)
    direct = dict(zip(rows[0], rows[3], strict=True))
    assert direct["hold-out mean"] == "30.0 %"
    assert direct["median"] == "27.0 %"
    assert direct["adults in full view"] == ""  # nobody of them in these pictures
    assert direct["children"] == "60.0 %"
    assert direct["root PCK"] == "87.5 %"
    assert direct["parameters"] == "3.30 M"
    assert (direct["paper: z mm"], direct["paper: AP 25"]) == ("94.5", "27.3")
    assert "clip mean" not in rows[0]
    assert "- machine: two cores" in lines
    assert "One seed of each: how far another one would be off is not known." in lines


def test_clip_has_columns_when_it_was_scored():
    text = as_markdown([score("full", 0.1, 0.05), score("without GNN", 0.1)], {})
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("|")}
    assert "| 5.0 % | -2.0 % |" in rows["full"]
    assert "|  |  |" in rows["without GNN"]


def test_people_without_an_estimate_are_counted_beside_the_table():
    text = as_markdown([score("full", 0.1), score("RootNet", 0.1, lost=3)], {})
    assert "- RootNet, seed 1: no estimate for 3 people" in text


def test_ordering_is_told_as_it_came_out():
    assert set(ordering(AS_IN_THE_PAPER).values()) == {True}
    other = [score("full", 0.10), score("direct regression", 0.08), score("without GNN", 0.12)]
    found = ordering(other)
    assert found["hold-out: direct regression is the worst of the ablations"] is False
    assert found["hold-out: direct regression is worse than full"] is False
    assert found["hold-out: without GNN is worse than full"] is True
    assert "- **no**: hold-out: direct regression is worse than full" in as_markdown(other, {})
    assert ordering([score("RootNet", 0.1)]) == {}


def test_ordering_on_the_clip_is_told_apart_from_the_holdout():
    found = ordering([score("full", 0.10, 0.06), score("RootNet", 0.12, 0.05)])
    assert found == {"hold-out: RootNet is worse than full": True, "clip: RootNet is worse than full": False}


def test_plain_values_keep_every_group_and_the_papers_numbers():
    plain = as_plain(AS_IN_THE_PAPER, {"commit": "abc"})
    assert [row["name"] for row in plain["rows"]] == PAPER_ORDER
    assert plain["rows"][-1]["holdout"]["child"]["mean"] == pytest.approx(0.2)
    assert plain["rows"][-1]["paper"] == {"mrpe_z_mm": 69.9, "ap_25": 39.4}
    assert plain["about"] == {"commit": "abc"}


def test_seeds_are_told_as_their_mean_and_half_of_their_range():
    runs = [score("full", 0.10, 0.05), score("full", 0.11, 0.05), score("full", 0.12, 0.06), score("RootNet", 0.4)]
    text = as_markdown(runs, {})
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("|")}
    assert "| 11.0 ± 1.0 % | 9.9 ± 0.9 % |" in rows["full"]
    assert "| 5.3 ± 0.5 % | -2.0 ± 0.0 % |" in rows["full"]
    assert "| 40.0 % | 36.0 % |" in rows["RootNet"]
    assert "Figures of up to 3 seeds: their mean ± half of the range between them." in text


def test_variants_whose_seeds_overlap_are_not_told_apart():
    runs = [score(*one) for one in (("full", 0.10), ("full", 0.12), ("without GNN", 0.11), ("without GNN", 0.14),
            ("direct regression", 0.15), ("direct regression", 0.16), ("RootNet", 0.08), ("RootNet", 0.09))]  # fmt: skip
    assert ordering(runs) == {
        "hold-out: direct regression is the worst of the ablations": True,
        "hold-out: direct regression is worse than full": True,
        "hold-out: without GNN is worse than full": None,
        "hold-out: RootNet is worse than full": False,
    }
    assert "- not told apart: hold-out: without GNN is worse than full" in as_markdown(runs, {})
