# SPDX-License-Identifier: Apache-2.0
"""Gather what a decision is made on: only what this order's rules ask for, read at this moment."""

from __future__ import annotations

from policies.budget import Urgency
from policies.orders import codeowners
from policies.orders.grammar import Written
from policies.orders.people import Person
from policies.orders.permissions import Change, Facts, touched
from policies.orders.registry import Guard
from policies.orders.rules import Rule
from policies.tenancy import Environment
from workers.orders.desk import Desk

# GitHub takes the first of these that is there.
_CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
_MOST_FILES = 3000  # that GitHub lists of a pull request
Owners = tuple[frozenset[str], ...]


def facts(
    desk: Desk,
    order: Written,
    *,
    namespaces: frozenset[str],
    holder: int | None,
    only_closes: bool = False,
) -> Facts:
    """Return the facts about an order that concerns objects in these namespaces; raises GitHubError.

    `holder` and `only_closes` are as in `Facts`.
    """
    narrowed, command = desk.narrowed, order.command
    where = _environments(desk, order, namespaces)
    rules = [narrowed.rules.rule(command.name, name) for name in (_named(order), *(e.name for e in where))]
    owners = _owners(desk) if any(rule.code_owners for rule in rules) else ()
    teams = _teams(desk, rules, owners)
    return Facts(
        command=command,
        actor=desk.person(desk.said.author, desk.said.author_id, teams),
        tenant=narrowed.tenant,
        change=_change(desk, order, rules, where, owners, teams),
        rules=narrowed.rules,
        unreadable=str(narrowed.unreadable or ""),
        environment=_named(order),
        sha=order.value("sha"),
        namespaces=namespaces,
        holder=holder,
        only_closes=only_closes,
        public=not desk.repository.private,
    )


def _named(order: Written) -> str:
    return order.value("environment")


def _environments(desk: Desk, order: Written, namespaces: frozenset[str]) -> list[Environment]:
    tenant = desk.narrowed.tenant
    if not _named(order):
        return touched(tenant, namespaces)
    found = tenant.environment(_named(order))
    return [found] if found else []


def _change(
    desk: Desk,
    order: Written,
    rules: list[Rule],
    where: list[Environment],
    owners: Owners,
    teams: frozenset[str],
) -> Change:
    pull, approved = desk.pull, any(rule.approvals for rule in rules)
    guarded = order.command.guard is not Guard.NONE and any(one.protected for one in where)
    people = guarded or approved
    return Change(
        author=pull.author_id or None,
        head_sha=pull.head_sha,
        committers=frozenset[int]().union(*(one.people for one in desk.commits)) if people else frozenset(),
        ordered_by=desk.ordered_by if people else None,
        merge_sha=(pull.merge_sha or "") if pull.merged_at else "",
        from_fork=pull.from_fork,
        owners=owners,
        approvals=_approvals(desk, teams) if approved else (),
    )


def _approvals(desk: Desk, teams: frozenset[str]) -> tuple[Person, ...]:
    """Return who approved exactly this head and has not taken it back; a mere comment takes nothing back."""
    newest = {}
    for review in desk.github.pulls.reviews(desk.name, desk.number, urgency=Urgency.ANSWER):
        if review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED") and not review.author_is_bot:
            newest[review.author_id] = review
    return tuple(
        desk.person(review.author, review.author_id, teams)
        for review in newest.values()
        if review.state == "APPROVED" and review.commit == desk.pull.head_sha
    )


def _owners(desk: Desk) -> Owners:
    """Return who owns each changed path, by the base branch's file."""
    base = desk.pull.base_ref
    text = next((found for path in _CODEOWNERS if (found := desk.file(path, base)) is not None), "")
    paths = desk.changed_files
    # Of more files than GitHub lists nobody is known to own all.
    return codeowners.parse(text).of_each(paths) if len(paths) < _MOST_FILES else ()


def _teams(desk: Desk, rules: list[Rule], owners: Owners) -> frozenset[str]:
    """Return the teams in which membership decides."""
    named = frozenset[str]().union(*(rule.teams for rule in rules)) & desk.narrowed.teams
    own = f"{desk.repository.owner.casefold()}/"
    return named | {one for some in owners for one in some if one.startswith(own)}
