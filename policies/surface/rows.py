# SPDX-License-Identifier: Apache-2.0
"""What an object does, beside its name in a table, and what comes for it by itself: plain text.

Commits are given as they are shown.
"""

from __future__ import annotations


def suspended() -> str:
    """Say of a Kustomization that somebody has suspended it."""
    return "suspended, so nothing is applied"


def source_suspended(at: str) -> str:
    """Say of a source that somebody has suspended it before it had the commit."""
    return f"suspended, so {at} is not fetched"


def not_fetched(at: str) -> str:
    """Say of a source that it has another commit yet."""
    return f"has not fetched {at} yet"


def not_applied(at: str) -> str:
    """Say of a Kustomization that it has not tried the commit yet."""
    return f"has not applied {at} yet"


def healthy(at: str) -> str:
    """Say of a Kustomization that all of it is well."""
    return f"applied {at}, healthy"


def partly_healthy(at: str, well: int, total: int) -> str:
    """Say of a Kustomization how much of it is well."""
    return f"applied {at}, {well} of {total} objects healthy"


def not_healthy() -> str:
    """Say of an object that it is not well, where nothing tells more."""
    return "not healthy"


def failed() -> str:
    """Say of an object that it failed, where nothing tells more."""
    return "failed"


def fetched_again() -> str:
    """Say what a source does by itself; a duration follows."""
    return "fetches again within"


def fails_at() -> str:
    """Say when a wait ends; a time follows."""
    return "counts as failed unless it is healthy by"


def tried_again() -> str:
    """Say what a failed Kustomization does by itself; a duration follows."""
    return "is tried again every"
