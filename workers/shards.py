# SPDX-License-Identifier: Apache-2.0
"""Which shard an object belongs to, where several `watch` processes share the cluster by Flux's label.

Each leading `watch` announces its selector; workers serve every shard that is announced, and nothing else:
what no shard selects is left alone, as by Flux. While none is announced, as after a flush, a process goes by
its own selector.
"""

from __future__ import annotations

import threading
import time
from typing import cast

import redis

from policies import selectors
from policies.objects import Object, labels_of
from policies.settings import Settings

TTL = 30.0  # seconds an announcement is good for
_LOOKED_FOR = 2.0  # seconds a look is good for
_KEY = "fairway:shards"  # zset: selector -> until when, by Redis's clock


class Shards:
    """The selectors there are; shared by the threads of a process."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self._redis = client
        self._scope = settings.scope
        self._lock = threading.Lock()
        self._looked: tuple[float, list[str]] | None = None

    def announce(self) -> None:
        """Say that the objects of this process's selector are watched; raises RedisError."""
        pipe = self._redis.pipeline(transaction=False)
        now = self._now()
        pipe.zadd(_KEY, {self._scope.labels: now + TTL})
        pipe.zremrangebyscore(_KEY, "-inf", now)
        pipe.expire(_KEY, int(TTL))
        pipe.execute()

    def withdraw(self) -> None:
        """Say that they are not watched any more; raises RedisError."""
        self._redis.zrem(_KEY, self._scope.labels)

    def of(self, obj: Object) -> str | None:
        """Return the selector of an object's shard; None when it is nobody's. Raises RedisError."""
        if not self._scope.covers(obj):
            return None
        labels = labels_of(obj)
        return next((one for one in self._selectors() if selectors.parse(one)(labels)), None)

    def _selectors(self) -> list[str]:
        with self._lock:
            if self._looked is None or time.monotonic() - self._looked[0] > _LOOKED_FOR:
                found = cast("list[bytes]", self._redis.zrangebyscore(_KEY, self._now(), "+inf"))
                self._looked = time.monotonic(), [one.decode() for one in found] or [self._scope.labels]
            return self._looked[1]

    def _now(self) -> float:
        seconds, microseconds = self._redis.time()
        return seconds + microseconds / 1e6
