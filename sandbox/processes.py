# SPDX-License-Identifier: Apache-2.0
"""Processes that outlive the command that starts them: known by id and start time, ended only by both."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOG_LINES = 8


class SandboxError(Exception):
    """The sandbox cannot do what was asked; the message says why and what to do."""


@dataclass(frozen=True)
class Process:
    """One detached process of the sandbox, remembered in `<folder>/<name>.json`."""

    folder: Path
    name: str

    @property
    def log(self) -> Path:
        return self.folder / "logs" / f"{self.name}.log"

    def facts(self) -> dict[str, Any] | None:
        """Return what is remembered of it while it runs: pid, start time and its ready line."""
        try:
            found: dict[str, Any] = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return None
        return found if start_time(found["pid"]) == found["started"] else None

    def start(self, command: Sequence[str | Path], *, timeout: float) -> dict[str, Any]:
        """Start it and wait for the JSON line that says it is ready; raises SandboxError."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        facts = {"pid": child.pid, "started": start_time(child.pid)}
        self._file.write_text(json.dumps(facts))
        assert child.stdout is not None  # noqa: S101 (it was opened as a pipe)
        with child.stdout:
            ready = _ready_line(child, timeout)
        if ready is None:
            child.kill()
            child.wait()
            self._file.unlink(missing_ok=True)
            raise SandboxError(f"{self.name} did not start; the end of {self.log}:\n{self._last_words()}")
        facts |= ready
        self._file.write_text(json.dumps(facts))
        return facts

    def stop(self, timeout: float) -> None:
        """End it if it is still the one we started: SIGTERM, and SIGKILL after `timeout` seconds."""
        facts = self.facts()
        if facts is not None:
            _end(facts["pid"], facts["started"], timeout)
        self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.name}.json"

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-_LOG_LINES:])


def start_time(pid: int) -> int | None:
    """Return when a process was started (clock ticks since boot); None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other commands off a sandbox: two that start it at once would start it twice."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def free_port(remembered: Path) -> int:
    """Return the port written in a file, choosing a free one the first time."""
    if remembered.exists():
        return int(remembered.read_text())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    remembered.write_text(str(port))
    return port


def wait_for_port(remembered: Path, timeout: float) -> None:
    """Wait until nothing listens on the port written in a file; what follows says so if something still does.

    Children of a killed process hold its port a moment longer.
    """
    if not remembered.exists():
        return
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", int(remembered.read_text())))
                return
        time.sleep(0.02)


def _ready_line(child: subprocess.Popen[bytes], timeout: float) -> dict[str, Any] | None:
    assert child.stdout is not None  # noqa: S101 (the caller holds it open)
    deadline = time.monotonic() + timeout
    pending = b""
    while time.monotonic() < deadline:
        if not select.select([child.stdout], [], [], 0.2)[0]:
            if child.poll() is not None:
                return None
            continue
        chunk = os.read(child.stdout.fileno(), 65536)
        if not chunk:
            return None
        pending += chunk
        for line in pending.split(b"\n")[:-1]:
            with contextlib.suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict) and found.get("event") == "ready":
                    return found
    return None


def _end(pid: int, started: int, timeout: float) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if start_time(pid) == started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + timeout
        while start_time(pid) == started and time.monotonic() < deadline:
            time.sleep(0.02)
        _reap(pid)
    if start_time(pid) == started:
        raise SandboxError(f"process {pid} does not end, not even by SIGKILL; the system holds it in a call")


def _reap(pid: int) -> None:
    """Take the exit status when it is our own child; otherwise somebody else does."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
