"""Fixtures of the synthetic people's tests."""

import pytest


@pytest.fixture(scope="session")
def people_factory():
    """PeopleFactory of the hold-out; building its bank takes a minute and needs anny, so tests only use a cached one."""
    pytest.importorskip("numba", reason="numba is not installed: no synthetic pictures")
    from hdnet_ros.data.synthetic.body_bank import bank_path
    from hdnet_ros.data.synthetic.people import PeopleFactory

    if not bank_path("holdout").exists():
        pytest.skip(f"no body bank at {bank_path('holdout')}: draw people once with anny installed to build it")
    return PeopleFactory(split="holdout")
