# SPDX-License-Identifier: Apache-2.0
"""What a registry answered the last time, with the ETag that tells whether it still does."""

from __future__ import annotations

import threading
from collections import OrderedDict

_LARGEST = 2**20  # bytes of one answer
_MOST = 32 * 2**20  # bytes of all
_Key = tuple[str, str]


class Memory:
    """Keep answers by URL and account, the least used ones the shortest; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, tuple[str, bytes]] = OrderedDict()
        self._size = 0

    def get(self, url: str, account: str) -> tuple[str, bytes] | None:
        """Return ETag and body of an answer, or None."""
        with self._lock:
            found = self._kept.get((url, account))
            if found is not None:
                self._kept.move_to_end((url, account))
            return found

    def keep(self, url: str, account: str, etag: str, body: bytes) -> None:
        """Keep an answer, unless it is large."""
        with self._lock:
            if (old := self._kept.pop((url, account), None)) is not None:
                self._size -= len(old[1])
            if len(body) > _LARGEST or not etag.isprintable() or not etag.isascii():
                return
            self._kept[(url, account)] = (etag, body)
            self._size += len(body)
            while self._size > _MOST:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._size -= len(dropped)
