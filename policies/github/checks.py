# SPDX-License-Identifier: Apache-2.0
"""GitHub wants to know how a commit does: checks that people ask for again, and a merge queue's commits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from policies.github.payload import REF, SHA, Payload, branch, number, optional, prose, text
from policies.github.subjects import Account, Place, account, installation_id, repository

_LONGEST = 1000  # characters, of what an App names its checks and their buttons by


class CheckRunAction(StrEnum):
    """What a person asks of a check run."""

    REREQUESTED = "rerequested"
    REQUESTED_ACTION = "requested_action"


class CheckSuiteAction(StrEnum):
    """What GitHub or a person asks of an App's checks on a commit."""

    REQUESTED = "requested"
    REREQUESTED = "rerequested"


class MergeGroupAction(StrEnum):
    """What becomes of a merge queue's trial commit."""

    CHECKS_REQUESTED = "checks_requested"
    DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True)
class CheckRun(Place):
    """A check run is wanted again, or one of its buttons was pressed: the one with this `identifier`."""

    action: CheckRunAction
    sender: Account
    id: int
    name: str
    head_sha: str
    external_id: str
    app_id: int | None
    identifier: str


@dataclass(frozen=True, slots=True)
class CheckSuite(Place):
    """An App's checks on a commit are wanted; `branch` is None when the commit is on none."""

    action: CheckSuiteAction
    sender: Account
    id: int
    head_sha: str
    branch: str | None
    app_id: int | None


@dataclass(frozen=True, slots=True)
class MergeGroup(Place):
    """A merge queue made a commit to be checked, at `head_ref`, or is done with it."""

    action: MergeGroupAction
    head_sha: str
    head_ref: str
    base_sha: str
    base_ref: str


def check_run(payload: Payload, action: CheckRunAction) -> CheckRun:
    """Read the event; raises MalformedEvent."""
    pressed = action is CheckRunAction.REQUESTED_ACTION
    return CheckRun(
        repository=repository(payload),
        installation_id=installation_id(payload),
        action=action,
        sender=account(payload, "sender"),
        id=number(payload, "check_run", "id"),
        name=prose(payload, _LONGEST, "check_run", "name"),
        head_sha=text(payload, SHA, "check_run", "head_sha"),
        external_id=optional(
            lambda: prose(payload, _LONGEST, "check_run", "external_id"), payload, "check_run", "external_id"
        )
        or "",
        app_id=_app_id(payload, "check_run"),
        identifier=prose(payload, _LONGEST, "requested_action", "identifier") if pressed else "",
    )


def check_suite(payload: Payload, action: CheckSuiteAction) -> CheckSuite:
    """Read the event; raises MalformedEvent."""
    return CheckSuite(
        repository=repository(payload),
        installation_id=installation_id(payload),
        action=action,
        sender=account(payload, "sender"),
        id=number(payload, "check_suite", "id"),
        head_sha=text(payload, SHA, "check_suite", "head_sha"),
        branch=optional(
            lambda: branch(payload, "check_suite", "head_branch"), payload, "check_suite", "head_branch"
        ),
        app_id=_app_id(payload, "check_suite"),
    )


def merge_group(payload: Payload, action: MergeGroupAction) -> MergeGroup:
    """Read the event; raises MalformedEvent."""
    return MergeGroup(
        repository=repository(payload),
        installation_id=installation_id(payload),
        action=action,
        head_sha=text(payload, SHA, "merge_group", "head_sha"),
        head_ref=text(payload, REF, "merge_group", "head_ref"),
        base_sha=text(payload, SHA, "merge_group", "base_sha"),
        base_ref=text(payload, REF, "merge_group", "base_ref"),
    )


def _app_id(payload: Payload, where: str) -> int | None:
    return optional(lambda: number(payload, where, "app", "id"), payload, where, "app")
