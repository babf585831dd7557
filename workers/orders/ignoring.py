# SPDX-License-Identifier: Apache-2.0
"""/ignore: a pull request for new images is closed, and says how much of its versions is declined with that.

Both are one request to GitHub. A closed pull request is itself the record: nothing is written to Git.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from policies.budget import Urgency
from policies.images import record as records
from policies.images.declined import Scope
from policies.images.record import Record
from policies.objects import Object
from policies.orders.grammar import Written
from policies.surface import image_orders as texts
from policies.surface import orders
from workers.orders.desk import Desk
from workers.orders.outcome import Outcome, refused
from workers.orders.proposal import Proposal

_NOW = Urgency.ANSWER
_SCOPES: tuple[Scope, ...] = ("version", "minor", "major")


def act(desk: Desk, order: Written) -> Outcome:
    """Close the pull request, or have one that is closed decline more; raises GitHubError."""
    proposal = desk.proposal
    if not isinstance(proposal, Proposal):
        return Outcome(False, texts.not_here(order.text, proposal))
    pull = desk.github.pulls.get(desk.name, desk.number, urgency=_NOW)
    if pull.merged_at is not None:
        return refused(order, texts.merged())
    if pull.head_sha != desk.pull.head_sha or pull.body != desk.pull.body:
        # It was renewed since the order was decided on, and proposes something else now.
        return Outcome(False, orders.head_moved_meanwhile(order.text, desk.pull.head_sha, pull.head_sha))
    wanted = _wider(proposal.record, _scope(order), closed=not pull.open)
    if pull.open or wanted != proposal.record:
        desk.github.pulls.close(desk.name, desk.number, body=records.put(pull.body, wanted), urgency=_NOW)
    return _done(order, wanted)


def ignored_before(desk: Desk, order: Written, record: Object) -> Outcome | None:
    """Return how an order ended that was interrupted after it had closed the pull request."""
    proposal, pull = desk.proposal, desk.pull
    if not isinstance(proposal, Proposal) or pull.open or pull.merged_at is not None:
        return None
    said = proposal.record
    return _done(order, said) if said == _wider(said, _scope(order), closed=True) else None


def _scope(order: Written) -> Scope:
    return cast("Scope", order.value("scope") or "version")


def _wider(record: Record, scope: Scope, *, closed: bool) -> Record:
    """Return the record with a scope; what is declined already stays so."""
    least = _SCOPES.index(record.scope) if closed else 0
    return replace(record, scope=_SCOPES[max(least, _SCOPES.index(scope))], anew="")


def _done(order: Written, record: Record) -> Outcome:
    return Outcome(True, texts.ignored(record.declined(), record.scope, order.value("reason")))
