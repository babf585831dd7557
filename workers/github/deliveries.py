# SPDX-License-Identifier: Apache-2.0
"""Webhook deliveries that did not arrive: GitHub sends none again by itself, so Fairway asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from policies.clock import parse

_PATH = "/app/hook/deliveries"


@dataclass(frozen=True)
class Delivery:
    """An attempt to send an event; `guid` is the event's own and stays the same when it is sent again."""

    id: int
    guid: str
    event: str
    action: str | None
    installation_id: int | None
    repository_id: int | None
    delivered_at: datetime
    status_code: int


class Deliveries:
    """Look at what GitHub sent to our webhook; every method raises GitHubError."""

    def __init__(
        self, pages: Callable[[str, str], Iterator[Any]], call: Callable[[str, str, str], Any]
    ) -> None:
        self._pages = pages
        self._call = call

    def failed(self, since: datetime) -> list[Delivery]:
        """Return the newest attempt at each event since then of which no attempt arrived, oldest first."""
        newest: dict[str, Delivery] = {}
        for delivery in self._listed("failure", since):
            newest.setdefault(delivery.guid, delivery)
        if not newest:
            return []
        first = min(delivery.delivered_at for delivery in newest.values())
        arrived = {delivery.guid for delivery in self._listed("success", first)}
        lost = [delivery for guid, delivery in newest.items() if guid not in arrived]
        return sorted(lost, key=lambda delivery: delivery.id)

    def redeliver(self, delivery_id: int) -> None:
        """Have GitHub send a delivery once more, which it does soon."""
        self._call("POST", f"{_PATH}/{delivery_id}/attempts", f"send delivery {delivery_id} again")

    def _listed(self, status: str, since: datetime) -> Iterator[Delivery]:
        # Newest first, so that everything after the first older one is older too.
        shown = self._pages(f"{_PATH}?status={status}", "list the webhook's deliveries")
        return takewhile(lambda one: one.delivered_at >= since, (_delivery(one) for one in shown))


def _delivery(shown: Any) -> Delivery:
    return Delivery(
        id=int(shown["id"]),
        guid=shown["guid"],
        event=shown["event"],
        action=shown["action"],
        installation_id=shown["installation_id"],
        repository_id=shown["repository_id"],
        delivered_at=parse(shown["delivered_at"]).astimezone(UTC),
        status_code=int(shown["status_code"]),
    )
