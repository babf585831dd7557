# SPDX-License-Identifier: Apache-2.0
"""A webhook, from the front door to the annotation, and what it is answered."""

from __future__ import annotations

import base64
import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from policies.objects import ObjectRef
from policies.receivers import delivery, paths
from tests.fixtures.world import until
from tests.workers.receivers.conftest import REQUESTED, TOKEN, Hooks, mac, working
from workers.cluster import Client
from workers.context import Context
from workers.receivers import taking

LONG = "[1,2,3,4,5,6,7,8,9,10]"
ENDLESS = "".join(f"{LONG}.all(x{n}, " for n in range(12)) + "true" + ")" * 12


def test_a_webhook_has_what_it_names_looked_at_and_does_nothing_else(hooks: Hooks) -> None:
    web, other = hooks.image(), hooks.image("other")
    path, before = hooks.ready(), hooks.client.get(web)
    assert hooks.send(path) == 200
    first, after = hooks.requested(web), hooks.client.get(web)
    assert first
    assert hooks.requested(other) == ""
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"] == {REQUESTED: first}
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    # Each is a request of its own.
    assert hooks.send(path) == 200
    assert hooks.requested(web) != first


def test_what_two_workers_carry_out_of_one_delivery_is_asked_once(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, web = hooks.ready(), hooks.image()
    take, versions = taking.take, list[str]()

    def twice(context: Context, event: dict[str, Any]) -> None:
        lies = delivery.lies_at(event["delivery"])
        sealed = cast("bytes", context.redis.get(lies))
        for _ in range(2):
            context.redis.set(lies, sealed, ex=60)
            take(context, event)
            versions.append(hooks.client.get(web)["metadata"]["resourceVersion"])

    monkeypatch.setattr(taking, "take", twice)
    assert hooks.send(path) == 200
    until(lambda: len(versions) == 2, what="both")
    assert versions[0] == versions[1]
    assert hooks.requested(web)
    assert hooks.send(path) == 200
    until(lambda: len(versions) == 4, what="both once more")
    assert versions[1] != versions[2] == versions[3]


def test_a_signature_is_needed_where_the_type_has_one(hooks: Hooks) -> None:
    web, body = hooks.image(), b'{"ref": "x"}'
    path = hooks.ready(type="github", events=["push"])
    signed: dict[str, Any] = {"X_Hub_Signature_256": f"sha256={mac(body)}", "X-GitHub-Event": "push"}
    assert hooks.send(path, body) == 400
    assert hooks.send(path, b"{}", **signed) == 400
    assert hooks.send(path, body, **{**signed, "X-GitHub-Event": "ping"}) == 400
    assert hooks.requested(web) == ""
    assert hooks.send(path, body, **signed) == 200
    assert hooks.requested(web)


def test_gitlabs_token_is_the_receivers(hooks: Hooks) -> None:
    hooks.image()
    path = hooks.ready(type="gitlab")
    assert hooks.send(path, b"{}", X_Gitlab_Token="x") == 400
    assert hooks.send(path, b"{}", X_Gitlab_Token=TOKEN) == 200


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"/hook/{'0' * 64}", 404),
        ("/hook/", 404),
        ("/hook/x", 404),
        (f"/hook/{'0' * 64}/", 404),
        (f"/hook/{'A' * 64}", 404),
    ],
)
def test_a_path_that_is_nobodys_is_not_found(hooks: Hooks, path: str, code: int) -> None:
    hooks.ready()
    assert hooks.send(path) == code


