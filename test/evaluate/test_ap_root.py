"""AP and AR of the root, counted by hand: order, nearest person only, duplicates, skipped pictures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.evaluate.ap_root import RootPredictions, ap_root


def roots(predictions, truths):
    """Predictions (picture, x in mm, score) and truths (picture, x in mm, valid), all 4 m away."""

    def place(rows):
        return np.array([[row[1], 0.0, 4000.0] for row in rows]).reshape(-1, 3)

    return RootPredictions(
        picture=np.array([p[0] for p in predictions], int),
        root_camera_mm=place(predictions),
        score=np.array([p[2] for p in predictions], float),
        true_picture=np.array([t[0] for t in truths], int),
        true_root_camera_mm=place(truths),
        is_valid=np.array([t[2] for t in truths], bool),
    )


def test_hits_and_misses_by_hand():
    # In order of score: hit, miss (300 mm off), hit, second hit of the first person.
    predictions = [(0, 1300, 0.8), (0, 40, 0.9), (1, -120, 0.7), (0, 0, 0.6)]
    truths = [(0, 0, True), (0, 1000, True), (1, 0, True), (1, 5000, True)]
    table = ap_root(roots(predictions, truths))
    # P: 1, 1/2, 2/3, 2/4; R: 1/4, 1/4, 2/4, 2/4
    assert table["25"] == pytest.approx({"ap": 2 / 3 / 4, "ap_from_zero": 1 / 4 + 2 / 3 / 4, "ar": 0.5})
    # At 10 cm the third misses too.
    assert table["10"] == pytest.approx({"ap": 0.0, "ap_from_zero": 0.25, "ar": 0.25})
    assert list(table) == ["25", "20", "15", "10"]


def test_a_hit_is_nearer_than_the_threshold():
    assert ap_root(roots([(0, 250, 1)], [(0, 0, True)]))["25"]["ar"] == 0
    assert ap_root(roots([(0, 249.9, 1)], [(0, 0, True)]))["25"]["ar"] == 1


def test_only_the_nearest_person_is_compared():
    # Both predictions are nearest to the first person; the second person is within reach of the second one.
    table = ap_root(roots([(0, 10, 0.9), (0, 90, 0.8)], [(0, 0, True), (0, 200, True)]))
    assert table["25"]["ar"] == 0.5
    assert table["25"]["ap_from_zero"] == 0.5


def test_people_who_do_not_count_are_neither_found_nor_missed():
    truths = [(0, 0, False), (0, 2000, True), (1, 0, False)]
    table = ap_root(roots([(0, 2000, 0.9), (1, 0, 0.8), (1, 9000, 0.95)], truths))
    assert table["25"] == pytest.approx({"ap": 0.0, "ap_from_zero": 1.0, "ar": 1.0})  # picture 1 is skipped
    assert ap_root(roots([(0, 0, 0.9)], truths))["25"]["ar"] == 0  # the invalid person is no target


def test_nobody_valid_is_nan_and_nothing_predicted_is_zero():
    assert np.isnan(list(ap_root(roots([(0, 0, 1)], [(0, 0, False)]))["25"].values())).all()
    assert ap_root(roots([], [(0, 0, True)]))["25"] == {"ap": 0, "ap_from_zero": 0, "ar": 0}


PEOPLE = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=12, unique=True)


@settings(deadline=None, max_examples=30)
@given(PEOPLE, st.data())
def test_perfect_predictions_find_everybody(people, data):
    scores = data.draw(st.lists(st.floats(0, 1), min_size=len(people), max_size=len(people)))
    truths = [(picture, 1000 * slot, True) for picture, slot in people]
    predictions = [(p, x, s) for (p, x, _), s in zip(truths, scores, strict=True)]
    for row in ap_root(roots(predictions, truths)).values():
        assert row == pytest.approx({"ap": 1 - 1 / len(people), "ap_from_zero": 1.0, "ar": 1.0})


@settings(deadline=None, max_examples=30)
@given(PEOPLE)
def test_duplicates_of_lower_score_cost_nothing_and_of_higher_score_half_the_precision(people):
    truths = [(picture, 1000 * slot, True) for picture, slot in people]
    once = [(p, x, 0.5) for p, x, _ in truths]
    later = ap_root(roots(once + [(p, x, 0.1) for p, x, _ in truths], truths))["25"]
    assert later["ap_from_zero"] == pytest.approx(1.0)
    # Everybody twice in a row: the n-th person is found by prediction 2n - 1.
    interleaved = [prediction for prediction in once for _ in range(2)]
    expected = np.mean([n / (2 * n - 1) for n in range(1, len(people) + 1)])
    assert ap_root(roots(interleaved, truths))["25"]["ap_from_zero"] == pytest.approx(expected)
