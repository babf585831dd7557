# SPDX-License-Identifier: Apache-2.0
"""Commits of which a check run or a deployment is not final yet: a hint in Redis, found again from GitHub."""

from __future__ import annotations

import json
from dataclasses import asdict

import redis

from workers.heads import Head

_TTL = 7 * 24 * 3600  # seconds


def add(client: redis.Redis, repository: str, head: Head) -> None:
    """Remember a commit of `owner/name` that there is more to say of."""
    with client.pipeline(transaction=False) as pipe:
        pipe.hset(_key(repository), head.sha, json.dumps(asdict(head)))
        pipe.expire(_key(repository), _TTL)
        pipe.execute()


def of(client: redis.Redis, repository: str) -> list[Head]:
    """Return the commits, those first that we heard of first."""
    found = client.hvals(_key(repository))
    return sorted((Head(**json.loads(value)) for value in found), key=lambda head: head.at)


def remove(client: redis.Redis, repository: str, sha: str) -> None:
    """Forget a commit: everything about it is final."""
    client.hdel(_key(repository), sha)


def some(client: redis.Redis, repository: str) -> bool:
    """Tell whether there is one."""
    return bool(client.exists(_key(repository)))


def _key(repository: str) -> str:
    return f"fairway:untold:{repository.lower()}"
