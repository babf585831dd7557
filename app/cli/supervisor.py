# SPDX-License-Identifier: Apache-2.0
"""Run children: start them, restart what dies, end all in order.

Children are bound to this process: also when it is killed, none stays behind. Each is a process group, so
that what it has started itself ends with it, and so that Ctrl-C reaches only the supervisor.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.cli.bound import bound
from app.cli.output import Output
from policies.errors import FairwayError

_TICK = 0.05  # seconds
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 15.0  # seconds
_STEADY_AFTER = 30.0  # seconds a child must live for its next death to count as the first
_STOP_TIMEOUT = 8.0  # seconds from SIGTERM to SIGKILL
_HOPELESS = 3  # deaths in a row before everything was ready


class StartFailed(FairwayError):
    """A child dies again and again before Fairway was ready."""


@dataclass(frozen=True)
class Role:
    """A child to be: its command; when it may start; and in which turn it is ended."""

    name: str
    command: Sequence[str | Path]
    turn: int
    may_start: Callable[[], bool] = lambda: True


@dataclass
class _Child:
    role: Role
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    start_at: float = 0.0


@dataclass
class Supervisor:
    """Keeps its roles running; `ready` is set by whoever finds out that all are."""

    roles: Sequence[Role]
    environment: Mapping[str, str]
    output: Output
    ended: threading.Event = field(default_factory=threading.Event)
    ready: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._children = {role.name: _Child(role) for role in self.roles}

    def run(self) -> None:
        """Keep all roles running until `ended`, then end them; raises StartFailed. For the main thread."""
        try:
            while not self.ended.wait(_TICK):
                for child in self._children.values():
                    self._tend(child)
        finally:
            self.ended.set()
            self._stop()

    def pids(self) -> dict[str, int]:
        """Return the process ids of the roles that run."""
        running = {name: child.process for name, child in self._children.items()}
        return {name: process.pid for name, process in running.items() if process is not None}

    def _tend(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at and child.role.may_start():
                self._start(child)
            return
        code = _ended(child.process)
        if code is None:
            return
        child.process = None
        child.deaths = 1 if now - child.started > _STEADY_AFTER else child.deaths + 1
        how = f"{child.role.name} ended ({_how(code)})"
        if child.deaths >= _HOPELESS and not self.ready.is_set():
            said = self.output.last(child.role.name)
            raise StartFailed(f"{how} {child.deaths} times before it was ready:\n{said}")
        pause = min(_FIRST_PAUSE * 2 ** (child.deaths - 1), _LONGEST_PAUSE)
        child.start_at = now + pause
        self.output.say(f"{how}; it starts again in {pause:.1f} s")

    def _start(self, child: _Child) -> None:
        child.process = subprocess.Popen(
            bound(child.role.command),
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        child.started = time.monotonic()
        self.output.follow(child.role.name, child.process)

    def _stop(self) -> None:
        """End the children in their turns: first what takes work in, last what holds it."""
        for turn in sorted({role.turn for role in self.roles}):
            leaving = [
                child.process
                for child in self._children.values()
                if child.role.turn == turn and child.process is not None
            ]
            for process in leaving:
                _signal(process, signal.SIGTERM)
            deadline = time.monotonic() + _STOP_TIMEOUT
            for process in leaving:
                while _ended(process) is None:
                    if time.monotonic() > deadline:
                        _signal(process, signal.SIGKILL)
                    time.sleep(0.01)
        for child in self._children.values():
            child.process = None


def _ended(process: subprocess.Popen[bytes]) -> int | None:
    """Return the exit status of a child that has ended, once what it has left of its group has too."""
    # Not reaped yet, the id of the child, and so of its group, cannot be anybody else's.
    if process.returncode is None and os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.poll()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.returncode is None:
        process.send_signal(number)


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
