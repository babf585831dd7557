# SPDX-License-Identifier: Apache-2.0
"""/rebase: an automation makes the branch of its pull request anew, also one that a person has pushed to.

What is ordered is an annotation of the automation (`policies/images/rebasing.py`), which counts only for the
head that the order was given for. Before that is set, the Order says which commits go, so that whoever ends
the order can still name them. It is over once the branch ends otherwise, or the annotation is gone.
"""

from __future__ import annotations

from datetime import timedelta

from policies import conditions
from policies.budget import Urgency
from policies.clock import parse
from policies.images import rebasing
from policies.images.rescans import is_suspended
from policies.kustomization import REQUESTED_AT
from policies.objects import Object, annotations_of
from policies.orders.grammar import Written
from policies.surface import image_orders as texts
from policies.surface import orders
from workers.orders.desk import Desk
from workers.orders.outcome import Outcome, StillGoing, record_name, refused
from workers.orders.proposal import Proposal
from workers.orders.records import message_of

WAITS_FOR = timedelta(minutes=1)  # then it is said that it is not done yet
_MANAGER = "flux-client-side-apply"  # a name that no controller takes fields away from


def act(desk: Desk, order: Written, record: Object) -> Outcome:
    """Order it; raises StillGoing, after which `go_on` looks what became of it, and ApiError."""
    proposal = desk.proposal
    if not isinstance(proposal, Proposal):
        return Outcome(False, texts.not_here(order.text, proposal))
    if not desk.pull.open:
        return refused(order, texts.not_open(merged=desk.pull.merged_at is not None))
    if is_suspended(proposal.automation):
        return refused(order, texts.suspended(str(proposal.ref)))
    head = desk.pull.head_sha
    theirs = [(one.sha, one.message) for one in desk.commits if not one.ours]
    desk.records.write(record, "pending", texts.lost(head, theirs))
    _ask(desk, order, proposal, head)
    raise StillGoing("the branch is being made anew")


def go_on(desk: Desk, order: Written, record: Object) -> Outcome | None:
    """Say how it ended; None before it was ordered. Raises StillGoing."""
    lost, proposal = message_of(record), desk.proposal
    if not lost:
        return None
    if not isinstance(proposal, Proposal):
        return Outcome(False, texts.not_here(order.text, proposal))
    before, head = str(record["spec"].get("headSHA", "")), desk.pull.head_sha
    if head != before:
        if _made_anew(desk, proposal, before):
            return Outcome(True, texts.rebased(head, lost))
        return Outcome(False, orders.head_moved_meanwhile(order.text, before, head))
    if not desk.pull.open:
        return refused(order, texts.not_open(merged=desk.pull.merged_at is not None))
    return _waits(desk, order, record, proposal)


def _made_anew(desk: Desk, proposal: Proposal, before: str) -> bool:
    """Tell a branch that was made anew from one that somebody has pushed to, before that or since."""
    if all(one.ours for one in desk.commits):
        return True
    waits = rebasing.asked(annotations_of(proposal.automation), desk.number, before)
    return not waits and before not in {one.sha for one in desk.commits}


def _waits(desk: Desk, order: Written, record: Object, proposal: Proposal) -> Outcome:
    """Say what is known of a branch that ends as it did."""
    automation, head = proposal.automation, desk.pull.head_sha
    if not rebasing.asked(annotations_of(automation), desk.number, head):
        if _handled(automation) != record_name(desk, order):
            # Whoever wrote down what goes died before asking, or another request came in between.
            _ask(desk, order, proposal, head)
        elif _branch(desk) == head:
            return Outcome(True, texts.nothing_to_rebase(order.text))
    if desk.context.now() - parse(record["metadata"]["creationTimestamp"]) > WAITS_FOR:
        ready = conditions.find(conditions.of(automation), conditions.READY) or {}
        said = texts.rebase_waits(str(proposal.ref), str(ready.get("message", "")), message_of(record))
        return Outcome(True, said)
    raise StillGoing("the branch is being made anew")


def _ask(desk: Desk, order: Written, proposal: Proposal, head: str) -> None:
    # The same words each time the order is carried out, so that a replay sets nothing off.
    notes = {**rebasing.request(desk.number, head), REQUESTED_AT: record_name(desk, order)}
    desk.context.cluster.patch(proposal.ref, {"metadata": {"annotations": notes}}, manager=_MANAGER)


def _branch(desk: Desk) -> str | None:
    """Return where the branch ends now: a pull request may show it a moment later."""
    return desk.github.git_data.head(desk.name, desk.pull.head_ref, urgency=Urgency.ANSWER)


def _handled(automation: Object) -> str:
    return str((automation.get("status") or {}).get("lastHandledReconcileAt") or "")
