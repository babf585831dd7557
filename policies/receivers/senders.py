# SPDX-License-Identifier: Apache-2.0
"""Who sent a webhook, as far as a token tells: one way for each type of Receiver.

What tokens of an issuer prove (generic-oidc, gcr) is asked by `workers.receivers.tokens`; of gcr the rest is
here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from policies.receivers.delivery import Delivery, Malformed

_HASHES = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512}
# What is read of a sender's body, and its types; a text may be missing.
_SHAPES: Mapping[str, Mapping[str, Any]] = {
    "quay": {"docker_url": str, "updated_tags": [str]},
    "dockerhub": {"push_data": {"tag": str}, "repository": {"repo_url": str}},
    "acr": {"action": str, "target": {"repository": str, "tag": str}},
    "nexus": {"action": str, "repositoryName": str},
    "gcr": {"message": {"data": str, "messageId": str, "publishTime": str, "subscription": str}},
}
_EVENT_HEADERS = {"github": "X-GitHub-Event", "gitlab": "X-Gitlab-Event", "bitbucket": "X-Event-Key"}
_CDEVENT = re.compile(
    r"dev\.cdevents(x\.[0-9a-z_-]+)?\.[0-9a-z_-]+\.[0-9a-z_-]+\.\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?"
)


class Refused(Exception):
    """The sender is not who may send, or sends what does not count; the text holds nothing of a secret."""


def admit(kind: str, events: Sequence[str], token: bytes, sent: Delivery) -> Delivery:
    """Return the delivery that filters see; raises Refused, or Malformed for a body that cannot be read."""
    match kind:
        case "generic":
            pass
        case "generic-hmac":
            _signed(sent.header("X-Signature"), sent.body, token, "X-Signature")
        case "github" | "bitbucket":
            _signed_payload(sent, token)
            _known_event(kind, events, sent.header(_EVENT_HEADERS[kind]))
        case "gitlab":
            _same(sent.header("X-Gitlab-Token"), token, "X-Gitlab-Token")
            _known_event(kind, events, sent.header(_EVENT_HEADERS[kind]))
        case "harbor":
            _same(sent.header("Authorization"), token, "Authorization")
        case "nexus":
            _nexus(sent, token)
        case "quay" | "dockerhub" | "acr":
            _shaped(kind, sent)
        case "cdevents":
            _known_event(kind, events, _cdevent(sent))
        case "gcr":
            return _unwrapped(sent)
        case _:
            raise Refused(f"receivers of type {kind} are not known")
    return sent


def _signed(header: str, body: bytes, token: bytes, name: str) -> None:
    """Check a signature of the form sha256=<hex>."""
    algorithm, _, digest = header.partition("=")
    if algorithm not in _HASHES:
        raise Refused(f"{name} is missing, or begins with none of sha1=, sha256= and sha512=")
    expected = hmac.new(token, body, _HASHES[algorithm]).hexdigest()
    if not hmac.compare_digest(expected.encode(), digest.lower().encode()):
        raise Refused(f"{name} does not sign this body with the receiver's token")


def _signed_payload(sent: Delivery, token: bytes) -> None:
    """Check what GitHub, and Bitbucket Server after it, signs: the body as it was sent, a form's too."""
    if sent.content_type == "application/x-www-form-urlencoded":
        if not parse_qs(sent.body.decode(errors="replace")).get("payload"):
            raise Refused("the form has no payload")
    elif sent.content_type != "application/json":
        raise Refused("the content type is neither application/json nor a form's")
    name = "X-Hub-Signature-256" if sent.header("X-Hub-Signature-256") else "X-Hub-Signature"
    _signed(sent.header(name), sent.body, token, name)


def _same(given: str, token: bytes, name: str) -> None:
    if not hmac.compare_digest(given.encode(errors="replace"), token):
        raise Refused(f"{name} is not the receiver's token")


def _known_event(kind: str, events: Sequence[str], event: str) -> None:
    if events and event.casefold() not in {one.casefold() for one in events}:
        shown = event[:64].encode("ascii", "backslashreplace").decode()
        raise Refused(f"the {kind} event {shown!r} is not one of spec.events")


def _nexus(sent: Delivery, token: bytes) -> None:
    expected = hmac.new(token, sent.body, hashlib.sha1).hexdigest()
    if not hmac.compare_digest(expected.encode(), sent.header("X-Nexus-Webhook-Signature").encode()):
        raise Refused("X-Nexus-Webhook-Signature does not sign this body with the receiver's token")
    _shaped("nexus", sent)


def _shaped(kind: str, sent: Delivery) -> dict[str, Any]:
    payload = sent.object()
    if wrong := _misfit(payload, _SHAPES[kind]):
        raise Malformed(f"this is no webhook of {kind}: {wrong} has another type")
    return payload


def _misfit(value: Any, shape: Any, path: str = "") -> str:
    """Return the path of the first value that has not the type it should have; nothing fits everything."""
    if value is None:
        return ""
    if isinstance(shape, Mapping):
        if not isinstance(value, Mapping):
            return path or "the body"
        inner = (_misfit(value.get(key), part, f"{path}.{key}".lstrip(".")) for key, part in shape.items())
        return next(filter(None, inner), "")
    if isinstance(shape, list):
        fits = isinstance(value, list) and not any(_misfit(one, shape[0], path or "x") for one in value)
        return "" if fits else path
    return "" if isinstance(value, shape) else path


def _cdevent(sent: Delivery) -> str:
    """Check the frame of a CDEvent; returns its type as the header has it."""
    event = sent.object()
    context, subject = event.get("context"), event.get("subject")
    if not isinstance(context, dict) or not isinstance(subject, dict):
        raise Malformed("this is no CDEvent: context or subject is missing")
    for where, part, names in (
        ("context", context, ("version", "id", "source", "type", "timestamp")),
        ("subject", subject, ("id",)),
    ):
        for name in names:
            if not isinstance(part.get(name), str) or not part[name]:
                raise Malformed(f"this is no CDEvent: {where}.{name} is missing")
    if not _CDEVENT.fullmatch(context["type"]):
        raise Malformed("this is no CDEvent: context.type is none of its types")
    if not isinstance(subject.get("content"), dict):
        raise Malformed("this is no CDEvent: subject.content is missing")
    try:
        datetime.fromisoformat(context["timestamp"].replace("Z", "+00:00"))
    except ValueError:
        raise Malformed("this is no CDEvent: context.timestamp is no time") from None
    return sent.header("Ce-Type")


def _unwrapped(sent: Delivery) -> Delivery:
    """Return the event of Artifact Registry that lies in a message of Pub/Sub."""
    message = _shaped("gcr", sent).get("message") or {}
    try:
        raw = base64.b64decode(message.get("data") or "", validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("this is no webhook of gcr: message.data is not base64") from None
    event = Delivery(raw).object()
    if wrong := _misfit(event, {"action": str, "digest": str, "tag": str}):
        raise Malformed(f"this is no webhook of gcr: {wrong} has another type")
    seen = {name: event.get(name) or "" for name in ("action", "digest", "tag")}
    return replace(sent, body=json.dumps(seen).encode())
