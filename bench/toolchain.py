# SPDX-License-Identifier: Apache-2.0
"""What it costs every process to find its engine: all sources are hashed each time, so it must stay small."""

from __future__ import annotations

import statistics
import time

import toolchain
from bench.registry import figure


@figure("toolchain.find_engine", unit="ms", target=20.0)
def find_engine() -> float:
    """Measure the median of 20 look-ups of a binary that is built already."""
    toolchain.binary("fairway-engine")
    times = []
    for _ in range(20):
        started = time.perf_counter()
        toolchain.binary("fairway-engine", build=False)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)
