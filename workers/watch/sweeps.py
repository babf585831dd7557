# SPDX-License-Identifier: Apache-2.0
"""When each repository is looked at for what GitHub's webhooks did not tell: evenly over a few minutes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from workers.workqueue import Addition, Key, Queue

EVERY = 180.0  # seconds
DELIVERIES = Key("LostDeliveries", "github", "app")
_KINDS = ("Conversations", "Sweep")  # what a repository is looked at for


class Sweeps:
    """Remember what is due; times are seconds of a clock that never jumps."""

    def __init__(self, every: float = EVERY) -> None:
        self._every = every
        self._due: dict[Key, float] = {}

    def due(self, repositories: Iterable[tuple[str, str]], now: float) -> list[Addition]:
        """Return what is to be looked at now; a repository that is new has its turn within one round."""
        keys = keys_of(repositories)
        for key in self._due.keys() - keys:
            del self._due[key]
        found = []
        for key in sorted(keys, key=str):
            at = self._due.setdefault(key, now + zlib.crc32(str(key).encode()) % 1000 / 1000 * self._every)
            if at <= now:
                self._due[key] = now + self._every
                found.append(Addition(key, Queue.RECONCILE))
        return found


def keys_of(repositories: Iterable[tuple[str, str]]) -> set[Key]:
    """Return all that is looked at of these repositories."""
    return {DELIVERIES, *(Key(kind, *where) for where in repositories for kind in _KINDS)}
