# SPDX-License-Identifier: Apache-2.0
"""/lock, /hold and what takes them back: one object for each environment or pull request that is stopped.

Creating it is the claim, so of two people one is first. What is taken back is deleted by its uid, after it
was written down that it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from policies.errors import FairwayError
from policies.objects import Object
from policies.orders.grammar import Written
from policies.orders.locks import Claim, Hold, Lock, Standing, standing
from policies.orders.names import hold_name, lock_name
from policies.surface import locks
from workers.orders.desk import Desk
from workers.orders.outcome import Outcome
from workers.orders.records import message_of
from workers.orders.specs import target_of

_TRIES = 3
Stop = Lock | Hold


@dataclass(frozen=True)
class Words:
    """What is said of one kind of stop."""

    done: Callable[[Any], str]
    already: Callable[[Any], str]
    back: Callable[[Any], str]


_LOCK = Words(locks.locked, locks.already_locked, locks.unlocked)
_HOLD = Words(locks.held, locks.already_held, locks.unheld)


def there(desk: Desk, order: Written) -> tuple[Object | None, Stop | None]:
    """Return the object that an order makes or takes back, and what of it stands."""
    found = desk.records.find(_name(desk, order))
    stands = standing([found], desk.context.now()) if found else Standing()
    number = desk.repository.id
    if environment := order.value("environment"):
        return found, stands.lock(number, environment)
    return found, stands.hold(number, desk.number)


def holder(desk: Desk, order: Written) -> int | None:
    """Return who gave what is taken back: None when there is nothing, 0 when nobody knows."""
    _, stop = there(desk, order)
    return None if stop is None else stop.claim.actor_id or 0


def stopped_before(desk: Desk, order: Written, record: Object) -> Outcome | None:
    """Return how an order ended that was interrupted after its claim."""
    _, stop = there(desk, order)
    return Outcome(True, _words(order).done(stop)) if stop and _mine(desk, order, stop.claim) else None


def stop(desk: Desk, order: Written, spec: Object) -> Outcome:
    """Lock or hold."""
    for _ in range(_TRIES):
        found, stands = there(desk, order)
        if found and stands and _mine(desk, order, stands.claim):
            desk.records.write(found, "standing")
            return Outcome(True, _words(order).done(stands))
        if stands:
            return Outcome(False, _words(order).already(stands))
        if found:
            _delete(desk, found)  # it counts no longer
        desk.records.create(_name(desk, order), spec)
    raise FairwayError(f"Order {_name(desk, order)} is being deleted and does not go")


def taken_back_before(desk: Desk, order: Written, record: Object) -> Outcome | None:
    """Return how an order ended that was interrupted after it was written down what it takes back."""
    said, target = message_of(record), record["spec"].get("target")
    if not said or not target:
        return None
    desk.records.delete(target["name"], target["uid"])
    return Outcome(True, said)


def take_back(desk: Desk, order: Written, record: Object) -> Outcome:
    """Unlock or unhold; what was there when the order was recorded is meant, and nothing newer."""
    found, stands = there(desk, order)
    target = record["spec"].get("target")
    if found is None or stands is None or not target or target["uid"] != found["metadata"]["uid"]:
        environment = order.value("environment")
        return Outcome(False, locks.not_locked(environment) if environment else locks.not_held())
    said = _words(order).back(stands)
    desk.records.write(record, "pending", said)
    _delete(desk, found)
    return Outcome(True, said)


def target(desk: Desk, order: Written) -> dict[str, str] | None:
    """Return what an order takes back, for its record."""
    found, stands = there(desk, order)
    return target_of(found) if found and stands else None


def _name(desk: Desk, order: Written) -> str:
    environment = order.value("environment")
    if environment:
        return lock_name(desk.repository.id, environment)
    return hold_name(desk.repository.id, desk.number)


def _words(order: Written) -> Words:
    return _LOCK if order.value("environment") else _HOLD


def _mine(desk: Desk, order: Written, claim: Claim) -> bool:
    heard = desk.said.heard
    return claim.from_comment(heard.kind, heard.id, order.line)


def _delete(desk: Desk, obj: Object) -> None:
    desk.records.delete(obj["metadata"]["name"], obj["metadata"]["uid"])
