# SPDX-License-Identifier: Apache-2.0
"""Comments on issues and pull requests."""

from __future__ import annotations

from typing import Any

from flask import request

from sandbox.forge import conversations, issue_shapes, issues
from sandbox.forge.api.blueprint import actor, api, body, caller, ordered, paginated, repository, since
from sandbox.forge.api.issues import issue_of, require_part
from sandbox.forge.errors import invalid, not_found
from sandbox.forge.state import forge
from sandbox.forge.store import Row

_LONGEST = 65_536


def comment_of(owner: str, name: str, comment_id: int, *, level: str = "read") -> tuple[Row, Row]:
    """Return a repository and a comment in it, which the caller may read or write."""
    repo = repository(owner, name)
    found = issues.comment(forge().store, repo["id"], comment_id)
    if found is None:
        raise not_found()
    require_part(repo, issues.existing_issue(forge().store, found["issue_id"]), level)
    return repo, found


def _own_or_writable(owner: str, name: str, comment_id: int) -> tuple[Row, Row]:
    """Return a comment that the caller may change: its author may, and whoever may write."""
    repo, found = comment_of(owner, name, comment_id, level="write")
    if caller().user is not None and actor().id != found["user_id"]:
        issue = issues.existing_issue(forge().store, found["issue_id"])
        require_part(repo, issue, "write", person="write")
    return repo, found


def _shown(repo: Row, row: Row) -> dict[str, Any]:
    return issue_shapes.comment(forge().store, forge().site, repo, row)


def _body() -> str:
    text = body().get("body")
    if not isinstance(text, str) or not text.strip():
        raise invalid("IssueComment", "body", "body can't be blank")
    if len(text) > _LONGEST:
        raise invalid("IssueComment", "body", f"body is too long (maximum is {_LONGEST} characters)")
    return text


@api.get("/repos/<owner>/<name>/issues/<int:number>/comments")
def list_comments(owner: str, name: str, number: int) -> list[dict[str, Any]]:
    """List the comments of an issue or pull request, oldest first; `since` leaves out what is older."""
    repo, issue = issue_of(owner, name, number)
    rows = _since(issues.comments(forge().store, issue_id=issue["id"]))
    return [_shown(repo, row) for row in paginated(rows)]


def _since(rows: list[Row]) -> list[Row]:
    start = since()
    return [row for row in rows if row["updated_at"] >= start]


@api.get("/repos/<owner>/<name>/issues/comments")
def list_repository_comments(owner: str, name: str) -> list[dict[str, Any]]:
    """List the comments of all issues and pull requests."""
    part = "issues" if caller().granted("issues") else "pull_requests"
    repo = repository(owner, name, permission=part)
    rows = _since(issues.comments(forge().store, repository_id=repo["id"]))
    if request.args.get("sort"):
        rows = ordered(rows, ("created", "updated"), default="desc")
    return [_shown(repo, row) for row in paginated(rows)]


@api.post("/repos/<owner>/<name>/issues/<int:number>/comments")
def create_comment(owner: str, name: str, number: int) -> tuple[dict[str, Any], int]:
    """Write a comment."""
    repo, issue = issue_of(owner, name, number, level="write")
    return _shown(repo, conversations.comment(issue, actor(), _body())), 201


@api.get("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
def get_comment(owner: str, name: str, comment_id: int) -> dict[str, Any]:
    """Show a comment."""
    return _shown(*comment_of(owner, name, comment_id))


@api.patch("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
def update_comment(owner: str, name: str, comment_id: int) -> dict[str, Any]:
    """Change what a comment says."""
    repo, found = _own_or_writable(owner, name, comment_id)
    return _shown(repo, conversations.edit_comment(found, actor(), _body()))


@api.delete("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
def delete_comment(owner: str, name: str, comment_id: int) -> tuple[str, int]:
    """Delete a comment."""
    _, found = _own_or_writable(owner, name, comment_id)
    conversations.delete_comment(found, actor())
    return "", 204
