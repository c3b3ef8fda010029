"""Who is in the pictures: gender, age and standing height of a drawn person.

The statures in the training data are the network's depth prior, so they follow the population:
men N(178, 7) cm, women N(165, 7) cm, children the growth-chart median of their age with 4.4 %
spread (medians rounded from the WHO and CDC growth charts, standing height).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MALE, FEMALE = "male", "female"
ADULT_MEAN_M = {MALE: 1.78, FEMALE: 1.65}
ADULT_SPREAD_M = 0.07
CHILD_SPREAD = 0.044
CHILD_FRACTION = 0.22
# In pictures: half of the children are below school age, who are fewest among uniform ages and hardest to tell.
YOUNG_SHARE, YOUNG_YEARS = 0.32, 7.0
ADULT_AGE_YEARS = 18.0
CHILD_AGES_YEARS = np.arange(2.0, 19.0)
CHILD_MEDIAN_M = {
    MALE: np.array([87, 96, 103, 110, 116, 122, 127.5, 133, 138, 143, 149, 156, 163.5, 170, 174,
                    176.5, 178]) / 100.0,
    FEMALE: np.array([86, 95, 102.5, 109.5, 115, 121, 127, 132.5, 138.5, 145, 151, 156.5, 160.5,
                      162.5, 164, 164.7, 165]) / 100.0,
}


@dataclass(frozen=True)
class Identity:
    """A person's gender ("male" or "female"), age and barefoot standing height."""

    gender: str
    age_years: float
    stature_m: float

    @property
    def is_adult(self) -> bool:
        return self.age_years >= ADULT_AGE_YEARS


def stature_distribution(gender: str, age_years: float) -> tuple[float, float]:
    """Mean and standard deviation of standing height in metres for a gender and an age."""
    if gender not in ADULT_MEAN_M:
        raise ValueError(f"gender is {gender!r}, expected {MALE!r} or {FEMALE!r}")
    if age_years >= ADULT_AGE_YEARS:
        return ADULT_MEAN_M[gender], ADULT_SPREAD_M
    mean = float(np.interp(age_years, CHILD_AGES_YEARS, CHILD_MEDIAN_M[gender]))
    return mean, CHILD_SPREAD * mean


def leg_factor(rng: np.random.Generator, age_years: float) -> float:
    """How much longer than the body model's a person's legs are, for the same stature.

    The model gives toddlers the legs of older children: the sitting height of 2-year-olds is 57 % of their stature,
    of 4-year-olds 55.5 %, of grown-ups 52 % (NHANES), which leaves 4.5 and 3 % less leg than it has.
    """
    return float(np.interp(age_years, [2.0, 4.0, 8.0, 12.0], [0.955, 0.97, 0.99, 1.0]) * np.exp(rng.normal(0.0, 0.022)))


def draw_identity(
    rng: np.random.Generator,
    child_fraction: float = CHILD_FRACTION,
    is_child: bool | None = None,
    young_share: float = 0.0,
) -> Identity:
    """Draw gender, age and stature; statures beyond 2.8 deviations are drawn again.

    Parameters
    ----------
    child_fraction : share of people below 18 years
    is_child : draws no others, or none, when given
    young_share : share of the children who are drawn from 2 to YOUNG_YEARS, beside those of all ages
    """
    gender = MALE if rng.random() < 0.5 else FEMALE
    if is_child is None:
        is_child = rng.random() < child_fraction
    if is_child:
        is_young = young_share > 0.0 and rng.random() < young_share
        age_years = float(rng.uniform(2.0, YOUNG_YEARS if is_young else 17.9))
    elif rng.random() < 0.15:
        age_years = float(rng.uniform(65.0, 88.0))
    else:
        age_years = float(rng.uniform(18.0, 65.0))
    mean, spread = stature_distribution(gender, age_years)
    offset = rng.standard_normal()
    while abs(offset) > 2.8:
        offset = rng.standard_normal()
    return Identity(gender, age_years, mean + spread * offset)
