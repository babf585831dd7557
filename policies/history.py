# SPDX-License-Identifier: Apache-2.0
"""A Kustomization's status.history: the last five distinct outcomes, the newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Entry = dict[str, Any]
BUILD = "fairway.dev/build"  # the metadata that says whether it was rendered anew, and why
_LENGTH = 5


def built(history: Sequence[Entry], revision: str) -> str:
    """Return whether the last run of a revision rendered it anew, and why; empty when nothing tells."""
    last = next(iter(history), {}).get("metadata") or {}
    return str(last.get(BUILD, "")) if last.get("revision") == revision else ""


def upsert(
    history: Sequence[Entry],
    *,
    digest: str,
    status: str,
    duration: str,
    now: str,
    metadata: Mapping[str, str],
) -> list[Entry]:
    """Record one outcome: the same digest with the same status is counted, any other comes first.

    `duration` is written as Go does ("1.2s"), `now` is RFC 3339.
    """
    same = next(
        (e for e in history if (e.get("digest"), e.get("lastReconciledStatus")) == (digest, status)), None
    )
    entry: Entry = {
        "digest": digest,
        "firstReconciled": same["firstReconciled"] if same else now,
        "lastReconciled": now,
        "lastReconciledDuration": duration,
        "lastReconciledStatus": status,
        "totalReconciliations": (same.get("totalReconciliations", 0) if same else 0) + 1,
        "metadata": dict(metadata),
    }
    return [entry, *(e for e in history if e is not same)][:_LENGTH]
