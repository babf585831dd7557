# SPDX-License-Identifier: Apache-2.0
"""`python -m bench.curve`: measure time against N, and draw it into docs/performance.svg.

The points are kept in docs/performance.json, from which `--draw` draws anew without measuring.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

from bench import progress
from bench.house import running
from bench.plot import Chart, Series
from bench.rounds import created, warm
from bench.workload import Fleet, app_names

_DOCS = Path(__file__).resolve().parent.parent / "docs"
_COUNTS = [50, 100, 200, 400, 800, 1000]
# RESULTS.md of fluxcd/flux-benchmark: 16 cores, the published durations of Flux 2.9.
_PUBLISHED = [(100.0, 26.0), (500.0, 120.0), (1000.0, 253.0)]
_SAME_MACHINE = [(100.0, 25.2)]


def main() -> int:
    """Measure and draw."""
    parser = argparse.ArgumentParser(prog="python -m bench.curve", description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=_COUNTS, metavar="N", help="how many at once")
    parser.add_argument("--draw", action="store_true", help="only draw what was measured before")
    parser.add_argument("--docs", type=Path, default=_DOCS, help="the folder to write to")
    options = parser.parse_args()
    data = options.docs / "performance.json"
    if not options.draw:
        data.write_text(json.dumps(_measured(sorted(options.counts)), indent=2) + "\n")
    (options.docs / "performance.svg").write_text(chart(json.loads(data.read_text())).svg())
    return 0


def chart(measured: dict[str, Any]) -> Chart:
    """Return the chart of what was measured, beside Flux's figures."""
    points = [(float(count), float(seconds)) for count, seconds in measured["points"]]
    return Chart(
        "Kustomizations created at once, with wait, until all are Ready",
        "Kustomizations, of four objects each",
        "seconds",
        [
            Series(
                "Flux 2.9 on 16 cores, as published in fluxcd/flux-benchmark",
                "#8250df",
                _PUBLISHED,
                dashed=True,
            ),
            Series("Flux on two such cores", "#bc4c00", _SAME_MACHINE, left=True),
            Series(f"Fairway, {measured['machine']}, {measured['date']}", "#0969da", points),
        ],
    )


def _measured(counts: list[int]) -> dict[str, Any]:
    points = [[count, round(_seconds(count), 2)] for count in counts]
    return {"date": f"{datetime.date.today():%Y-%m-%d}", "machine": machine(), "points": points}


def _seconds(count: int) -> float:
    """Measure on a sandbox of its own, so that no point bears what an earlier one has left."""
    with running() as house, progress.task(f"curve.{count}") as show:
        warm(house)
        fleet = Fleet.make(house, "curve", app_names(count))
        one = created(house, fleet, count, wait=True, tell=lambda ready: show("Ready", ready, count))
        progress.say(f"curve.{count}: {one}")
        return one.seconds


def machine() -> str:
    """Say what this is measured on: cores, processor, memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {_processor(Path('/proc/cpuinfo').read_text())}, {memory:.0f} GiB"


def _processor(cpuinfo: str) -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
