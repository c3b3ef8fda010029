"""Statures and ages of drawn people follow the population (no body bank needed)."""

import numpy as np
import pytest

from hdnet_ros.data.synthetic.statures import (
    FEMALE,
    MALE,
    YOUNG_YEARS,
    draw_identity,
    leg_factor,
    stature_distribution,
)


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(1)
    return [draw_identity(rng) for _ in range(12_000)]


@pytest.mark.parametrize(("gender", "mean_m"), [(MALE, 1.78), (FEMALE, 1.65)])
def test_adult_statures_match_population(drawn, gender, mean_m):
    statures = np.array([p.stature_m for p in drawn if p.is_adult and p.gender == gender])
    assert len(statures) > 4000
    assert statures.mean() == pytest.approx(mean_m, abs=0.004)
    assert statures.std() == pytest.approx(0.07, abs=0.004)


def test_children_share_and_ages(drawn):
    children = [p for p in drawn if not p.is_adult]
    assert len(children) / len(drawn) == pytest.approx(0.22, abs=0.015)
    assert min(p.age_years for p in children) >= 2.0
    assert max(p.age_years for p in drawn) > 80.0


@pytest.mark.parametrize(("gender", "age_years", "median_m"), [(MALE, 4, 1.03), (FEMALE, 8, 1.27), (MALE, 12, 1.49)])
def test_child_statures_match_growth_charts(drawn, gender, age_years, median_m):
    statures = [p.stature_m for p in drawn if p.gender == gender and abs(p.age_years - age_years) < 0.5]
    assert np.mean(statures) == pytest.approx(median_m, rel=0.015)
    assert np.std(statures) / np.mean(statures) == pytest.approx(0.047, abs=0.012)


def test_half_of_the_children_may_be_small():
    rng = np.random.default_rng(3)
    ages = np.array([draw_identity(rng, is_child=True, young_share=0.45).age_years for _ in range(4000)])
    assert (ages < YOUNG_YEARS).mean() == pytest.approx(0.45 + 0.55 * 5.0 / 15.9, abs=0.03)


@pytest.mark.parametrize(("age_years", "factor"), [(2.0, 0.955), (4.0, 0.97), (30.0, 1.0)])
def test_toddlers_have_shorter_legs_than_the_body_model_gives_them(age_years, factor):
    rng = np.random.default_rng(4)
    assert np.median([leg_factor(rng, age_years) for _ in range(2000)]) == pytest.approx(factor, abs=0.003)


def test_is_child_forces_the_age_group():
    rng = np.random.default_rng(2)
    assert not any(draw_identity(rng, is_child=True).is_adult for _ in range(50))
    assert all(draw_identity(rng, is_child=False).is_adult for _ in range(50))


def test_same_seed_same_person():
    assert draw_identity(np.random.default_rng(7)) == draw_identity(np.random.default_rng(7))


def test_unknown_gender_is_named():
    with pytest.raises(ValueError, match="'x'"):
        stature_distribution("x", 30.0)
