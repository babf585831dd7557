# SPDX-License-Identifier: Apache-2.0
"""What the pages show of a commit's statuses and check runs, as plain values for the templates."""

from __future__ import annotations

from urllib.parse import urlsplit

from sandbox.forge import checks, commits, markdown, views
from sandbox.forge.store import Row, Store
from sandbox.forge.views import View, moment


def combined(store: Store, repository_id: int, sha: str) -> str:
    """Return what the statuses and check runs of a commit amount to: a state, or nothing without any."""
    states = {row["state"] for row in listed(store, repository_id, sha)}
    for worst in ("failure", "pending", "success"):
        if worst in states:
            return worst
    return ""


def listed(store: Store, repository_id: int, sha: str) -> list[View]:
    """Return the newest status of each context and run of each check on a commit, by name."""
    statuses = [_status(store, row) for row in commits.latest_statuses(store, repository_id, sha)]
    runs = [_run(store, row) for row in checks.latest(checks.runs_of_commit(store, repository_id, sha))]
    return sorted(statuses + runs, key=lambda check: str(check["context"]))


def _status(store: Store, row: Row) -> View:
    shown = views.status(store, row)
    state = "failure" if shown["state"] == "error" else shown["state"]
    return shown | {"state": state, "word": row["state"], "report": "", "annotations": []}


def _run(store: Store, row: Row) -> View:
    done = row["status"] == "completed"
    good = row["conclusion"] in checks.GOOD
    target = row["details_url"] or ""
    app = store.row("apps", row["app_id"])
    return {
        "state": ("success" if good else "failure") if done else "pending",
        "word": (row["conclusion"] if done else row["status"]).replace("_", " "),
        "context": row["name"],
        "description": row["title"],
        "link": target if urlsplit(target).scheme in ("http", "https") else "",
        "creator": app["name"],
        "time": moment(row["completed_at"] or row["started_at"]),
        "report": markdown.render("\n\n".join(part for part in (row["summary"], row["text"]) if part)),
        "annotations": checks.annotations_of(store, row["id"]),
    }
