# SPDX-License-Identifier: Apache-2.0
"""A pull request that puts back what a merged one brought, as /rollback and /reject open it.

The commit is made from the base's head by GitHub's Git data, so it is signed, and works whatever way the pull
request was merged and however far the base has moved on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from policies import rollback
from policies.budget import Urgency
from policies.objects import Object
from policies.rollback import Plan, Reader, Restored
from workers.github import Change, Entry, PullRequest
from workers.orders.desk import Desk
from workers.orders.following import following

_NOW = Urgency.ANSWER


@dataclass(frozen=True)
class States:
    """The base before the merge and after it, and as it is now."""

    before: str
    merged: str
    now: str


def states(desk: Desk) -> States | None:
    """Return the base around the merge of the pull request; None where it cannot be told."""
    merged = desk.pull.merge_sha
    before = _before(desk, merged) if merged else None
    now = desk.github.git_data.head(desk.name, desk.pull.base_ref, urgency=_NOW)
    return States(before, merged, now) if before and merged and now else None


def open_one(desk: Desk, environment: str) -> PullRequest | None:
    """Return the open pull request that does it for an environment, or (empty) for all."""
    branch = rollback.branch(environment, desk.number)
    return desk.github.pulls.from_branch(desk.name, branch, desk.pull.base_ref, urgency=_NOW)


def readers(desk: Desk) -> list[tuple[str, Reader]]:
    """Return where the Kustomizations that follow the base read, each with its namespace."""
    _, everything = following(desk.context, desk.name, desk.pull.base_ref, desk.narrowed.tenant)
    reads = desk.context.ledger.reads([_owner(obj) for obj in everything])
    return [
        (obj["metadata"]["namespace"], Reader(obj["spec"].get("path") or "", reads[_owner(obj)]))
        for obj in everything
    ]


def plan(desk: Desk, around: States, reading: Iterable[Reader], *, besides: str = "") -> Plan:
    """Return what is put back of the files that are read so; the one `besides` is written otherwise."""
    before, merged, now = (_tree(desk, sha) for sha in (around.before, around.merged, around.now))
    for tree in (before, merged, now):
        tree.pop(besides, None)
    return rollback.plan(before, merged, now, reading)


def changes(files: Iterable[Restored]) -> list[Change]:
    """Return what a commit has to change to put files back."""
    return [_change(one) for one in files]


def opened(
    desk: Desk, environment: str, parent: str, put_back: list[Change], title: str, body: str
) -> PullRequest:
    """Commit and open the pull request, or have the one that there is say this; raises GitHubError."""
    branch, message = rollback.branch(environment, desk.number), rollback.message(title, desk.said.author_id)
    desk.github.git_data.commit(
        desk.name, branch, parent=parent, changes=put_back, message=message, urgency=_NOW
    )
    return desk.github.pulls.ensure(
        desk.name, head=branch, base=desk.pull.base_ref, title=title, body=body, urgency=_NOW
    )


def _before(desk: Desk, merged: str) -> str | None:
    """Return the commit of the base that was there before the merge; None when it cannot be told.

    A merge has it as its first parent. Of a rebase, all commits are known to GitHub as this pull request's.
    """
    data, pulls = desk.github.git_data, desk.github.pulls
    parents = data.parents(desk.name, merged, urgency=_NOW)
    if len(parents) > 1:
        return parents[0]
    for _ in range(desk.pull.commits - 1):
        if len(parents) != 1:
            break
        found = pulls.of_commit(desk.name, parents[0], urgency=_NOW)
        if desk.number not in {pull.number for pull in found}:
            break
        parents = data.parents(desk.name, parents[0], urgency=_NOW)
    return parents[0] if len(parents) == 1 else None


def _tree(desk: Desk, sha: str) -> dict[str, rollback.File]:
    entries: list[Entry] = desk.github.git_data.tree(desk.name, sha, urgency=_NOW)
    return {entry.path: (entry.mode, entry.sha) for entry in entries}


def _owner(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _change(one: Restored) -> Change:
    if one.file is None:
        return Change(one.path, mode=one.was[0]) if one.was else Change(one.path)
    mode, sha = one.file
    return Change(one.path, sha=sha, mode=mode)
