# SPDX-License-Identifier: Apache-2.0
"""GitHub's JSON for commits, diffs and statuses, read from a bare repository and the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pygit2

from sandbox.forge import accounts, git, shapes
from sandbox.forge.shapes import Json, Site
from sandbox.forge.store import Row, Store

_STATUS_OF_DELTA = {
    "A": "added",
    "D": "removed",
    "M": "modified",
    "R": "renamed",
    "C": "copied",
    "T": "changed",
}
# GitHub leaves the patch out of a file's entry when it is larger.
_LARGEST_PATCH = 100_000


def when(signature: pygit2.Signature, *, utc: bool) -> str:
    """Return the moment of a signature: in UTC for the API, in its own zone for webhooks."""
    if utc:
        return datetime.fromtimestamp(signature.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    zone = timezone(timedelta(minutes=signature.offset))
    return datetime.fromtimestamp(signature.time, zone).isoformat()


def account_of(store: Store, signature: pygit2.Signature) -> Row | None:
    """Return the account that owns a signature's address, if any does."""
    return store.one("SELECT * FROM accounts WHERE email = ?", signature.email)


def commit(store: Store, site: Site, repo: Row, found: pygit2.Commit) -> Json:
    """Return a commit as lists show it."""
    sha = str(found.id)
    api, page = site.api(f"/repos/{repo['full_name']}"), site.web(f"/{repo['full_name']}")
    people = {"author": found.author, "committer": found.committer}
    users = {role: account_of(store, signature) for role, signature in people.items()}
    return {
        "sha": sha,
        "node_id": shapes.node_id("Commit", f"{repo['id']}:{sha}"),
        "commit": {
            **{role: git_user(signature) for role, signature in people.items()},
            "message": found.message,
            "tree": {"sha": str(found.tree_id), "url": f"{api}/git/trees/{found.tree_id}"},
            "url": f"{api}/git/commits/{sha}",
            "comment_count": 0,
            "verification": verification(store, sha),
        },
        "url": f"{api}/commits/{sha}",
        "html_url": f"{page}/commit/{sha}",
        "comments_url": f"{api}/commits/{sha}/comments",
        **{role: shapes.account(site, user) if user else None for role, user in users.items()},
        "parents": [
            {"sha": str(id), "url": f"{api}/commits/{id}", "html_url": f"{page}/commit/{id}"}
            for id in found.parent_ids
        ],
    }


def brief(found: pygit2.Commit) -> Json:
    """Return a commit as checks and merge groups show the one they are about."""
    people = {"author": found.author, "committer": found.committer}
    return {
        "id": str(found.id),
        "tree_id": str(found.tree_id),
        "message": found.message.rstrip("\n"),
        "timestamp": when(found.committer, utc=True),
        **{role: {"name": person.name, "email": person.email} for role, person in people.items()},
    }


def verification(store: Store, sha: str) -> Json:
    """Return whether a commit is known to be by whom it says; only what the forge itself made is."""
    signed = store.one("SELECT verified_at FROM signed_commits WHERE sha = ?", sha)
    state = {"verified": signed is not None, "reason": "valid" if signed else "unsigned"}
    return state | {
        "signature": None,
        "payload": None,
        "verified_at": signed["verified_at"] if signed else None,
    }


def git_user(signature: pygit2.Signature) -> Json:
    """Return who a commit is by, and when, as it stands in the commit."""
    return {"name": signature.name, "email": signature.email, "date": when(signature, utc=True)}


def commit_with_files(
    store: Store, site: Site, repo: Row, repository: pygit2.Repository, found: pygit2.Commit
) -> Json:
    """Return one commit with what it changed."""
    files = changed_files(site, repo, git.diff(repository, found), str(found.id))
    added, removed = sum(file["additions"] for file in files), sum(file["deletions"] for file in files)
    stats = {"total": added + removed, "additions": added, "deletions": removed}
    return commit(store, site, repo, found) | {"stats": stats, "files": files}


def changed_files(site: Site, repo: Row, diff: pygit2.Diff, sha: str) -> list[Json]:
    """Return the entries of a diff, with patches where they are small text."""
    return [_changed_file(site, repo, patch, sha) for patch in diff]


def _changed_file(site: Site, repo: Row, patch: pygit2.Patch, sha: str) -> Json:
    delta = patch.delta
    status = _STATUS_OF_DELTA[delta.status_char()]
    removed = status == "removed"
    path = (delta.old_file if removed else delta.new_file).path
    _, additions, deletions = patch.line_stats
    page, api = site.web(f"/{repo['full_name']}"), site.api(f"/repos/{repo['full_name']}")
    entry: dict[str, Any] = {
        "sha": str((delta.old_file if removed else delta.new_file).id),
        "filename": path,
        "status": status,
        "additions": additions,
        "deletions": deletions,
        "changes": additions + deletions,
        "blob_url": f"{page}/blob/{sha}/{path}",
        "raw_url": f"{page}/raw/{sha}/{path}",
        "contents_url": f"{api}/contents/{path}?ref={sha}",
    }
    if status == "renamed":
        entry["previous_filename"] = delta.old_file.path
    hunks = "" if delta.is_binary else patch_text(patch)
    return entry | ({"patch": hunks} if hunks and len(hunks) <= _LARGEST_PATCH else {})


def patch_text(patch: pygit2.Patch) -> str:
    """Return the hunks of a patch without its header lines."""
    lines = []
    for hunk in patch.hunks:
        lines.append(hunk.header.rstrip("\n"))
        lines += [_patch_line(line) for line in hunk.lines]
    return "\n".join(lines)


def _patch_line(line: pygit2.DiffLine) -> str:
    # The three origins that are no line of a file say that the last line has no newline.
    if line.origin in "=<>":
        return "\\ No newline at end of file"
    return f"{line.origin}{line.content}".rstrip("\n")


def status(store: Store, site: Site, repo: Row, row: Row) -> Json:
    """Return one commit status."""
    creator = store.row("accounts", row["creator_id"])
    return simple_status(site, repo, row) | {"creator": shapes.account(site, creator)}


def simple_status(site: Site, repo: Row, row: Row) -> Json:
    """Return one commit status as the combined status lists it."""
    return {
        "url": site.api(f"/repos/{repo['full_name']}/statuses/{row['sha']}"),
        "avatar_url": site.web(f"/_sandbox/avatars/{row['creator_id']}.svg"),
        "id": row["id"],
        "node_id": shapes.node_id("StatusContext", row["id"]),
        "state": row["state"],
        "description": row["description"],
        "target_url": row["target_url"],
        "context": row["context"],
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
    }


def statuses(store: Store, repository_id: int, sha: str) -> list[Row]:
    """List every status of a commit, newest first."""
    sql = "SELECT * FROM statuses WHERE repository_id = ? AND sha = ? ORDER BY id DESC"
    return store.all(sql, repository_id, sha)


def latest_statuses(store: Store, repository_id: int, sha: str) -> list[Row]:
    """List the newest status of each context."""
    newest: dict[str, Row] = {}
    for row in statuses(store, repository_id, sha):
        newest.setdefault(row["context"].casefold(), row)
    return list(newest.values())


def combined_state(latest: list[Row]) -> str:
    """Return the worst of the newest statuses as GitHub combines them; none at all is pending."""
    states = {row["state"] for row in latest}
    if states & {"error", "failure"}:
        return "failure"
    return "success" if states == {"success"} else "pending"


def repository_with_owner(store: Store, repository_id: int) -> tuple[Row, Row]:
    """Return a repository and its owner."""
    repo = accounts.existing_repository(store, repository_id)
    return repo, store.row("accounts", repo["owner_id"])
