# SPDX-License-Identifier: Apache-2.0
"""Webhooks for Receivers at the front door, while no worker is there to answer."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from app.cli.redis import EmbeddedRedis
from app.hooks import AT_ONCE, MOST_LEFT
from app.public import create_public_app
from policies.receivers import paths
from policies.setting_values import Secret
from policies.settings import Settings
from tests.app.conftest import Web, push, queued, signed

DIGEST = "ab" * 32


def send(web: Web, digest: str = DIGEST, body: bytes = b"{}", **headers: str) -> tuple[int, bytes]:
    answer = web.http.request("POST", f"{web.public}/hook/{digest}", body=body, headers=headers)
    return answer.status, answer.data


def test_whoever_waits_for_receivers_leaves_threads_to_github(web: Web, store: redis.Redis) -> None:
    many, body = AT_ONCE + 3, json.dumps(push()).encode()
    with ThreadPoolExecutor(many) as pool:
        waiting = [pool.submit(send, web) for _ in range(many)]
        while len(queued(store)) < AT_ONCE:
            time.sleep(0.01)
        began = time.monotonic()
        assert web.deliver(body, signed(body))[0] == 202
        assert time.monotonic() - began < 1
        answers = sorted(one.result() for one in waiting)
    assert answers == [(202, b"")] * AT_ONCE + [(503, b"")] * 3
    said = [one for one in queued(store) if one["task"] == "workers.tasks.on_hook"]
    assert all(one.keys() == {"task", "delivery", "name", "nonce", "at"} for one in said)
    assert len({one["name"] for one in said}) == AT_ONCE
    assert DIGEST not in json.dumps(said)
    assert DIGEST not in Path(web.log).read_text(errors="replace")
    assert DIGEST not in web.get("/metrics").data.decode()


def test_a_path_that_is_known_to_be_nobodys_is_queued_for_nobody(web: Web, store: redis.Redis) -> None:
    store.sadd(paths.KNOWN, "-")
    assert send(web) == (404, b"")
    assert queued(store) == []


@pytest.mark.parametrize("digest", ["", "x", "AB" * 32, "ab" * 33, f"{DIGEST}/x", "%00" * 64])
def test_what_is_no_path_is_queued_for_nobody(web: Web, store: redis.Redis, digest: str) -> None:
    assert send(web, digest) == (404, b"")
    assert queued(store) == []


def test_a_body_that_is_too_large_is_not_read(web: Web, store: redis.Redis) -> None:
    assert send(web, body=b"x" * (3 * 1024 * 1024 + 1))[0] == 413
    assert queued(store) == []


def test_no_more_than_some_are_left_for_a_worker_that_does_not_come(
    redis_server: EmbeddedRedis, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.hooks.PATIENCE", 0.01)
    settings = Settings(redis_url=redis_server.url, webhook_secret=Secret("x"))
    door = create_public_app(settings).test_client()
    codes = [door.post(f"/hook/{DIGEST}").status_code for _ in range(MOST_LEFT + 2)]
    assert codes == [202] * MOST_LEFT + [503] * 2
    assert len(queued(store)) == MOST_LEFT
    monkeypatch.setattr("app.hooks.KEPT", 0)  # as when a minute has passed
    assert door.post(f"/hook/{DIGEST}").status_code == 202


def test_without_redis_the_sender_comes_again() -> None:
    settings = Settings(redis_url="redis://127.0.0.1:1/0", webhook_secret=Secret("x"))
    answer = create_public_app(settings).test_client().post(f"/hook/{DIGEST}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
