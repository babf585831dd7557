# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is in the workqueue, and how many runs a tenant or a host may occupy: on a real Redis."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from policies.fairness import Share
from tests.fixtures.world import until
from tests.workers.queues import Process, Start, fast, many
from workers.workqueue import Addition, Key, Queue

WEB = Key("Kustomization", "apps", "web")


def taken(one: Process, most: int) -> list[str]:
    """Take as many objects as there may be run at once, and end their runs."""
    with ExitStack() as runs:
        found = [runs.enter_context(one.queue.take()) for _ in range(most)]
    return [key.name for key in found if key]


def test_a_thousand_of_one_repository_delay_two_of_another_by_their_own_number(process: Start) -> None:
    one = process()
    one.queue.add_all(many("big", "fleet", 1000))
    one.queue.add_all(many("small", "site", 2))
    assert {"site-0", "site-1"} <= set(taken(one, 5))


def test_repositories_of_one_tenant_take_turns(process: Start) -> None:
    one = process()
    one.queue.add_all(many("flux-system", "fleet", 100))
    one.queue.add_all(many("flux-system", "site", 2))
    assert {"site-0", "site-1"} <= set(taken(one, 5))


def test_many_repositories_give_a_tenant_no_more_turns(process: Start) -> None:
    one = process(threads=64)
    for number in range(20):
        one.queue.add_all(many("big", f"r{number}", 10))
    one.queue.add_all(many("small", "site", 20))
    names = taken(one, 40)
    assert 15 <= sum(name.startswith("site-") for name in names) <= 25


def test_one_tenant_cannot_occupy_every_thread(process: Start) -> None:
    one = process(threads=16)
    one.queue.add_all(many("big", "fleet", 100))
    with ExitStack() as runs:
        found = [runs.enter_context(one.queue.take()) for _ in range(16)]
        assert sum(key is not None for key in found) == 12
        one.queue.add_all(many("small", "site", 1))
        assert runs.enter_context(one.queue.take()) == Key("Kustomization", "small", "site-0")
    left = [name for _ in range(100) for name in taken(one, 1)]
    assert len(left) == 88, "each is run in the end"


def test_a_dead_host_holds_up_only_what_uses_it(process: Start) -> None:
    one = process(threads=16)
    one.queue.add_all(many("a", "slow", 20, gate="git:slow.example"))
    one.queue.add_all(many("b", "slower", 20, gate="git:slow.example"))
    one.queue.add_all(many("a", "quick", 2, gate="git:quick.example"))
    with ExitStack() as runs:
        found = [runs.enter_context(one.queue.take()) for _ in range(16)]
        names = [key.name for key in found if key]
        assert sorted(name.partition("-")[0] for name in names) == [
            "quick",
            "quick",
            *["slow"] * 2,
            *["slower"] * 2,
        ]
        assert len(one.waiting()) == 0
    assert len(one.waiting()) == 4, "one goes on for each that has ended"


def test_more_workers_raise_the_limits(process: Start) -> None:
    one, two = process(threads=16), process(threads=16)
    one.queue.add_all(many("big", "fleet", 100))
    with one.queue.take(), two.queue.take():
        assert len(taken(one, 30)) == 22


def test_a_place_of_a_dead_process_at_a_gate_is_free_again(
    process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast(monkeypatch, ttl=0.3, heartbeat=60)
    dead, other = process(threads=2), process(threads=2)
    dead.queue.add_all(many("a", "slow", 2, gate="git:slow.example"))
    dying = dead.queue.take()
    assert dying.__enter__()
    assert taken(other, 1) == [], "there is one place for two workers of two threads"

    def revived() -> bool:
        other.queue.revive()
        return len(other.waiting()) == 2

    until(revived, what="both to wait again")
    assert [*taken(other, 1), *taken(other, 1)] in (["slow-0", "slow-1"], ["slow-1", "slow-0"])


def test_what_is_added_without_a_share_keeps_the_one_it_had(process: Start) -> None:
    one = process()
    one.queue.add_all(many("big", "fleet", 1))
    one.queue.add(Key("Kustomization", "big", "fleet-0"))
    one.queue.add(WEB)
    marks = {key.decode(): mark.decode() for key, mark in one.redis.hgetall("fairway:dirty").items()}
    assert marks == {"Kustomization/big/fleet-0": "push|big|fleet|", str(WEB): "reconcile|apps||"}


def test_what_asks_github_passes_its_gate_whoever_adds_it(process: Start) -> None:
    one = process(threads=16)
    for number in range(20):
        one.queue.add(Key("Repository", f"owner-{number}", "fleet"))
        one.queue.add(Key("PullRequest", f"owner-{number}", "fleet:7"))
    with ExitStack() as runs:
        found = [runs.enter_context(one.queue.take()) for _ in range(16)]
        assert sum(key is not None for key in found) == 4
        one.queue.add(WEB)
        assert runs.enter_context(one.queue.take()) == WEB


def test_a_place_at_a_gate_is_freed_where_it_was_taken(process: Start) -> None:
    one = process(threads=16)
    one.queue.add(WEB, share=Share("apps", "acme/web", "git:slow.example"))
    with one.queue.take():
        one.queue.add(WEB, share=Share("other", "acme/web", "git:quick.example"))
    assert one.redis.keys("fairway:gate:*") == []


def test_a_place_goes_to_who_waits_and_not_to_who_had_his_turn(process: Start) -> None:
    one = process(threads=4)
    slow, next_one = (Share("a", f"acme/{name}", "git:slow.example") for name in ("slow", "next"))
    first, second, third = (Key("GitRepository", "a", name) for name in ("first", "second", "third"))
    one.queue.add(first, share=slow)
    with one.queue.take():
        one.queue.add(second, share=slow)
        assert taken(one, 1) == [], "it is parked"
        one.queue.add(second, share=slow)  # which has it wait as well
    assert taken(one, 1) == ["second"]
    with ExitStack() as runs:
        one.queue.add(first, share=slow)
        runs.enter_context(one.queue.take())
        one.queue.add(third, share=next_one)
        assert taken(one, 1) == [], "parked, and first in line"
        runs.close()
        assert taken(one, 1) == ["third"]


def test_what_a_person_waits_for_passes_a_gate_before_what_waited_there_longer(process: Start) -> None:
    one = process(threads=4)
    sweeps = [Key("Sweep", f"owner-{number}", "fleet") for number in range(5)]
    one.queue.add_all([Addition(key) for key in sweeps])
    with ExitStack() as runs:
        assert runs.enter_context(one.queue.take()) == sweeps[0]
        assert taken(one, 9) == [], "the others are parked"
        one.queue.add(Key("Repository", "acme", "pushed"), Queue.PUSH)
        assert taken(one, 9) == []
        runs.close()
        with one.queue.take() as found:
            assert found == Key("Repository", "acme", "pushed")
    left = [name for _ in range(9) for name in taken(one, 1)]
    assert left == ["fleet"] * 4


def test_no_more_messages_are_sent_than_there_are_threads_to_take_them(process: Start) -> None:
    one = process(threads=4)
    one.queue.present()
    one.queue.add_all(many("big", "fleet", 100))
    assert one.messages() == 4
    one.redis.delete("fairway:celery:work")
    with ExitStack() as runs:
        for _ in range(3):
            runs.enter_context(one.queue.take())
        one.queue.add_all(many("small", "site", 5))
        assert one.messages() == 1, "three are at it"
