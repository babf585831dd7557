# SPDX-License-Identifier: Apache-2.0
"""Which process a number means: ids are used again, so the start time goes with it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Identity:
    """A process id and the kernel's start time of it (clock ticks since boot)."""

    pid: int
    started: int

    @classmethod
    def current(cls) -> Identity:
        return cls(os.getpid(), _start_time(os.getpid()) or 0)

    def alive(self) -> bool:
        """Tell whether exactly this process is still there."""
        return _start_time(self.pid) == self.started

    def stop(self, timeout: float) -> None:
        """End it: SIGTERM, and SIGKILL when it is still there after `timeout` seconds."""
        if not self.alive():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout
        while self.alive():
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
                return
            time.sleep(0.05)


def _start_time(pid: int) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # A zombie has ended; only its parent has not looked yet.
    return None if fields[0] == "Z" else int(fields[19])
