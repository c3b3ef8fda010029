"""The lock of ./run: of these requirements, every package exact and with hashes, nothing but packages."""

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMES = ["run", "ros", "test", "learn"]

pytestmark = pytest.mark.skipif(not (ROOT / "requirements").is_dir(), reason="requirements/ are not installed")


def lines_of(path):
    """Return the lines of a requirements file, continued ones joined, comments left out."""
    text = path.read_text().replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def name_of(line):
    return re.split(r"[<>=~!;\[ ]", line, maxsplit=1)[0].lower().replace("_", "-")


@pytest.mark.parametrize("name", NAMES)
def test_the_lock_is_of_these_requirements(name):
    lock, wanted = ROOT / "requirements" / "lock" / f"{name}.txt", ROOT / "requirements" / f"{name}.txt"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    assert digest in lock.read_text().splitlines()[0], f"tools/lock.sh writes it anew after a change of {wanted.name}"
    assert {name_of(line) for line in lines_of(wanted)} <= {name_of(line) for line in lines_of(lock)}


@pytest.mark.parametrize("name", NAMES)
def test_every_package_is_exact_with_hashes_and_no_address(name):
    for line in lines_of(ROOT / "requirements" / "lock" / f"{name}.txt"):
        assert re.match(r"[A-Za-z0-9._-]+==[^ ]+ ", line), line[:80]
        assert re.search(r" --hash=sha256:[0-9a-f]{64}", line), line[:80]
        assert "://" not in line


def test_what_several_locks_hold_is_the_same_version_for_the_same_python():
    found = {}
    for name in NAMES:
        for line in lines_of(ROOT / "requirements" / "lock" / f"{name}.txt"):
            requirement = line.partition(" --hash")[0]
            found.setdefault((name_of(line), requirement.partition(";")[2].strip()), set()).add(requirement)
    assert {key: versions for key, versions in found.items() if len(versions) > 1} == {}
