# SPDX-License-Identifier: Apache-2.0
"""What processes have used: CPU from /proc/PID/stat, memory as PSS from /proc/PID/smaps_rollup.

A process stands for itself and its whole tree. Children that have ended count with whoever waited for them,
so the git commands of a worker are part of its CPU.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds
_PROC = Path("/proc")
_KIB = 1024  # to the MiB


@dataclass(frozen=True)
class Stat:
    """A line of /proc/PID/stat: the parent, and seconds of CPU with those of children that have ended."""

    parent: int
    seconds: float

    @classmethod
    def parse(cls, line: str) -> Stat:
        fields = line.rpartition(")")[2].split()  # a command's name may hold anything, also ") "
        return cls(int(fields[1]), sum(int(ticks) for ticks in fields[11:15]) * _TICK)


def parse_pss(text: str) -> float:
    """Return the proportional set size of a smaps_rollup file, in MiB: shared pages count by their share."""
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / _KIB
    return 0.0


def descendants(root: int, parents: Mapping[int, int]) -> list[int]:
    """Return a process and all below it; `parents` is every process's parent."""
    found = [root]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found


def parents() -> dict[int, int]:
    """Return every process that runs now with its parent."""
    return {pid: stat.parent for pid in _running() if (stat := _stat(pid))}


def command(pid: int) -> list[str]:
    """Return the words of a process's command line; none once it has ended."""
    return _read(pid, "cmdline").rstrip("\0").split("\0")


def environment(pid: int) -> dict[str, str]:
    """Return the variables that a process was started with."""
    return dict(part.split("=", 1) for part in _read(pid, "environ").split("\0") if "=" in part)


def cpu(pids: Iterable[int]) -> float:
    """Return the CPU seconds that processes have used since they were started."""
    return sum(stat.seconds for pid in pids if (stat := _stat(pid)))


def pss(pids: Iterable[int]) -> float:
    """Return the memory of processes in MiB."""
    return sum(parse_pss(_read(pid, "smaps_rollup")) for pid in pids)


def _running() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> Stat | None:
    line = _read(pid, "stat")
    return Stat.parse(line) if line else None


def _read(pid: int, name: str) -> str:
    try:
        return (_PROC / str(pid) / name).read_text(errors="replace")
    except OSError:  # it has ended
        return ""
