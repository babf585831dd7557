# SPDX-License-Identifier: Apache-2.0
"""The front door as it runs: `fairway web` in its own process, on the shared Redis."""

from __future__ import annotations

import hmac
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
import urllib3

from app.cli.redis import EmbeddedRedis, free_port

SECRET = "hush"
QUEUE = "fairway:celery:events"


def push(**changes: Any) -> dict[str, Any]:
    """Return a push of acme/fleet as GitHub sends it, as far as we read it."""
    body: dict[str, Any] = {
        "ref": "refs/heads/main",
        "before": "0" * 40,
        "after": "a" * 40,
        "repository": {"id": 7, "name": "fleet", "private": False, "owner": {"login": "acme"}},
        "installation": {"id": 3},
    }
    return body | changes


def signed(body: bytes, *, event: str = "push", delivery: str | None = None) -> dict[str, str]:
    """Return the headers that GitHub sends with a body."""
    digests = {name: hmac.new(SECRET.encode(), body, name).hexdigest() for name in ("sha1", "sha256")}
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery or str(uuid.uuid4()),
        "X-Hub-Signature": f"sha1={digests['sha1']}",
        "X-Hub-Signature-256": f"sha256={digests['sha256']}",
    }


@dataclass
class Web:
    """A running `web`."""

    public: str
    internal: str
    pid: int
    log: Path

    def __post_init__(self) -> None:
        self.http = urllib3.PoolManager(maxsize=50, timeout=10, retries=False)

    def deliver(self, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, dict[str, Any], Any]:
        """Send a delivery; returns status, body and headers."""
        answer = self.http.request(
            "POST",
            f"{self.public}/webhooks/github",
            body=body,
            headers=signed(body) if headers is None else headers,
        )
        return answer.status, json.loads(answer.data), answer.headers

    def get(self, path: str, method: str = "GET", **headers: str) -> urllib3.BaseHTTPResponse:
        return self.http.request(method, self.internal + path, headers=headers)


@contextmanager
def running_web(folder: Path, redis_url: str, **more: str) -> Iterator[Web]:
    """Run `fairway web` until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "secret").write_text(SECRET)
    public, internal = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FAIRWAY_")},
        "FAIRWAY_REDIS_URL": redis_url,
        "FAIRWAY_WEBHOOK_SECRET_FILE": str(folder / "secret"),
        "FAIRWAY_LISTEN": public,
        "FAIRWAY_INTERNAL_LISTEN": internal,
        "FAIRWAY_DATA": str(folder / "data"),
        "FAIRWAY_GITHUB_ACCOUNTS": "acme",
        **more,
    }
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "web"], env=environment, stdout=log, stderr=log
        )
    web = Web(f"http://{public}", f"http://{internal}", process.pid, folder / "web.log")
    try:
        until(lambda: _answers(web), what="web answers", but=lambda: process.poll() is not None)
        yield web
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(web: Web) -> bool:
    try:
        return web.get("/healthz").status == 200
    except urllib3.exceptions.HTTPError:
        return False


def until(
    true: Callable[[], bool], *, what: str, seconds: float = 20.0, but: Callable[[], bool] = lambda: False
) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        if but() or time.monotonic() > deadline:
            pytest.fail(f"not in {seconds:.0f} s: {what}")
        time.sleep(0.02)


@pytest.fixture(scope="module")
def shared_web(_redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with running_web(tmp_path_factory.mktemp("web"), _redis_server.url) as web:
        yield web


@pytest.fixture
def web(shared_web: Web, redis_server: EmbeddedRedis) -> Web:
    """`fairway web`, on a Redis that is up and empty."""
    until(lambda: shared_web.get("/readyz").status == 200, what="web is ready")
    return shared_web


@pytest.fixture
def store(redis_server: EmbeddedRedis) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


def queued(store: redis.Redis) -> list[dict[str, Any]]:
    """Return the tasks that wait, oldest first: what a worker would be called with."""
    from base64 import b64decode

    found = []
    for raw in reversed(store.lrange(QUEUE, 0, -1)):
        message = json.loads(raw)
        assert message["content-type"] == "application/json"
        _, arguments, _ = json.loads(b64decode(message["body"]))
        found.append({"task": message["headers"]["task"], **arguments})
    return found
