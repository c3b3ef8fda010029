"""What a score was made with: weights, budget, machine, versions, commit and date."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch

import hdnet_ros

NOT_RECORDED = "not recorded in the checkpoint"
# In the report by themselves, or too long for it.
_TECHNICAL = {"format", "format_version", "joint_names", "links", "config", "convention", "calibration"}


def provenance(weights: str | Path, device: str, **settings) -> dict[str, str]:
    """Name to value of everything that a reader needs to judge or repeat a score.

    Parameters
    ----------
    weights : checkpoint; its metadata say name, data, seed and budget
    device : where the network ran
    settings : what was asked for (data, every, most, ...); None is left out
    """
    about = weights_facts(weights)
    about |= {name.replace("_", " "): str(value) for name, value in settings.items() if value is not None}
    about |= {
        "machine": machine_kind(device),
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
        "commit": commit(),
        "date": datetime.date.today().isoformat(),
    }
    return about


def weights_facts(weights: str | Path) -> dict[str, str]:
    """Name, data, licence, seed and budget as the checkpoint's metadata say, and the file's name."""
    from hdnet_ros.model.tensor_file import read_metadata

    stored = {key: value for key, value in read_metadata(weights)[0].items() if key not in _TECHNICAL}
    facts = {key: _decoded(value) for key, value in stored.items()}
    name = facts.pop("name", NOT_RECORDED)
    return {
        "weights": f"{name} ({Path(weights).name})",
        "seed of the training": facts.pop("seed", NOT_RECORDED),
        "budget": facts.pop("budget", "see trained on" if "data" in facts else NOT_RECORDED),
        "trained on": facts.pop("data", NOT_RECORDED),
    } | facts


def _decoded(value: str) -> str:
    try:
        decoded = json.loads(value)
    except json.JSONDecodeError:
        return value
    return decoded if isinstance(decoded, str) else json.dumps(decoded)


def machine_kind(device: str) -> str:
    """Processor, cores, memory and accelerator; nothing that names the machine."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kind = f"{_processor()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB"
    if device != "cpu" and torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}; {kind}"
    return f"CPU only: {kind}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def versions() -> Mapping[str, str]:
    """Versions of what computes."""
    return {
        "hdnet_ros": hdnet_ros.__version__,
        "Python": platform.python_version(),
        "PyTorch": torch.__version__,
        "NumPy": np.__version__,
        "OpenCV": cv2.__version__,
    }


def commit() -> str:
    """The checkout's commit, "+" after it where files differ from it; says so where there is no checkout."""
    package = Path(hdnet_ros.__file__).resolve()
    try:
        # Installed below another project, git would tell that one's commit.
        _git(package.parent, "ls-files", "--error-unmatch", package.name)
        return _git(package.parent, "describe", "--always", "--dirty=+", "--abbrev=10", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return "not a git checkout"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
