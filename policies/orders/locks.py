# SPDX-License-Identifier: Apache-2.0
"""What people have locked and held, read from the Order objects of the cluster.

A lock stops all that Fairway would start in an environment for one repository, a hold all that it would start
for one pull request. Creating the object is the claim, so one stands as soon as it exists, and until it is
deleted, done, refused or expired. One that cannot be read stands too: nobody knows that it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from policies.clock import parse
from policies.kinds import InvalidObject
from policies.kinds.order import Order
from policies.orders.names import held, locked

_OVER = frozenset({"done", "refused"})


@dataclass(frozen=True, slots=True)
class Claim:
    """Who stopped something, when and why; unknown (None, empty) where the object cannot be read.

    `since` is when the object was made and `until` when it counts no longer, as RFC 3339.
    """

    name: str
    actor_id: int | None = None
    login: str = ""
    since: str = ""
    reason: str = ""
    until: str = ""
    pull_request: int | None = None
    comment: tuple[str, int, int] | None = None

    def from_comment(self, kind: str, comment_id: int, line: int) -> bool:
        """Tell whether exactly this order made it, which is then a replay."""
        return self.comment == (kind, comment_id, line)


@dataclass(frozen=True, slots=True)
class Lock:
    """A locked environment, for the releases of one repository."""

    repository_id: int
    environment: str
    claim: Claim


@dataclass(frozen=True, slots=True)
class Hold:
    """A pull request for which nothing goes on."""

    repository_id: int
    pull_request: int
    claim: Claim


@dataclass(frozen=True, slots=True)
class Standing:
    """All locks and holds that stand, by environment and by number."""

    locks: tuple[Lock, ...] = ()
    holds: tuple[Hold, ...] = ()

    def lock(self, repository_id: int, environment: str) -> Lock | None:
        """Return the lock of an environment."""
        wanted = (repository_id, environment)
        return next((one for one in self.locks if (one.repository_id, one.environment) == wanted), None)

    def hold(self, repository_id: int, pull_request: int) -> Hold | None:
        """Return the hold on a pull request."""
        wanted = (repository_id, pull_request)
        return next((one for one in self.holds if (one.repository_id, one.pull_request) == wanted), None)

    def of(self, repository_id: int) -> Standing:
        """Return what stands in one repository."""
        return Standing(
            tuple(one for one in self.locks if one.repository_id == repository_id),
            tuple(one for one in self.holds if one.repository_id == repository_id),
        )

    def stops(self, repository_id: int, environment: str, pull_request: int | None) -> Lock | Hold | None:
        """Return what keeps Fairway from starting something for a pull request in an environment."""
        lock = self.lock(repository_id, environment)
        return lock or (self.hold(repository_id, pull_request) if pull_request else None)


def standing(orders: Iterable[Mapping[str, Any]], now: datetime) -> Standing:
    """Return what stands of these Order objects, as the API server holds them."""
    locks, holds = [], []
    for obj in orders:
        name = obj["metadata"]["name"]
        environment, pull = locked(name), held(name)
        claim = _claim(obj, name, now) if environment or pull else None
        if claim and environment:
            locks.append(Lock(*environment, claim))
        elif claim and pull:
            holds.append(Hold(*pull, claim))
    locks.sort(key=lambda lock: (lock.repository_id, lock.environment))
    holds.sort(key=lambda hold: (hold.repository_id, hold.pull_request))
    return Standing(tuple(locks), tuple(holds))


def _claim(obj: Mapping[str, Any], name: str, now: datetime) -> Claim | None:
    """Return who claimed it; None when it stands no longer."""
    if obj["metadata"].get("deletionTimestamp"):
        return None
    try:
        order = Order.read(obj)
    except InvalidObject:
        return Claim(name, since=str(obj["metadata"].get("creationTimestamp") or ""))
    if order.status.phase in _OVER or _expired(order, now):
        return None
    spec = order.spec
    return Claim(
        name=name,
        actor_id=spec.actor.id,
        login=spec.actor.login,
        since=order.metadata.creation_timestamp or "",
        reason=spec.reason or "",
        until=spec.expires_at or "",
        pull_request=spec.pull_request,
        comment=(spec.comment.kind, spec.comment.id, spec.comment.line),
    )


def _expired(order: Order, now: datetime) -> bool:
    try:
        return bool(order.spec.expires_at) and parse(order.spec.expires_at or "") <= now
    except ValueError:
        return False
