# SPDX-License-Identifier: Apache-2.0
"""Where the lines of the children go: a log file each, and a terminal in a colour each."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

_LARGEST_LOG = 10 * 1024 * 1024  # bytes
_KEPT_LOGS = 2
_LAST_LINES = 12
_LONGEST_LINE = 8192
_COLOURS = {"web": "36", "worker": "32", "watch": "35", "redis": "33", "fairway": "1"}
# Text from Git, cluster and GitHub is in these lines: it must not steer the terminal that shows them.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Output:
    """Collects lines from several threads; `screen` is where a person watches, if one does."""

    def __init__(self, logs: Path, screen: TextIO | None = None) -> None:
        self._logs = logs
        self._screen = screen
        self._coloured = screen is not None and screen.isatty()
        self._files: dict[str, RotatingFileHandler] = {}
        self._last: dict[str, deque[str]] = {}
        self._lock = threading.Lock()
        self._following: list[threading.Thread] = []

    def say(self, text: str) -> None:
        """Say something about the children."""
        self._line("fairway", text)

    def follow(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Take the lines of a child until it ends."""
        thread = threading.Thread(target=self._pump, args=(name, process), name=f"{name}-log", daemon=True)
        self._following = [one for one in self._following if one.is_alive()]
        self._following.append(thread)
        thread.start()

    def last(self, name: str) -> str:
        """Return the last lines that somebody said."""
        for thread in self._following:
            if thread.name == f"{name}-log":
                thread.join(1.0)
        with self._lock:
            return "\n".join(self._last.get(name, ()))

    def close(self) -> None:
        """Wait for the last lines and close the files."""
        for thread in self._following:
            thread.join(1.0)
        with self._lock:
            for handler in self._files.values():
                handler.close()
            self._files.clear()

    def _pump(self, name: str, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        with process.stdout as lines:
            while line := lines.readline(_LONGEST_LINE):
                self._line(name, line.decode(errors="replace").rstrip("\r\n"))

    def _line(self, name: str, text: str) -> None:
        text = _CONTROL.sub("\ufffd", text)
        with self._lock:
            self._last.setdefault(name, deque(maxlen=_LAST_LINES)).append(text)
            self._file(name).emit(logging.makeLogRecord({"msg": text}))
            if self._screen is not None:
                self._show(self._screen, name, text)

    def _show(self, screen: TextIO, name: str, text: str) -> None:
        prefix = f"{name:<8}| "
        if self._coloured:
            prefix = f"\x1b[{_COLOURS.get(name, '0')}m{prefix}\x1b[0m"
        try:
            screen.write(f"{prefix}{text}\n")
            screen.flush()
        except (OSError, ValueError):
            self._screen = None  # the terminal is gone; the files stay

    def _file(self, name: str) -> RotatingFileHandler:
        if name not in self._files:
            self._files[name] = RotatingFileHandler(
                self._logs / f"{name}.log",
                maxBytes=_LARGEST_LOG,
                backupCount=_KEPT_LOGS,
                encoding="utf-8",
                errors="backslashreplace",
            )
        return self._files[name]


def terminal() -> TextIO:
    """Return where a person watches: not the output, which may be read by a program."""
    return sys.stderr
