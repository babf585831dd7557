# SPDX-License-Identifier: Apache-2.0
"""How an order ended, in words for whoever gave it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from policies.errors import FairwayError
from policies.orders.grammar import Written
from policies.orders.names import order_name
from policies.surface import orders
from policies.surface.refusals import Refused
from workers.orders.desk import Desk

_SOONEST, _LATEST = timedelta(seconds=1), timedelta(seconds=5)  # between looks at what goes on


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether it was carried out, and what is to be said of it."""

    done: bool
    text: str


class StillGoing(FairwayError):
    """What an order set off is not over: the comment is read again in a moment, and so on until it is."""

    def pause(self, passed: timedelta) -> timedelta:
        """Return when to look again, so long after the comment: each look asks GitHub a dozen times."""
        return min(max(_SOONEST, passed * 0.2), _LATEST)


def refused(order: Written, refusal: Refused) -> Outcome:
    """Return that somebody may not order this here and now."""
    return Outcome(False, orders.refused(order.text, refusal))


def record_name(desk: Desk, order: Written) -> str:
    """Name the Order object of an order."""
    heard = desk.said.heard
    return order_name(heard.kind, heard.id, order.line)
