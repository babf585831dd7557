# SPDX-License-Identifier: Apache-2.0
"""What is to be worked on at a certain time, such as when GitHub may be asked again.

Only a hint, like everything in Redis: were it lost, a sweep would find the work again. `watch` queues what is
due.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import redis

from workers.workqueue import Addition, Key, Queue, Workqueue

_KEY = "fairway:later"  # zset: object -> Unix time
_LEAVING = "fairway:later:leaving"  # zset: what was due and is being queued
_TTL = 24 * 3600  # seconds
_AT_ONCE = 200
_NOBODY_WAITS = frozenset({"Conversations", "LostDeliveries", "Sweep"})
_SOONEST, _LATEST = 2.0, 600.0  # seconds between tries
_MOST_REFUSALS = 5  # the last after half a minute
_REFUSALS_TTL = 3600  # seconds


# KEYS: later, leaving. ARGV: now, how many at most, seconds. Returns what is leaving.
_TAKE = """
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, object in ipairs(found) do
  redis.call('ZREM', KEYS[1], object)
  redis.call('ZADD', KEYS[2], ARGV[1], object)
end
redis.call('EXPIRE', KEYS[2], ARGV[3])
return redis.call('ZRANGE', KEYS[2], 0, -1)
"""


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

    def queue_due(self, queue: Workqueue, now: datetime) -> None:
        """Have worked on what is due; if somebody dies meanwhile, it is queued the next time."""
        found = self.due(now)
        if found:
            queue.add_all(found)
            self._redis.zrem(_LEAVING, *(str(one.key) for one in found))

    def due(self, now: datetime) -> list[Addition]:
        """Take what is due, and what somebody took and did not queue."""
        given = (str(now.timestamp()), str(_AT_ONCE), str(_TTL))
        found = cast("list[bytes]", self._redis.eval(_TAKE, 2, _KEY, _LEAVING, *given))
        return [_addition(Key.parse(text.decode())) for text in found]


def _addition(key: Key) -> Addition:
    return Addition(key, Queue.RECONCILE if key.kind in _NOBODY_WAITS else Queue.PUSH)


def _tries(key: Key) -> str:
    return f"fairway:tries:{key}"
