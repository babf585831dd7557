# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3

from policies.objects import Object, ObjectRef
from workers.cluster import Client, Unavailable
from workers.watch.leader import DURATION, Leader

START = datetime(2026, 11, 23, 15, 0, 0, tzinfo=UTC)


_elapsed = [0.0]


def at(seconds: float, *, jump: float = 0.0) -> datetime:
    """Let it be so many seconds later; returns what a clock shows that has jumped meanwhile."""
    _elapsed[0] = seconds
    return START + timedelta(seconds=seconds + jump)


def contender(client: Client, namespace: str, identity: str) -> Leader:
    return Leader(
        client, namespace=namespace, name="fairway-watch", identity=identity, elapsed=lambda: _elapsed[0]
    )


def lease(client: Client, namespace: str) -> Object:
    spec: Object = client.get(ObjectRef("coordination.k8s.io", "v1", "Lease", namespace, "fairway-watch"))[
        "spec"
    ]
    return spec


def test_the_first_takes_the_lease_and_the_second_waits(client: Client, namespace: str) -> None:
    one, two = contender(client, namespace, "one"), contender(client, namespace, "two")
    assert one.step(at(0))
    assert not two.step(at(0))
    assert not two.step(at(DURATION))
    assert lease(client, namespace) == {
        "holderIdentity": "one",
        "leaseDurationSeconds": DURATION,
        "acquireTime": "2026-11-23T15:00:00.000000Z",
        "renewTime": "2026-11-23T15:00:00.000000Z",
        "leaseTransitions": 0,
    }


def test_who_renews_keeps_it(client: Client, namespace: str) -> None:
    one, two = contender(client, namespace, "one"), contender(client, namespace, "two")
    for seconds in range(0, 60, 5):
        assert one.step(at(seconds))
        assert not two.step(at(seconds + 4))
    held = lease(client, namespace)
    assert (held["acquireTime"], held["renewTime"]) == (
        "2026-11-23T15:00:00.000000Z",
        "2026-11-23T15:00:55.000000Z",
    )


def test_a_lease_that_ran_out_is_taken_over_and_the_old_holder_learns_it(
    client: Client, namespace: str
) -> None:
    one, two = contender(client, namespace, "one"), contender(client, namespace, "two")
    assert one.step(at(0))
    assert not two.step(at(0))
    assert two.step(at(DURATION + 0.1))
    assert not one.step(at(DURATION + 0.2))
    held = lease(client, namespace)
    assert (held["holderIdentity"], held["leaseTransitions"]) == ("two", 1)
    assert held["acquireTime"] == held["renewTime"]


def test_a_lease_that_is_released_is_taken_at_once(client: Client, namespace: str) -> None:
    one, two = contender(client, namespace, "one"), contender(client, namespace, "two")
    assert one.step(at(0))
    one.release(at(1))
    assert lease(client, namespace)["holderIdentity"] == ""
    assert two.step(at(1))
    assert not one.step(at(2))


def test_only_the_holder_releases(client: Client, namespace: str) -> None:
    one, two = contender(client, namespace, "one"), contender(client, namespace, "two")
    two.release(at(0))
    assert one.step(at(0))
    two.release(at(1))
    assert lease(client, namespace)["holderIdentity"] == "one"


