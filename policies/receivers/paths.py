# SPDX-License-Identifier: Apache-2.0
"""The path of a Receiver, which is a secret: who knows it may send, so it is in no log and not in Redis.

The front door has a path and knows no Receiver, a worker knows the Receivers' paths. What lies between them
names the Receiver by a keyed digest that is another one each time, and is sealed by a key made of the path.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

PREFIX = "/hook/"
KNOWN = "fairway:hooks"  # set: `known_as` of every Receiver's digest, for a while
CHANGES = "fairway:hooks:changes"  # how often a path has become another one
KNOWN_FOR = 60  # seconds the set is good for
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Seal:
    """A name by which only who knows the path finds it, and the key (32 bytes) for what goes with it."""

    name: str
    key: bytes = field(repr=False)


def webhook_path(token: str | bytes, name: str, namespace: str) -> str:
    """Return the path of a Receiver with this token, as Flux computes it."""
    secret = token if isinstance(token, bytes) else token.encode()
    return PREFIX + hashlib.sha256(secret + name.encode() + namespace.encode()).hexdigest()


def well_formed(digest: str) -> bool:
    """Tell whether this can be what follows /hook/."""
    return bool(_DIGEST.fullmatch(digest))


def known_as(digest: str) -> str:
    """Return what tells that a path is some Receiver's, and not which path it is."""
    return hashlib.sha256(b"known" + digest.encode()).hexdigest()


def seal(digest: str, nonce: str) -> Seal:
    """Make name and key for one delivery; `nonce` has to be another one each time."""
    return Seal(_keyed(digest, "name", nonce).hex(), _keyed(digest, "seal", nonce))


def find(name: str, nonce: str, digests: Iterable[str]) -> list[int]:
    """Return the places of the digests with this name; how long it takes tells nothing of them.

    Two Receivers share a path only if token, name and namespace read the same one after the other.
    """
    found = []
    for place, digest in enumerate(digests):
        if hmac.compare_digest(seal(digest, nonce).name, name):
            found.append(place)
    return found


def _keyed(digest: str, use: str, nonce: str) -> bytes:
    return hmac.digest(digest.encode(), f"{use}:{nonce}".encode(), "sha256")
