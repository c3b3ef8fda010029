"""Every entry from outside, with inputs that nobody meant: `./run fuzz N` tries N of each, a test run some.

A case that fails is told with its values and kept in test/fuzz/found, from where the next run begins;
it stays for good as an `@example` beside the test that found it.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

sys.path.insert(0, str(Path(__file__).parent))
FOUND = Path(__file__).parent / "found"
FEW = 30

settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("HDNET_FUZZ_EXAMPLES", FEW)),
    deadline=None,
    database=DirectoryBasedExampleDatabase(FOUND),
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


@pytest.fixture(autouse=True, scope="session")
def _warnings_are_no_output():
    with np.errstate(all="ignore"):
        yield


def pytest_collection_modifyitems(items):
    """Only the tests of this folder take the profile."""
    for item in items:
        inner = getattr(getattr(item, "obj", None), "hypothesis", None)
        if inner is not None and Path(str(item.path)).parent == Path(__file__).parent:
            wrapped = item.obj
            wrapped._hypothesis_internal_use_settings = settings.get_profile("fuzz")
