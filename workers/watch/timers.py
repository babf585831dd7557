# SPDX-License-Identifier: Apache-2.0
"""What is due when, in memory: setting a key again replaces its old time."""

from __future__ import annotations

import heapq
import time
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


def elapsed() -> float:
    """Return the seconds since the machine started: nobody sets that clock, and sleep counts too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Timers(Generic[K]):
    """Keys with a due time in seconds of one clock."""

    def __init__(self) -> None:
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0

    def set(self, key: K, at: float) -> None:
        self._due[key] = at
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, key))

    def cancel(self, key: K) -> None:
        self._due.pop(key, None)

    def at(self, key: K) -> float | None:
        return self._due.get(key)

    def pop(self, now: float) -> Iterator[K]:
        """Yield and forget every key that is due."""
        while self._heap and self._heap[0][0] <= now:
            at, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == at:
                del self._due[key]
                yield key

    def next(self) -> float | None:
        """Return when the next key is due."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
