"""./run: what it says, and how its steps fail."""
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RUN = ROOT / 'run'

pytestmark = pytest.mark.skipif(not RUN.is_file(), reason='./run is not part of an installed package')


def bash(script, folder, **environment):
    """Run a script that has the steps of ./run, with the given folder in place of the checkout."""
    return subprocess.run(
        ['bash', '-euc', f'ROOT={str(folder)!r}; source "$TOOLS/steps.bash"; source "$TOOLS/environment.bash"; {script}'],
        capture_output=True, text=True, env={**os.environ, 'TOOLS': str(ROOT / 'tools'), **environment})


def test_without_a_command_it_lists_them():
    answer = subprocess.run([str(RUN)], capture_output=True, text=True)
    assert answer.returncode == 0
    for command in ('demo', 'test', 'hdnet', 'setup', 'clean'):
        assert f'\n  {command} ' in answer.stdout


def test_unknown_command_is_named():
    answer = subprocess.run([str(RUN), 'dance'], capture_output=True, text=True)
    assert answer.returncode == 2 and "'dance'" in answer.stderr


def test_failing_step_says_which_why_and_what_to_do(tmp_path):
    answer = bash('broken() { echo "disk is full"; return 3; }; step "Packing" pack "buy a disk" broken; echo after', tmp_path)
    assert answer.returncode == 1 and 'after' not in answer.stdout
    for words in ('Packing', 'disk is full', 'buy a disk', '.hdnet/log/pack.log'):
        assert words in answer.stderr


def test_optional_step_goes_on(tmp_path):
    answer = bash('optional_step "Clip" clip "a made clip" false || echo after', tmp_path)
    assert answer.returncode == 0 and answer.stdout == 'after\n' and 'a made clip' in answer.stderr


def test_step_is_skipped_when_nothing_changed(tmp_path):
    answer = bash('remember thing abc; uptodate thing abc && echo same; uptodate thing xyz || echo changed', tmp_path)
    assert answer.stdout.split() == ['same', 'changed']


def test_unfit_pythons_are_named(tmp_path):
    fake = tmp_path / 'bin' / 'python3'
    fake.parent.mkdir()
    fake.write_text('#!/bin/bash\n[ "$1" = -V ] && echo "Python 3.8.1" && exit 0\nexit 1\n')
    fake.chmod(0o755)
    for name in ('python', 'python3.8', 'python3.9', 'python3.10', 'python3.11', 'python3.12', 'python3.13', 'python3.14'):
        (fake.parent / name).symlink_to(fake)
    answer = bash('PATH="$FAKE:$PATH"; check_system', tmp_path, FAKE=str(fake.parent), HDNET_VENV='', HDNET_PYTHON='')
    assert answer.returncode == 1
    assert 'Python 3.10 to 3.13' in answer.stderr and 'Python 3.8.1' in answer.stderr
