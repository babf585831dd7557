# SPDX-License-Identifier: Apache-2.0
"""The server under the application: large and slow requests, many at once, Redis gone and back."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from app.cli.redis import EmbeddedRedis
from app.public import LARGEST_BODY
from app.server import ARRIVAL_TIMEOUT, PUBLIC_THREADS
from tests.app.conftest import Web, push, queued, running_web, signed, until
from tests.fixtures.freezing import freeze

BODY = json.dumps(push()).encode()


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        yield connection


def head(length: int | None, body: bytes = BODY) -> bytes:
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    lines = [f"{name}: {value}" for name, value in signed(body).items()]
    return "\r\n".join(["POST /webhooks/github HTTP/1.1", "Host: x", framing, *lines, "", ""]).encode()


def answer_of(connection: socket.socket) -> bytes:
    return connection.recv(65536).split(b"\r\n", 1)[0]


def padded(size: int) -> bytes:
    """Return a push of exactly so many bytes."""
    start = BODY[:-1] + b', "padding": "'
    return start + b"x" * (size - len(start) - 2) + b'"}'


def test_a_body_of_exactly_githubs_limit_is_taken(web: Web, store: redis.Redis) -> None:
    code, answer, _ = web.deliver(padded(LARGEST_BODY))
    assert (code, answer["queued"]) == (202, True)
    assert len(queued(store)) == 1


def test_a_larger_body_is_refused_and_the_sender_can_read_why(web: Web, store: redis.Redis) -> None:
    code, answer, _ = web.deliver(padded(LARGEST_BODY + 1))
    assert (code, answer["outcome"]) == (413, "too large")
    assert queued(store) == []


def test_a_larger_body_is_refused_before_it_is_sent(web: Web) -> None:
    with connected(web.public) as connection:
        connection.sendall(head(LARGEST_BODY + 1))
        assert answer_of(connection) == b"HTTP/1.1 413 REQUEST ENTITY TOO LARGE"


def test_a_body_of_no_said_size_is_read_no_further_than_the_limit(web: Web) -> None:
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    sent = 0
    with connected(web.public) as connection:
        connection.sendall(head(None))
        connection.settimeout(0.5)
        try:
            for _ in range(26):
                connection.sendall(chunk)
                sent += 1
        except TimeoutError:
            pass
        connection.settimeout(20)
        assert answer_of(connection) == b"HTTP/1.1 413 REQUEST ENTITY TOO LARGE"
    assert sent >= 25


def test_an_unsigned_body_is_refused_before_it_is_sent(web: Web) -> None:
    with connected(web.public) as connection:
        connection.sendall(b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 26000000\r\n\r\n")
        assert answer_of(connection) == b"HTTP/1.1 401 UNAUTHORIZED"


def test_a_body_that_is_cut_short_is_not_taken(web: Web, store: redis.Redis) -> None:
    with connected(web.public) as connection:
        connection.sendall(head(len(BODY)) + BODY[:-1])
        connection.shutdown(socket.SHUT_WR)
        assert answer_of(connection) == b"HTTP/1.1 400 BAD REQUEST"
    assert queued(store) == []


def test_many_that_send_nothing_keep_nobody_out(web: Web, store: redis.Redis) -> None:
    with ExitStack() as idle:
        for _ in range(3 * PUBLIC_THREADS):
            idle.enter_context(connected(web.public))
        assert web.deliver(BODY)[0] == 202
    assert len(queued(store)) == 1


def test_those_who_do_not_hang_up_hold_no_thread(web: Web, store: redis.Redis) -> None:
    with ExitStack() as held:
        for number in range(5 * PUBLIC_THREADS):
            connection = held.enter_context(connected(web.public))
            delivery = head(len(BODY)).replace(b"Host: x", b"Host: x\r\nConnection: close")
            connection.sendall(delivery + BODY)
            # Less than the two seconds for which a thread waits where a body was refused.
            connection.settimeout(1.9)
            assert answer_of(connection) == b"HTTP/1.1 202 ACCEPTED", number
    assert len(queued(store)) == 5 * PUBLIC_THREADS


def test_those_who_send_slowly_are_ended_and_never_reach_the_internal_listener(
    web: Web, store: redis.Redis
) -> None:
    began = time.monotonic()
    with ExitStack() as slow:
        stalled = [slow.enter_context(connected(web.public)) for _ in range(2 * PUBLIC_THREADS)]
        for number, connection in enumerate(stalled):
            # Half of them stop in their headers, half in their bodies.
            connection.sendall(head(len(BODY))[:100] if number % 2 else head(len(BODY)) + BODY[:10])
        for path in ("/healthz", "/readyz", "/metrics"):
            assert web.get(path).status == 200
        assert time.monotonic() - began < ARRIVAL_TIMEOUT / 2
        # Deliveries wait behind them, and are taken as soon as their time is over.
        with connected(web.public) as connection:
            connection.settimeout(3 * ARRIVAL_TIMEOUT)
            connection.sendall(head(len(BODY)) + BODY)
            assert answer_of(connection) == b"HTTP/1.1 202 ACCEPTED"
    assert len(queued(store)) == 1


def test_a_thousand_in_a_burst_are_all_taken(web: Web, store: redis.Redis) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: web.deliver(BODY), range(1000)))
    assert {code for code, _, _ in answers} == {202}
    assert {task["delivery"] for task in queued(store)} == {answer["delivery"] for _, answer, _ in answers}
    assert len(queued(store)) == 1000


def test_without_redis_deliveries_are_put_off_and_taken_when_it_is_back(
    web: Web, redis_server: EmbeddedRedis
) -> None:
    assert web.deliver(BODY)[0] == 202  # so that there are connections to lose
    redis_server.stop()
    try:
        for _ in range(5):
            code, answer, headers = web.deliver(BODY)
            assert (code, answer["outcome"], headers["Retry-After"]) == (503, "queue down", "10")
        assert web.get("/readyz").status == 503
        assert web.get("/healthz").status == 200
        assert web.get("/acme/fleet/commit/" + "a" * 40).status == 503
        assert web.deliver(BODY, signed(b"other"))[0] == 401
    finally:
        redis_server.start()
    until(lambda: web.get("/readyz").status == 200, what="web is ready again")
    code, answer, _ = web.deliver(BODY)
    assert (code, answer["queued"]) == (202, True)


def test_a_restart_of_redis_between_two_deliveries_costs_none(web: Web, redis_server: EmbeddedRedis) -> None:
    with ThreadPoolExecutor(20) as pool:
        assert {a[0] for a in pool.map(lambda _: web.deliver(BODY), range(60))} == {202}
        redis_server.stop()
        redis_server.start()
        assert {a[0] for a in pool.map(lambda _: web.deliver(BODY), range(60))} == {202}


def test_a_flushed_redis_takes_the_next_delivery(web: Web, store: redis.Redis) -> None:
    headers = signed(BODY)
    assert web.deliver(BODY, headers)[1]["queued"] is True
    store.flushall()
    assert web.deliver(BODY, headers)[1]["queued"] is True
    assert len(queued(store)) == 1


def test_a_redis_that_hangs_holds_nobody_up(web: Web, redis_server: EmbeddedRedis) -> None:
    pid = redis_server.pid
    assert pid is not None
    freeze(pid)
    try:
        began = time.monotonic()
        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda _: web.deliver(BODY), range(200)))
        assert {code for code, _, _ in answers} == {503}
        # One after the other they would wait for minutes.
        assert time.monotonic() - began < 20
        assert web.get("/healthz").status == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: web.deliver(BODY)[0] == 202, what="deliveries are taken again")


def test_web_refuses_to_start_with_every_problem_at_once(tmp_path: Path) -> None:
    import subprocess
    import sys

    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAIRWAY_")}
    ended = subprocess.run(
        [sys.executable, "-m", "app.cli", "web"],
        env=environment | {"FAIRWAY_CLUSTER": "Prod"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    for variable in ("FAIRWAY_CLUSTER", "FAIRWAY_REDIS_URL", "FAIRWAY_WEBHOOK_SECRET_FILE"):
        assert variable in ended.stderr
    assert "Traceback" not in ended.stderr


def test_web_ends_in_time_although_clients_hold_on(redis_server: EmbeddedRedis, tmp_path: Path) -> None:
    with ExitStack() as held:
        with running_web(tmp_path, redis_server.url) as web:
            assert web.deliver(BODY)[0] == 202
            held.enter_context(connected(web.public)).sendall(head(len(BODY)))
            began = time.monotonic()
        assert time.monotonic() - began < 12
        with pytest.raises(ProcessLookupError):
            os.kill(web.pid, 0)
