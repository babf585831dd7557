# SPDX-License-Identifier: Apache-2.0
"""What our App asks of GitHub: permissions and events, each with why, and what is missing without it.

The sandbox's App has exactly these, and docs/github-app.md is written from them. A token asks for those that
the App was given, so one that was not loses no more than what the table says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission; `name` is the API's word, `shown` what GitHub's pages call it.

    `needed_by` is what does not work without it, in two words or so.
    """

    name: str
    shown: str
    access: str
    why: str
    without: str
    needed_by: str
    of_organization: bool = False


@dataclass(frozen=True, slots=True)
class Subscription:
    """One event that the App subscribes to, and what Fairway does when it comes."""

    name: str
    does: str


PERMISSIONS = (
    Permission(
        "checks",
        "Checks",
        "write",
        "the check run of a commit: its report, and annotations on the lines at fault",
        "no check runs, and no check of `.fairway.yaml`",
        "check runs",
    ),
    Permission(
        "contents",
        "Contents",
        "write",
        "reading sources and `.fairway.yaml`; branches of rollbacks and new images; commits of new images",
        "with read: no rollbacks and no pull requests of new images, whose commits need a Secret; without:"
        " so do sources, and no order acts",
        "rollbacks",
    ),
    Permission(
        "deployments",
        "Deployments",
        "write",
        "a deployment for each commit and environment",
        "no deployments",
        "deployments",
    ),
    Permission(
        "issues",
        "Issues",
        "read",
        "comments: GitHub sends those on pull requests as comments on issues",
        "orders in comments are not heard, those in reviews are",
        "orders in comments",
    ),
    Permission(
        "merge_queues",
        "Merge queues",
        "read",
        "hearing that a queue wants the status of a commit",
        "a merge queue that requires Fairway's status waits until its time is over",
        "merge queues",
    ),
    Permission(
        "metadata",
        "Metadata",
        "read",
        "the repository itself; GitHub asks it of every App",
        "nothing works",
        "all parts",
    ),
    Permission(
        "pull_requests",
        "Pull requests",
        "write",
        "the comment on a pull request, reactions and replies to orders, pull requests of rollbacks and new"
        " images, and who may give an order",
        "no comments, no orders, no rollbacks, no pull requests of new images",
        "comments",
    ),
    Permission(
        "statuses",
        "Commit statuses",
        "write",
        "the status `fairway/<cluster>` of a commit",
        "no statuses; where one is required, nothing can be merged",
        "commit statuses",
    ),
    Permission(
        "members",
        "Members",
        "read",
        "whether somebody is in a team that `.fairway.yaml` or CODEOWNERS names",
        "nobody counts as a member of a team, so what asks for one is refused",
        "rules that name teams",
        of_organization=True,
    ),
)

EVENTS = (
    Subscription("check_run", "writes a check again when somebody asks for it"),
    Subscription("check_suite", "writes all checks of a commit again when somebody asks for them"),
    Subscription("issue_comment", "carries out orders; puts back its own comment when somebody changes it"),
    Subscription("merge_group", "says on a queue's commit that nothing is applied before the merge"),
    Subscription(
        "pull_request",
        "says the same on a head, keeps the comment of what is merged true, and has images proposed anew",
    ),
    Subscription("pull_request_review", "carries out orders in reviews"),
    Subscription("push", "fetches and applies"),
    Subscription("repository", "follows a rename or transfer, and whether it is private"),
)


def asked() -> Mapping[str, str]:
    """Return the permissions as GitHub's API has them: name → access."""
    return {permission.name: permission.access for permission in PERMISSIONS}


def shared(granted: Mapping[str, str]) -> dict[str, str]:
    """Return what a token asks for with which every part is spoken of: of ours, what the App was given."""
    return {
        name: access if within({name: access}, granted) else "read"
        for name, access in asked().items()
        if name in granted
    }


def within(permissions: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Tell whether a token with the other permissions does for what needs these."""
    return all(others.get(name) in (access, "write", "admin") for name, access in permissions.items())


def lacking(granted: Mapping[str, str], *, of_organization: bool) -> dict[str, str]:
    """Return what of it an installation was not given (`deployments: write`), each with what needs it.

    An account that is no organization has no members to ask for.
    """
    return {
        f"{one.name}: {one.access}": one.needed_by
        for one in PERMISSIONS
        if (of_organization or not one.of_organization) and not within({one.name: one.access}, granted)
    }


def subscribed() -> list[str]:
    """Return the names of the events."""
    return [event.name for event in EVENTS]
