# SPDX-License-Identifier: Apache-2.0
"""What the page of a commit may show, read from what the workers stored.

The stored view is a cache: whatever in it is not as agreed counts as not there, and comes back with the next
reconcile. Nothing may tell a private repository from one that is not known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

_OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_STATES = ("success", "failure", "error", "pending")


class Views(Protocol):
    """Where views are stored."""

    def view(self, key: str) -> bytes | None: ...


@dataclass(frozen=True)
class Row:
    """An object with its state, and the objects that belong to it."""

    kind: str
    namespace: str
    name: str
    state: str
    message: str
    since: str = ""
    rows: tuple[Row, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Page:
    """A commit's page; without `known` it says why there is nothing to show."""

    repository: str
    sha: str
    known: bool = False
    cluster: str = ""
    state: str = "pending"
    description: str = ""
    updated: str = ""
    rows: tuple[Row, ...] = field(default=())


def read(views: Views, owner: str, name: str, sha: str) -> Page | None:
    """Return the page of a commit, or None for what cannot be one. Raises QueueDown."""
    sha = sha.lower()
    if not (_OWNER.fullmatch(owner) and _NAME.fullmatch(name) and _SHA.fullmatch(sha)):
        return None
    stored = views.view(f"fairway:view:commit:{owner}/{name}/{sha}".lower())
    unknown = Page(f"{owner}/{name}", sha)
    try:
        view = orjson.loads(stored) if stored else None
        return unknown if view is None or view["private"] is not False else _page(view, sha)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return unknown


def _page(view: Mapping[str, Any], sha: str) -> Page:
    return Page(
        repository=str(view["repository"]),
        sha=sha,
        known=True,
        cluster=str(view["cluster"]),
        state=_state(view),
        description=str(view["description"]),
        updated=_shown_time(view["updated"]),
        rows=tuple(_row(row) for row in view["objects"]),
    )


def _row(row: Mapping[str, Any]) -> Row:
    return Row(
        kind=str(row["kind"]),
        namespace=str(row.get("namespace") or ""),
        name=str(row["name"]),
        state=_state(row),
        message=str(row.get("message") or ""),
        since=_shown_time(row.get("since")),
        rows=tuple(_row(part) for part in row.get("objects") or ()),
    )


def _state(row: Mapping[str, Any]) -> str:
    # It becomes a class and a sign, so it is one of these or the mildest of them.
    return row["state"] if row["state"] in _STATES else "pending"


def _shown_time(moment: Any) -> str:
    """Show RFC 3339 in UTC as people write it; the heading says that it is UTC."""
    return str(moment or "").replace("T", " ").removesuffix("Z")
