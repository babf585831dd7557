# SPDX-License-Identifier: Apache-2.0
"""Pushes that could not be looked at, because the API server was away: kept for the next sweep.

Only a hint, like everything in Redis: were it lost, the source's interval would bring the commit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import redis

_KEY = "fairway:deferred:pushes"
_MOST = 1000
Resend = Callable[[Mapping[str, Any]], None]


class Deferred:
    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def put_off(self, arguments: Mapping[str, Any]) -> None:
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.rpush(_KEY, json.dumps(dict(arguments)))
            pipe.ltrim(_KEY, -_MOST, -1)
            pipe.expire(_KEY, 3600)
            pipe.execute()

    def resume(self, resend: Resend) -> None:
        """Send everything that was put off once more."""
        for _ in range(_MOST):
            found = self._redis.lpop(_KEY)
            if not isinstance(found, bytes):
                return
            resend(json.loads(found))
