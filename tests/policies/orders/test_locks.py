# SPDX-License-Identifier: Apache-2.0
"""What stands of the orders in the cluster, and who stopped what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from policies.orders.locks import Claim, Hold, Lock, Standing, standing
from policies.orders.names import held, hold_name, lock_name, locked, order_name

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
AT = "2026-11-28T11:00:00Z"


def order(name: str, *, status: Any = None, metadata: Any = None, **spec: Any) -> dict[str, Any]:
    """Return an Order as the API server holds it."""
    return {
        "metadata": {"name": name, "namespace": "fairway", "creationTimestamp": AT, **(metadata or {})},
        "spec": {
            "verb": name.partition("-")[0],
            "repository": {"owner": "acme", "name": "fleet", "id": 7},
            "actor": {"id": 11, "login": "alice"},
            "comment": {"kind": "comment", "id": 99, "line": 2},
            "pullRequest": 41,
            "reason": "incident 42",
            **spec,
        },
        **({"status": status} if status else {}),
    }


def claim(name: str, **more: Any) -> Claim:
    return Claim(
        name=name,
        actor_id=11,
        login="alice",
        since=AT,
        reason="incident 42",
        pull_request=41,
        comment=("comment", 99, 2),
        **more,
    )


def test_a_lock_and_a_hold_stand_from_when_they_are_made() -> None:
    found = standing([order("hold-7-41"), order("lock-7-prod"), order("lock-7-dev"), order("lock-6-x")], NOW)
    assert found == Standing(
        (
            Lock(6, "x", claim("lock-6-x")),
            Lock(7, "dev", claim("lock-7-dev")),
            Lock(7, "prod", claim("lock-7-prod")),
        ),
        (Hold(7, 41, claim("hold-7-41")),),
    )
    assert [lock.environment for lock in found.of(7).locks] == ["dev", "prod"]


@pytest.mark.parametrize(
    ("more", "stands"),
    [
        ({}, True),
        ({"status": {"phase": "pending"}}, True),
        ({"status": {"phase": "standing"}}, True),
        ({"status": {"phase": "done"}}, False),
        ({"status": {"phase": "refused"}}, False),
        ({"metadata": {"deletionTimestamp": AT}}, False),
        ({"expiresAt": "2026-11-28T12:00:01Z"}, True),
        ({"expiresAt": "2026-11-28T12:00:00Z"}, False),
        ({"expiresAt": "2026-11-28T12:00:00.5+01:00"}, False),
        ({"expiresAt": "never"}, True),
    ],
)
def test_one_that_is_over_stops_nothing(more: dict[str, Any], stands: bool) -> None:
    found = standing([order("lock-7-prod", **more)], NOW)
    assert (found.lock(7, "prod") is not None) is stands


def test_one_that_cannot_be_read_stops_what_its_name_says() -> None:
    broken = order("lock-7-prod", actor={}), order("hold-7-41", comment=None)
    found = standing(broken, NOW)
    lock = Lock(7, "prod", Claim("lock-7-prod", since=AT))
    assert found == Standing((lock,), (Hold(7, 41, Claim("hold-7-41", since=AT)),))
    assert standing([order("lock-7-prod", actor={}, metadata={"deletionTimestamp": AT})], NOW) == Standing()


@pytest.mark.parametrize(
    "name",
    ["order-comment-99-2", "lock-7-", "lock-0-prod", "lock-x-prod", "hold-7-prod", "hold-7-0", "lock", "x"],
)
def test_other_orders_stop_nothing(name: str) -> None:
    assert standing([order(name, verb="lock", environment="prod")], NOW) == Standing()


def test_what_stops_a_release_is_the_lock_of_its_environment_or_the_hold_on_its_pull_request() -> None:
    found = standing([order("lock-7-prod"), order("hold-7-41"), order("lock-8-dev")], NOW)
    assert found.stops(7, "prod", None) == found.locks[0]
    assert found.stops(7, "prod", 41) == found.locks[0]
    assert found.stops(7, "dev", 41) == found.holds[0]
    assert found.stops(7, "dev", 42) is None
    assert found.stops(7, "dev", None) is None
    assert found.stops(8, "prod", 41) is None


def test_a_replay_knows_its_own_claim() -> None:
    mine = claim("lock-7-prod")
    assert mine.from_comment("comment", 99, 2)
    assert not mine.from_comment("review", 99, 2)
    assert not mine.from_comment("comment", 99, 3)
    assert not Claim("lock-7-prod").from_comment("comment", 99, 2)


def test_names_are_the_same_for_the_same_order_and_read_back() -> None:
    assert order_name("comment", 99, 2) == "order-comment-99-2"
    assert locked(lock_name(7, "prod-eu")) == (7, "prod-eu")
    assert held(hold_name(7, 41)) == (7, 41)
    assert len(lock_name(2**63 - 1, "e" * 63)) <= 253
    assert locked("lock-7-" + "e" * 64) is None
