# SPDX-License-Identifier: Apache-2.0
"""Whether an object is still as we applied it, told without asking the API server.

Our own entry in metadata.managedFields is the ledger: it changes when somebody takes a field from us, by
another value or by removing it, and stays when status or foreign fields are written. What tells nothing
(no entry of ours, or a manager whose fields we take over) is unsure, and a dry-run decides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from policies.health import Health, Verdict
from policies.objects import Object
from policies.takeover import is_ours, is_taken_over, takeover

FULL_CHECK = 3600.0  # seconds after which an object is dry-run although nothing speaks for it


@dataclass(frozen=True, slots=True)
class Mark:
    """What a change by somebody else changes: the object's uid, and a hash of the entries that concern us."""

    uid: str
    own: str


@dataclass(frozen=True, slots=True)
class Applied:
    """The answer to our last apply: its mark and version, the digest of what was wanted, and when (Unix)."""

    mark: Mark
    version: int
    wanted: str
    at: float


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as a watch saw it last; `mark` is None when it tells nothing, or is being deleted."""

    mark: Mark | None
    version: int
    health: Health
    count: str = ""
    left_alone: bool = False


@dataclass(frozen=True, slots=True)
class Built:
    """What the last build was made of (artifact, inputs, reads), and what came out: digest and object ids."""

    artifact: str
    inputs: str
    digest: str
    ids: tuple[str, ...]
    reads: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Known:
    """All that is noted down about a Kustomization's objects, by inventory id; any of it may be missing."""

    applied: Mapping[str, Applied]
    seen: Mapping[str, Seen]
    built: Built | None = None


NOTHING = Known({}, {})


class Standing(StrEnum):
    """How an object stands, as far as it is known without asking."""

    SETTLED = "settled"  # as applied, and as wanted
    OUTDATED = "outdated"  # as applied, and something else is wanted now
    UNSURE = "unsure"


def standing(applied: Applied | None, seen: Mark | None, wanted: str, now: float) -> Standing:
    """Compare what was applied with the mark of the live object; `now` is Unix time."""
    if applied is None or seen is None or applied.mark != seen or not 0 <= now - applied.at < FULL_CHECK:
        return Standing.UNSURE
    return Standing.SETTLED if applied.wanted == wanted else Standing.OUTDATED


def changed(known: Known, ids: Collection[str], now: float) -> str:
    """Return the first of these that is not known to be as it was applied; empty when all are."""
    return next((i for i in ids if not _settled(known.applied.get(i), known.seen.get(i), now)), "")


def _settled(applied: Applied | None, seen: Seen | None, now: float) -> bool:
    if applied is None or seen is None or seen.left_alone:
        return False
    return standing(applied, seen.mark, applied.wanted, now) is Standing.SETTLED


def verdict(known: Known, one: str) -> Health | None:
    """Return how an object is; None until a watch has seen it as it was applied last."""
    applied, seen = known.applied.get(one), known.seen.get(one)
    if applied is None or seen is None or seen.version < applied.version:
        return None
    # What is going, or another object of that name, is not what was applied.
    if seen.health.verdict is Verdict.TERMINATING or (seen.mark and seen.mark.uid != applied.mark.uid):
        return None
    return seen.health


def mark_of(obj: Object, *, managers: Iterable[str] = ()) -> Mark | None:
    """Return an object's mark; None when it is being deleted or no entry is ours.

    `managers` are those whose fields we take over besides the usual ones: their coming is a change too.
    """
    metadata = obj["metadata"]
    entries = metadata.get("managedFields") or []
    ours = [e for e in entries if is_ours(e) or is_taken_over(e, managers)]
    if metadata.get("deletionTimestamp") or not any(map(is_ours, ours)):
        return None
    return Mark(metadata["uid"], digest(ours))


def applied(
    wanted: str,
    desired: Object,
    answer: Object,
    now: float,
    *,
    managers: tuple[str, ...] = (),
    migrate_version: bool = False,
) -> Applied | None:
    """Return what to note down after an apply; None when the object cannot be told by its mark."""
    version, mark = version_of(answer), mark_of(answer, managers=managers)
    if not version or mark is None:
        return None
    if takeover(desired, answer, managers=managers, migrate_version=migrate_version):
        return None
    return Applied(mark, version, wanted, now)


def version_of(obj: Mapping[str, Any]) -> int:
    """Return the resourceVersion as a number; 0 when it is none and versions cannot be compared."""
    found = str((obj.get("metadata") or {}).get("resourceVersion", ""))
    return int(found) if found.isdecimal() else 0


def digest(value: Any) -> str:
    """Return a short hash of anything JSON can say."""
    said = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.blake2b(said.encode(), digest_size=12).hexdigest()
