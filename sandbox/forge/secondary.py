# SPDX-License-Identifier: Apache-2.0
"""GitHub's secondary rate limits: content created in a minute and an hour, and points in a minute.

Everything is counted, so that a test can ask how near a caller came; what is over a limit is refused, where
one is set.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field, fields

from sandbox.forge.errors import ApiError

MINUTE, HOUR = 60.0, 3600.0
_READ_POINTS, _WRITE_POINTS = 1, 5
# What GitHub says must not be done too quickly, and besides what makes people's timelines longer.
_CREATES = re.compile(
    r"/repos/[^/]+/[^/]+/("
    r"issues|issues/\d+/comments|commits/[^/]+/comments|pulls|pulls/\d+/(comments|reviews|requested_reviewers)"
    r"|pulls/\d+/comments/\d+/replies|.+/reactions|deployments|releases)"
)
_MERGE = re.compile(r"/repos/[^/]+/[^/]+/pulls/\d+/merge")
_CREATING = "and have been temporarily blocked from content creation. Please retry your request again later."
_ASKING = "Please wait a few minutes before you try again."


@dataclass(frozen=True)
class Limits:
    """How much one caller may do; None is as much as it likes."""

    creations_per_minute: int | None = None
    creations_per_hour: int | None = None
    points_per_minute: int | None = None


@dataclass
class _Use:
    creations: deque[float] = field(default_factory=deque)
    points: deque[tuple[float, int]] = field(default_factory=deque)
    most: dict[str, int] = field(default_factory=lambda: {one.name: 0 for one in fields(Limits)})
    refused: int = 0


class SecondaryLimits:
    """Count what every caller does; times are by a clock that does not jump."""

    def __init__(self, limits: Limits) -> None:
        self._everybody = limits
        self._own: dict[str, Limits] = {}
        self._uses: dict[str, _Use] = {}
        self._lock = threading.Lock()

    def set(self, caller: str, limits: Limits) -> None:
        """Give one caller limits of its own, and begin to count it anew."""
        with self._lock:
            self._own[caller] = limits
            self._uses.pop(caller, None)

    def most(self, caller: str) -> dict[str, int]:
        """Return the most that a caller did within any minute or hour, by the names of `Limits`.

        `refused` is how many requests there were besides.
        """
        with self._lock:
            use = self._uses.get(caller, _Use())
            return use.most | {"refused": use.refused}

    def take(self, caller: str, method: str, path: str) -> None:
        """Count a request to a path of the API, or raise GitHub's refusal."""
        creates = creates_content(method, path)
        points = _READ_POINTS if method in ("GET", "HEAD", "OPTIONS") else _WRITE_POINTS
        with self._lock:
            use, now = self._uses.setdefault(caller, _Use()), time.monotonic()
            self._forget(use, now)
            would = self._would_be(use, now, creates=creates, points=points)
            try:
                self._refuse(self._own.get(caller, self._everybody), use, now, would, creates=creates)
            except ApiError:
                use.refused += 1
                raise
            use.points.append((now, points))
            if creates:
                use.creations.append(now)
            use.most = {name: max(count, would[name]) for name, count in use.most.items()}

    def _forget(self, use: _Use, now: float) -> None:
        while use.points and use.points[0][0] <= now - MINUTE:
            use.points.popleft()
        while use.creations and use.creations[0] <= now - HOUR:
            use.creations.popleft()

    def _would_be(self, use: _Use, now: float, *, creates: bool, points: int) -> dict[str, int]:
        return {
            "creations_per_minute": sum(at > now - MINUTE for at in use.creations) + creates,
            "creations_per_hour": len(use.creations) + creates,
            "points_per_minute": sum(count for _, count in use.points) + points,
        }

    def _refuse(self, limits: Limits, use: _Use, now: float, would: dict[str, int], *, creates: bool) -> None:
        def over(name: str) -> bool:
            limit = getattr(limits, name)
            return limit is not None and would[name] > limit

        if creates and over("creations_per_hour"):
            raise _refusal(403, _CREATING, next(iter(use.creations), now) + HOUR - now)
        if creates and over("creations_per_minute"):
            first = next((at for at in use.creations if at > now - MINUTE), now)
            raise _refusal(403, _CREATING, first + MINUTE - now)
        if over("points_per_minute"):
            first = next((at for at, _ in use.points), now)
            raise _refusal(429, _ASKING, first + MINUTE - now)


def creates_content(method: str, path: str) -> bool:
    """Say whether a request creates what GitHub limits the creation of."""
    return bool(
        (method == "POST" and _CREATES.fullmatch(path)) or (method == "PUT" and _MERGE.fullmatch(path))
    )


def _refusal(status: int, said: str, seconds: float) -> ApiError:
    headers = {"Retry-After": str(int(seconds) + 1)}
    joint = " " if said is _CREATING else ". "
    return ApiError(status, f"You have exceeded a secondary rate limit{joint}{said}", headers=headers)
