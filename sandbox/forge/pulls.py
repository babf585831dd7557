# SPDX-License-Identifier: Apache-2.0
"""Pull requests and their reviews, as the forge keeps them."""

from __future__ import annotations

from sandbox.forge.store import Row, Store

# `root_sha` is where head and base parted when the head was last looked at; `mergeable` is unknown (NULL)
# after either branch moved, until somebody asks.
_ROWS = """SELECT p.*, i.repository_id, i.number, i.user_id, i.app_id, i.title, i.body, i.state, i.created_at,
  i.updated_at, i.closed_at, i.closed_by_id FROM pulls p JOIN issues i ON i.id = p.issue_id"""


def pull(store: Store, repository_id: int, number: int) -> Row | None:
    """Find a pull request by its number."""
    return store.one(f"{_ROWS} WHERE i.repository_id = ? AND i.number = ?", repository_id, number)


def existing_pull(store: Store, pull_id: int) -> Row:
    """Return the pull request of that id, which must be there."""
    found = store.one(f"{_ROWS} WHERE p.id = ?", pull_id)
    if found is None:
        raise LookupError(f"there is no pull request {pull_id}")
    return found


def pulls(store: Store, repository_id: int) -> list[Row]:
    """List the pull requests of a repository, newest first."""
    return store.all(f"{_ROWS} WHERE i.repository_id = ? ORDER BY i.number DESC", repository_id)


def open_from(store: Store, repository_id: int, branch: str) -> list[Row]:
    """List the open pull requests, of any repository, whose head is this branch."""
    where = "WHERE i.state = 'open' AND p.head_repository_id = ? AND p.head_ref = ? ORDER BY p.id"
    return store.all(f"{_ROWS} {where}", repository_id, branch)


def open_into(store: Store, repository_id: int, branch: str) -> list[Row]:
    """List the open pull requests whose base is this branch."""
    where = "WHERE i.state = 'open' AND i.repository_id = ? AND p.base_ref = ? ORDER BY p.id"
    return store.all(f"{_ROWS} {where}", repository_id, branch)


def with_head(store: Store, repository_id: int, sha: str) -> list[Row]:
    """List the open pull requests of a repository's own branches whose head a commit is."""
    own = "i.repository_id = ? AND p.head_repository_id = i.repository_id"
    where = f"WHERE i.state = 'open' AND {own} AND p.head_sha = ? ORDER BY i.number"
    return store.all(f"{_ROWS} {where}", repository_id, sha)


def containing(store: Store, repository_id: int, sha: str) -> list[Row]:
    """List the open and merged pull requests that brought or would bring a commit, newest first."""
    counted = "(i.state = 'open' OR p.merged_at IS NOT NULL)"
    brought = "p.id IN (SELECT pull_id FROM pull_commits WHERE sha = ?)"
    merged_as = "(p.merged_at IS NOT NULL AND p.merge_commit_sha = ?)"
    where = f"WHERE i.repository_id = ? AND {counted} AND ({brought} OR {merged_as})"
    return store.all(f"{_ROWS} {where} ORDER BY i.number DESC", repository_id, sha, sha)


def change(store: Store, pull_id: int, **columns: object) -> None:
    """Change what is known of a pull request's branches."""
    marks = ", ".join(f"{name} = ?" for name in columns)
    sql = f"UPDATE pulls SET {marks} WHERE id = ?"  # noqa: S608 - names are ours
    store.write(sql, *columns.values(), pull_id)


def commit_ids(store: Store, pull_id: int) -> list[str]:
    """Return the ids of a pull request's commits, oldest first."""
    sql = "SELECT sha FROM pull_commits WHERE pull_id = ? AND position > 0 ORDER BY position"
    return [row["sha"] for row in store.all(sql, pull_id)]


def set_commits(store: Store, pull_id: int, shas: list[str]) -> None:
    """Record which commits a pull request has, within a transaction."""
    store.write("DELETE FROM pull_commits WHERE pull_id = ?", pull_id)
    for position, sha in enumerate(shas, 1):
        store.insert("pull_commits", pull_id=pull_id, sha=sha, position=position)


def add_rewritten(store: Store, pull_id: int, shas: list[str]) -> None:
    """Record the commits that a rebase made of a pull request's own; they are found by, but not listed."""
    for sha in shas:
        store.write("INSERT INTO pull_commits VALUES (?, ?, 0) ON CONFLICT DO NOTHING", pull_id, sha)


def reviews(store: Store, pull_id: int) -> list[Row]:
    """List the reviews of a pull request, oldest first, those not submitted yet among them."""
    return store.all("SELECT * FROM reviews WHERE pull_id = ? ORDER BY id", pull_id)


def review(store: Store, pull_id: int, review_id: int) -> Row | None:
    """Find a review of a pull request."""
    return store.one("SELECT * FROM reviews WHERE pull_id = ? AND id = ?", pull_id, review_id)
