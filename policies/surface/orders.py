# SPDX-License-Identifier: Apache-2.0
"""What is said of orders in general. Each answer is one or two sentences, and quotes the order as code."""

from __future__ import annotations

from collections.abc import Iterable

from policies.surface.markdown import code, inline, link
from policies.surface.refusals import Refused
from policies.surface.words import moment, sentence

_SHOWN = 80  # characters of an order
_SHORT = 7  # digits of a commit id
_LONGEST_REASON = 300  # characters of an error


def refused(order: str, refusal: Refused) -> str:
    """Answer an order that its actor may not give here and now."""
    return f"{code(order, _SHOWN)} was not carried out: {refusal.reason}. {sentence(refusal.remedy)}"


def nothing_waits(order: str) -> str:
    """Answer a word that we know, where nothing waits for it."""
    return f"Nothing here waits for {code(order, _SHOWN)}. {code('/help')} lists what can be ordered."


def nothing_to_do(order: str, why: str) -> str:
    """Answer an order that is allowed and finds nothing to act on."""
    return f"{code(order, _SHOWN)} found nothing to do: {inline(why)}."


def edited(order: str) -> str:
    """Answer an order whose comment is not what it was when it came in; empty when it is gone."""
    if not order:
        return "An order was not carried out: this comment was edited before it was read. Write a new one."
    return f"{_not_carried_out(order)}: its comment was edited before it was read. Write it in a new comment."


def read_late(order: str) -> str:
    """Answer an order in a review of which nobody can tell whether it was edited."""
    return (
        f"{_not_carried_out(order)}: this review was read late, and GitHub does not tell whether it was"
        " edited since. Write it in a comment."
    )


def head_moved_meanwhile(order: str, before: str, now: str) -> str:
    """Answer an order that meant another head than there is when it would be carried out."""
    return (
        f"{_not_carried_out(order)}: it was given for {code(before[:_SHORT])}, and the head is"
        f" {code(now[:_SHORT])} now. Look at that and give the order again."
    )


def expired(order: str, at: str) -> str:
    """Answer an order that could not be carried out in its time."""
    return (
        f"{_not_carried_out(order)}: it could not be until {moment(at)} UTC, and counts no longer."
        " Give it again if it is still wanted."
    )


def failed(order: str, why: str, remedy: str = "") -> str:
    """Answer an order that was allowed and could not be carried out."""
    done = f" {sentence(inline(remedy, _LONGEST_REASON))}" if remedy else f" {code('/retry')} tries again."
    return f"{code(order, _SHOWN)} failed: {inline(why, _LONGEST_REASON)}.{done}"


def carried_out(order: str) -> str:
    """Answer an order in a review, which takes no reaction, that leaves nothing else to say."""
    return f"{code(order, _SHOWN)} was carried out."


def no_status_comment(order: str, cluster: str) -> str:
    """Answer a /status in a repository whose pull requests have no status comment."""
    return nothing_to_do(
        order, f"nothing on {cluster} follows this repository, so there is no status comment"
    )


def too_long() -> str:
    """Say that an answer would be longer than GitHub takes."""
    return "There is more to say than a comment can hold: give the orders one by one."


def you_can(orders: Iterable[str]) -> str:
    """Name what a person can order next, to be copied; empty when there is nothing."""
    written = " · ".join(code(order) for order in orders)
    return f"You can: {written}" if written else ""


def footer(updated: str, address: str = "") -> str:
    """End the status comment: when it was brought up to date, and the address where more is to be read."""
    report = f"{link('report', address)} · " if address else ""
    return f"<sub>{report}updated {moment(updated)} UTC · {code('/help')}</sub>"


def _not_carried_out(order: str) -> str:
    return f"{code(order, _SHOWN)} was not carried out"
