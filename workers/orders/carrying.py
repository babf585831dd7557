# SPDX-License-Identifier: Apache-2.0
"""Carry one order out: decide, write down that it was taken, act, write down how it ended.

An order that was interrupted is decided anew, unless it has acted already; then it only ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import redis

from policies.clock import rfc3339
from policies.errors import FairwayError
from policies.images.whose import Stranger
from policies.objects import Object
from policies.orders.grammar import Written
from policies.orders.permissions import Allowed, decide
from policies.surface import help as help_text
from policies.surface import image_orders, locks, orders
from policies.surface.refusals import Refused
from workers import known_pulls
from workers.github import PermissionMissing, RateLimited
from workers.orders import (
    ignoring,
    rebasing,
    reconciling,
    rejecting,
    rescanning,
    rolling_back,
    stopping,
)
from workers.orders.desk import Desk
from workers.orders.gathering import facts
from workers.orders.outcome import Outcome, StillGoing, record_name, refused
from workers.orders.proposal import Proposal
from workers.orders.records import message_of, phase_of
from workers.orders.said import COUNTS_FOR
from workers.orders.specs import spec_of, target_of
from workers.permissions import note_missing
from workers.standing import standing_of

log = logging.getLogger(__name__)
TRIED_FOR = timedelta(minutes=15)  # what fails until then is told


@dataclass(frozen=True)
class Verb:
    """How an order that acts is carried out.

    `namespaces`, `holder` and `only_closes` are facts for its decision, `target` is the object that it
    concerns. `before` says how it ended when it had acted before it was interrupted, or goes on with it.
    """

    act: Callable[[Desk, Written, Allowed, Object], Outcome]
    namespaces: Callable[[Desk, Written], frozenset[str]] = lambda desk, order: frozenset()
    holder: Callable[[Desk, Written], int | None] = lambda desk, order: None
    only_closes: Callable[[Desk, Written], bool] = lambda desk, order: False
    target: Callable[[Desk, Written], dict[str, str] | None] = lambda desk, order: None
    before: Callable[[Desk, Written, Object], Outcome | None] = lambda desk, order, record: None


def _where(desk: Desk, order: Written) -> frozenset[str]:
    """Return the namespace of the automation of a pull request for images."""
    return frozenset({desk.proposal.namespace}) if isinstance(desk.proposal, Proposal) else frozenset()


def _automation(desk: Desk, order: Written) -> dict[str, str] | None:
    return target_of(desk.proposal.automation) if isinstance(desk.proposal, Proposal) else None


_STOP = Verb(
    lambda desk, order, allowed, record: stopping.stop(desk, order, record["spec"]),
    before=stopping.stopped_before,
)
_TAKE_BACK = Verb(
    lambda desk, order, allowed, record: stopping.take_back(desk, order, record),
    holder=stopping.holder,
    target=stopping.target,
    before=stopping.taken_back_before,
)
_RECONCILE = Verb(
    lambda desk, order, allowed, record: reconciling.act(desk, order, allowed),
    namespaces=reconciling.namespaces,
)
_VERBS = {
    "hold": _STOP,
    "lock": _STOP,
    "unhold": _TAKE_BACK,
    "unlock": _TAKE_BACK,
    "reconcile": _RECONCILE,
    "retry": _RECONCILE,
    "rollback": Verb(
        lambda desk, order, allowed, record: rolling_back.act(desk, order),
        before=rolling_back.opened_before,
    ),
    "ignore": Verb(
        lambda desk, order, allowed, record: ignoring.act(desk, order),
        namespaces=_where,
        target=_automation,
        before=ignoring.ignored_before,
    ),
    "rebase": Verb(
        lambda desk, order, allowed, record: rebasing.act(desk, order, record),
        namespaces=_where,
        target=_automation,
        before=rebasing.go_on,
    ),
    "reject": Verb(
        lambda desk, order, allowed, record: rejecting.act(desk, order),
        namespaces=rejecting.namespaces,
        only_closes=rejecting.only_closes,
        target=_automation,
        before=rejecting.rejected_before,
    ),
    "rescan": Verb(
        lambda desk, order, allowed, record: rescanning.act(desk, order, record),
        namespaces=rescanning.namespaces,
        target=_automation,
        before=rescanning.go_on,
    ),
}


def carry_out(desk: Desk, order: Written) -> Outcome:
    """Return how an order ended; raises FairwayError when it is to be tried again."""
    if not order.command.served:
        return Outcome(False, orders.nothing_waits(order.text))
    try:
        return _act(desk, order) if order.command.acts else _answer(desk, order)
    except (RateLimited, StillGoing, redis.RedisError):
        raise
    except FairwayError as error:
        if isinstance(error, PermissionMissing):
            note_missing(desk.context, desk.name, error, f"/{order.command.name}")
        elif error.retryable and desk.context.now() - desk.said.at < TRIED_FOR:
            raise
        return _failed(desk, order, error.message, error.remedy)
    except Exception as error:
        log.exception("failed by a fault of ours order=%s", record_name(desk, order))
        return _failed(desk, order, f"an error of Fairway's own ({type(error).__name__})", "")


def _failed(desk: Desk, order: Written, why: str, remedy: str) -> Outcome:
    remedy = remedy or "its log tells more; once that is mended, give the order again"
    outcome = Outcome(False, orders.failed(order.text, why, remedy))
    if order.command.acts and (record := desk.records.find(record_name(desk, order))):
        _end(desk, record, outcome)
    return outcome


def _answer(desk: Desk, order: Written) -> Outcome:
    if desk.too_late:
        return _expired(desk, order)
    verdict = decide(facts(desk, order, namespaces=frozenset(), holder=None))
    if isinstance(verdict, Refused):
        return refused(order, verdict)
    match order.command.name:
        case "help":
            images = isinstance(desk.proposal, Proposal)
            return Outcome(True, help_text.orders(desk.narrowed.tenant, desk.narrowed.rules, images=images))
        case "locks":
            return Outcome(True, locks.table(standing_of(desk.context, desk.repository.id)))
        case _ if desk.followed:
            known_pulls.ask(desk.context.redis, desk.name, desk.number)
            return Outcome(True, orders.carried_out(order.text))
        case _:
            return Outcome(True, orders.no_status_comment(order.text, desk.context.settings.cluster))


def _act(desk: Desk, order: Written) -> Outcome:
    verb, record = _VERBS[order.command.name], desk.records.find(record_name(desk, order))
    if record and phase_of(record) != "pending":
        return Outcome(phase_of(record) == "done", message_of(record) or orders.carried_out(order.text))
    if record is None and order.command.images and isinstance(desk.proposal, Stranger):
        return Outcome(False, image_orders.not_here(order.text, desk.proposal))
    before = verb.before(desk, order, record) if record else None
    if before is None and desk.too_late:
        return _end(desk, record, _expired(desk, order))
    if record is None or before is None:
        namespaces = verb.namespaces(desk, order)
        verdict = decide(
            facts(
                desk,
                order,
                namespaces=namespaces,
                holder=verb.holder(desk, order),
                only_closes=verb.only_closes(desk, order),
            )
        )
        if isinstance(verdict, Refused):
            return _end(desk, record, refused(order, verdict))
        if moved := _moved(desk, order, record):
            return _end(desk, record, moved)
        record = record or _taken(desk, order, verb)
        before = verb.act(desk, order, verdict, record)
    return _end(desk, record, before)


def _expired(desk: Desk, order: Written) -> Outcome:
    return Outcome(False, orders.expired(order.text, rfc3339(desk.said.at + COUNTS_FOR)))


def _taken(desk: Desk, order: Written, verb: Verb) -> Object:
    name = record_name(desk, order)
    spec = spec_of(desk, order, target=verb.target(desk, order))
    record = desk.records.create(name, spec) or desk.records.find(name)
    if record is None:
        raise FairwayError(f"Order {name} was deleted while it was made")
    return record


def _moved(desk: Desk, order: Written, record: Object | None) -> Outcome | None:
    """Refuse an order that concerns the head when that is no longer the one it was given for."""
    if not order.command.argument("sha") or order.value("sha"):
        return None
    given_for = str(record["spec"].get("headSHA", "")) if record else desk.head_then
    now = desk.pull.head_sha
    if given_for in ("", now):
        return None
    return Outcome(False, orders.head_moved_meanwhile(order.text, given_for, now))


def _end(desk: Desk, record: Object | None, outcome: Outcome) -> Outcome:
    if record:
        desk.records.write(record, "done" if outcome.done else "refused", outcome.text)
    return outcome
