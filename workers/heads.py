# SPDX-License-Identifier: Apache-2.0
"""Pushed commits whose status is not final yet: a hint in Redis, so that none is forgotten while it lives.

What is lost with Redis is found again from GitHub: see `workers.reconcile.lost_pushes`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import redis

_TTL = 7 * 24 * 3600  # seconds


@dataclass(frozen=True, slots=True)
class Head:
    """A pushed commit: the ref it was pushed to, and when we heard of it (seconds since the epoch)."""

    sha: str
    ref: str
    at: float


def add(
    client: redis.Redis, repository: str, head: Head, *, private: bool, unless_known: bool = False
) -> None:
    """Remember a pushed commit of `owner/name`; `unless_known`: what a delivery told of it stands."""
    with client.pipeline(transaction=False) as pipe:
        (pipe.hsetnx if unless_known else pipe.hset)(_key(repository), head.sha, json.dumps(asdict(head)))
        pipe.expire(_key(repository), _TTL)
        pipe.set(_private_key(repository), "1" if private else "0", ex=_TTL)
        pipe.execute()


def of(client: redis.Redis, repository: str) -> list[Head]:
    found = client.hvals(_key(repository))
    return sorted((Head(**json.loads(value)) for value in found), key=lambda head: head.at)


def remove(client: redis.Redis, repository: str, shas: list[str]) -> None:
    if shas:
        client.hdel(_key(repository), *shas)


def looked(client: redis.Redis, repository: str, source: str, at: float) -> None:
    """Note when a source (`namespace/name`) began to ask its remote, once its status has the answer."""
    client.hset(_looked_key(repository), source, repr(at))
    client.expire(_looked_key(repository), _TTL)


def looked_at(client: redis.Redis, repository: str) -> dict[str, float]:
    """Return when each source of a repository last asked; read it before the sources' status."""
    found = client.hgetall(_looked_key(repository))
    return {(s.decode() if isinstance(s, bytes) else s): float(at) for s, at in found.items()}


def repositories(client: redis.Redis) -> list[str]:
    """Return the repositories with commits that have no final status yet."""
    return [key.decode().partition(":heads:")[2] for key in client.scan_iter(_key("*"), count=500)]


def is_private(client: redis.Redis, repository: str) -> bool:
    """Tell whether a repository is private; unknown counts as private."""
    return client.get(_private_key(repository)) != b"0"


def set_private(client: redis.Redis, repository: str, *, private: bool) -> None:
    """Note who may see a repository."""
    client.set(_private_key(repository), "1" if private else "0", ex=_TTL)


def _key(repository: str) -> str:
    return f"fairway:heads:{repository.lower()}"


def _looked_key(repository: str) -> str:
    return f"fairway:looked:{repository.lower()}"


def _private_key(repository: str) -> str:
    return f"fairway:private:{repository.lower()}"
