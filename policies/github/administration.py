# SPDX-License-Identifier: Apache-2.0
"""Somebody changed where the App is, or what a repository is called, whose it is, and who may see it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from policies.github import subjects
from policies.github.payload import OWNER, REPOSITORY, Payload, branch, number, optional, present, text, value
from policies.github.subjects import Place, installation_id, repository


class InstallationAction(StrEnum):
    """What happens to an installation, or to the list of its repositories."""

    CREATED = "created"
    DELETED = "deleted"
    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    NEW_PERMISSIONS_ACCEPTED = "new_permissions_accepted"
    ADDED = "added"
    REMOVED = "removed"


class RepositoryAction(StrEnum):
    """What happens to a repository that concerns us."""

    RENAMED = "renamed"
    TRANSFERRED = "transferred"
    DELETED = "deleted"
    PRIVATIZED = "privatized"
    PUBLICIZED = "publicized"
    ARCHIVED = "archived"
    UNARCHIVED = "unarchived"
    EDITED = "edited"


@dataclass(frozen=True, slots=True)
class Ping:
    """GitHub asks whether we are there."""


@dataclass(frozen=True, slots=True)
class Other:
    """An event we know, with an action that concerns nobody here."""

    event: str
    action: str
    account: str


@dataclass(frozen=True, slots=True)
class Installation:
    """The App was installed, removed, suspended, or given other repositories or permissions."""

    id: int
    account: str
    action: InstallationAction


@dataclass(frozen=True, slots=True)
class RepositoryChange(Place):
    """A repository changed; `repository` is what it is now.

    `old_name` and `old_owner` say what it was before it was renamed or transferred, and `old_default_branch`
    what its default branch was.
    """

    action: RepositoryAction
    old_name: str | None
    old_owner: str | None
    old_default_branch: str | None


def other(event: str, payload: Payload) -> Other:
    """Read whose event it is, and leave the rest."""
    if event.startswith("installation"):
        return Other(event, subjects.action(payload), _account(payload))
    return Other(event, subjects.action(payload), repository(payload).owner)


def installation(payload: Payload, action: InstallationAction) -> Installation:
    """Read the events installation and installation_repositories; raises MalformedEvent."""
    return Installation(number(payload, "installation", "id"), _account(payload), action)


def repository_change(payload: Payload, action: RepositoryAction) -> RepositoryChange:
    """Read the event repository; raises MalformedEvent."""
    renamed, moved = ("changes", "repository", "name", "from"), ("changes", "owner", "from")
    changed = ("changes", "default_branch", "from")
    kind = "user" if present(payload, *moved, "user") else "organization"
    return RepositoryChange(
        repository=repository(payload),
        installation_id=installation_id(payload),
        action=action,
        old_name=optional(lambda: text(payload, REPOSITORY, *renamed), payload, *renamed),
        old_owner=optional(lambda: text(payload, OWNER, *moved, kind, "login"), payload, *moved),
        old_default_branch=optional(lambda: branch(payload, *changed), payload, *changed),
    )


def _account(payload: Payload) -> str:
    account = value(payload, dict, "installation", "account")
    # An enterprise is an account with a slug instead of a login.
    key = "login" if "login" in account else "slug"
    return text(payload, OWNER, "installation", "account", key)
