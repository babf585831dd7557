# SPDX-License-Identifier: Apache-2.0
"""Commits that have their final status, as this process knows: what Redis forgets is not asked again.

A final status is never taken back to pending, so what was known once stays true.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

_MOST = 20_000  # commits; some megabytes


class Finals:
    """The commits that were final when they were last looked at; safe for threads."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, repository: str, sha: str) -> None:
        """Note that a commit of `owner/name` has its final status."""
        with self._lock:
            self._known[repository, sha] = None
            self._known.move_to_end((repository, sha))
            if len(self._known) > self._most:
                self._known.popitem(last=False)

    def has(self, repository: str, sha: str) -> bool:
        """Tell whether it is known to have one."""
        with self._lock:
            return (repository, sha) in self._known
