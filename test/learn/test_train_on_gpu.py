"""The one command for a machine that is lent for minutes: what it calls, in which order, and what it leaves."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "train_on_gpu.sh"
# Stands in for `hdnet`: writes down its arguments, renders a shard and goes on, trains a network of 31 MB.
HDNET = """#!/usr/bin/env bash
echo "$@" >>"$CALLS"
value() { while [ $# -gt 1 ]; do [ "$1" = "$WANTED" ] && echo "$2"; shift; done; }
case "$1" in
  synth) sleep 0.2; WANTED=--out; touch "$(value "$@")/train_1_000000000.npz"; sleep 300 ;;
  train) WANTED=--export; head -c 31000000 /dev/zero >"$(value "$@")" ;;
esac
"""


@pytest.fixture
def run(tmp_path):
    stub = tmp_path / "hdnet"
    stub.write_text(HDNET)
    stub.chmod(0o755)
    calls = tmp_path / "calls"
    calls.touch()

    def run(*arguments):
        environment = os.environ | {"HDNET": str(stub), "CALLS": str(calls), "HDNET_CACHE": str(tmp_path / "cache")}
        done = subprocess.run([SCRIPT, *arguments], env=environment, capture_output=True, text=True, timeout=60)
        return done, calls.read_text().splitlines()

    return run


def test_it_trains_while_it_renders_and_leaves_parts_below_16_mb(run, tmp_path):
    done, calls = run("--out", tmp_path / "out", "--minutes", "2")
    assert done.returncode == 0, done.stderr
    synth, train = calls
    assert synth.startswith("synth --out")
    assert f"data.shards={tmp_path / 'out' / 'shards'}" in train
    assert "--minutes 1" in train
    parts = sorted((tmp_path / "out").glob("network.safetensors.??"))
    assert [part.stat().st_size for part in parts] == [15_000_000, 15_000_000, 1_000_000]
    left = subprocess.run(["pgrep", "-f", str(tmp_path / "hdnet")], capture_output=True, text=True)
    assert left.stdout == ""


def test_dry_run_trains_on_the_cpu_with_tiny_steps_on_given_shards(run, tmp_path):
    (tmp_path / "shards").mkdir()
    done, calls = run("--out", tmp_path / "out", "--minutes", "3", "--shards", tmp_path / "shards", "--dry-run")
    assert done.returncode == 0, done.stderr
    (train,) = calls
    assert "--cpu" in train
    assert "optimiser.steps=4" in train


def test_carried_files_are_unpacked_into_the_cache(run, tmp_path):
    (tmp_path / "bodies_train.npz").write_bytes(b"bodies")
    subprocess.run(["tar", "-cf", tmp_path / "carried.tar", "-C", tmp_path, "bodies_train.npz"], check=True)
    done, _ = run("--out", tmp_path / "out", "--minutes", "2", "--carried", tmp_path / "carried.tar")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cache" / "bodies_train.npz").read_bytes() == b"bodies"


def test_what_is_missing_is_said(run):
    done, calls = run("--minutes", "2")
    assert done.returncode == 2
    assert "--out and --minutes are needed" in done.stderr
    assert calls == []
