"""Processes that end with the demo, whatever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

_GRACE_S = 5.0


class ProcessDied(RuntimeError):
    """A process ended before its work was done; the message holds its last log lines."""


class ProcessGroup:
    """Start nodes as processes with a log each; leaving the context ends them all.

    Parameters
    ----------
    log_folder : gets <name>.log per process
    """

    def __init__(self, log_folder: str | Path):
        self._log_folder = Path(log_folder)
        self._log_folder.mkdir(parents=True, exist_ok=True)
        self._processes: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> ProcessGroup:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start_node(
        self, name: str, module: str, parameters: Mapping[str, object]
    ) -> subprocess.Popen:
        """Run `python -m <module>` with ROS parameters."""
        command = [sys.executable, "-m", module, "--ros-args"]
        for key, value in parameters.items():
            command += ["-p", f"{key}:={_yaml(value)}"]
        with open(self.log_path(name), "wb") as log:
            self._processes[name] = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                # Not the checkout: there `hdnet_ros` would be the one without generated messages.
                cwd=self._log_folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        return self._processes[name]

    def log_path(self, name: str) -> Path:
        return self._log_folder / f"{name}.log"

    def log_tail(self, name: str, lines: int = 12) -> str:
        """Return the last lines that a process wrote."""
        text = self.log_path(name).read_text(errors="replace").strip()
        return "\n".join(text.splitlines()[-lines:]) or "(it wrote nothing)"

    def exit_status(self, name: str) -> int | None:
        """Return the exit status of a process, None while it runs."""
        return self._processes[name].poll()

    def check(self, finished_is_fine: str = "") -> None:
        """Raise ProcessDied for the first process that ended, save one that ended well and may."""
        for name in self._processes:
            status = self.exit_status(name)
            if status is None or (name == finished_is_fine and status == 0):
                continue
            raise ProcessDied(
                f"{name} ended ({_why(status)}). Its last lines, from {self.log_path(name)}:\n"
                f"{self.log_tail(name)}"
            )

    def stop(self) -> None:
        """Interrupt all processes; those still there after a grace period are killed."""
        for sign in (signal.SIGINT, signal.SIGKILL):
            for process in self._processes.values():
                if process.poll() is None:
                    os.killpg(process.pid, sign)
            deadline = time.monotonic() + _GRACE_S
            for process in self._processes.values():
                try:
                    process.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    pass


def _why(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    return f"signal {signal.Signals(-status).name}"


def _yaml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    # Quoted, for rcl reads parameter values as YAML: a path may look like anything.
    return f"'{value}'" if isinstance(value, (str, Path)) else str(value)