def test_of_many_at_once_one_leads(client: Client, namespace: str) -> None:
    many = [contender(client, namespace, str(number)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for seconds in (0, 1, 100, 101, 200):  # created, and twice taken over after it ran out
            led = list(pool.map(Leader.step, many, [at(seconds)] * len(many)))
            assert led.count(True) == 1


def test_a_holder_that_comes_back_under_its_name_goes_on(client: Client, namespace: str) -> None:
    assert contender(client, namespace, "one").step(at(0))
    assert contender(client, namespace, "one").step(at(3))
    assert lease(client, namespace)["leaseTransitions"] == 0


class Severed(Client):
    """A client whose connection can be lost."""

    def __init__(self, client: Client) -> None:
        super().__init__(client.server, client._pool, headers=client._headers, discovery=client.discovery)
        self.whole = client._pool

    def cut(self) -> None:
        self._pool = urllib3.HTTPSConnectionPool("127.0.0.1", 1, retries=False)

    def mend(self) -> None:
        self._pool = self.whole


def test_a_holder_that_cannot_renew_leads_on_until_shortly_before_another_may(
    client: Client, namespace: str
) -> None:
    line = Severed(client)
    one, two = contender(line, namespace, "one"), contender(client, namespace, "two")
    assert one.step(at(0))
    assert not two.step(at(0))
    line.cut()
    assert one.step(at(DURATION - 3))
    assert not one.step(at(DURATION - 2))
    assert not two.step(at(DURATION)), "there is never a moment with two leaders"
    assert two.step(at(DURATION + 0.1))
    line.mend()
    assert not one.step(at(DURATION + 1))


def test_who_never_held_it_does_not_lead_when_it_cannot_ask(client: Client, namespace: str) -> None:
    line = Severed(client)
    line.cut()
    one = contender(line, namespace, "one")
    assert not one.step(at(0))
    one.release(at(0))


def test_a_lease_without_times_is_free(client: Client, namespace: str) -> None:
    client.create(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "fairway-watch", "namespace": namespace},
            "spec": {"holderIdentity": "somebody"},
        }
    )
    assert contender(client, namespace, "one").step(at(0))


def test_a_clock_that_jumps_takes_no_lease_that_is_renewed(client: Client, namespace: str) -> None:
    one, two = contender(client, namespace, "one"), contender(client, namespace, "two")
    for seconds in range(0, 40, 5):
        assert one.step(at(seconds, jump=-7200 if seconds > 20 else 0))
        assert not two.step(at(seconds + 1, jump=3600 if seconds > 10 else 0))


def test_a_lease_from_a_clock_far_ahead_is_taken_when_it_stands_still(client: Client, namespace: str) -> None:
    one, two = contender(client, namespace, "one"), contender(client, namespace, "two")
    assert one.step(at(0, jump=3600))
    assert not two.step(at(1))
    assert not two.step(at(1 + DURATION))
    assert two.step(at(1.1 + DURATION))


def test_who_waited_longer_for_an_answer_than_the_lease_is_good_for_does_not_lead(
    client: Client, namespace: str
) -> None:
    class Hanging(Client):
        def request(self, method: str, path: str, **options: Any) -> Any:
            if method == "PATCH":
                at(_elapsed[0] + 15)
                raise Unavailable("timed out")
            return super().request(method, path, **options)

    hanging = Hanging(client.server, client._pool, headers=client._headers, discovery=client.discovery)
    one = contender(hanging, namespace, "one")
    assert one.step(at(0))
    assert not one.step(at(2))


def test_who_holds_it_goes_on_when_somebody_else_writes_into_the_lease(
    client: Client, namespace: str
) -> None:
    class Raced(Client):
        def patch(self, ref: ObjectRef, patch: Object, *, manager: str, subresource: str = "") -> Object:
            client.patch(ref, {"metadata": {"annotations": {"a": str(_elapsed[0])}}}, manager="kubectl")
            return super().patch(ref, patch, manager=manager, subresource=subresource)

    raced = Raced(client.server, client._pool, headers=client._headers, discovery=client.discovery)
    one = contender(raced, namespace, "one")
    assert one.step(at(0))
    assert one.step(at(2))
    assert not one.step(at(DURATION)), "but not for longer than the Lease is good for"


def test_who_stands_by_says_once_for_whom(
    client: Client, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    one, two = contender(client, namespace, "one"), contender(client, namespace, "two")
    for seconds in range(4):
        assert one.step(at(seconds))
        assert not two.step(at(seconds))
    assert [r.message for r in caplog.records] == [f"standing by: one holds Lease/{namespace}/fairway-watch"]
