# SPDX-License-Identifier: Apache-2.0
"""Answers of GitHub with their ETags, so that asking again costs nothing of an hour's requests.

The point that any request costs within its minute is counted nevertheless, since GitHub does not say that
it is not.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from workers.github.calls import Answer

_MOST = 1000


class Etags:
    """Keep the newest answers of conditional reads, the last used ones; safe for threads."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[str, str], tuple[str, Answer]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, who: str, path: str) -> tuple[str, Answer] | None:
        """Return the ETag and the answer that somebody got from a path."""
        with self._lock:
            found = self._kept.get((who, path))
            if found is not None:
                self._kept.move_to_end((who, path))
            return found

    def keep(self, who: str, path: str, etag: str, answer: Answer) -> None:
        """Keep an answer for the next time."""
        with self._lock:
            self._kept[who, path] = (etag, answer)
            self._kept.move_to_end((who, path))
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
