# SPDX-License-Identifier: Apache-2.0
"""The workqueue on a real Redis, with the times of its keys cut short where a test waits for them."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from app.cli.redis import EmbeddedRedis
from policies.fairness import Share
from tests.fixtures.world import until
from tests.workers.queues import Process, Start, fast, many
from workers import workqueue
from workers.workqueue import Addition, Key, Queue, Workqueue, open_redis

WEB, API = Key("Kustomization", "apps", "web"), Key("Kustomization", "apps", "api")


def test_a_key_that_is_added_waits_once_in_its_queue(process: Start) -> None:
    one = process()
    for _ in range(2):
        one.queue.add(WEB, Queue.PUSH)
        one.queue.add(API)
    assert one.waiting() == [(WEB, Queue.PUSH), (API, Queue.RECONCILE)]
    assert one.messages() == 2


def test_what_waits_and_becomes_urgent_changes_the_queue(process: Start) -> None:
    one = process()
    one.queue.add(WEB)
    one.queue.add(WEB, Queue.PUSH)
    assert one.waiting() == [(WEB, Queue.PUSH)]
    one.queue.add(WEB)
    assert one.waiting() == [(WEB, Queue.PUSH)], "what is urgent stays so"
    one.queue.add(API)
    with one.queue.take() as first, one.queue.take() as second:
        assert (first, second) == (WEB, API)


def test_twenty_adds_at_once_are_one_message(process: Start) -> None:
    some = [process() for _ in range(4)]
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: some[n % 4].queue.add(WEB), range(20)))
    assert (some[0].waiting(), some[0].messages()) == ([(WEB, Queue.RECONCILE)], 1)


def test_a_key_is_run_by_one_at_a_time(process: Start) -> None:
    running, most, ran = 0, 0, 0
    lock = threading.Lock()

    def work(one: Process) -> None:
        nonlocal running, most, ran
        for _ in range(50):
            with one.run(WEB) as ours:
                if ours:
                    with lock:
                        running += 1
                        most, ran = max(most, running), ran + 1
                    with lock:
                        running -= 1

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, [process() for _ in range(6)]))
    assert (most, running) == (1, 0)
    assert ran > 0


def test_two_keys_run_side_by_side(process: Start) -> None:
    one, two = process(), process()
    with one.run(WEB) as ours, two.run(API) as theirs:
        assert (ours, theirs) == (True, True)


def test_adds_during_a_run_wait_once_when_it_ends(process: Start) -> None:
    runner, others = process(), process()
    with runner.run(WEB) as ours:
        assert ours
        for _ in range(3):
            others.queue.add(WEB, Queue.PUSH)
        assert others.waiting() == []
    assert runner.waiting() == [(WEB, Queue.PUSH)]
    assert runner.messages() == 1
    with runner.run(WEB) as again:
        assert again
    assert runner.waiting() == [], "nothing changed during the second run"


def test_a_message_for_what_runs_already_is_dropped_and_the_change_is_kept(process: Start) -> None:
    runner, late = process(), process()
    with runner.run(WEB):
        late.queue.add(WEB)
        with late.run(WEB) as ours:
            assert not ours
    assert runner.waiting() == [(WEB, Queue.RECONCILE)]


def test_a_run_that_fails_ends_like_any_other(process: Start) -> None:
    one = process()

    def work() -> None:
        with one.run(WEB):
            one.queue.add(WEB)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert one.waiting() == [(WEB, Queue.RECONCILE)]
    with one.run(WEB) as ours:
        assert ours


def test_nothing_is_left_behind_when_all_is_done(process: Start) -> None:
    one = process()
    one.queue.add(WEB)
    one.queue.add(API, share=Share("apps", "acme/api", "git:example.org"))
    with one.queue.take(), one.queue.take() as found:
        assert found == API
    one.redis.delete("fairway:celery:work")  # the messages, which are Celery's to take
    assert set(one.redis.keys("*")) == {b"fairway:number", b"fairway:workers", b"fairway:drains"}


def test_every_key_runs_out_by_itself(process: Start) -> None:
    one = process(threads=1)
    share = Share("apps", "acme/api", "git:example.org")
    one.queue.add_all([Addition(key, share=share) for key in (WEB, API)])
    with one.queue.take():
        one.queue.add(WEB)
        with one.queue.take() as parked:
            assert parked is None
        one.queue.add(Key("Kustomization", "apps", "third"))
        left = {name.decode(): one.redis.pttl(name) for name in one.redis.keys("*")}
    messages = left.pop("fairway:celery:work")
    assert messages == -1, "Celery's"
    assert len(left) == 12, sorted(left)
    assert all(ttl > 0 for ttl in left.values()), left


def test_busy_is_what_runs_or_is_about_to(process: Start) -> None:
    one = process()
    idle = Key("Kustomization", "apps", "idle")
    with one.run(API):
        one.queue.add(WEB)
        assert one.queue.busy([WEB, API, idle]) == {WEB, API}
    assert one.queue.busy([WEB, API, idle]) == {WEB}
    assert one.queue.busy([]) == set()


def test_a_message_that_was_lost_is_sent_again(process: Start) -> None:
    one = process()
    one.queue.add_all([Addition(WEB), Addition(API, Queue.PUSH)])
    one.redis.delete("fairway:celery:work")
    one.queue.revive()
    one.queue.revive()
    assert one.messages() == 2


def test_a_message_that_comes_twice_runs_once(process: Start) -> None:
    one = process()
    one.queue.add(WEB)
    with one.queue.take() as found:
        assert found == WEB
    with one.queue.take() as again:
        assert again is None


def test_what_a_dead_process_ran_is_revived_with_its_queue(
    process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast(monkeypatch, ttl=0.3, heartbeat=60)
    dead, other = process(), process()
    dead.queue.add(WEB, Queue.PUSH)
    dying = dead.run(WEB)
    assert dying.__enter__()
    other.queue.revive()
    assert other.waiting() == [], "it is being run"

    def revived() -> bool:
        other.queue.revive()
        return bool(other.waiting())

    until(revived, what="what the dead ran")
    other.queue.revive()
    assert other.waiting() == [(WEB, Queue.PUSH)]
    with other.run(WEB) as ours:
        assert ours


def test_a_change_during_the_run_of_a_dead_process_is_not_lost(
    process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody ends that run, and the one who adds is told that somebody runs."""
    fast(monkeypatch, ttl=0.3, heartbeat=60)
    dead, other = process(), process()
    dying = dead.run(WEB)
    assert dying.__enter__()
    other.queue.add(WEB, Queue.PUSH)
    assert other.waiting() == []
    until(lambda: not other.redis.exists(f"fairway:run:{WEB}"), what="the run of the dead to run out")
    other.queue.revive()
    assert other.waiting() == [(WEB, Queue.PUSH)]


