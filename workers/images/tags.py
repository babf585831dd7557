# SPDX-License-Identifier: Apache-2.0
"""The tags that scans found, in Redis: what is lost is scanned again.

A hundred thousand tags are some megabytes, so they are packed; whoever reads them unpacks them for one run.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence

import redis

Owner = tuple[str, str]  # namespace and name of an ImageRepository
_TTL = 7 * 24 * 3600  # seconds; longer than any interval that makes sense, else it is scanned a little early
_MARK = "fairway:tags:revision"  # hash: owner -> revision of what is kept


class Tags:
    """What was found for each ImageRepository; raises RedisError."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def keep(self, owner: Owner, name: str, revision: str, tags: Sequence[str]) -> None:
        """Keep the tags of an image, by its canonical name, with their checksum."""
        packed = zlib.compress(json.dumps([name, revision, list(tags)]).encode(), 1)
        self._redis.set(_key(owner), packed, ex=_TTL)

    def of(self, owner: Owner, name: str, revision: str) -> list[str] | None:
        """Return the tags that a status tells of; None when these are not at hand."""
        packed = self._redis.get(_key(owner))
        if not isinstance(packed, bytes):
            return None
        known, found, tags = json.loads(zlib.decompress(packed))
        return list(tags) if (known, found) == (name, revision) else None

    def forget(self, owner: Owner) -> None:
        self._redis.delete(_key(owner))


def _key(owner: Owner) -> str:
    return f"fairway:tags:{owner[0]}/{owner[1]}"