def test_a_path_is_asked_of_a_worker_once_a_minute(hooks: Hooks, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    hooks.image()
    path = hooks.ready()
    for _ in range(20):
        assert hooks.send(f"/hook/{'0' * 64}") == 404
    assert caplog.text.count("no receiver has this path") == 1
    # One that becomes ready meanwhile is known at once, and so it is when Redis has lost everything.
    second = hooks.ready("second")
    assert hooks.send(second) == 200
    hooks.context.redis.flushall()
    assert [hooks.send(path), hooks.send(second)] == [200, 200]
    assert hooks.context.redis.ttl(paths.KNOWN) > 0


def test_where_there_is_no_receiver_a_path_is_asked_once_too(
    hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(5):
        assert hooks.send(f"/hook/{'0' * 64}") == 404
    assert caplog.text.count("no receiver has this path") == 1


def test_two_receivers_with_one_token_have_a_path_each(hooks: Hooks) -> None:
    web, other = hooks.image(), hooks.image("other")
    first = hooks.ready()
    second = hooks.ready("second", resources=[{"kind": "ImageRepository", "name": "other"}])
    assert first != second
    assert hooks.send(second) == 200
    assert (hooks.requested(web), bool(hooks.requested(other))) == ("", True)


def test_a_suspended_or_unready_receiver_says_to_come_again(hooks: Hooks) -> None:
    web = hooks.image()
    path = hooks.ready()
    hooks.receiver(suspend=True)
    assert hooks.send(path) == 503
    hooks.reconcile(hooks.receiver(suspend=False, resourceFilter="nonsense("))
    assert hooks.send(path) == 503
    assert hooks.requested(web) == ""


def test_a_body_has_its_limits(hooks: Hooks) -> None:
    web = hooks.image()
    path = hooks.ready()
    assert hooks.send(path, b"x" * (3 * 1024 * 1024 + 1)) == 413
    assert hooks.requested(web) == ""
    assert hooks.send(path, b"x" * (3 * 1024 * 1024)) == 200
    unknown = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    for size, code in ((3 * 1024 * 1024 + 1, 413), (20 * 1024 * 1024, 413), (1024, 200)):
        body = io.BytesIO(b"x" * size)
        sent = hooks.door.post(path, environ_overrides={**unknown, "wsgi.input": body})
        assert sent.status_code == code
        assert body.tell() <= 3 * 1024 * 1024 + 2**16
    assert hooks.door.get(path).status_code == 405


def matching(**more: Any) -> list[dict[str, Any]]:
    return [{"kind": "ImageRepository", "name": "*", "matchLabels": {"team": "web"}, **more}]


def test_filters_choose_among_those_with_the_labels(hooks: Hooks) -> None:
    refs = {name: hooks.image(name, team="web") for name in ("one", "two", "three")}
    stranger = hooks.image("four", team="db")
    path = hooks.ready(
        resourceFilter="res.metadata.name != req.not && req.count + 0.5 == 3.5",
        resources=matching(filter="res.kind == 'ImageRepository' && 'team' in res.metadata.labels"),
    )
    assert hooks.send(path, {"not": "two", "count": 3}) == 200
    asked = {name: bool(hooks.requested(ref)) for name, ref in refs.items()}
    assert asked == {"one": True, "two": False, "three": True}
    assert hooks.requested(stranger) == ""


def test_a_body_that_does_not_say_it_is_json_is_an_empty_one(hooks: Hooks) -> None:
    web = hooks.image()
    path = hooks.ready(resourceFilter="!has(req.tag)")
    assert hooks.send(path, b"tag=1", Content_Type="text/plain") == 200
    assert hooks.requested(web)
    assert hooks.send(path, b"tag=1", Content_Type="application/json") == 400


def test_what_needs_no_body_does_not_read_it(hooks: Hooks) -> None:
    hooks.image()
    assert hooks.send(hooks.ready(), b"no JSON") == 200


@pytest.mark.parametrize("text", ["req.tag == '1'", "req.items[5] == 1", ENDLESS, "int(req.secret) == 1"])
def test_a_filter_that_fails_fails_its_entry_alone(
    hooks: Hooks, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    web, other = hooks.image(), hooks.image("other")
    entries = [
        {"kind": "ImageRepository", "name": "web", "filter": text},
        {"kind": "ImageRepository", "name": "other"},
    ]
    path = hooks.ready(resources=entries)
    began = time.monotonic()
    assert hooks.send(path, {"items": [], "secret": "s3cr3t"}) == 500
    assert time.monotonic() - began < 5
    assert (hooks.requested(web), bool(hooks.requested(other))) == ("", True)
    assert "resources[0] (ImageRepository web): the filter" in caplog.text
    assert "s3cr3t" not in caplog.text


def test_a_build_does_not_hold_a_filter_up(hooks: Hooks) -> None:
    web = hooks.image()
    path = hooks.ready(resourceFilter="req.tag == '1'")
    with hooks.context.engine._lock:  # as long as a build lasts
        assert hooks.send(path, {"tag": "1"}) == 200
    assert hooks.requested(web)


def test_an_object_that_is_not_there_fails_and_labels_that_fit_nothing_do_not(hooks: Hooks) -> None:
    path = hooks.ready()
    assert hooks.send(path) == 500
    hooks.reconcile(hooks.receiver(resources=matching()))
    assert hooks.send(path) == 200
    hooks.reconcile(hooks.receiver(resources=[{"kind": "HelmRelease", "name": "web"}]))
    assert hooks.send(path) == 500
    named = {"kind": "HelmRelease", "name": "web", "apiVersion": "nowhere.example.com/v1"}
    hooks.reconcile(hooks.receiver(resources=[named]))
    assert hooks.send(path) == 500


@pytest.fixture
def elsewhere(client: Client, hooks: Hooks) -> Iterator[ObjectRef]:
    """An image in another namespace."""
    name = f"{hooks.namespace}-other"
    made = client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield Hooks(client, hooks.context, name, hooks.door).image()
    client.delete(ObjectRef.of(made))


def test_another_namespace_is_reached_unless_that_is_blocked(
    client: Client, hooks: Hooks, elsewhere: ObjectRef, make_context: Callable[..., Context]
) -> None:
    resources = [{"kind": "ImageRepository", "name": "web", "namespace": elsewhere.namespace}]
    path = hooks.ready(resources=resources)
    assert hooks.send(path) == 200
    before = hooks.requested(elsewhere)
    assert before
    strict = make_context(FAIRWAY_NO_CROSS_NAMESPACE_REFS="true")
    hooks.context.settings, kept = strict.settings, hooks.context.settings
    assert hooks.send(path) == 500
    hooks.context.settings = kept
    assert hooks.requested(elsewhere) == before


def test_neither_path_nor_token_nor_body_is_in_a_log_or_in_redis(
    client: Client,
    namespace: str,
    make_context: Callable[..., Context],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("app.hooks.PATIENCE", 0.2)
    context = make_context()
    with working(client, namespace, context) as hooks:
        web = hooks.image()
        path = hooks.ready(type="gitlab")
    # Without a worker the delivery lies there, and whoever sent it is told that it is taken.
    assert hooks.send(path, b'{"x": "in the body"}', X_Gitlab_Token=TOKEN) == 202
    found = b"".join(_everything(context))
    assert b"fairway:hook:" in found
    secrets = [path.removeprefix("/hook/"), TOKEN, "in the body"]
    assert [one for one in secrets if one.encode() in found] == []

    def lies_there() -> list[bytes]:
        keys = context.redis.scan_iter("fairway:hook:*")
        return [key for key in keys if not key.endswith(b":answer")]

    assert len(lies_there()) == 1
    assert 0 < context.redis.ttl(lies_there()[0]) <= 60
    with working(client, namespace, context):
        until(lambda: not lies_there(), what="the delivery taken")
    assert hooks.requested(web)
    assert [one for one in secrets if one in caplog.text] == []


def _everything(context: Context) -> Iterator[bytes]:
    for key in context.redis.scan_iter("*"):
        yield key
        yield context.redis.dump(key) or b""  # short strings in it are as they are
        if context.redis.type(key) == b"string":
            yield context.redis.get(key) or b""
        elif context.redis.type(key) == b"list":
            for one in context.redis.lrange(key, 0, -1):
                yield one
                yield _body_of(one)


def _body_of(message: bytes) -> bytes:
    try:
        return base64.b64decode(json.loads(message)["body"])
    except (ValueError, KeyError, TypeError):
        return b""


def test_a_receiver_that_is_left_to_flux_says_to_come_again(hooks: Hooks) -> None:
    web = hooks.image()
    path = hooks.ready()
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "notification-controller-leader-election", "namespace": hooks.namespace},
        "spec": {
            "holderIdentity": "flux-0",
            "leaseDurationSeconds": 35,
            "renewTime": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime()),
        },
    }
    made = hooks.client.create(lease)
    try:
        time_of_look = time.monotonic()
        while hooks.send(path) != 503:
            assert time.monotonic() - time_of_look < 10
    finally:
        hooks.client.delete(ObjectRef.of(made))
    asked = hooks.requested(web)  # before it was noticed
    hooks.context.flux_leases.__dict__["_looked"].clear()
    assert hooks.send(path) == 200
    assert hooks.requested(web) != asked
