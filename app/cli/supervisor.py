# SPDX-License-Identifier: Apache-2.0
"""Run `web`, `worker` and `watch` as children: start them, restart what dies, end all in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROLES = ("web", "worker", "watch")
_STOP_TIMEOUT = 8.0  # seconds from SIGTERM to SIGKILL
_LONGEST_PAUSE = 15.0
_STEADY_AFTER = 30.0  # seconds a child must live for its next death to count as the first


@dataclass
class Child:
    """One role's process, and how often it died in a row."""

    role: str
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    restart_at: float = 0.0


@dataclass
class Supervisor:
    """`say` gets a line for a person whenever something happens to a child."""

    environment: Mapping[str, str]
    logs: Path
    say: Callable[[str], None]
    children: dict[str, Child] = field(default_factory=lambda: {role: Child(role) for role in ROLES})
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Keep all roles running until SIGTERM or SIGINT, then end them."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.ended.set())
        self.logs.mkdir(parents=True, exist_ok=True)
        try:
            while not self.ended.wait(0.1):
                for child in self.children.values():
                    self._tend(child)
        finally:
            self._stop()

    def pids(self) -> dict[str, int]:
        return {
            role: c.process.pid for role, c in self.children.items() if c.process and c.process.poll() is None
        }

    def _tend(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.restart_at:
                self._start(child)
            return
        code = child.process.poll()
        if code is None:
            return
        child.deaths = 1 if now - child.started > _STEADY_AFTER else child.deaths + 1
        pause = min(0.2 * 2 ** (child.deaths - 1), _LONGEST_PAUSE)
        self.say(
            f"{child.role} ended ({_how(code)}); again in {pause:.1f} s; log: {self.logs / child.role}.log"
        )
        child.process, child.restart_at = None, now + pause

    def _start(self, child: Child) -> None:
        with (self.logs / f"{child.role}.log").open("ab") as log:
            child.process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", child.role],
                env={**self.environment, "FAIRWAY_PARENT_PID": str(os.getpid())},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        child.started = time.monotonic()

    def _stop(self) -> None:
        """End the children in order: first what takes work in, last what finishes it."""
        for role in ("web", "watch", "worker"):
            process = self.children[role].process
            if process and process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + _STOP_TIMEOUT
        for child in self.children.values():
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
