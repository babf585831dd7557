# SPDX-License-Identifier: Apache-2.0
"""Which task an event sets off, by name, and its arguments: keys, and never what somebody wrote.

A comment or a review is read here only to see whether it says anything to us; its text stays behind, and the
worker reads it again from GitHub. `digest` tells it whether that is still what came in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from policies.github import events
from policies.github.comments import CommentAction, ReviewAction
from policies.orders.grammar import read
from policies.task_messages import Scalar

ON_PUSH = "workers.tasks.on_push"
ON_PULL_REQUEST = "workers.tasks.on_pull_request"
ON_COMMENT = "workers.tasks.on_comment"
ON_REVIEW = "workers.tasks.on_review"
ON_CHECK = "workers.tasks.on_check"
ON_MERGE_GROUP = "workers.tasks.on_merge_group"
ON_INSTALLATION = "workers.tasks.on_installation"
ON_REPOSITORY = "workers.tasks.on_repository"

# The tasks that a worker has. An event for another one is acknowledged and left: a message that no worker
# takes would only be an error in its log.
TAKEN = frozenset(
    {
        ON_CHECK,
        ON_COMMENT,
        ON_INSTALLATION,
        ON_MERGE_GROUP,
        ON_PULL_REQUEST,
        ON_PUSH,
        ON_REPOSITORY,
        ON_REVIEW,
    }
)


@dataclass(frozen=True, slots=True)
class Task:
    """A call of a worker's task."""

    name: str
    arguments: dict[str, Scalar]


@dataclass(frozen=True, slots=True)
class Nothing:
    """Why an event sets nothing off."""

    why: str = "nothing to do for this event"


def account_of(event: events.Event | None) -> str | None:
    """Return the account that an event comes from; None for one that comes from none."""
    match event:
        case events.Ping() | None:
            return None
        case _:
            return event.account


def task_of(event: events.Event | None) -> Task | Nothing:
    """Return the task for an event, whether or not a worker takes it yet."""
    match event:
        case events.Push():
            moved: dict[str, Scalar] = {"ref": event.ref, "before": event.before, "after": event.after}
            return Task(ON_PUSH, _place(event) | {"private": event.repository.private} | moved)
        case events.PullRequest():
            return Task(ON_PULL_REQUEST, _pull_request(event))
        case events.Comment():
            return _comment(event)
        case events.Review():
            return _review(event)
        case events.CheckRun():
            return _check_run(event)
        case events.CheckSuite():
            return Task(ON_CHECK, _place(event) | _check("check_suite", event))
        case events.MergeGroup():
            group: dict[str, Scalar] = {"action": str(event.action), "head_sha": event.head_sha}
            return Task(
                ON_MERGE_GROUP,
                _place(event) | group | {"head_ref": event.head_ref, "base_ref": event.base_ref},
            )
        case events.Installation():
            return Task(
                ON_INSTALLATION,
                {"installation_id": event.id, "account": event.account, "action": str(event.action)},
            )
        case events.RepositoryChange():
            old: dict[str, Scalar] = {"old_name": event.old_name, "old_owner": event.old_owner}
            return Task(ON_REPOSITORY, _place(event) | {"action": str(event.action)} | old)
        case events.Ping() | events.Other() | None:
            return Nothing()
        case _:
            assert_never(event)


def _comment(event: events.Comment) -> Task | Nothing:
    if not event.is_pull_request:
        return Nothing("orders are taken in pull requests only")
    task = Task(
        ON_COMMENT,
        _place(event)
        | {
            "number": event.number,
            "action": str(event.action),
            "comment_id": event.id,
            "app_id": event.app_id,
            "digest": event.digest,
        },
    )
    if event.action is not CommentAction.CREATED:
        # An edit is no new order. Somebody may have changed or deleted a comment of ours: the worker knows.
        ours = event.app_id is not None and not event.sender.bot
        return task if ours else Nothing("an edited or deleted comment orders nothing")
    return _unless_silent(task, event)


def _review(event: events.Review) -> Task | Nothing:
    if event.action is not ReviewAction.SUBMITTED:
        return Nothing("an edited or dismissed review orders nothing")
    task = Task(
        ON_REVIEW,
        _place(event)
        | {
            "number": event.number,
            "action": str(event.action),
            "review_id": event.id,
            "digest": event.digest,
        },
    )
    return _unless_silent(task, event)


def _unless_silent(task: Task, event: events.Comment | events.Review) -> Task | Nothing:
    if event.author is None or event.author.bot or event.sender.bot:
        return Nothing("bots give no orders")
    return task if read(event.body).speaks_to_us else Nothing("no order in it")


def _check_run(event: events.CheckRun) -> Task | Nothing:
    if event.sender.bot:
        return Nothing("bots give no orders")
    pressed: dict[str, Scalar] = {"identifier": event.identifier, "external_id": event.external_id}
    return Task(ON_CHECK, _place(event) | _check("check_run", event) | pressed)


def _check(kind: str, event: events.CheckRun | events.CheckSuite) -> dict[str, Scalar]:
    return {
        "kind": kind,
        "action": str(event.action),
        "check_id": event.id,
        "head_sha": event.head_sha,
        "app_id": event.app_id,
        "sender_id": event.sender.id,
        "sender": event.sender.login,
    }


def _pull_request(event: events.PullRequest) -> dict[str, Scalar]:
    return _place(event) | {
        "number": event.number,
        "action": str(event.action),
        "head_sha": event.head.sha,
        # A fork's branches may be called like ours.
        "head_ref": "" if event.from_fork else event.head.ref,
        "base_ref": event.base.ref,
        "old_base": event.old_base,
        "merged": event.merged,
        "merge_commit_sha": event.merge_commit_sha,
    }


def _place(event: events.Place) -> dict[str, Scalar]:
    return {
        "installation_id": event.installation_id,
        "repository_id": event.repository.id,
        "repository": event.repository.full_name,
    }
