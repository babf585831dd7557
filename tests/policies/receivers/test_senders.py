# SPDX-License-Identifier: Apache-2.0
"""Who is let in by each type of Receiver, and who is not."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import pytest

from policies.receivers.delivery import Delivery, Malformed
from policies.receivers.senders import Refused, admit

TOKEN = b"hush"
BODY = b'{"a": 1}'
LIST = b'{"action": []}'
JSON = {"Content-Type": "application/json"}


def mac(algorithm: str, body: bytes = BODY, token: bytes = TOKEN) -> str:
    return hmac.new(token, body, algorithm).hexdigest()


def sent(body: Any = BODY, **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(raw, JSON | {name.replace("_", "-"): value for name, value in headers.items()})


CDEVENT = {
    "context": {
        "version": "0.4.1",
        "id": "271069a8",
        "source": "/event/source",
        "type": "dev.cdevents.artifact.published.0.2.0",
        "timestamp": "2026-03-20T14:27:05.315384Z",
    },
    "subject": {"id": "pkg:oci/web", "type": "artifact", "content": {}},
}
PUBSUB = {
    "message": {
        "data": base64.b64encode(b'{"action": "INSERT", "tag": "eu.gcr.io/acme/web:1", "x": 2}').decode(),
        "messageId": "1",
        "publishTime": "2026-03-01T12:00:00Z",
        "subscription": "web",
    }
}

LET_IN: list[tuple[str, str, list[str], Delivery]] = [
    ("anybody", "generic", [], sent(b"no JSON")),
    ("a digest", "generic-hmac", [], sent(X_Signature=f"sha256={mac('sha256')}")),
    ("an old digest", "generic-hmac", [], sent(X_Signature=f"sha1={mac('sha1')}")),
    ("a long digest", "generic-hmac", [], sent(X_Signature=f"sha512={mac('sha512')}")),
    ("a digest in capitals", "generic-hmac", [], sent(X_Signature=f"sha256={mac('sha256').upper()}")),
    ("github", "github", [], sent(X_Hub_Signature_256=f"sha256={mac('sha256')}")),
    ("github as long ago", "github", [], sent(X_Hub_Signature=f"sha1={mac('sha1')}")),
    (
        "github's event in another case",
        "github",
        ["ping", "Push"],
        sent(**{"X_Hub_Signature_256": f"sha256={mac('sha256')}", "X-GitHub-Event": "pusH"}),
    ),
    (
        "github's form",
        "github",
        [],
        Delivery(
            b"payload=%7B%7D",
            {
                "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
                "X-Hub-Signature-256": f"sha256={mac('sha256', b'payload=%7B%7D')}",
            },
        ),
    ),
    (
        "bitbucket",
        "bitbucket",
        ["repo:refs_changed"],
        sent(X_Hub_Signature=f"sha256={mac('sha256')}", X_Event_Key="repo:refs_changed"),
    ),
    ("gitlab", "gitlab", ["push hook"], sent(X_Gitlab_Token="hush", X_Gitlab_Event="Push Hook")),
    ("harbor", "harbor", [], sent(Authorization="hush")),
    ("quay", "quay", [], sent({"docker_url": "quay.io/acme/web", "updated_tags": ["1"]})),
    ("quay, as little as may be", "quay", [], sent({"updated_tags": None})),
    ("dockerhub", "dockerhub", [], sent({"push_data": {"tag": "1"}, "repository": {"repo_url": "x"}})),
    ("acr", "acr", [], sent({"action": "push", "target": {"repository": "web", "tag": "1"}})),
    ("nexus", "nexus", [], sent(X_Nexus_Webhook_Signature=mac("sha1"))),
    ("cdevents", "cdevents", [], sent(CDEVENT)),
    (
        "a cdevent that counts",
        "cdevents",
        ["dev.cdevents.ARTIFACT.published.0.2.0"],
        sent(CDEVENT, Ce_Type="dev.cdevents.artifact.published.0.2.0"),
    ),
]


@pytest.mark.parametrize(
    ("kind", "events", "delivery"), [row[1:] for row in LET_IN], ids=[r[0] for r in LET_IN]
)
def test_who_proves_to_know_the_token_is_let_in(kind: str, events: list[str], delivery: Delivery) -> None:
    assert admit(kind, events, TOKEN, delivery) is delivery


REFUSED: list[tuple[str, str, list[str], Delivery]] = [
    ("no digest", "generic-hmac", [], sent()),
    ("another's digest", "generic-hmac", [], sent(X_Signature=f"sha256={mac('sha256', token=b'x')}")),
    ("a digest of another body", "generic-hmac", [], sent(b"{}", X_Signature=f"sha256={mac('sha256')}")),
    ("a digest by another name", "generic-hmac", [], sent(X_Signature=f"sha1={mac('sha256')}")),
    ("a digest nobody makes", "generic-hmac", [], sent(X_Signature=f"md5={mac('md5')}")),
    ("a digest without its name", "generic-hmac", [], sent(X_Signature=mac("sha256"))),
    ("a digest that is no hex", "generic-hmac", [], sent(X_Signature="sha256=zä")),
    ("github unsigned", "github", [], sent()),
    # What signs better counts, also when it is wrong.
    (
        "github with one good of two",
        "github",
        [],
        sent(X_Hub_Signature_256="sha256=00", X_Hub_Signature=f"sha1={mac('sha1')}"),
    ),
    (
        "github's other event",
        "github",
        ["push"],
        sent(**{"X_Hub_Signature_256": f"sha256={mac('sha256')}", "X-GitHub-Event": "ping"}),
    ),
    ("github without its event", "github", ["push"], sent(X_Hub_Signature_256=f"sha256={mac('sha256')}")),
    (
        "github in another type",
        "github",
        [],
        Delivery(BODY, {"Content-Type": "text/plain", "X-Hub-Signature-256": f"sha256={mac('sha256')}"}),
    ),
    ("github in no type", "github", [], Delivery(BODY, {"X-Hub-Signature-256": f"sha256={mac('sha256')}"})),
    (
        "an empty form",
        "github",
        [],
        Delivery(
            b"x=1",
            {
                "Content-Type": "application/x-www-form-urlencoded",
                "X-Hub-Signature-256": f"sha256={mac('sha256', b'x=1')}",
            },
        ),
    ),
    ("bitbucket unsigned", "bitbucket", [], sent(X_Event_Key="pr:opened")),
    ("gitlab without a token", "gitlab", [], sent()),
    ("gitlab with another", "gitlab", [], sent(X_Gitlab_Token="husH")),
    (
        "gitlab's other event",
        "gitlab",
        ["Push Hook"],
        sent(X_Gitlab_Token="hush", X_Gitlab_Event="Tag Push Hook"),
    ),
    ("harbor with another", "harbor", [], sent(Authorization="Bearer hush")),
    ("harbor without", "harbor", [], sent()),
    ("nexus unsigned", "nexus", [], sent()),
    ("nexus signed otherwise", "nexus", [], sent(X_Nexus_Webhook_Signature=mac("sha256"))),
    ("a cdevent that does not count", "cdevents", ["dev.cdevents.change.merged.0.2.0"], sent(CDEVENT)),
    ("a type of tomorrow", "forgejo", [], sent()),
]


@pytest.mark.parametrize(
    ("kind", "events", "delivery"), [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_who_does_not_is_refused_without_a_word_of_the_token(
    kind: str, events: list[str], delivery: Delivery
) -> None:
    with pytest.raises(Refused) as refused:
        admit(kind, events, TOKEN, delivery)
    assert "hush" not in str(refused.value)


def cdevent(**changes: Any) -> Delivery:
    event = json.loads(json.dumps(CDEVENT))
    for path, value in changes.items():
        part, _, name = path.partition("__")
        event[part][name] = value
    return sent(event)


MALFORMED: list[tuple[str, str, Delivery]] = [
    ("quay's body cut", "quay", sent(b"{")),
    ("quay's body a list", "quay", sent([])),
    ("quay's tags a text", "quay", sent({"updated_tags": "1"})),
    ("quay's tags numbers", "quay", sent({"updated_tags": [1]})),
    ("dockerhub's body empty", "dockerhub", sent(b"")),
    ("dockerhub's tag a number", "dockerhub", sent({"push_data": {"tag": 1}})),
    ("acr's target a text", "acr", sent({"target": "web"})),
    ("a body deeper than any parser", "acr", sent(b'{"a":' * 100_000)),
    ("a number too large", "acr", sent(b'{"a": 1e999}')),
    ("a long number too large", "acr", sent(b'{"a": ' + b"9" * 4000 + b"}")),
    ("not a number", "acr", sent(b'{"a": NaN}')),
    ("not utf-8", "acr", sent(b'{"a": "\xff"}')),
    ("nexus' action a list", "nexus", sent(LIST, X_Nexus_Webhook_Signature=mac("sha1", LIST))),
    ("gcr's message a text", "gcr", sent({"message": "x"})),
    ("gcr's data not base64", "gcr", sent({"message": {"data": "!"}})),
    ("gcr's data no event", "gcr", sent({"message": {"data": "AAAA"}})),
    ("gcr's tag a number", "gcr", sent({"message": {"data": base64.b64encode(b'{"tag": 1}').decode()}})),
    ("no cdevent", "cdevents", sent({})),
    ("a cdevent without an id", "cdevents", cdevent(context__id="")),
    ("a cdevent of another vocabulary", "cdevents", cdevent(context__type="com.example.pushed")),
    ("a cdevent at no time", "cdevents", cdevent(context__timestamp="soon")),
    ("a cdevent about nothing", "cdevents", cdevent(subject__content=None)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "delivery"), [row[1:] for row in MALFORMED], ids=[r[0] for r in MALFORMED])
def test_a_body_that_is_not_the_senders_kind_is_said_to_be_so(kind: str, delivery: Delivery) -> None:
    with pytest.raises(Malformed):
        admit(kind, [], TOKEN, delivery)


def test_filters_see_the_event_inside_of_a_message_of_pubsub() -> None:
    seen = admit("gcr", [], TOKEN, sent(PUBSUB))
    assert seen.object() == {"action": "INSERT", "digest": "", "tag": "eu.gcr.io/acme/web:1"}
    assert seen.is_json
