# SPDX-License-Identifier: Apache-2.0
"""What is said of locks and holds.

They stop what Fairway would start; what a person merges is still applied.
"""

from __future__ import annotations

from policies.orders.locks import Claim, Hold, Lock, Standing
from policies.surface.markdown import code, inline
from policies.surface.words import moment, name

_REASON, _REASON_IN_A_TABLE = 250, 80  # characters
_MOST = 50  # rows of a table
_STILL = "What a person merges is still applied."


def locked(lock: Lock) -> str:
    """Answer a /lock that was carried out."""
    return (
        f"Locked: Fairway starts no release of this repository into {name(lock.environment)}"
        f"{_until(lock.claim)}. {_STILL} {name(f'/unlock {lock.environment}')} takes it back."
    )


def already_locked(lock: Lock) -> str:
    """Answer a /lock that came second."""
    return f"{name(lock.environment)} was locked already, {_by(lock.claim)}. {_keeps(lock.claim)}"


def unlocked(lock: Lock) -> str:
    """Answer an /unlock that was carried out."""
    return f"Unlocked: releases into {name(lock.environment)} go on. It was locked {_by(lock.claim)}."


def not_locked(environment: str) -> str:
    """Answer an /unlock where there is nothing to take back."""
    return f"{name(environment)} is not locked; {code('/locks')} lists what is."


def held(hold: Hold) -> str:
    """Answer a /hold that was carried out."""
    return (
        f"Held: Fairway starts nothing for this pull request{_until(hold.claim)}. {_STILL}"
        f" {code('/unhold')} takes it back."
    )


def already_held(hold: Hold) -> str:
    """Answer a /hold that came second."""
    return f"This pull request was held already, {_by(hold.claim)}. {_keeps(hold.claim)}"


def unheld(hold: Hold) -> str:
    """Answer an /unhold that was carried out."""
    return f"The hold is taken back: what waited for it goes on. It was held {_by(hold.claim)}."


def not_held() -> str:
    """Answer an /unhold where there is nothing to take back."""
    return f"This pull request is not held; {code('/locks')} lists what is."


def stopped(by: Lock | Hold) -> str:
    """Say on a pull request that something does not go on, and how it would."""
    if isinstance(by, Lock):
        back = name(f"/unlock {by.environment}")
        return f"Waits: {name(by.environment)} is locked {_by(by.claim)}. {back} lets it go on."
    return f"Waits: this pull request is held {_by(by.claim)}. {code('/unhold')} lets it go on."


def applied_all_the_same(by: Lock | Hold) -> str:
    """Say on a merged pull request that a lock or hold did not keep it from being applied."""
    what = name(by.environment) if isinstance(by, Lock) else "this pull request"
    state = "locked" if isinstance(by, Lock) else "held"
    return (
        f"Applied although {what} is {state} {_by(by.claim)}: Fairway did not merge it, and a lock or a"
        " hold stops only what Fairway starts."
    )


def table(standing: Standing) -> str:
    """Answer /locks: everything that stands in this repository."""
    if not standing.locks and not standing.holds:
        return "Nothing is locked or held in this repository."
    rows = [
        _row(name(lock.environment), lock.claim, f"/unlock {lock.environment}") for lock in standing.locks
    ]
    # Written as code, so that it is no reference in the other pull request.
    rows += [_row(code(f"#{hold.pull_request}"), hold.claim, "/unhold") for hold in standing.holds]
    head = "| stopped | by | since (UTC) | reason | until (UTC) | taken back by |\n|---|---|---|---|---|---|"
    more = [f"And {len(rows) - _MOST} more."] if len(rows) > _MOST else []
    return "\n".join([head, *rows[:_MOST], "", *more, _STILL])


def _row(what: str, claim: Claim, back: str) -> str:
    by = name(claim.login) if claim.login else "unknown"
    until = moment(claim.until) if claim.until else ""
    cells = [what, by, moment(claim.since), inline(claim.reason, _REASON_IN_A_TABLE), until, name(back)]
    return f"| {' | '.join(cells)} |"


def _by(claim: Claim) -> str:
    """Say who claimed it, when and why, to go on a sentence."""
    if not claim.login:
        return f"by an Order {name(claim.name)} that cannot be read"
    why = f" ({inline(claim.reason, _REASON)})" if claim.reason else ""
    return f"by {name(claim.login)} since {moment(claim.since)} UTC{why}"


def _until(claim: Claim) -> str:
    return f" until {moment(claim.until)} UTC" if claim.until else ""


def _keeps(claim: Claim) -> str:
    return "It stays as it is." if claim.login else "An administrator of the cluster can delete that object."
