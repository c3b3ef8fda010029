"""Who is looked at under a budget: the unknown, the near, and in the end everybody."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.core.types import Detection
from hdnet_ros.pipeline.look_budget import LookBudget


def person(x, height=100.0):
    return Detection(np.array([x, 240.0, 0.4 * height, height]))


def looks_of(budget, people, images, budget_ms, ms_per_look=10.0):
    """How often each of some people who stand still is looked at in so many images."""
    looks = np.zeros(len(people), int)
    for _ in range(images):
        chosen = budget.chosen(people, budget_ms)
        looks[chosen] += 1
        budget.spent(ms_per_look * len(chosen), len(chosen))
    return looks


def test_chosen_without_a_budget_is_everybody():
    people = [person(100), person(300), person(500)]
    assert (looks_of(LookBudget(), people, 5, 0.0) == 5).all()
    assert LookBudget().chosen([], 10.0) == []


def test_chosen_are_as_many_as_fit_into_the_budget():
    people = [person(100.0 * i) for i in range(1, 7)]
    budget = LookBudget()
    budget.spent(10.0, 1)
    assert len(budget.chosen(people, 25.0)) == 2
    assert len(budget.chosen(people, 1.0)) == 1
    assert budget.chosen(people, 1000.0) == [0, 1, 2, 3, 4, 5]


def test_people_alike_take_turns():
    people = [person(100), person(300), person(500)]
    assert (looks_of(LookBudget(), people, 1 + 9, 10.0) == 1 + 3).all()


def test_the_nearer_is_looked_at_more_often():
    far, near = looks_of(LookBudget(), [person(100, 60.0), person(400, 240.0)], 101, 10.0)
    assert near >= 2.5 * far and far >= 20


def test_somebody_new_comes_first():
    people = [person(100), person(300)]
    budget = LookBudget()
    looks_of(budget, people, 6, 10.0)
    assert budget.chosen([*people, person(500)], 10.0) == [2]


@settings(max_examples=50, deadline=None)
@given(
    heights=st.lists(st.floats(40.0, 400.0), min_size=2, max_size=8),
    budget_ms=st.floats(0.1, 60.0),
)
def test_nobody_starves(heights, budget_ms):
    people = [person(1000.0 * i, height) for i, height in enumerate(heights)]
    looks = looks_of(LookBudget(), people, 300, budget_ms)
    assert looks.min() >= 2


def test_boxes_that_come_and_go_starve_nobody():
    budget = LookBudget()
    budget.spent(10.0, 1)
    looks = 0
    for image in range(200):
        # Somebody else at another place in every image, before the one who stays.
        looks += 1 in budget.chosen([person(1000.0 + 500.0 * image), person(100)], 10.0)
    assert looks >= 10
