# SPDX-License-Identifier: Apache-2.0
"""The workqueue on a real Redis, with the times of its keys cut short where a test waits for them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import pytest
import redis

from app.cli.redis import EmbeddedRedis
from tests.fixtures.world import until
from workers import workqueue
from workers.workqueue import Key, Queue, Workqueue, open_redis

WEB, API = Key("Kustomization", "apps", "web"), Key("Kustomization", "apps", "api")


class Process:
    """A process that uses the queue: its own client, its own heartbeat, and the messages it sent."""

    def __init__(self, url: str) -> None:
        self.sent: list[tuple[Key, Queue]] = []
        self.redis = open_redis(url)
        self.queue = Workqueue(self.redis, lambda key, queue: self.sent.append((key, queue)))

    def run(self, key: Key) -> AbstractContextManager[bool]:
        """Run an object that somebody else added."""
        self.redis.hsetnx("fairway:dirty", str(key), "reconcile")
        return self.queue.run(key)


@pytest.fixture
def process(redis_server: EmbeddedRedis) -> Callable[[], Process]:
    return lambda: Process(redis_server.url)


Start = Callable[[], Process]


def test_a_key_that_is_added_is_sent_once_with_its_queue(process: Start) -> None:
    one = process()
    one.queue.add(WEB, Queue.PUSH)
    one.queue.add(API)
    assert one.sent == [(WEB, Queue.PUSH), (API, Queue.RECONCILE)]


def test_twenty_adds_at_once_are_one_message(process: Start) -> None:
    some = [process() for _ in range(4)]
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: some[n % 4].queue.add(WEB), range(20)))
    assert [sent for one in some for sent in one.sent] == [(WEB, Queue.RECONCILE)]


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


def test_adds_during_a_run_are_sent_once_when_it_ends(process: Start) -> None:
    runner, others = process(), process()
    runner.queue.add(WEB)
    with runner.run(WEB) as ours:
        assert ours
        for _ in range(3):
            others.queue.add(WEB, Queue.PUSH)
        assert others.sent == []
    assert runner.sent == [(WEB, Queue.RECONCILE), (WEB, Queue.PUSH)]
    with runner.run(WEB) as again:
        assert again
    assert len(runner.sent) == 2, "nothing changed during the second run"


def test_a_message_for_what_runs_already_is_dropped_and_the_change_is_kept(process: Start) -> None:
    runner, late = process(), process()
    with runner.run(WEB):
        late.queue.add(WEB)
        with late.run(WEB) as ours:
            assert not ours
    assert (runner.sent, late.sent) == ([(WEB, Queue.RECONCILE)], [])


def test_a_run_that_fails_ends_like_any_other(process: Start) -> None:
    one = process()

    def work() -> None:
        with one.run(WEB):
            one.queue.add(WEB)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert one.sent == [(WEB, Queue.RECONCILE)]
    with one.run(WEB) as ours:
        assert ours


def test_nothing_is_left_behind_when_all_is_done(process: Start) -> None:
    one = process()
    one.queue.add(WEB)
    with one.run(WEB):
        pass
    assert one.redis.keys("*") == []


def test_every_key_runs_out_by_itself(process: Start) -> None:
    one = process()
    one.queue.add(WEB)
    with one.run(API):
        one.queue.add(API)
        left = {name.decode(): one.redis.pttl(name) for name in one.redis.keys("*")}
    assert len(left) == 3
    assert all(ttl > 0 for ttl in left.values()), left


def test_busy_is_what_runs_or_is_about_to(process: Start) -> None:
    one = process()
    idle = Key("Kustomization", "apps", "idle")
    one.queue.add(WEB)
    with one.run(API):
        assert one.queue.busy([WEB, API, idle]) == {WEB, API}
    assert one.queue.busy([WEB, API, idle]) == {WEB}
    assert one.queue.busy([]) == set()


def test_a_message_that_was_lost_is_sent_again_after_its_time(
    process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workqueue, "_QUEUED_TTL", 0.3)
    one = process()
    one.queue.add(WEB)
    one.queue.add(WEB)
    assert len(one.sent) == 1

    def sent_again() -> bool:
        one.queue.add(WEB)
        return len(one.sent) > 1

    until(sent_again, what="a second message")
    assert len(one.sent) == 2


def test_a_message_that_comes_twice_runs_once(process: Start) -> None:
    one = process()
    one.queue.add(WEB)
    with one.queue.run(WEB) as ours:
        assert ours
    with one.queue.run(WEB) as again:
        assert not again


def test_what_a_dead_process_ran_is_revived_with_its_queue(
    process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast(monkeypatch, ttl=0.3, heartbeat=60)
    dead, other = process(), process()
    dead.queue.add(WEB, Queue.PUSH)
    dying = dead.queue.run(WEB)
    assert dying.__enter__()
    other.queue.revive()
    assert other.sent == [], "it is being run"

    def revived() -> bool:
        other.queue.revive()
        return bool(other.sent)

    until(revived, what="a message for what the dead ran")
    other.queue.revive()
    assert other.sent == [(WEB, Queue.PUSH)]
    with other.queue.run(WEB) as ours:
        assert ours


def test_a_change_during_the_run_of_a_dead_process_is_not_lost(
    process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody ends that run, and the one who adds is told that somebody runs."""
    fast(monkeypatch, ttl=0.3, heartbeat=60)
    dead, other = process(), process()
    dead.queue.add(WEB)
    dying = dead.queue.run(WEB)
    assert dying.__enter__()
    other.queue.add(WEB, Queue.PUSH)
    assert other.sent == []
    until(lambda: not other.redis.exists(f"fairway:run:{WEB}"), what="the run of the dead to run out")
    other.queue.revive()
    assert other.sent == [(WEB, Queue.PUSH)]


