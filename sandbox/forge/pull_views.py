# SPDX-License-Identifier: Apache-2.0
"""What the page of a pull request or issue shows, as plain values for the templates."""

from __future__ import annotations

import json
from typing import Any

import pygit2

from sandbox.forge import check_views, issue_shapes, issues, markdown, views
from sandbox.forge.store import Row, Store
from sandbox.forge.views import View, moment

_REACTIONS = {
    "+1": "👍", "-1": "👎", "laugh": "😄", "hooray": "🎉", "confused": "😕", "heart": "❤️", "rocket": "🚀",
    "eyes": "👀",
}  # fmt: skip
_VERDICTS = {
    "APPROVED": ("approved these changes", "success", "✓"),
    "CHANGES_REQUESTED": ("requested changes", "failure", "✗"),
    "COMMENTED": ("reviewed", "", "●"),
    "DISMISSED": ("reviewed; dismissed since", "", "●"),
}
_ROLES = {"OWNER": "owner", "MEMBER": "member", "COLLABORATOR": "collaborator", "CONTRIBUTOR": "contributor"}


def state(issue: Row) -> tuple[str, str]:
    """Return an issue's state in a word, and its colour."""
    if issue["merged_at"]:
        return "Merged", "merged"
    if issue["state"] == "closed":
        return "Closed", "failure" if issue["pull_id"] else "merged"
    return ("Draft", "") if issue["draft"] else ("Open", "success")


def description(store: Store, repo: Row, issue: Row) -> View:
    """Return the text with which an issue was opened, as the first of its cards."""
    card = _card(store, repo, issue, "opened this", issue["created_at"], anchor="description")
    return card | {"reactions": _reactions(store, "issue", issue["id"])}


def _card(store: Store, repo: Row, row: Row, verb: str, time: str, *, anchor: str) -> View:
    account = store.row("accounts", row["user_id"])
    role = _ROLES.get(issue_shapes.association(store, repo, account["id"]), "")
    return {
        "kind": "card",
        "id": anchor,
        "login": account["login"],
        "avatar": account["id"],
        "role": "bot" if account["type"] == "Bot" else role,
        "verb": verb,
        "time": moment(time),
        "edited": False,
        "body": markdown.render(row["body"]),
        "mark": "",
        "icon": "",
        "reactions": [],
    }


def _reactions(store: Store, subject: str, subject_id: int) -> list[View]:
    given: dict[str, list[str]] = {}
    for row in issues.reactions(store, subject, subject_id):
        given.setdefault(row["content"], []).append(store.row("accounts", row["user_id"])["login"])
    return [{"icon": _REACTIONS[content], "who": who} for content, who in given.items()]


def timeline(store: Store, repo: Row, opened: pygit2.Repository, issue: Row) -> list[View]:
    """Return everything that happened to an issue, oldest first."""
    found = [_item(store, repo, opened, row) for row in issues.timeline(store, issue["id"])]
    return [item for item in found if item]


def _item(store: Store, repo: Row, opened: pygit2.Repository, row: Row) -> View:
    detail: dict[str, Any] = json.loads(row["detail"])
    match row["event"]:
        case "commented":
            return _comment(store, repo, row["subject_id"])
        case "reviewed":
            return _review(store, repo, row)
        case "opened":
            if not detail.get("commits"):
                return {}
    account = store.row("accounts", row["actor_id"])
    listed = [
        views.commit(opened[sha]) | {"state": check_views.combined(store, repo["id"], sha)}
        for sha in detail.pop("commits", [])
    ]
    line = {"kind": "line", "id": f"event-{row['id']}", "event": row["event"], "login": account["login"]}
    return line | {"time": moment(row["created_at"]), "commits": listed, "detail": detail}


def _comment(store: Store, repo: Row, comment_id: int) -> View:
    row = issues.comment(store, repo["id"], comment_id)
    if row is None:
        return {}
    card = _card(store, repo, row, "commented", row["created_at"], anchor=f"issuecomment-{comment_id}")
    edited = row["updated_at"] != row["created_at"]
    return card | {"edited": edited, "reactions": _reactions(store, "comment", comment_id)}


def _review(store: Store, repo: Row, event: Row) -> View:
    row = store.row("reviews", event["subject_id"])
    verb, mark, icon = _VERDICTS[row["state"]]
    card = _card(store, repo, row, verb, row["submitted_at"], anchor=f"pullrequestreview-{row['id']}")
    return card | {"mark": mark, "icon": icon}
