# SPDX-License-Identifier: Apache-2.0
"""Show how far a build is: a bar in a terminal, elsewhere a plain line now and then.

Callers with a screen of their own, such as the demo, pass their own `Display`.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text


@dataclass(frozen=True)
class Step:
    """How far the build of one binary is; `total` is 0 while nobody knows it."""

    name: str
    doing: str
    done: int = 0
    total: int = 0
    seconds: float = 0.0


class Display(Protocol):
    """Takes what a build has to say; it may be called from several threads, one per binary."""

    def say(self, text: str) -> None:
        """Take a sentence that stays to be read."""

    def show(self, step: Step) -> None:
        """Take the newest step of a binary; called several times a second."""

    def end(self, name: str) -> None:
        """Take note that no more steps of this binary come, whether it was built or failed."""


def count(number: int) -> str:
    """Write a number with thin groups of three, as the product does everywhere."""
    return f"{number:,}".replace(",", "\u202f")


class _Elapsed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(duration(task.elapsed or 0))


class Bars:
    """One bar per binary; the screen is live only while one is shown."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)

    def show(self, step: Step) -> None:
        counted = (
            f"{count(step.done)}/{count(step.total)}" if step.total else count(step.done) if step.done else ""
        )
        with self._lock:
            if self._progress is None:
                self._progress = self._columns()
            if (task := self._tasks.get(step.name)) is None:
                task = self._progress.add_task(step.name, doing=step.doing, counted=counted)
                self._tasks[step.name] = task
            total = step.total or None
            self._progress.update(task, completed=step.done, total=total, doing=step.doing, counted=counted)
            self._progress.start()  # only now, so that the first thing to be seen is not an empty bar

    def end(self, name: str) -> None:
        with self._lock:
            task = self._tasks.pop(name, None)
            if self._progress is None or task is None:
                return
            self._progress.remove_task(task)
            if not self._tasks:
                self._progress.stop()
                self._progress = None

    def _columns(self) -> Progress:
        return Progress(
            TextColumn("{task.description}: {task.fields[doing]}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[counted]}", markup=False),
            _Elapsed(),
            console=self._console,
            transient=True,
        )


class Lines:
    """A line whenever something else is being done, and every 15 seconds."""

    def __init__(self, console: Console, *, every: float = 15.0) -> None:
        self._console = console
        self._every = every
        self._shown: dict[str, tuple[str, float]] = {}

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def show(self, step: Step) -> None:
        doing, last = self._shown.get(step.name, ("", 0.0))
        now = time.monotonic()
        if step.doing == doing and now - last < self._every:
            return
        self._shown[step.name] = (step.doing, now)
        counted = (
            f" {count(step.done)}/{count(step.total)}" if step.total else f" {step.done}" if step.done else ""
        )
        self.say(f"{step.name}: {step.doing}{counted}, {duration(step.seconds)}")

    def end(self, name: str) -> None:
        self._shown.pop(name, None)


def duration(seconds: float) -> str:
    """Write minutes and seconds as a clock does: 2:10."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


_default: Display | None = None
_default_lock = threading.Lock()


def standard() -> Display:
    """The process's own display on standard error; all threads share it, as they share the screen."""
    global _default
    with _default_lock:
        if _default is None:
            console = Console(file=sys.stderr)
            _default = Bars(console) if console.is_terminal else Lines(console)
        return _default


@contextlib.contextmanager
def shown(display: Display, name: str) -> Iterator[None]:
    """Take the binary off the display in the end, however the block ends."""
    try:
        yield
    finally:
        display.end(name)
