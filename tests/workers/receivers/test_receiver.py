# SPDX-License-Identifier: Apache-2.0
"""A Receiver becomes ready for webhooks, or says in Flux's words why not."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from policies import conditions
from policies.objects import Object
from tests.workers.receivers.conftest import TOKEN, Hooks, ready
from workers.receivers.receiver import ReceiverReconciler

PROVIDER: dict[str, Any] = {
    "issuerURL": "https://issuer.example.com",
    "validations": [{"expression": "vars.owner == 'acme'", "message": "not acme's"}],
    "variables": [{"expression": "claims.owner", "name": "owner"}],
}


def test_it_says_where_webhooks_go(hooks: Hooks) -> None:
    hooks.secret()
    ref = hooks.receiver()
    obj = hooks.reconcile(ref)
    path = "/hook/" + hashlib.sha256(f"{TOKEN}web{hooks.namespace}".encode()).hexdigest()
    assert obj["status"]["webhookPath"] == path
    assert ready(obj) == ("True", "Succeeded", f"Receiver initialized for path: {path}")
    assert obj["status"]["observedGeneration"] == obj["metadata"]["generation"]
    assert obj["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]
    assert [one["type"] for one in conditions.of(obj)] == ["Ready"]
    version = obj["metadata"]["resourceVersion"]
    assert hooks.reconcile(ref)["metadata"]["resourceVersion"] == version


def test_another_token_is_another_path(hooks: Hooks) -> None:
    first = hooks.ready()
    hooks.secret(token="another")
    second = hooks.reconcile(hooks.receiver())["status"]["webhookPath"]
    assert second != first
    assert hooks.send(first) == 404


def test_a_request_is_heard(hooks: Hooks) -> None:
    hooks.secret()
    ref = hooks.receiver()
    hooks.client.patch(
        ref, {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}}, manager="test"
    )
    assert hooks.reconcile(ref)["status"]["lastHandledReconcileAt"] == "now"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (None, "unable to read token from secret 'NS/hook' error: Secret \"hook\" not found"),
        ({"password": "x"}, "invalid 'NS/hook' secret data: required fields 'token'"),
        ({"token": ""}, "invalid 'NS/hook' secret data: 'token' is empty, and anybody could send"),
    ],
    ids=["no Secret", "no token", "an empty token"],
)
def test_without_a_token_it_is_not_ready_and_has_no_path(
    hooks: Hooks, data: dict[str, str] | None, why: str
) -> None:
    path = hooks.ready()
    ref = hooks.receiver(secretRef={"name": "other"})
    hooks.reconcile(ref)
    if data is not None:
        hooks.secret("other", **data)
    obj = hooks.reconcile(ref)
    status, reason, message = ready(obj)
    assert (status, reason) == ("False", "TokenNotFound")
    assert message.startswith(why.replace("NS", hooks.namespace).replace("hook", "other"))
    assert conditions.find(conditions.of(obj), "Reconciling")["reason"] == "ProgressingWithRetry"  # type: ignore[index]
    assert "webhookPath" not in obj["status"]
    assert hooks.send(path) == 404
    hooks.secret("other")
    assert ready(hooks.reconcile(ref))[0] == "True"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"resourceFilter": "res."}, "invalid resourceFilter expression: failed to parse the CEL"),
        ({"resourceFilter": "'yes'"}, "CEL expression output type mismatch: expected bool, got string"),
        ({"resourceFilter": "claims.x == 1"}, "undeclared reference to 'claims'"),
        (
            {"resources": [{"kind": "ImageRepository", "name": "web", "filter": "self.x"}]},
            'invalid filter expression for resources[0] (kind="ImageRepository", name="web")',
        ),
        (
            {
                "type": "generic-oidc",
                "secretRef": None,
                "oidcProviders": [
                    {**PROVIDER, "variables": [{"name": "owner", "expression": "nobody.x"}]},
                ],
            },
            '(issuerURL="https://issuer.example.com"): invalid expression for variable "owner"',
        ),
        (
            {
                "type": "generic-oidc",
                "secretRef": None,
                "oidcProviders": [
                    {**PROVIDER, "validations": [{"expression": "claims.x", "message": "no x"}]},
                ],
            },
            'invalid expression for validation "no x": CEL expression output type mismatch',
        ),
    ],
    ids=["grammar", "no condition", "claims without tokens", "of a resource", "a variable", "a validation"],
)
def test_an_expression_that_cannot_be_read_stalls_it(hooks: Hooks, spec: dict[str, Any], why: str) -> None:
    hooks.secret()
    obj = hooks.reconcile(hooks.receiver(**spec))
    status, reason, message = ready(obj)
    assert (status, reason) == ("False", "InvalidCELExpression")
    assert message.startswith("Reconciliation failed terminally due to configuration error: ")
    assert why in message
    assert conditions.is_true(conditions.of(obj), "Stalled")
    assert obj["status"]["observedGeneration"] == obj["metadata"]["generation"]


def test_a_receiver_of_tokens_needs_no_secret(hooks: Hooks) -> None:
    path = hooks.ready(
        type="generic-oidc", secretRef=None, oidcProviders=[PROVIDER], resourceFilter="claims.owner == 'acme'"
    )
    assert path == "/hook/" + hashlib.sha256(f"web{hooks.namespace}".encode()).hexdigest()


def test_a_suspended_one_is_left_as_it_is(hooks: Hooks) -> None:
    hooks.secret()
    obj = hooks.reconcile(hooks.receiver(suspend=True))
    assert ready(obj) == ("", "", "")
    assert obj["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]


def test_a_deleted_one_is_gone(hooks: Hooks) -> None:
    path, ref = hooks.ready(), hooks.receiver()
    hooks.client.delete(ref)
    ReceiverReconciler(hooks.context).reconcile(ref.namespace, ref.name)
    assert hooks.client.find(ref) is None
    assert hooks.send(path) == 404


def events_of(hooks: Hooks) -> list[Object]:
    return hooks.client.list(hooks.client.discovery.resource("", "v1", "Event"), namespace=hooks.namespace)[0]


def test_a_change_is_an_event_and_a_failure_too(hooks: Hooks) -> None:
    hooks.ready()
    hooks.reconcile(hooks.receiver(secretRef={"name": "none"}))
    said = {(one["type"], one["reason"], one["source"]["component"]) for one in events_of(hooks)}
    assert said == {
        ("Normal", "Succeeded", "notification-controller"),
        ("Warning", "Failed", "notification-controller"),
    }
