# SPDX-License-Identifier: Apache-2.0
"""Who moved which branch, when and how: what GitHub calls a repository's activity."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

import pygit2

from sandbox.forge import shapes
from sandbox.forge.git import ZERO, Moving, RefChange
from sandbox.forge.shapes import Json, Site
from sandbox.forge.store import Row, Store, now

TYPES = ("force_push", "branch_creation", "branch_deletion", *get_args(Moving))


def record(
    store: Store,
    opened: pygit2.Repository,
    repository_id: int,
    moved: Iterable[RefChange],
    *,
    actor: Row,
    by: Moving,
) -> None:
    """Note down which branches were moved; `by` is what moved those that go forward."""
    for change in moved:
        if change.ref.startswith("refs/heads/"):
            store.insert(
                "activities", repository_id=repository_id, ref=change.ref, before=change.before,
                after=change.after, type=_type(opened, change, by), actor_id=actor["id"], at=now(),
            )  # fmt: skip


def _type(opened: pygit2.Repository, change: RefChange, by: Moving) -> str:
    if change.before == ZERO:
        return "branch_creation"
    if change.after == ZERO:
        return "branch_deletion"
    return by if opened.descendant_of(change.after, change.before) else "force_push"


def shape(store: Store, site: Site, row: Row) -> Json:
    """Return an activity as GitHub shows it."""
    return {
        "id": row["id"],
        "node_id": shapes.node_id("PushEvent", row["id"]),
        "before": row["before"],
        "after": row["after"],
        "ref": row["ref"],
        "timestamp": row["at"],
        "activity_type": row["type"],
        "actor": shapes.account(site, store.row("accounts", row["actor_id"])),
    }