def test_nothing_is_revived_that_is_worked_on_or_about_to_be(process: Start) -> None:
    one, other = process(), process()
    one.queue.add(WEB)
    with one.run(API):
        one.queue.add(API)
        other.queue.revive()
    assert other.sent == []


def fast(monkeypatch: pytest.MonkeyPatch, *, ttl: float, heartbeat: float) -> None:
    monkeypatch.setattr(workqueue, "RUN_TTL", ttl)
    monkeypatch.setattr(workqueue, "HEARTBEAT", heartbeat)


def held(one: Process) -> bool:
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
        assert other.sent == []
    assert runner.sent == [(WEB, Queue.RECONCILE)]
    assert held(other)


def test_a_flush_gives_no_second_runner_in_the_same_process(
    process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast(monkeypatch, ttl=5.0, heartbeat=60)
    one = process()
    with one.run(WEB):
        one.redis.flushall()
        one.queue.add(WEB)
        assert len(one.sent) == 1, "after a flush nobody knows of the run"
        assert not held(one)
        assert len(one.sent) == 1
    assert len(one.sent) == 2, "the change that came after the flush is seen by a run of its own"
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
        with pytest.raises(redis.ConnectionError), one.run(WEB):
            pytest.fail("nobody may run without having asked")
        with pytest.raises(redis.ConnectionError):
            one.queue.busy([WEB])
        assert one.sent == []
    finally:
        redis_server.start()
    one.queue.add(WEB)
    assert one.sent == [(WEB, Queue.RECONCILE)]


def test_a_redis_that_hangs_is_an_error_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        client = open_redis(url, socket_timeout=0.2)
        with pytest.raises(redis.TimeoutError):
            Workqueue(client, lambda key, queue: None).add(WEB)


def test_each_call_is_bounded_in_time(redis_server: EmbeddedRedis) -> None:
    options = open_redis(redis_server.url).connection_pool.connection_kwargs
    assert 0 < options["socket_timeout"] <= 5
    assert 0 < options["socket_connect_timeout"] <= 5


def test_a_message_that_cannot_be_sent_is_not_taken_for_sent(redis_server: EmbeddedRedis) -> None:
    """The broker may refuse what Redis has noted; the next add must not rely on it."""
    refused = [True]
    sent: list[Key] = []

    def send(key: Key, queue: Queue) -> None:
        if refused:
            refused.clear()
            raise ConnectionError("the broker is away")
        sent.append(key)

    queue = Workqueue(open_redis(redis_server.url), send)
    with pytest.raises(ConnectionError):
        queue.add(WEB)
    queue.add(WEB)
    assert sent == [WEB]


def test_an_end_that_cannot_be_told_keeps_no_message_back(redis_server: EmbeddedRedis) -> None:
    queue = Workqueue(open_redis(redis_server.url), _refuse)
    quiet = Workqueue(open_redis(redis_server.url), lambda key, queue: None)

    quiet.add(WEB)

    def work() -> None:
        with queue.run(WEB):
            quiet.add(WEB)

    with pytest.raises(ConnectionError):
        work()
    assert queue.busy([WEB]) == set()


def _refuse(key: Key, queue: Queue) -> None:
    raise ConnectionError("the broker is away")
