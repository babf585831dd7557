# SPDX-License-Identifier: Apache-2.0
"""Memory over time: samples of every process, and how much each has grown over the second half."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.house import House

# A fitted growth over the second half that is allowed for each process, in MiB. Half an hour of soak makes
# this 1.6 MiB a minute; less is lost among what a process that was started not long ago goes on to load.
ALLOWED = 24.0
EVERY = 2.0  # seconds
Point = tuple[float, float]


@dataclass
class Memory:
    """Samples by process: seconds, and MiB of PSS."""

    began: float = field(default_factory=time.monotonic)
    points: dict[str, list[Point]] = field(default_factory=dict)

    def sample(self, house: House) -> None:
        at = time.monotonic() - self.began
        for name, mebibytes in house.memory().items():
            self.points.setdefault(name, []).append((at, mebibytes))

    def growth(self, since: float) -> dict[str, float]:
        """Return how much each has grown from `since` on by its fitted line, in MiB."""
        late = {name: [p for p in points if p[0] >= since] for name, points in self.points.items()}
        return {
            name: slope(points) * (points[-1][0] - points[0][0]) for name, points in late.items() if points
        }

    def summary(self, since: float) -> list[str]:
        growth = self.growth(since)
        return [
            f"{name:<16}{points[-1][1]:6.0f} MiB, grew by {growth.get(name, 0.0):+.1f} in the second half"
            for name, points in sorted(self.points.items())
        ]


def slope(points: Sequence[Point]) -> float:
    """Return the slope of the least-squares line; 0 where there are too few points for one."""
    count = len(points)
    if count < 2:
        return 0.0
    middle_x, middle_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else 0.0
