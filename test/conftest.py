"""What all tests share: where the package and the optional real data are."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Before PyTorch is imported, here and in the nodes that tests start. Tests are many small computations:
# threads that wait for one another gain nothing on them, and on a loaded machine take minutes for seconds.
os.environ.setdefault("OMP_NUM_THREADS", "1")

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


@pytest.fixture(scope="session")
def installed():
    """Find what `ros2 run hdnet_ros NAME` starts; skips where the package is not installed."""

    def path(name: str) -> str:
        try:
            from ament_index_python.packages import get_package_prefix

            script = Path(get_package_prefix("hdnet_ros"), "lib", "hdnet_ros", name)
        except (ImportError, LookupError):
            script = Path(shutil.which(name) or name)
        if not script.is_file():
            pytest.skip(f"the executable {name} is not installed (./run test builds it)")
        return str(script)

    return path


@pytest.fixture(scope="session")
def run_installed(installed):
    """Run an installed executable as a shell would; returns the finished process with its text."""

    def run(name, *arguments, timeout=120, **options):
        command = [installed(name), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd="/", **options)

    return run


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless Chromium with a profile of its own that asks nothing of the network."""
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium and chromedriver are not installed (apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync",
                 "disable-background-networking", "disable-component-update", "window-size=1280,800",
                 f"user-data-dir={tmp_path_factory.mktemp('chromium')}"):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield opened
    opened.quit()
