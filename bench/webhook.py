# SPDX-License-Identifier: Apache-2.0
"""How fast the front door acknowledges deliveries, and whether it loses any: real `web`, real Redis."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from app.cli.redis import EmbeddedRedis, free_port
from bench.registry import figure

_SECRET = b"measured"
_RATE, _SECONDS = 200, 10
_BURST, _SENDERS = 1000, 50
_QUEUE = "fairway:celery:events"
_START_TIMEOUT = 20.0  # seconds


@dataclass(frozen=True)
class _Door:
    host: str
    port: int
    store: redis.Redis

    def deliver(self, request: bytes) -> int:
        """Send one delivery as GitHub does, on a connection of its own; returns the status code.

        Written out, because Python's HTTP client takes as much of the machine as what is measured.
        """
        with socket.create_connection((self.host, self.port), timeout=30) as connection:
            connection.sendall(request)
            answer = b""
            while b"\r\n" not in answer:
                received = connection.recv(4096)
                if not received:
                    return 0
                answer += received
        return int(answer.split(b" ", 2)[1])

    def queued(self) -> int:
        return int(self.store.llen(_QUEUE))


def _requests(first: int, count: int) -> list[bytes]:
    return [_request(number) for number in range(first, first + count)]


def _request(number: int) -> bytes:
    body = _body(number)
    head = (
        "POST /webhooks/github HTTP/1.1",
        "Host: fairway",
        "Connection: close",
        "Content-Type: application/json",
        "X-GitHub-Event: push",
        f"X-GitHub-Delivery: delivery-{number}",
        f"X-Hub-Signature-256: sha256={hmac.new(_SECRET, body, hashlib.sha256).hexdigest()}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join([*head, "", ""]).encode() + body


def _body(number: int) -> bytes:
    """Write a push of the size that GitHub's usually have, about 8 KB."""
    repository = {"id": 7, "name": "fleet", "private": False, "owner": {"login": "acme"}}
    urls = {f"url_{index}": f"https://api.github.com/repos/acme/fleet/{index}" * 2 for index in range(70)}
    return json.dumps(
        {
            "ref": "refs/heads/main",
            "before": "0" * 40,
            "after": f"{number:040x}",
            "repository": repository | urls,
            "installation": {"id": 3},
        }
    ).encode()


@contextmanager
def _door() -> Iterator[_Door]:
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as place:
        folder = Path(place)
        (folder / "secret").write_bytes(_SECRET)
        server = EmbeddedRedis(folder / "redis")
        server.start()
        public, internal = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FAIRWAY_")},
            "FAIRWAY_REDIS_URL": server.url,
            "FAIRWAY_WEBHOOK_SECRET_FILE": str(folder / "secret"),
            "FAIRWAY_LISTEN": public,
            "FAIRWAY_INTERNAL_LISTEN": internal,
            "FAIRWAY_GITHUB_ACCOUNTS": "acme",
        }
        with (folder / "web.log").open("wb") as log:
            web = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "web"], env=environment, stdout=log, stderr=log
            )
        try:
            _wait(internal, web)
            host, _, port = public.rpartition(":")
            with redis.Redis.from_url(server.url) as store:
                door = _Door(host, int(port), store)
                for request in _requests(1_000_000, 50):
                    door.deliver(request)
                yield door
        finally:
            web.terminate()
            web.wait(20)
            server.stop()


def _wait(internal: str, web: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < deadline and web.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{internal}/readyz", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise RuntimeError("web did not start")


def _paced(deliver: Callable[[bytes], int], requests: list[bytes]) -> list[float]:
    """Send at a fixed rate, whatever the answers take; returns how long each took, in milliseconds.

    Counted from when a request was handed to a sender, so that waiting for a free one counts too.
    """
    took: list[float] = []

    def send(request: bytes, handed: float) -> None:
        status = deliver(request)
        took.append(1000 * (time.perf_counter() - handed) if status == 202 else math.inf)

    with ThreadPoolExecutor(_SENDERS) as pool:
        began = time.perf_counter()
        for number, request in enumerate(requests):
            time.sleep(max(0.0, began + number / _RATE - time.perf_counter()))
            pool.submit(send, request, time.perf_counter())
    return sorted(took)


@figure("webhook.ack_p99", unit="ms", target=20.0)
def acknowledge() -> float:
    """Measure the 99th percentile of acknowledgements at 200 deliveries a second for 10 seconds."""
    with _door() as door:
        took = _paced(door.deliver, _requests(0, _RATE * _SECONDS))
        if len(took) != _RATE * _SECONDS:
            raise RuntimeError(f"{_RATE * _SECONDS - len(took)} deliveries were not answered")
    return took[int(len(took) * 0.99)]


@figure("webhook.burst_lost", unit="deliveries", target=0.0)
def burst() -> float:
    """Count what is missing on the queue after 1,000 deliveries at once."""
    with _door() as door:
        before = door.queued()
        requests = _requests(0, _BURST)
        with ThreadPoolExecutor(_SENDERS) as pool:
            codes = list(pool.map(door.deliver, requests))
        refused = sum(code != 202 for code in codes)
        missing = _BURST - (door.queued() - before)
    return float(max(refused, missing))
