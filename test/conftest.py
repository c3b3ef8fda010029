"""What all tests share: where the package and the optional real data are."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

try:
    import hdnet_ros  # noqa: F401
except ImportError:
    sys.path.insert(0, str(ROOT))


@pytest.fixture(scope="session")
def pets_folder() -> Path:
    """Calibration and boxes of the real clip, beside the repository; not part of it."""
    folder = ROOT.parent / "shared" / "pets"
    if not (folder / "camera.json").is_file():
        pytest.skip(f"{folder} is not there: the real clip's calibration and boxes are not shipped")
    return folder
