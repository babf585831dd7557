# SPDX-License-Identifier: Apache-2.0
"""What a Receiver's Secret holds: read each time, and kept by nobody."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from policies.kinds import Receiver
from policies.objects import ObjectRef
from policies.receivers import readiness
from workers.cluster import ApiError, Client, NotFound


def read(client: Client, receiver: Receiver) -> Mapping[str, bytes]:
    """Return the Secret's values, of which the token is not empty; raises TokenMissing.

    Nothing for a Receiver without one: tokens of an issuer let its senders in.
    """
    reference = receiver.spec.secret_ref
    if reference is None:
        return {}
    namespace = receiver.metadata.namespace
    name = f"{namespace}/{reference.name}"
    try:
        obj = client.get(ObjectRef("", "v1", "Secret", namespace, reference.name))
    except NotFound:
        raise readiness.unreadable(name, f'Secret "{reference.name}" not found') from None
    except ApiError as error:
        raise readiness.unreadable(name, error.message) from None
    try:
        values = {key: base64.b64decode(value) for key, value in (obj.get("data") or {}).items()}
    except binascii.Error:
        raise readiness.unreadable(name, "its data is not base64") from None
    if "token" not in values:
        raise readiness.incomplete(name)
    if not values["token"]:
        raise readiness.empty(name)
    return values
