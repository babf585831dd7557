# SPDX-License-Identifier: Apache-2.0
"""What this machine has for a build, and the words that say what the build will take from it."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from toolchain.modules import Module
from toolchain.progress import count

_CGROUP = Path("/sys/fs/cgroup")


def cores() -> int:
    """Count the cores that Go will use: those of this process, or of its container where that has fewer."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _read(_CGROUP / "cpu.max").partition(" ")
    return min(mine, math.ceil(int(quota) / int(period))) if quota.isdigit() and period.isdigit() else mine


def free_memory() -> int | None:
    """Memory in MiB that a build may take, or None where the machine does not say."""
    lines = dict(line.split(":", 1) for line in _read(Path("/proc/meminfo")).splitlines() if ":" in line)
    known = [int(lines["MemAvailable"].split()[0]) >> 10] if "MemAvailable" in lines else []
    limit, used = _read(_CGROUP / "memory.max"), _read(_CGROUP / "memory.current")
    if limit.isdigit() and used.isdigit():
        known.append((int(limit) - int(used)) >> 20)
    return min(known, default=None)


def jobs(module: Module, *, cores: int, memory: int | None) -> int | None:
    """Decide how many packages to compile at once; None leaves it to Go, which takes one per core."""
    if memory is None or memory >= module.cost.memory_mib:
        return None
    return max(1, cores * memory // module.cost.memory_mib)


def announcement(module: Module, *, packages: int, missing: int, optimised: bool) -> str:
    """Say what a build takes before it starts; `packages` is 0 while modules are still to be fetched."""
    cost = module.cost
    share = missing / packages if packages else 1.0
    minutes = (cost.optimised_minutes if optimised else cost.minutes) * share / cores()
    what = f"{count(missing)} of its {count(packages)} packages" if packages else "all its packages"
    takes = (
        f"{_minutes(minutes)}, {_size(cost.disk_mib * share)} of disk and {_size(cost.memory_mib)} of memory"
    )
    fetched = "" if packages else f", after a download of up to {_size(cost.download_mib)}"
    return (
        f"Building {module.name} ({module.purpose}), {what}: {takes} on {_cores(cores())}{fetched}.\n"
        "It is done once. Interrupt it when you like: the next run goes on from there."
    )


def warnings(module: Module, *, environment: Mapping[str, str], share: float) -> list[str]:
    """Say what this machine may lack for the build."""
    found = []
    folder = Path(environment.get("GOCACHE") or Path.home() / ".cache" / "go-build")
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free >> 20
    if free < module.cost.disk_mib * share:
        found.append(f"Only {_size(free)} are free on the disk of {folder}: that may not be enough.")
    memory = free_memory()
    if memory is not None and (limit := jobs(module, cores=cores(), memory=memory)):
        found.append(
            f"Only {_size(memory)} of memory are free: it compiles {limit} packages at once, and slower."
        )
    return found


def _minutes(minutes: float) -> str:
    whole = math.ceil(minutes)
    return (
        "less than a minute" if minutes < 1 else "about a minute" if whole == 1 else f"about {whole} minutes"
    )


def _cores(number: int) -> str:
    return "one core" if number == 1 else f"{number} cores"


def _size(mebibytes: float) -> str:
    return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1000 else f"{math.ceil(mebibytes / 10) * 10} MiB"


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
