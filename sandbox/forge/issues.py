# SPDX-License-Identifier: Apache-2.0
"""Issues with their comments, labels, reactions and timeline, as the forge keeps them.

A pull request is an issue with branches (see `pulls`), so all of this is true of pull requests too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sandbox.forge.store import Row, Store, now, stamps

REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")

_ROWS = """SELECT i.*, p.id AS pull_id, p.merged_at, p.draft
  FROM issues i LEFT JOIN pulls p ON p.issue_id = i.id"""


@dataclass(frozen=True)
class Actor:
    """Who does something: an account, and the App through which it does it."""

    account: Row
    app_id: int | None = None

    @property
    def id(self) -> int:
        """Return the account's id."""
        return int(self.account["id"])


def issue(store: Store, repository_id: int, number: int) -> Row | None:
    """Find an issue or pull request by its number."""
    return store.one(f"{_ROWS} WHERE i.repository_id = ? AND i.number = ?", repository_id, number)


def existing_issue(store: Store, issue_id: int) -> Row:
    """Return the issue or pull request of that id, which must be there."""
    found = store.one(f"{_ROWS} WHERE i.id = ?", issue_id)
    if found is None:
        raise LookupError(f"there is no issue {issue_id}")
    return found


def issues(store: Store, repository_id: int) -> list[Row]:
    """List the issues and pull requests of a repository, oldest first."""
    return store.all(f"{_ROWS} WHERE i.repository_id = ? ORDER BY i.number", repository_id)


def create(store: Store, repository_id: int, actor: Actor, *, title: str, body: str | None) -> int:
    """Record an issue under the repository's next number, within a transaction; returns its id."""
    sql = "SELECT coalesce(max(number), 0) + 1 FROM issues WHERE repository_id = ?"
    number = store.count(sql, repository_id)
    return store.insert(
        "issues", repository_id=repository_id, number=number, user_id=actor.id, app_id=actor.app_id,
        title=title, body=body, **stamps(),
    )  # fmt: skip


def change(store: Store, issue_id: int, **columns: object) -> None:
    """Change an issue and note when."""
    marks = ", ".join(f"{name} = ?" for name in columns | {"updated_at": ""})
    sql = f"UPDATE issues SET {marks} WHERE id = ?"  # noqa: S608 - names are ours
    store.write(sql, *columns.values(), now(), issue_id)


def note(
    store: Store, issue_id: int, event: str, actor_id: int, *, subject_id: int | None = None, **detail: Any
) -> None:
    """Add something that happened to an issue's timeline."""
    store.insert(
        "timeline", issue_id=issue_id, event=event, actor_id=actor_id, subject_id=subject_id,
        detail=json.dumps(detail), created_at=now(),
    )  # fmt: skip


def timeline(store: Store, issue_id: int) -> list[Row]:
    """List what happened to an issue, oldest first."""
    return store.all("SELECT * FROM timeline WHERE issue_id = ? ORDER BY id", issue_id)


_COMMENTS = "SELECT c.*, i.repository_id, i.number FROM comments c JOIN issues i ON i.id = c.issue_id"


def comment(store: Store, repository_id: int, comment_id: int) -> Row | None:
    """Find a comment of a repository."""
    return store.one(f"{_COMMENTS} WHERE i.repository_id = ? AND c.id = ?", repository_id, comment_id)


def comments(store: Store, *, issue_id: int | None = None, repository_id: int | None = None) -> list[Row]:
    """List the comments of an issue or a whole repository, oldest first."""
    where = "(? IS NULL OR c.issue_id = ?) AND (? IS NULL OR i.repository_id = ?)"
    sql = f"{_COMMENTS} WHERE {where} ORDER BY c.id"
    return store.all(sql, issue_id, issue_id, repository_id, repository_id)


def add_comment(store: Store, issue_id: int, actor: Actor, body: str) -> int:
    """Record a comment and return its id."""
    with store.transaction():
        made = store.insert(
            "comments", issue_id=issue_id, user_id=actor.id, app_id=actor.app_id, body=body,
            **stamps(),
        )  # fmt: skip
        note(store, issue_id, "commented", actor.id, subject_id=made)
        change(store, issue_id)
    return made


def edit_comment(store: Store, comment_id: int, body: str) -> None:
    """Change what a comment says."""
    store.write("UPDATE comments SET body = ?, updated_at = ? WHERE id = ?", body, now(), comment_id)


def delete_comment(store: Store, comment_id: int) -> None:
    """Remove a comment with its reactions."""
    with store.transaction():
        store.write("DELETE FROM timeline WHERE event = 'commented' AND subject_id = ?", comment_id)
        store.write("DELETE FROM reactions WHERE subject = 'comment' AND subject_id = ?", comment_id)
        store.write("DELETE FROM comments WHERE id = ?", comment_id)


def labels(store: Store, issue_id: int) -> list[Row]:
    """List an issue's labels by name."""
    return store.all(
        "SELECT l.* FROM labels l JOIN issue_labels i ON i.label_id = l.id WHERE i.issue_id = ?"
        " ORDER BY l.name",
        issue_id,
    )


def add_labels(store: Store, issue: Row, names: list[str]) -> None:
    """Label an issue; a label that the repository does not have is made, as on GitHub."""
    repository_id = issue["repository_id"]
    with store.transaction():
        for name in names:
            store.write(
                "INSERT INTO labels (repository_id, name, color) VALUES (?, ?, 'ededed')"
                " ON CONFLICT DO NOTHING",
                repository_id,
                name,
            )
            store.write(
                "INSERT INTO issue_labels SELECT ?, id FROM labels WHERE repository_id = ? AND name = ?"
                " ON CONFLICT DO NOTHING",
                issue["id"], repository_id, name,
            )  # fmt: skip


def remove_label(store: Store, issue: Row, label_id: int) -> None:
    """Take a label off an issue; the repository keeps it."""
    store.write("DELETE FROM issue_labels WHERE issue_id = ? AND label_id = ?", issue["id"], label_id)


def reactions(store: Store, subject: str, subject_id: int) -> list[Row]:
    """List the reactions to an issue or comment, oldest first."""
    sql = "SELECT * FROM reactions WHERE subject = ? AND subject_id = ? ORDER BY id"
    return store.all(sql, subject, subject_id)


def react(store: Store, subject: str, subject_id: int, user_id: int, content: str) -> tuple[Row, bool]:
    """React to an issue or comment; returns the reaction and whether it is new."""
    with store.transaction():
        sql = "SELECT * FROM reactions WHERE subject = ? AND subject_id = ? AND user_id = ? AND content = ?"
        found = store.one(sql, subject, subject_id, user_id, content)
        if found is not None:
            return found, False
        made = store.insert(
            "reactions", subject=subject, subject_id=subject_id, user_id=user_id, content=content,
            created_at=now(),
        )  # fmt: skip
    return store.row("reactions", made), True
