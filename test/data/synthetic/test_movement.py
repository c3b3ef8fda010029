"""People blurred by their movement: light is kept, and what they stand before stays sharp."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed: no synthetic pictures")

from hdnet_ros.data.synthetic.labels import RenderedPeople
from hdnet_ros.data.synthetic.movement import with_moving_people


def a_person():
    instance = np.full((200, 200), -1)
    instance[40:160, 90:110] = 0
    alpha = (instance == 0).astype(np.float32)
    depth = np.where(instance == 0, 3.0, np.inf).astype(np.float32)
    return RenderedPeople(0.5 * np.repeat(alpha[..., None], 3, 2), alpha, depth, instance)


def test_a_smear_spreads_the_person_and_keeps_its_light():
    person = a_person()
    smeared = with_moving_people(np.random.default_rng(1), person, 1.0)
    assert smeared.alpha.sum() == pytest.approx(person.alpha.sum(), rel=0.01)
    assert (smeared.alpha > 0.01).sum() > 1.05 * (person.alpha > 0).sum()
    assert np.isfinite(smeared.depth_m[smeared.alpha > 0.01]).all()
    np.testing.assert_array_equal(smeared.instance, person.instance)


def test_nobody_moves_in_none_of_the_draws():
    person = a_person()
    assert with_moving_people(np.random.default_rng(1), person, 0.0) is person
