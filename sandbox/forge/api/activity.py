# SPDX-License-Identifier: Apache-2.0
"""A repository's activity: its branches' moves, newest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import request

from sandbox.forge import accounts, activities
from sandbox.forge.api.blueprint import api, paginated, repository
from sandbox.forge.errors import ApiError
from sandbox.forge.state import forge
from sandbox.forge.store import Row

_DAYS = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}


@api.get("/repos/<owner>/<name>/activity")
def list_activities(owner: str, name: str) -> list[dict[str, Any]]:
    """List who moved branches: of one `ref`, by one `actor`, of one `activity_type`, of late."""
    repo = repository(owner, name, permission="contents")
    if {"before", "after"} & request.args.keys() or request.args.get("direction", "desc") != "desc":
        raise ApiError(422, "This forge lists activities by page and newest first only.")
    store = forge().store
    rows = store.all("SELECT * FROM activities WHERE repository_id = ? ORDER BY id DESC", repo["id"])
    found = [row for row in rows if _asked(row)]
    return [activities.shape(store, forge().site, row) for row in paginated(found)]


def _asked(row: Row) -> bool:
    asked = request.args
    kind, period, ref = asked.get("activity_type"), asked.get("time_period"), asked.get("ref")
    if (kind and kind not in activities.TYPES) or (period and period not in _DAYS):
        raise ApiError(422, "Validation Failed")
    since = datetime.now(UTC) - timedelta(days=_DAYS.get(period or "", 36500))
    actor = accounts.account(forge().store, asked["actor"]) if asked.get("actor") else None
    return (
        (not ref or row["ref"] == f"refs/heads/{ref.removeprefix('refs/heads/')}")
        and (not kind or row["type"] == kind)
        and (not asked.get("actor") or (actor is not None and row["actor_id"] == actor["id"]))
        and row["at"] >= since.strftime("%Y-%m-%dT%H:%M:%SZ")
    )
