# SPDX-License-Identifier: Apache-2.0
"""Run a command that ends when whoever started it does, however that one ends.

`python bound.py PARENT COMMAND…` asks the kernel to kill this process with its parent, and becomes the
command. It is a program of its own rather than a function between fork and exec, which is not safe beside
other threads, and imports nothing of ours, so that it costs a few milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def bound(command: Sequence[str | Path]) -> list[str]:
    """Return the command that runs `command` bound to this process.

    Start it from a thread that lives as long as the process: the kernel means the thread.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *(str(part) for part in command)]


def main(arguments: list[str]) -> None:
    """Become the command; end at once when the parent is gone already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(arguments[0]):
        sys.exit("whoever started this has ended")
    os.execv(arguments[1], arguments[1:])  # noqa: S606 -- no shell is what is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
