# SPDX-License-Identifier: Apache-2.0
"""What is to be worked on at a certain time, such as when GitHub may be asked again.

Only a hint, like everything in Redis: were it lost, a sweep would find the work again. `watch` queues what is
due.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import redis

from workers.workqueue import Addition, Key, Queue

_KEY = "fairway:later"  # zset: object -> Unix time
_TTL = 24 * 3600  # seconds
_AT_ONCE = 200
_NOBODY_WAITS = frozenset({"Conversations", "LostDeliveries", "Sweep"})
_SOONEST, _LATEST = 2.0, 600.0  # seconds between tries
_MOST_REFUSALS = 5  # the last after half a minute
_REFUSALS_TTL = 3600  # seconds


class Later:
    """Keys with a time; an earlier one stands against a later one."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def put(self, key: Key, at: datetime) -> None:
        """Have an object worked on at a time, or at an earlier one that was set before."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.zadd(_KEY, {str(key): at.timestamp()}, lt=True)
            pipe.expire(_KEY, _TTL)
            pipe.execute()

    def again(self, key: Key, now: datetime) -> None:
        """Have an object worked on once more after it failed, each time later than the time before."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.incr(_tries(key))
            pipe.expire(_tries(key), _TTL)
            count = int(pipe.execute()[0])
        self.put(key, now + timedelta(seconds=min(_SOONEST * 2 ** min(count - 1, 20), _LATEST)))

    def a_few_times(self, key: Key, now: datetime, about: str = "") -> bool:
        """Have an object worked on once more after GitHub refused something for good, as far as it says.

        A commit that is not there yet is there a moment later. False when what it is `about` was refused
        often enough within an hour.
        """
        counted = f"fairway:refused:{key}:{about}"
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(counted, 0, ex=_REFUSALS_TTL, nx=True)
            pipe.incr(counted)
            count = int(pipe.execute()[1])
        if count > _MOST_REFUSALS:
            return False
        self.put(key, now + timedelta(seconds=_SOONEST * 2 ** (count - 1)))
        return True

    def succeeded(self, key: Key) -> None:
        """Forget how often an object has failed."""
        self._redis.delete(_tries(key))

    def due(self, now: datetime) -> list[Addition]:
        """Take what is due."""
        found = cast("list[bytes]", self._redis.zrangebyscore(_KEY, "-inf", now.timestamp(), 0, _AT_ONCE))
        if found:
            self._redis.zrem(_KEY, *found)
        return [_addition(Key.parse(text.decode())) for text in found]


def _addition(key: Key) -> Addition:
    return Addition(key, Queue.RECONCILE if key.kind in _NOBODY_WAITS else Queue.PUSH)


def _tries(key: Key) -> str:
    return f"fairway:tries:{key}"
