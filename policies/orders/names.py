# SPDX-License-Identifier: Apache-2.0
"""What Order objects are called: always the same for the same order, so that a replay makes nothing twice.

A lock and a hold are called by what they stop. Of two people who order one at the same time one creates it,
and the other is told who was first.
"""

from __future__ import annotations

import re

_LOCK = re.compile(r"lock-([1-9][0-9]{0,18})-([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)")
_HOLD = re.compile(r"hold-([1-9][0-9]{0,18})-([1-9][0-9]{0,18})")


def order_name(kind: str, comment_id: int, line: int) -> str:
    """Name the order on a line of a comment or review, or of a check's button (line 0)."""
    return f"order-{kind}-{comment_id}-{line}"


def lock_name(repository_id: int, environment: str) -> str:
    """Name the lock of an environment for the releases of a repository."""
    return f"lock-{repository_id}-{environment}"


def hold_name(repository_id: int, pull_request: int) -> str:
    """Name the hold on a pull request."""
    return f"hold-{repository_id}-{pull_request}"


def locked(name: str) -> tuple[int, str] | None:
    """Return the repository's number and the environment in a lock's name; None for another name."""
    found = _LOCK.fullmatch(name)
    return (int(found[1]), found[2]) if found else None


def held(name: str) -> tuple[int, int] | None:
    """Return the numbers of repository and pull request in a hold's name; None for another name."""
    found = _HOLD.fullmatch(name)
    return (int(found[1]), int(found[2])) if found else None
