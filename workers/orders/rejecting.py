# SPDX-License-Identifier: Apache-2.0
"""/reject: the images of a merged pull request are taken back everywhere, and written down as not wanted.

Both stand in one commit of one pull request. One that is not merged is closed, as /ignore does it.
"""

from __future__ import annotations

from policies.images.declined import NAME
from policies.images.declining import NotWritable
from policies.objects import Object
from policies.orders.grammar import Written
from policies.rollback import Reader
from policies.surface import image_orders, orders
from policies.surface import rollback as texts
from policies.tenancy import Write
from workers.orders import declining, ignoring, reverting
from workers.orders.desk import Desk
from workers.orders.outcome import Outcome, refused
from workers.orders.proposal import Proposal
from workers.orders.reverting import States

_EVERYTHING = Reader("")  # whoever reads it


def only_closes(desk: Desk, order: Written) -> bool:
    """Tell whether nothing that runs is taken back."""
    return desk.pull.merged_at is None


def namespaces(desk: Desk, order: Written) -> frozenset[str]:
    """Return where it has an effect: with the automation, and where anything may read what was changed."""
    proposal = desk.proposal
    if not isinstance(proposal, Proposal):
        return frozenset()
    found = {proposal.namespace}
    if not only_closes(desk, order):
        paths = desk.changed_files
        for namespace, reader in reverting.readers(desk):
            if any(reader.may_read(path, comes_or_goes=True) for path in paths):
                found.add(namespace)
    return frozenset(found)


def act(desk: Desk, order: Written) -> Outcome:
    """Open the pull request, unless one is open, or close this one; raises GitHubError."""
    proposal = desk.proposal
    if not isinstance(proposal, Proposal):
        return Outcome(False, image_orders.not_here(order.text, proposal))
    if only_closes(desk, order):
        return ignoring.act(desk, order)
    if min(map(desk.narrowed.tenant.write, namespaces(desk, order))) < Write.PR:
        return refused(order, texts.not_writable(""))
    if (there := reverting.open_one(desk, "")) is not None:
        return Outcome(True, texts.already_open(there.number, there.url, ""))
    around = reverting.states(desk)
    if around is None:
        return refused(order, texts.unknown_history())
    try:
        return _open(desk, order, around)
    except NotWritable as error:
        return refused(order, texts.declined_unusable(error.message, error.remedy))


def rejected_before(desk: Desk, order: Written, record: Object) -> Outcome | None:
    """Return how an order ended that was interrupted after it closed, or came too late for another try."""
    if only_closes(desk, order):
        return ignoring.ignored_before(desk, order, record)
    there = reverting.open_one(desk, "") if desk.too_late else None
    return Outcome(True, texts.already_open(there.number, there.url, "")) if there else None


def _open(desk: Desk, order: Written, around: States) -> Outcome:
    plan = reverting.plan(desk, around, [_EVERYTHING], besides=NAME)
    if plan.conflicts:
        return refused(order, texts.conflict(plan.conflicts))
    files, reason = plan.files, order.value("reason")
    kept_out = declining.entries(desk, around.now, reason)
    changes = [*reverting.changes(files), *kept_out.changes]
    if not changes:
        return Outcome(True, orders.nothing_to_do(order.text, texts.nothing_to_reject()))
    body = texts.rejection(
        (desk.number, desk.pull.url),
        (around.merged, around.before),
        files,
        kept_out.declined,
        actor=desk.said.author,
        reason=reason,
    )
    title = texts.rejection_title(desk.number)
    made = reverting.opened(desk, "", around.now, changes, title, body)
    return Outcome(True, texts.rejected(made.number, made.url, len(files), kept_out.declined))
