# SPDX-License-Identifier: Apache-2.0
"""Reactions to comments, issues and pull requests."""

from __future__ import annotations

from typing import Any

from flask import request

from sandbox.forge import issue_shapes, issues
from sandbox.forge.api.blueprint import actor, api, body, paginated
from sandbox.forge.api.comments import comment_of
from sandbox.forge.api.issues import issue_of
from sandbox.forge.errors import invalid, not_found
from sandbox.forge.state import forge

_COMMENT = "/repos/<owner>/<name>/issues/comments/<int:comment_id>/reactions"
_ISSUE = "/repos/<owner>/<name>/issues/<int:number>/reactions"


def _list(subject: str, subject_id: int) -> list[dict[str, Any]]:
    rows = issues.reactions(forge().store, subject, subject_id)
    if content := request.args.get("content"):
        rows = [row for row in rows if row["content"] == content]
    return [issue_shapes.reaction(forge().store, forge().site, row) for row in paginated(rows)]


def _react(subject: str, subject_id: int) -> tuple[dict[str, Any], int]:
    content = body().get("content")
    if content not in issues.REACTIONS:
        raise invalid("Reaction", "content", f"content is none of {', '.join(issues.REACTIONS)}")
    row, new = issues.react(forge().store, subject, subject_id, actor().id, content)
    return issue_shapes.reaction(forge().store, forge().site, row), 201 if new else 200


def _remove(subject: str, subject_id: int, reaction_id: int) -> tuple[str, int]:
    """Take back a reaction; nobody can take back another's."""
    removed = forge().store.all(
        "DELETE FROM reactions WHERE id = ? AND subject = ? AND subject_id = ? AND user_id = ? RETURNING id",
        reaction_id, subject, subject_id, actor().id,
    )  # fmt: skip
    if not removed:
        raise not_found()
    return "", 204


@api.get(_COMMENT)
def list_comment_reactions(owner: str, name: str, comment_id: int) -> list[dict[str, Any]]:
    """List the reactions to a comment."""
    _, comment = comment_of(owner, name, comment_id)
    return _list("comment", comment["id"])


@api.post(_COMMENT)
def react_to_comment(owner: str, name: str, comment_id: int) -> tuple[dict[str, Any], int]:
    """React to a comment; 200 when the caller did so already."""
    _, comment = comment_of(owner, name, comment_id, level="write")
    return _react("comment", comment["id"])


@api.delete(f"{_COMMENT}/<int:reaction_id>")
def remove_comment_reaction(owner: str, name: str, comment_id: int, reaction_id: int) -> tuple[str, int]:
    """Take back a reaction to a comment."""
    _, comment = comment_of(owner, name, comment_id, level="write")
    return _remove("comment", comment["id"], reaction_id)


@api.get(_ISSUE)
def list_issue_reactions(owner: str, name: str, number: int) -> list[dict[str, Any]]:
    """List the reactions to an issue or pull request."""
    _, issue = issue_of(owner, name, number)
    return _list("issue", issue["id"])


@api.post(_ISSUE)
def react_to_issue(owner: str, name: str, number: int) -> tuple[dict[str, Any], int]:
    """React to an issue or pull request; 200 when the caller did so already."""
    _, issue = issue_of(owner, name, number, level="write")
    return _react("issue", issue["id"])


@api.delete(f"{_ISSUE}/<int:reaction_id>")
def remove_issue_reaction(owner: str, name: str, number: int, reaction_id: int) -> tuple[str, int]:
    """Take back a reaction to an issue or pull request."""
    _, issue = issue_of(owner, name, number, level="write")
    return _remove("issue", issue["id"], reaction_id)
