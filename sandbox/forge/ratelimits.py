# SPDX-License-Identifier: Apache-2.0
"""The hourly request budget per caller, counted and enforced as GitHub does it.

In memory: a restart gives everybody a fresh hour, which nobody can tell from a window that ended.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

HOUR = 3600
ANONYMOUS = 60


@dataclass
class Window:
    """One caller's current hour; times are Unix seconds."""

    limit: int
    reset: int
    used: int = 0

    @property
    def remaining(self) -> int:
        """Return how many requests are left."""
        return max(0, self.limit - self.used)

    def body(self) -> dict[str, int]:
        """Return it as `/rate_limit` shows it."""
        return {"limit": self.limit, "used": self.used, "remaining": self.remaining, "reset": self.reset}


class RateLimits:
    """Count requests per caller in fixed windows of one hour."""

    def __init__(self, hourly: int) -> None:
        self._hourly = hourly
        self._own: dict[str, int] = {}
        self._windows: dict[str, Window] = {}
        self._lock = threading.Lock()

    def set(self, caller: str, hourly: int | None) -> None:
        """Give one caller a budget of its own, None everybody's, and begin its hour anew."""
        with self._lock:
            self._windows.pop(caller, None)
            self._own.pop(caller, None)
            if hourly is not None:
                self._own[caller] = hourly

    def window(self, caller: str | None) -> Window:
        """Return a caller's current window; None is everybody without credentials."""
        key = caller or ""
        with self._lock:
            found = self._windows.get(key)
            if found is None or found.reset <= time.time():
                limit = self._own.get(key, self._hourly) if caller else ANONYMOUS
                found = self._windows[key] = Window(limit, int(time.time()) + HOUR)
            return found

    def take(self, caller: str | None) -> bool:
        """Count one request, or say False when the budget is spent."""
        window = self.window(caller)
        with self._lock:
            if window.used >= window.limit:
                return False
            window.used += 1
            return True

    def give_back(self, caller: str | None) -> None:
        """Uncount a request that turned out to be free: an authenticated one answered 304."""
        window = self.window(caller)
        with self._lock:
            window.used -= 1
