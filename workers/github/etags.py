# SPDX-License-Identifier: Apache-2.0
"""Answers of GitHub with their ETags, so that asking again costs nothing of an hour's requests.

The point that any request costs within its minute is counted nevertheless, since GitHub does not say that
it is not.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass

from workers.github.calls import Answer

_MOST = 64 * 1024 * 1024  # bytes of packed answers


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, packed: GitHub's lists are long, and repeat themselves."""

    etag: str
    body: bytes
    link: str


class Etags:
    """Keep the newest answers of conditional reads, the last used ones; safe for threads."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._size = 0
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, who: str, path: str) -> tuple[str, Answer] | None:
        """Return the ETag and the answer that somebody got from a path."""
        with self._lock:
            found = self._kept.get((who, path))
            if found is None:
                return None
            self._kept.move_to_end((who, path))
        return found.etag, Answer(json.loads(zlib.decompress(found.body)), found.link)

    def keep(self, who: str, path: str, etag: str, answer: Answer) -> None:
        """Keep an answer for the next time."""
        made = _Kept(etag, zlib.compress(json.dumps(answer.body).encode(), 1), answer.link)
        with self._lock:
            before = self._kept.pop((who, path), None)
            self._kept[who, path] = made
            self._size += len(made.body) - (len(before.body) if before else 0)
            while self._size > self._most and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._size -= len(oldest.body)
