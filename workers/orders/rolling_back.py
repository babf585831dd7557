# SPDX-License-Identifier: Apache-2.0
"""/rollback: a pull request that puts back what a merged one brought, as far as an environment reads it.

The commit is made from the base's head by GitHub's Git data, so it is signed, and works whatever way the pull
request was merged and however far the base has moved on.
"""

from __future__ import annotations

from collections.abc import Iterable

from policies import rollback
from policies.budget import Urgency
from policies.objects import Object
from policies.orders.grammar import Written
from policies.rollback import Plan, Reader, Restored
from policies.surface import orders
from policies.surface import rollback as texts
from policies.tenancy import Environment, Write
from workers.github import Change, Entry, PullRequest
from workers.orders import merges
from workers.orders.desk import Desk
from workers.orders.following import following
from workers.orders.outcome import Outcome, refused

_NOW = Urgency.ANSWER


def act(desk: Desk, order: Written) -> Outcome:
    """Open the pull request, unless one is open; raises GitHubError."""
    pull, name = desk.pull, order.value("environment")
    environment = desk.narrowed.tenant.environment(name)
    if environment is None or desk.narrowed.tenant.write_in(environment) < Write.PR:
        return refused(order, texts.not_writable(name))
    if pull.merged_at is None or pull.merge_sha is None:
        return refused(order, texts.not_merged())
    if (there := _there(desk, name)) is not None:
        return Outcome(True, texts.already_open(there.number, there.url, name))
    before = _before(desk, pull.merge_sha)
    head = desk.github.git_data.head(desk.name, pull.base_ref, urgency=_NOW)
    if before is None or head is None:
        return refused(order, texts.unknown_history())
    branch = rollback.branch(name, pull.number)
    return _open(desk, order, environment, branch, (before, pull.merge_sha, head))


def opened_before(desk: Desk, order: Written, record: Object) -> Outcome | None:
    """Return how an order ended that came too late for another try, and whose pull request is open."""
    name = order.value("environment")
    there = _there(desk, name) if desk.too_late else None
    return Outcome(True, texts.already_open(there.number, there.url, name)) if there else None


def _there(desk: Desk, environment: str) -> PullRequest | None:
    branch = rollback.branch(environment, desk.number)
    return desk.github.pulls.from_branch(desk.name, branch, desk.pull.base_ref, urgency=_NOW)


def _open(
    desk: Desk, order: Written, environment: Environment, branch: str, commits: tuple[str, str, str]
) -> Outcome:
    before, merged, head = commits
    readers = _readers(desk)
    plan = _plan(desk, commits, readers.get(environment.name, []))
    if plan.conflicts:
        return refused(order, texts.conflict(plan.conflicts))
    if not plan.files:
        return Outcome(True, orders.nothing_to_do(order.text, texts.nothing_to_put_back(environment.name)))
    title = texts.title(environment.name, desk.number)
    desk.github.git_data.commit(
        desk.name,
        branch,
        parent=head,
        changes=[_change(one) for one in plan.files],
        message=rollback.message(title, desk.said.author_id),
        urgency=_NOW,
    )
    body = texts.body(
        environment.name,
        (desk.number, desk.pull.url),
        (merged, before),
        plan.files,
        _shared(plan.files, environment.name, readers),
        actor=desk.said.author,
        reason=order.value("reason"),
    )
    made = desk.github.pulls.ensure(
        desk.name, head=branch, base=desk.pull.base_ref, title=title, body=body, urgency=_NOW
    )
    return _opened(desk, environment, made, len(plan.files))


def _opened(desk: Desk, environment: Environment, made: PullRequest, files: int) -> Outcome:
    by_us = desk.narrowed.tenant.write_in(environment) is Write.MERGE and bool(
        desk.github.repositories.required_checks(desk.name, made.base_ref, urgency=_NOW)
    )
    if by_us:
        merges.queue(desk.context, desk.name, made.number)
    said = texts.opened(made.number, made.url, environment.name, files, merged_by_us=by_us)
    return Outcome(True, said)


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


def _plan(desk: Desk, commits: tuple[str, str, str], readers: Iterable[Reader]) -> Plan:
    before, merged, now = (_tree(desk.github.git_data.tree(desk.name, sha, urgency=_NOW)) for sha in commits)
    return rollback.plan(before, merged, now, readers)


def _tree(entries: Iterable[Entry]) -> dict[str, rollback.File]:
    return {entry.path: (entry.mode, entry.sha) for entry in entries}


def _readers(desk: Desk) -> dict[str, list[Reader]]:
    """Return where the Kustomizations of each environment read, by its name."""
    tenant = desk.narrowed.tenant
    _, everything = following(desk.context, desk.name, desk.pull.base_ref, tenant)
    built = desk.context.ledger.built([_owner(obj) for obj in everything])
    found: dict[str, list[Reader]] = {}
    for obj in everything:
        known = built[_owner(obj)]
        reader = Reader(obj["spec"].get("path") or "", known.reads if known else None)
        for environment in tenant.environments(obj["metadata"]["namespace"]):
            found.setdefault(environment.name, []).append(reader)
    return found


def _owner(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _shared(files: Iterable[Restored], own: str, readers: dict[str, list[Reader]]) -> dict[str, list[str]]:
    """Return the files that other environments read too, each with their names."""
    found: dict[str, list[str]] = {}
    for one in files:
        comes_or_goes = one.file is None or one.was is None
        others = [
            name
            for name in sorted(readers)
            if name != own
            and any(reader.reads_file(one.path, comes_or_goes=comes_or_goes) for reader in readers[name])
        ]
        if others:
            found[one.path] = others
    return found


def _change(one: Restored) -> Change:
    if one.file is None:
        return Change(one.path, mode=one.was[0]) if one.was else Change(one.path)
    mode, sha = one.file
    return Change(one.path, sha=sha, mode=mode)
