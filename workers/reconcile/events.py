# SPDX-License-Identifier: Apache-2.0
"""Kubernetes events about the objects we reconcile, as Flux's controllers record them."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from datetime import datetime

from policies.clock import rfc3339
from policies.flux_leases import CONTROLLERS
from policies.objects import Object
from workers.cluster import ApiError, Client

log = logging.getLogger(__name__)
_MESSAGE_LIMIT = 1024  # the API server refuses more


def record(
    client: Client,
    obj: Object,
    *,
    severity: str,
    reason: str,
    message: str,
    now: datetime,
    annotations: Mapping[str, str] | None = None,
) -> None:
    """Record one event (`severity` Normal or Warning); a failure is logged, an event is worth no retry."""
    metadata, stamp = obj["metadata"], rfc3339(now)
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{metadata['name']}.{secrets.token_hex(8)}",
            "namespace": metadata["namespace"],
            "annotations": dict(annotations or {}),
        },
        "involvedObject": {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "type": severity,
        "reason": reason,
        "message": message if len(message) <= _MESSAGE_LIMIT else message[: _MESSAGE_LIMIT - 1] + "…",
        "source": {"component": CONTROLLERS.get(obj["kind"], "fairway")},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
    try:
        client.create(event)
    except ApiError as error:
        log.warning(
            "event not recorded object=%s/%s reason=%s: %s",
            metadata["namespace"],
            metadata["name"],
            reason,
            error,
        )
