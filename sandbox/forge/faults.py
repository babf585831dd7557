# SPDX-License-Identifier: Apache-2.0
"""Requests that are to go wrong, as on a GitHub that fails: before the act, or after it was carried out."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass


@dataclass
class Fault:
    """The next `times` requests that fit are answered with `status`; `after` says that they act first."""

    method: str
    path: re.Pattern[str]
    status: int
    times: int
    after: bool


class Faults:
    """Keep the faults that tests have ordered."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Order a fault."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> int:
        """Let everything go well again; returns how many faults no request has used up."""
        with self._lock:
            left = len(self._faults)
            self._faults.clear()
            return left

    def take(self, method: str, path: str, *, after: bool) -> int | None:
        """Return the status with which this request is to fail, or None; each is used up by its use."""
        with self._lock:
            for fault in self._faults:
                if (fault.method, fault.after) == (method, after) and fault.path.fullmatch(path):
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                    return fault.status
        return None
