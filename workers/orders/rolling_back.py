# SPDX-License-Identifier: Apache-2.0
"""/rollback: a pull request that puts back what a merged one brought, as far as an environment reads it.

Of one for new images it also writes down that these are not proposed again, and of one that wrote that down,
takes it out again.
"""

from __future__ import annotations

from collections.abc import Iterable

from policies.budget import Urgency
from policies.images.declined import NAME
from policies.images.declining import NotWritable
from policies.objects import Object
from policies.orders.grammar import Written
from policies.rollback import Plan, Reader, Restored
from policies.surface import orders
from policies.surface import rollback as texts
from policies.tenancy import Environment, Write
from workers.github import PullRequest
from workers.orders import declining, merges, reverting
from workers.orders.desk import Desk
from workers.orders.outcome import Outcome, refused
from workers.orders.reverting import States

_NOW = Urgency.ANSWER


def act(desk: Desk, order: Written) -> Outcome:
    """Open the pull request, unless one is open; raises GitHubError."""
    pull, name = desk.pull, order.value("environment")
    environment = desk.narrowed.tenant.environment(name)
    if environment is None or desk.narrowed.tenant.write_in(environment) < Write.PR:
        return refused(order, texts.not_writable(name))
    if pull.merged_at is None or pull.merge_sha is None:
        return refused(order, texts.not_merged())
    if (there := reverting.open_one(desk, name)) is not None:
        return Outcome(True, texts.already_open(there.number, there.url, name))
    around = reverting.states(desk)
    if around is None:
        return refused(order, texts.unknown_history())
    readers = _readers(desk)
    besides = NAME if declining.concerned(desk) else ""
    plan = reverting.plan(desk, around, readers.get(name, []), besides=besides)
    if plan.conflicts:
        return refused(order, texts.conflict(plan.conflicts))
    if not plan.files:
        return Outcome(True, orders.nothing_to_do(order.text, texts.nothing_to_put_back(name)))
    try:
        made = _open(desk, order, around, plan, _shared(plan.files, name, readers))
    except NotWritable as error:
        return refused(order, texts.declined_unusable(error.message, error.remedy))
    return _opened(desk, environment, made, len(plan.files))


def opened_before(desk: Desk, order: Written, record: Object) -> Outcome | None:
    """Return how an order ended that came too late for another try, and whose pull request is open."""
    name = order.value("environment")
    there = reverting.open_one(desk, name) if desk.too_late else None
    return Outcome(True, texts.already_open(there.number, there.url, name)) if there else None


def _open(
    desk: Desk, order: Written, around: States, plan: Plan, shared: dict[str, list[str]]
) -> PullRequest:
    name, reason = order.value("environment"), order.value("reason")
    kept_out = declining.entries(desk, around.now, reason)
    body = texts.body(
        name,
        (desk.number, desk.pull.url),
        (around.merged, around.before),
        plan.files,
        shared,
        kept_out.declined,
        kept_out.wanted,
        actor=desk.said.author,
        reason=reason,
    )
    changes = [*reverting.changes(plan.files), *kept_out.changes]
    return reverting.opened(desk, name, around.now, changes, texts.title(name, desk.number), body)


def _opened(desk: Desk, environment: Environment, made: PullRequest, files: int) -> Outcome:
    by_us = desk.narrowed.tenant.write_in(environment) is Write.MERGE and bool(
        desk.github.repositories.required_checks(desk.name, made.base_ref, urgency=_NOW)
    )
    if by_us:
        merges.queue(desk.context, desk.name, made.number)
    said = texts.opened(made.number, made.url, environment.name, files, merged_by_us=by_us)
    return Outcome(True, said)


def _readers(desk: Desk) -> dict[str, list[Reader]]:
    """Return where the Kustomizations of each environment read, by its name."""
    found: dict[str, list[Reader]] = {}
    for namespace, reader in reverting.readers(desk):
        for environment in desk.narrowed.tenant.environments(namespace):
            found.setdefault(environment.name, []).append(reader)
    return found


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
