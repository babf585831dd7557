# SPDX-License-Identifier: Apache-2.0
"""/rebase: an automation makes the branch of its pull request anew, also one that a person has pushed to.

What is ordered stands in the pull request itself: its record names the head that is to go (`Record.anew`).
That counts for no other head, so what is pushed later is not thrown away. The automation is woken besides, by
`reconcile.fluxcd.io/requestedAt`; whoever carries it out

1. takes a pull request whose record `wants_anew(head)` for one that is to be renewed, edited or not
   (`proposals.Pull.anew`),
2. moves its branch only where that still ends with this head,
3. writes its text anew, with a record that wants nothing, also where the branch stays as it was, and
4. takes the label `fairway/edited` off a branch that is ours alone again.

Before it is ordered, the Order says which commits go, so that whoever ends the order can still name them. It
is over once the branch ends otherwise, or the automation has run and the record wants nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from policies import conditions
from policies.budget import Urgency
from policies.clock import parse
from policies.images import record as records
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
_NOW = Urgency.ANSWER
_MANAGER = "flux-client-side-apply"  # a name that no controller takes fields away from
_GOES_ON = "the branch is being made anew"


def act(desk: Desk, order: Written, record: Object) -> Outcome:
    """Order it; raises StillGoing, after which `go_on` looks what became of it, ApiError and GitHubError."""
    proposal = desk.proposal
    if not isinstance(proposal, Proposal):
        return Outcome(False, texts.not_here(order.text, proposal))
    if not desk.pull.open:
        return refused(order, texts.not_open(merged=desk.pull.merged_at is not None))
    if is_suspended(proposal.automation):
        return refused(order, texts.suspended(str(proposal.ref)))
    theirs = [(one.sha, one.message) for one in desk.commits if not one.ours]
    desk.records.write(record, "pending", texts.lost(desk.pull.head_sha, theirs))
    _ask(desk, proposal)
    _wake(desk, order, proposal)
    raise StillGoing(_GOES_ON)


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
    if _is_ours(desk):
        return True
    return not proposal.record.wants_anew(before) and before not in {one.sha for one in desk.commits}


def _waits(desk: Desk, order: Written, record: Object, proposal: Proposal) -> Outcome:
    """Say what is known of a branch that ends as it did."""
    automation, heard = proposal.automation, _handled(proposal.automation) == record_name(desk, order)
    if not proposal.record.wants_anew(desk.pull.head_sha):
        if heard and _is_ours(desk) and _branch(desk) == desk.pull.head_sha:
            return Outcome(True, texts.nothing_to_rebase(order.text))
        # Whoever wrote down what goes died before asking, or somebody wrote another text.
        _ask(desk, proposal)
    if not heard and annotations_of(automation).get(REQUESTED_AT) != record_name(desk, order):
        _wake(desk, order, proposal)
    if desk.context.now() - parse(record["metadata"]["creationTimestamp"]) > WAITS_FOR:
        ready = conditions.find(conditions.of(automation), conditions.READY) or {}
        said = texts.rebase_waits(str(proposal.ref), str(ready.get("message", "")), message_of(record))
        return Outcome(True, said)
    raise StillGoing(_GOES_ON)


def _ask(desk: Desk, proposal: Proposal) -> None:
    """Write into the pull request which head is to go, unless it has another one or another text by now."""
    pull = desk.github.pulls.get(desk.name, desk.number, urgency=_NOW)
    if (pull.head_sha, pull.body) != (desk.pull.head_sha, desk.pull.body):
        raise StillGoing("the pull request changes")
    wanted = replace(proposal.record, anew=pull.head_sha)
    desk.github.pulls.rewrite(desk.name, desk.number, records.put(pull.body, wanted), urgency=_NOW)


def _wake(desk: Desk, order: Written, proposal: Proposal) -> None:
    # The same word each time the order is carried out, so that a replay sets nothing off.
    patch = {"metadata": {"annotations": {REQUESTED_AT: record_name(desk, order)}}}
    desk.context.cluster.patch(proposal.ref, patch, manager=_MANAGER)


def _is_ours(desk: Desk) -> bool:
    return all(one.ours for one in desk.commits)


def _branch(desk: Desk) -> str | None:
    """Return where the branch ends now: a pull request may show it a moment later."""
    return desk.github.git_data.head(desk.name, desk.pull.head_ref, urgency=_NOW)


def _handled(automation: Object) -> str:
    return str((automation.get("status") or {}).get("lastHandledReconcileAt") or "")
