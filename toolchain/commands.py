# SPDX-License-Identifier: Apache-2.0
"""Run a command whose output tells how far it is, line by line, and end it kindly when we are interrupted."""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, cast

_GRACE_SECONDS = 10.0
_TICK_SECONDS = 0.2


def run(
    command: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    line: Callable[[str], None],
    tick: Callable[[], None],
    output: IO[str] | None = None,
    descriptors: Sequence[int] = (),
) -> int:
    """Run to the end and return the exit code.

    Both outputs go to `line`, one line a call, unless `output` takes the standard one; `tick` is called at
    the start, then five times a second and after each line. The child inherits `descriptors`.
    """
    process = subprocess.Popen(
        command,
        cwd=directory,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output or subprocess.PIPE,
        stderr=subprocess.PIPE if output else subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=descriptors,
    )
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    stream = cast(IO[str], process.stderr if output else process.stdout)
    threading.Thread(target=_read, args=(stream, lines), daemon=True).start()
    try:
        tick()
        while (text := _next(lines)) is not None:
            if text:
                line(text.rstrip("\n"))
            tick()
        return process.wait()
    except BaseException:
        _end(process)
        raise


def _read(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    with stream:
        for text in stream:
            lines.put(text)
    lines.put(None)


def _next(lines: queue.SimpleQueue[str | None]) -> str | None:
    """Wait for a line, but not longer than a tick; None at the end of the output."""
    try:
        return lines.get(timeout=_TICK_SECONDS)
    except queue.Empty:
        return ""


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt: go then finishes the packages it is at, so that they are cached, and starts no more."""
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)
        return
    process.kill()
    process.wait()
