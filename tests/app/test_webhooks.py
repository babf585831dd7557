# SPDX-License-Identifier: Apache-2.0
"""What the public listener answers, and what it puts on the queue."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from app import create_app
from app.cli.redis import EmbeddedRedis
from app.event_tasks import ON_COMMENT
from app.public import create_public_app
from policies.errors import SettingsError
from policies.setting_values import Secret
from policies.settings import Settings
from tests.app.conftest import SECRET, Web, push, queued, signed
from tests.policies.github import bodies
from tests.sandbox.forge.descriptions import EXAMPLES, fetched

BODY = json.dumps(push()).encode()


def test_a_push_is_queued_once_and_acknowledged(web: Web, store: redis.Redis) -> None:
    delivery = str(uuid.uuid4())
    code, answer, _ = web.deliver(BODY, signed(BODY, delivery=delivery))
    assert (code, answer["queued"], answer["delivery"]) == (202, True, delivery)
    assert queued(store) == [
        {
            "task": "workers.tasks.on_push",
            "delivery": delivery,
            "installation_id": 3,
            "repository_id": 7,
            "repository": "acme/fleet",
            "private": False,
            "ref": "refs/heads/main",
            "before": "0" * 40,
            "after": "a" * 40,
        }
    ]
    assert 0 < store.ttl(f"fairway:delivery:{delivery}") <= 24 * 3600


def test_a_duplicate_has_no_second_effect(web: Web, store: redis.Redis) -> None:
    headers = signed(BODY)
    assert web.deliver(BODY, headers)[1]["queued"] is True
    code, answer, _ = web.deliver(BODY, headers)
    assert (code, answer["queued"], answer["outcome"]) == (202, False, "duplicate")
    assert len(queued(store)) == 1


def test_twenty_copies_at_once_have_one_effect(web: Web, store: redis.Redis) -> None:
    headers = signed(BODY)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: web.deliver(BODY, headers), range(20)))
    assert {code for code, _, _ in answers} == {202}
    assert sum(answer["queued"] for _, answer, _ in answers) == 1
    assert len(queued(store)) == 1


def without(headers: dict[str, str], name: str, **more: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key != name} | more


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda h: without(h, "X-Hub-Signature-256"), id="sha1 only"),
        pytest.param(
            lambda h: without(without(h, "X-Hub-Signature-256"), "X-Hub-Signature"), id="no signature"
        ),
        pytest.param(lambda h: h | {"X-Hub-Signature-256": "sha256=" + "0" * 64}, id="wrong signature"),
        pytest.param(lambda h: h | {"X-Hub-Signature-256": h["X-Hub-Signature"]}, id="sha1 as sha256"),
        pytest.param(
            lambda h: (
                h | {"X-Hub-Signature-256": "sha256=" + hmac.new(b"other", BODY, hashlib.sha256).hexdigest()}
            ),
            id="another secret",
        ),
    ],
)
def test_what_is_not_signed_by_us_is_refused(web: Web, store: redis.Redis, change: Any) -> None:
    code, answer, _ = web.deliver(BODY, change(signed(BODY)))
    assert (code, answer["outcome"]) == (401, "unsigned")
    assert SECRET not in json.dumps(answer)
    assert queued(store) == []


def test_a_signature_is_for_exactly_these_bytes(web: Web, store: redis.Redis) -> None:
    reformatted = json.dumps(push(), indent=1).encode()
    assert web.deliver(reformatted, signed(BODY))[0] == 401
    assert web.deliver(reformatted, signed(reformatted))[0] == 202
    assert len(queued(store)) == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"payload=%7B%7D", id="a form"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"\xff{}", id="not utf-8"),
        pytest.param(b'{"ref": NaN}', id="not a number"),
        pytest.param(b'{"ref": "\\ud800"}', id="half a character"),
        pytest.param(b"[" * 100_000, id="deeper than any parser"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="objects deeper than any parser"),
        pytest.param(b'{"repository": ' + b"9" * 100_000 + b"}", id="a very long number"),
        pytest.param(json.dumps(push(ref="main")).encode(), id="no ref"),
        pytest.param(json.dumps(push(repository={})).encode(), id="no repository"),
    ],
)
def test_what_is_no_event_is_refused(web: Web, store: redis.Redis, body: bytes) -> None:
    code, answer, _ = web.deliver(body)
    assert (code, answer["outcome"]) == (400, "malformed")
    assert queued(store) == []


@pytest.mark.parametrize("delivery", ["", "a b", "../x", "a" * 65, "fairway:*"])
def test_a_delivery_without_a_proper_id_is_refused(web: Web, store: redis.Redis, delivery: str) -> None:
    headers = signed(BODY) | {"X-GitHub-Delivery": delivery}
    assert web.deliver(BODY, headers)[0] == 400
    assert queued(store) == []


@pytest.mark.parametrize(
    ("event", "body", "said"),
    [
        ("issues", {"action": "opened"}, "nothing to do"),
        ("", {}, "nothing to do"),
        ("ping", {"zen": "Design for failure."}, "nothing to do"),
        (
            "installation",
            {"action": "created", "installation": {"id": 3, "account": {"login": "mallory"}}},
            "FAIRWAY_GITHUB_ACCOUNTS",
        ),
        (
            "push",
            push(repository={"id": 8, "name": "fleet", "private": False, "owner": {"login": "mallory"}}),
            "FAIRWAY_GITHUB_ACCOUNTS",
        ),
        (
            "issue_comment",
            bodies.comment("/help", repository=push()["repository"] | {"owner": {"login": "mallory"}}),
            "FAIRWAY_GITHUB_ACCOUNTS",
        ),
        ("issue_comment", bodies.comment("/help", issue=True), "in pull requests only"),
        ("issue_comment", bodies.comment("Fine."), "no order"),
        ("pull_request", bodies.pull_request("labeled"), "nothing to do"),
    ],
    ids=[
        "unknown event",
        "no event",
        "ping",
        "foreign installation",
        "foreign push",
        "foreign comment",
        "an issue's comment",
        "a comment without an order",
        "a label",
    ],
)
def test_what_does_not_concern_us_is_acknowledged_and_left(
    web: Web, store: redis.Redis, event: str, body: dict[str, Any], said: str
) -> None:
    raw = json.dumps(body).encode()
    code, answer, _ = web.deliver(raw, signed(raw, event=event))
    assert (code, answer["queued"], answer["outcome"]) == (202, False, "ignored")
    assert said in answer["message"]
    assert store.keys("*") == []


def test_a_foreign_account_is_logged(web: Web) -> None:
    owner = {"id": 8, "name": "x", "private": False, "owner": {"login": "eve-" + uuid.uuid4().hex[:8]}}
    web.deliver(json.dumps(push(repository=owner)).encode())
    assert f"account={owner['owner']['login']}" in web.log.read_text()  # type: ignore[index]


def test_an_account_is_known_in_any_case(web: Web, store: redis.Redis) -> None:
    owner = {"id": 7, "name": "fleet", "private": True, "owner": {"login": "ACME"}}
    web.deliver(json.dumps(push(repository=owner)).encode())
    assert [task["repository"] for task in queued(store)] == ["ACME/fleet"]


def test_every_body_that_github_recorded_is_acknowledged(web: Web, store: redis.Redis) -> None:
    for entry in fetched(*EXAMPLES):
        for example in entry["examples"]:
            raw = json.dumps(example).encode()
            assert web.deliver(raw, signed(raw, event=entry["name"]))[0] == 202, entry["name"]
    assert queued(store) == []  # all of Codertocat's and octokit's, who are not ours


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/webhooks/github", 405),
        ("HEAD", "/webhooks/github", 405),
        ("OPTIONS", "/webhooks/github", 405),
        ("PUT", "/webhooks/github", 405),
        ("POST", "/webhooks/github/", 404),
        ("POST", "/webhooks/gitlab", 404),
        ("POST", "/webhooks/github/../../metrics", 404),
        ("GET", "/", 404),
        ("GET", "/healthz", 404),
        ("GET", "/metrics", 404),
        ("GET", "/readyz", 404),
        ("GET", "/acme/fleet/commit/" + "a" * 40, 404),
        ("GET", "/gitrepository/a/b/" + "a" * 40 + ".tar.gz", 404),
        ("GET", "/static/x", 404),
    ],
)
def test_nothing_else_is_there(web: Web, method: str, path: str, code: int) -> None:
    internal_host = web.internal.removeprefix("http://")
    for headers in ({}, {"Host": internal_host}, {"X-Forwarded-Host": internal_host}):
        answer = web.http.request(method, web.public + path, headers=headers)
        assert (answer.status, answer.data) == (code, b"")


def test_the_internal_listener_takes_no_webhook(web: Web, store: redis.Redis) -> None:
    answer = web.http.request("POST", f"{web.internal}/webhooks/github", body=BODY, headers=signed(BODY))
    assert answer.status in (404, 405)
    assert queued(store) == []


def test_deliveries_are_counted_by_outcome(web: Web) -> None:
    def count(outcome: str) -> float:
        needle = f'fairway_webhook_deliveries_total{{event="push",outcome="{outcome}"}} '
        lines = web.get("/metrics").data.decode().splitlines()
        return sum(float(line.removeprefix(needle)) for line in lines if line.startswith(needle))

    before = {outcome: count(outcome) for outcome in ("queued", "unsigned")}
    web.deliver(BODY)
    web.deliver(BODY, signed(b"other"))
    assert {outcome: count(outcome) - before[outcome] for outcome in before} == {"queued": 1, "unsigned": 1}


def test_events_that_nobody_knows_share_one_counter(web: Web) -> None:
    for name in ("a" * 500, "issues", "x\u00e9"):
        web.deliver(b"{}", signed(b"{}", event=name))
    metrics = web.get("/metrics").data.decode()
    assert 'event="other",outcome="ignored"' in metrics
    assert "issues" not in metrics
    assert "fairway_webhook_seconds_bucket" in metrics


def test_the_log_names_what_was_queued_and_no_secret(web: Web) -> None:
    ref = "refs/heads/x\u202e\u009b31mred"
    body = json.dumps(push(ref=ref)).encode()
    assert web.deliver(body)[1]["queued"] is True
    log = web.log.read_text()
    assert "repository=acme/fleet ref=refs/heads/x\\u202e\\x9b31mred" in log
    assert SECRET not in log.split()


def test_without_a_webhook_secret_there_is_no_listener() -> None:
    with pytest.raises(SettingsError, match="FAIRWAY_WEBHOOK_SECRET_FILE"):
        create_app(Settings(redis_url="redis://127.0.0.1:1"))


def test_an_event_is_queued_as_soon_as_a_worker_takes_it(
    redis_server: EmbeddedRedis, store: redis.Redis
) -> None:
    settings = Settings(redis_url=redis_server.url, webhook_secret=Secret(SECRET))
    raw = json.dumps(bodies.comment("/help")).encode()
    headers = signed(raw, event="issue_comment")
    without_taker = create_public_app(settings, taken=frozenset()).test_client()
    answer = without_taker.post("/webhooks/github", data=raw, headers=headers)
    assert (answer.status_code, answer.json["message"]) == (202, "no worker takes this event")
    assert store.keys("*") == []
    with_taker = create_public_app(settings, taken={ON_COMMENT}).test_client()
    assert with_taker.post("/webhooks/github", data=raw, headers=headers).json["queued"] is True
    assert [(task["task"], task["comment_id"]) for task in queued(store)] == [(ON_COMMENT, 99)]
    assert "/help" not in json.dumps(queued(store))
