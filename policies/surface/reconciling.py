# SPDX-License-Identifier: Apache-2.0
"""What is said of /reconcile and /retry: which objects are worked on, or why none is."""

from __future__ import annotations

from collections.abc import Sequence

from policies.surface.words import name

_MOST = 8  # objects that are named


def asked(objects: Sequence[str]) -> str:
    """Answer a /reconcile that was carried out."""
    return f"Reconciles now: {_named(objects)}."


def again(objects: Sequence[str]) -> str:
    """Answer a /retry that was carried out."""
    return f"Tries again: {_named(objects)}."


def nothing_follows(branch: str, environment: str) -> str:
    """Say why a /reconcile or /retry finds nothing, to go on `nothing_to_do`."""
    where = f" in environment {environment}" if environment else ""
    return f"nothing here{where} follows branch {branch} of this repository"


def nothing_failed() -> str:
    """Say why a /retry finds nothing, to go on `nothing_to_do`."""
    return "everything here that follows this repository is Ready"


def _named(objects: Sequence[str]) -> str:
    shown = [name(one) for one in objects[:_MOST]]
    more = len(objects) - _MOST
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
