# SPDX-License-Identifier: Apache-2.0
"""Somebody wrote in a pull request: a comment, or a review with its body."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from policies.github.payload import SHA, WORD, Payload, number, optional, present, prose, text
from policies.github.subjects import Account, Place, account, author, installation_id, repository

_LONGEST_BODY = 1024 * 1024  # characters; GitHub takes 65,536


class CommentAction(StrEnum):
    """What happens to a comment."""

    CREATED = "created"
    EDITED = "edited"
    DELETED = "deleted"


class ReviewAction(StrEnum):
    """What happens to a review."""

    SUBMITTED = "submitted"
    EDITED = "edited"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Comment(Place):
    """A comment on issue or pull request `number`; `app_id` is the App that its author is or used, if any."""

    action: CommentAction
    sender: Account
    number: int
    is_pull_request: bool
    id: int
    author: Account | None
    app_id: int | None
    body: str

    @property
    def digest(self) -> str:
        return digest(self.body)


@dataclass(frozen=True, slots=True)
class Review(Place):
    """A review of pull request `number`; `state` is GitHub's word for it, such as approved."""

    action: ReviewAction
    sender: Account
    number: int
    id: int
    author: Account | None
    state: str
    commit_sha: str | None
    body: str

    @property
    def digest(self) -> str:
        return digest(self.body)


def digest(body: str) -> str:
    """Return the SHA-256 of a body, by which a later reader tells that it is still what was received."""
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def comment(payload: Payload, action: CommentAction) -> Comment:
    """Read the event issue_comment; raises MalformedEvent."""
    return Comment(
        repository=repository(payload),
        installation_id=installation_id(payload),
        action=action,
        sender=account(payload, "sender"),
        number=number(payload, "issue", "number"),
        is_pull_request=present(payload, "issue", "pull_request"),
        id=number(payload, "comment", "id"),
        author=author(payload, "comment", "user"),
        app_id=optional(
            lambda: number(payload, "comment", "performed_via_github_app", "id"),
            payload,
            "comment",
            "performed_via_github_app",
        ),
        body=_body(payload, "comment"),
    )


def review(payload: Payload, action: ReviewAction) -> Review:
    """Read the event pull_request_review; raises MalformedEvent."""
    return Review(
        repository=repository(payload),
        installation_id=installation_id(payload),
        action=action,
        sender=account(payload, "sender"),
        number=number(payload, "pull_request", "number"),
        id=number(payload, "review", "id"),
        author=author(payload, "review", "user"),
        state=text(payload, WORD, "review", "state"),
        commit_sha=optional(
            lambda: text(payload, SHA, "review", "commit_id"), payload, "review", "commit_id"
        ),
        body=_body(payload, "review"),
    )


def _body(payload: Payload, where: str) -> str:
    # A review that only approves has none.
    return prose(payload, _LONGEST_BODY, where, "body") if present(payload, where, "body") else ""
