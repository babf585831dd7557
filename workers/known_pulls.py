# SPDX-License-Identifier: Apache-2.0
"""What was said on pull requests, and which of them are still news: hints in Redis.

What is lost is found again at GitHub: the comment by its marker, with what it says in its last line, and the
pull requests by a sweep.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

import redis

_TTL = 7 * 24 * 3600  # seconds
_ASKED_TTL = 3600  # seconds


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a pull request's comment; times are seconds since the epoch.

    `comment` is its id (0: none that we know of), `state` and `digest` are what it says, `edited` is when it
    was written last and `settled` when it first said that all is well; `rewritten` counts how often somebody
    deleted it and it was written again. `since` is when we heard of the merge.
    """

    repository_id: int
    comment: int = 0
    state: str = ""
    digest: str = ""
    edited: float = 0.0
    settled: float = 0.0
    rewritten: int = 0
    since: float = 0.0


def of(client: redis.Redis, repository: str, number: int, repository_id: int) -> Known:
    """Return what is known; nothing of a repository that had the same name before."""
    found = client.hget(_key(repository), str(number))
    known = Known(**json.loads(found)) if found else Known(repository_id)
    return known if known.repository_id == repository_id else Known(repository_id)


def states(client: redis.Redis, repository: str, now: float) -> dict[int, str]:
    """Return what the comments of a repository's pull requests say, by number; what is old is forgotten."""
    found = {
        int(number): Known(**json.loads(value)) for number, value in client.hgetall(_key(repository)).items()
    }
    old = [number for number, known in found.items() if now - max(known.since, known.edited) > _TTL]
    if old:
        client.hdel(_key(repository), *map(str, old))
    return {number: known.state for number, known in found.items() if number not in old}


def keep(client: redis.Redis, repository: str, number: int, known: Known, *, live: bool) -> None:
    """Note down what is known, and whether news of the cluster may change it."""
    with client.pipeline(transaction=False) as pipe:
        pipe.hset(_key(repository), str(number), json.dumps(asdict(known)))
        pipe.expire(_key(repository), _TTL)
        if live:
            pipe.sadd(_live_key(repository), number)
            pipe.expire(_live_key(repository), _TTL)
        else:
            pipe.srem(_live_key(repository), number)
        pipe.execute()


def live(client: redis.Redis, repository: str) -> list[int]:
    """Return the pull requests whose comment may have to change with the cluster."""
    return sorted(int(number) for number in client.smembers(_live_key(repository)))


def doubt(client: redis.Redis, repository: str, number: int) -> None:
    """Note that somebody changed a comment of ours: what it was known to say is not known any more."""
    client.set(_doubted_key(repository, number), "1", ex=_TTL)


def settle_doubt(client: redis.Redis, repository: str, number: int, known: Known) -> Known:
    """Return what is still known of a comment; of one that somebody changed, no more than where it is."""
    if not client.exists(_doubted_key(repository, number)):
        return known
    left = replace(known, state="", digest="")
    # Both at once: whoever dies after this leaves a comment that is written again, and an edit that comes
    # after this is another doubt.
    with client.pipeline(transaction=True) as pipe:
        pipe.hset(_key(repository), str(number), json.dumps(asdict(left)))
        pipe.expire(_key(repository), _TTL)
        pipe.delete(_doubted_key(repository, number))
        pipe.execute()
    return left


def ask(client: redis.Redis, repository: str, number: int) -> None:
    """Have the comment written with the next run, whether or not it says anything new, or was deleted."""
    client.set(_asked_key(repository, number), "1", ex=_ASKED_TTL)


def asked(client: redis.Redis, repository: str, number: int) -> bool:
    """Tell whether a person waits for the comment."""
    return bool(client.exists(_asked_key(repository, number)))


def answered(client: redis.Redis, repository: str, number: int) -> None:
    """Note that the person has it."""
    client.delete(_asked_key(repository, number))


def _key(repository: str) -> str:
    return f"fairway:pulls:{repository.lower()}"


def _live_key(repository: str) -> str:
    return f"fairway:live-pulls:{repository.lower()}"


def _doubted_key(repository: str, number: int) -> str:
    return f"fairway:doubted-pull:{repository.lower()}:{number}"


def _asked_key(repository: str, number: int) -> str:
    return f"fairway:asked-pull:{repository.lower()}:{number}"
