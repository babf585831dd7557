# SPDX-License-Identifier: Apache-2.0
"""What the front door may know of paths: whether one is some Receiver's, for a minute.

So that whoever tries paths occupies no worker. While nothing is known, as after a flush, every delivery
comes to a worker, which looks at all Receivers anyway and notes them down.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import redis

from policies.receivers.paths import CHANGES, KNOWN, KNOWN_FOR, known_as

# Where the set is not there, one path alone would make all others unknown. KEYS: set, changes. ARGV: path.
_ANNOUNCE = """
redis.call('INCR', KEYS[2])
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('SADD', KEYS[1], ARGV[1]) end
"""
# A list that is older than the last change may lack a path. KEYS: set, changes. ARGV: changes before the
# list was made, seconds, paths.
_REMEMBER = """
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SADD', KEYS[1], unpack(ARGV, 3))
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
_NONE = "-"  # no path is known as this: it keeps the set there where there is no Receiver
_MOST = 4000  # as many values as Redis unpacks at once; of more nothing is remembered


def announce(client: redis.Redis, digest: str) -> None:
    """Take a path up that has just become a Receiver's; raises RedisError."""
    client.eval(_ANNOUNCE, 2, KNOWN, CHANGES, known_as(digest))


def changes(client: redis.Redis) -> str:
    """Return what tells later whether a path has changed since; raises RedisError."""
    found = cast("bytes | None", client.get(CHANGES))
    return found.decode() if found else "0"


def remember(client: redis.Redis, digests: Iterable[str], *, since: str) -> None:
    """Note down all paths, as they were at a time that `changes` told; raises RedisError."""
    known = [_NONE, *(known_as(digest) for digest in digests)]
    if len(known) <= _MOST:
        client.eval(_REMEMBER, 2, KNOWN, CHANGES, since, str(KNOWN_FOR), *known)
