# SPDX-License-Identifier: Apache-2.0
"""Whether Fairway merges a pull request of its own: only what a person with the right could merge as well.

The binding says so, the base has a required check, GitHub lets it be merged without passing anything over,
every commit of it is our App's, nothing is locked or held, and whoever ordered it may merge, or a rule of the
repository's own file says so in his place. In all other cases a person merges.
"""

from __future__ import annotations

from dataclasses import dataclass

from policies.orders.locks import Hold, Lock
from policies.orders.people import Role
from policies.tenancy import Write

# GitHub's words. What is `unstable` fails checks that nobody requires.
_READY = frozenset({"clean", "has_hooks", "unstable"})
_NEVER = frozenset({"dirty"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """A pull request of ours: what the binding allows, and how GitHub shows it at this moment.

    `orderer` is the role of whoever ordered it, None where nobody did: then a rule of the repository covers
    it, or `unruled` says why none does, as a clause for people.
    """

    write: Write
    required_checks: bool
    state: str
    ours: bool
    orderer: Role | None
    stopped_by: Lock | Hold | None = None
    unruled: str = ""


@dataclass(frozen=True, slots=True)
class Merge:
    """It is merged now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """It may be merged by us later."""


@dataclass(frozen=True, slots=True)
class LeaveIt:
    """A person merges it; `why` is a clause for people."""

    why: str


def decide(proposal: Proposal) -> Merge | Wait | LeaveIt:
    """Say what becomes of a pull request of ours."""
    if proposal.write < Write.MERGE:
        return LeaveIt("the binding does not let Fairway merge")
    if not proposal.required_checks:
        return LeaveIt("its base requires no check")
    if not proposal.ours:
        return LeaveIt("it holds commits that are not Fairway's")
    if proposal.unruled:
        return LeaveIt(proposal.unruled)
    if proposal.orderer is not None and proposal.orderer < Role.WRITE:
        return LeaveIt("whoever ordered it may not merge here")
    if proposal.state in _NEVER:
        return LeaveIt("it conflicts with its base")
    if proposal.stopped_by is not None or proposal.state not in _READY:
        return Wait()
    return Merge()