def test_nothing_is_revived_that_is_worked_on_or_about_to_be(process: Start) -> None:
    one, other = process(), process()
    with one.run(API):
        one.queue.add(WEB)
        one.queue.add(API)
        messages = one.messages()
        one.redis.rpop("fairway:celery:work")  # API's, which a worker has taken
        other.queue.revive()
        assert (other.waiting(), other.messages()) == ([(WEB, Queue.RECONCILE)], messages - 1)


def held(one: Process) -> bool:
    """Tell whether a process can have the object, as `watch` sees to it now and then."""
    one.queue.revive()
    with one.run(WEB) as ours:
        return ours


def test_a_heartbeat_keeps_a_long_run(process: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    fast(monkeypatch, ttl=1.0, heartbeat=0.1)
    runner, other = process(), process()
    with runner.run(WEB) as ours:
        assert ours
        until_then = time.monotonic() + 2.5  # well past the time of a key that is not renewed
        while time.monotonic() < until_then:
            assert not held(other)
    assert held(other)


def test_the_run_of_a_dead_process_runs_out(process: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    fast(monkeypatch, ttl=0.3, heartbeat=60)  # as good as dead: it never renews
    dead, other = process(), process()
    with dead.run(WEB) as ours:
        assert ours
        assert not held(other)
        until(lambda: held(other), what="the key of the dead")


def test_a_process_that_comes_back_from_the_dead_leaves_the_new_runner_alone(
    process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast(monkeypatch, ttl=0.3, heartbeat=60)
    dead, other, third = process(), process(), process()
    with dead.run(WEB):
        until(lambda: not dead.redis.exists(f"fairway:run:{WEB}"), what="the run of the dead to run out")
        monkeypatch.setattr(workqueue, "RUN_TTL", 60)
        other.queue.revive()
        taken = other.run(WEB)
        assert taken.__enter__()
    assert not held(third), "the first one's end freed what is not its own"
    taken.__exit__(None, None, None)
    assert held(third)


def test_a_flush_gives_no_second_runner_once_a_heartbeat_has_passed(
    process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast(monkeypatch, ttl=5.0, heartbeat=0.05)
    runner, other = process(), process()
    with runner.run(WEB):
        runner.redis.flushall()
        until(lambda: runner.redis.exists(f"fairway:run:{WEB}"), what="the run to be noted again")
        assert not held(other)
        other.queue.add(WEB)
        assert other.waiting() == []
    assert runner.waiting() == [(WEB, Queue.RECONCILE)]
    assert held(other)


def test_a_flush_gives_no_second_runner_in_the_same_process(
    process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast(monkeypatch, ttl=5.0, heartbeat=60)
    one = process()
    with one.run(WEB):
        one.redis.flushall()
        one.queue.add(WEB)
        assert one.waiting(), "after a flush nobody knows of the run"
        assert not held(one)
        assert not held(process()), "now all know again"
        assert one.waiting() == []
    assert one.waiting(), "the change that came after the flush is seen by a run of its own"
    assert held(one)


def test_a_run_that_ended_is_not_renewed(process: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    fast(monkeypatch, ttl=5.0, heartbeat=0.02)
    one = process()
    for _ in range(200):
        with one.run(WEB):
            pass
        assert not one.redis.exists(f"fairway:run:{WEB}")


def test_a_heartbeat_survives_a_redis_that_is_away(
    process: Start, redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast(monkeypatch, ttl=30.0, heartbeat=0.05)
    runner, other = process(), process()
    with runner.run(WEB):
        redis_server.stop()
        with pytest.raises(redis.ConnectionError):
            runner.redis.ping()
        redis_server.start()
        until(lambda: other.redis.exists(f"fairway:run:{WEB}"), what="the run to be noted again")
        assert not held(other)
    assert held(other)


def test_a_redis_that_is_away_is_an_error(process: Start, redis_server: EmbeddedRedis) -> None:
    one = process()
    redis_server.stop()
    try:
        with pytest.raises(redis.ConnectionError):
            one.queue.add(WEB)
        with pytest.raises(redis.ConnectionError), one.queue.take():
            pytest.fail("nobody may run without having asked")
        with pytest.raises(redis.ConnectionError):
            one.queue.busy([WEB])
    finally:
        redis_server.start()
    one.queue.add(WEB)
    assert one.waiting() == [(WEB, Queue.RECONCILE)]


def test_a_redis_that_hangs_is_an_error_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        client = open_redis(url, socket_timeout=0.2)
        with pytest.raises(redis.TimeoutError):
            Workqueue(client).add(WEB)


def test_each_call_is_bounded_in_time(redis_server: EmbeddedRedis) -> None:
    options = open_redis(redis_server.url).connection_pool.connection_kwargs
    assert 0 < options["socket_timeout"] <= 5
    assert 0 < options["socket_connect_timeout"] <= 5


def test_a_run_without_redis_stays_marked_and_is_revived(
    process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast(monkeypatch, ttl=0.2, heartbeat=60)
    one = process()
    one.queue.add(WEB)
    with contextlib.suppress(redis.ConnectionError), one.queue.take():
        raise redis.ConnectionError("it was away for a moment")
    assert one.waiting() == []

    def revived() -> bool:
        one.queue.revive()
        return bool(one.waiting())

    until(revived, what="it to wait again")


def drained(one: Process, work: Callable[[Key], None], threads: int = 1) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: one.queue.drain(work), range(threads)))


def test_a_drain_works_on_all_there_is_and_on_what_comes_meanwhile(process: Start) -> None:
    one, done = process(), []

    def work(key: Key) -> None:
        done.append(key.name)
        if key.name == "fleet-0":
            one.queue.add_all(many("big", "later", 2))

    one.queue.add_all(many("big", "fleet", 3))
    drained(one, work)
    assert sorted(done) == ["fleet-0", "fleet-1", "fleet-2", "later-0", "later-1"]
    assert one.waiting() == []
    assert not one.redis.zcard("fairway:drains")


def test_no_more_drain_than_there_are_threads(process: Start) -> None:
    one = process(threads=2)
    at_once, most, lock = 0, 0, threading.Lock()

    def work(key: Key) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.02)
        with lock:
            at_once -= 1

    for tenant in ("a", "b", "c"):
        one.queue.add_all(many(tenant, "fleet", 20))
    drained(one, work, threads=6)
    assert (most, one.waiting()) == (2, [])


def test_a_drain_that_stops_has_somebody_else_go_on(process: Start) -> None:
    one = process()
    one.queue.add_all(many("big", "fleet", 3))
    one.redis.delete("fairway:celery:work")
    drained(one, lambda key: one.queue.stop())
    assert (len(one.waiting()), one.messages()) == (2, 1)


def test_a_drain_of_a_dead_process_counts_no_longer(process: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    fast(monkeypatch, ttl=0.3, heartbeat=60)
    dead, other = process(threads=1), process(threads=1)
    dead.queue.add_all(many("big", "fleet", 2))
    dying = dead.queue.take()
    assert dying.__enter__()
    other.redis.delete("fairway:celery:work")

    def revived() -> bool:
        other.queue.revive()
        return other.messages() == 1

    until(revived, what="a message for what waits")


def test_a_run_that_fails_ends_the_drain_and_nothing_else(process: Start) -> None:
    one = process()
    one.queue.add_all(many("big", "fleet", 2))

    def fail(key: Key) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        one.queue.drain(fail)
    done: list[Key] = []
    drained(one, done.append)
    assert [key.name for key in done] == ["fleet-1"]
