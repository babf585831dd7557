# SPDX-License-Identifier: Apache-2.0
"""Take a webhook: find whose it is, see who sent it, and have what its Receiver names looked at.

The answer is the status code that Flux would give. It goes to the front door, which waits for it.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any, cast

import redis
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from policies import conditions
from policies.clock import rfc3339_micro
from policies.errors import FairwayError
from policies.kinds import InvalidObject, Receiver
from policies.kinds.receiver import OIDC
from policies.objects import Object
from policies.receivers import paths, senders
from policies.receivers.delivery import Delivery, Malformed, answered_at, lies_at
from policies.receivers.senders import Refused
from workers.cluster import NoMatch
from workers.context import Context
from workers.flux_leases import FluxRuns
from workers.receivers import known, notifying, secret
from workers.receivers.receiver import KIND

log = logging.getLogger(__name__)
_ANSWER_KEPT = 30  # seconds; the front door waits for less


def take(context: Context, event: dict[str, Any]) -> None:
    """Answer one delivery; `app.hooks` queues it, with the id it lies under, name, nonce and when it came."""
    client, delivery = context.redis, str(event["delivery"])
    # What a second worker asks for by the same delivery has been asked for already.
    asked = str(event.get("at") or rfc3339_micro(context.now()))
    sealed = cast("bytes | None", client.get(lies_at(delivery)))
    if sealed is None:
        # Where a worker took its time it was sent to another one as well.
        log.info("no webhook delivery=%s: it is done, waited for too long, or Redis was flushed", delivery)
        return
    code = _answer(context, delivery, sealed, str(event["name"]), str(event["nonce"]), asked)
    with client.pipeline() as pipe:
        pipe.delete(lies_at(delivery))
        pipe.rpush(answered_at(delivery), str(code))
        pipe.expire(answered_at(delivery), _ANSWER_KEPT)
        pipe.execute()


def _answer(context: Context, delivery: str, sealed: bytes, name: str, nonce: str, asked: str) -> int:
    try:
        obj = _receiver_of(context, name, nonce)
        if obj is None:
            log.info("unknown webhook delivery=%s: no receiver has this path", delivery)
            return 404
        where = f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
        sent = Delivery.unpack(_unsealed(obj, sealed, nonce))
        code, why = _take(context, obj, sent, asked)
    except (FairwayError, InvalidTag) as error:
        log.warning("webhook failed delivery=%s: %s", delivery, error)
        return 500
    except redis.RedisError:
        raise  # it comes again
    except Exception as error:
        # Without its text, which may quote what was sent.
        trace = "".join(traceback.format_tb(error.__traceback__))
        log.error("failed by a fault of ours delivery=%s: %s\n%s", delivery, type(error).__name__, trace)
        return 500
    log.info("webhook answered delivery=%s receiver=%s code=%d%s", delivery, where, code, why and f": {why}")
    return code


def _receiver_of(context: Context, name: str, nonce: str) -> Object | None:
    """Return the Receiver that a delivery is for; of several with one path, which Flux allows, the first."""
    since = known.changes(context.redis)
    try:
        resource = context.cluster.discovery.resource(*KIND)
    except NoMatch:
        return None
    found = [
        (obj, path.removeprefix(paths.PREFIX))
        for obj in context.cluster.list(resource, namespace=context.settings.scope.namespace)[0]
        if (path := (obj.get("status") or {}).get("webhookPath", ""))
    ]
    known.remember(context.redis, (digest for _, digest in found), since=since)
    places = paths.find(name, nonce, (digest for _, digest in found))
    ours = [found[place][0] for place in places if context.shards.of(found[place][0]) is not None]
    return min(ours, key=_age, default=None)


def _age(obj: Object) -> tuple[str, str, str]:
    metadata = obj["metadata"]
    return metadata.get("creationTimestamp", ""), metadata["namespace"], metadata["name"]


def _unsealed(obj: Object, sealed: bytes, nonce: str) -> bytes:
    digest = obj["status"]["webhookPath"].removeprefix(paths.PREFIX)
    return AESGCM(paths.seal(digest, nonce).key).decrypt(sealed[:12], sealed[12:], None)


def _take(context: Context, obj: Object, sent: Delivery, asked: str) -> tuple[int, str]:
    """Return the status code, and why; the why holds nothing of what was sent but an event's name."""
    try:
        context.guard(obj)()
        receiver = Receiver.read(obj)
    except (FluxRuns, InvalidObject) as error:
        return 503, str(error)
    if receiver.spec.suspend or not conditions.is_true(conditions.of(obj), conditions.READY):
        return 503, "the receiver is suspended" if receiver.spec.suspend else "the receiver is not ready"
    try:
        admitted, claims = _admit(context, receiver, sent)
        request = _request(receiver, admitted)
    except Refused as error:
        return 400, str(error)
    except Malformed as error:
        return 400, str(error)
    problems = notifying.notify(context, receiver, request, claims, asked)
    return (500, "; ".join(problems)) if problems else (200, "")


def _admit(context: Context, receiver: Receiver, sent: Delivery) -> tuple[Delivery, dict[str, Any] | None]:
    """Return what filters see of a delivery, and of its token's claims; raises Refused or Malformed."""
    if receiver.spec.type == OIDC:
        return sent, context.tokens.claims(receiver, sent.header("Authorization"))
    try:
        values = secret.read(context.cluster, receiver)
    except FairwayError as error:
        raise Refused(str(error)) from None
    if receiver.spec.type == "gcr":
        context.tokens.google(values, sent.header("Authorization"))
    return senders.admit(receiver.spec.type, receiver.spec.events or [], values["token"], sent), None


def _request(receiver: Receiver, admitted: Delivery) -> dict[str, Any]:
    """Return what filters see of the body: nothing of one that does not say that it is JSON."""
    return admitted.object() if notifying.has_filters(receiver) and admitted.is_json else {}
