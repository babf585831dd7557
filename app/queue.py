# SPDX-License-Identifier: Apache-2.0
"""Hand work to the workers: Celery messages by task name, and the claim on a delivery id.

The message goes out first and the id is claimed after it: dying in between makes GitHub deliver again and
the work is done twice, which is harmless; the other way round a push would be lost.
"""

from __future__ import annotations

from typing import Any

import redis
from celery import Celery
from kombu.exceptions import OperationalError

from policies.errors import FairwayError

_CLAIM_TTL = (
    24 * 3600
)  # seconds; GitHub redelivers for three days, by hand, and then work done twice is wanted


class QueueDown(FairwayError):
    """Redis cannot be reached; GitHub should deliver again later."""


class TaskQueue:
    """A producer whose every call is bounded in time, so that a dead Redis never holds a request."""

    def __init__(self, redis_url: str) -> None:
        self._redis = redis.Redis.from_url(redis_url, socket_timeout=1, socket_connect_timeout=1)
        self._celery = Celery("fairway", broker=redis_url, set_as_current=False)
        self._celery.conf.update(
            task_serializer="json",
            task_ignore_result=True,
            task_publish_retry=False,
            broker_connection_timeout=1,
            broker_transport_options={
                "socket_timeout": 1,
                "socket_connect_timeout": 1,
                "max_retries": 0,
                "global_keyprefix": "fairway:celery:",
            },
        )

    def seen(self, delivery: str) -> bool:
        """Tell whether this delivery was taken already; raises QueueDown."""
        try:
            return bool(self._redis.exists(f"fairway:delivery:{delivery}"))
        except redis.RedisError as error:
            raise QueueDown("Redis cannot be reached") from error

    def send(self, task: str, delivery: str, **arguments: Any) -> None:
        """Queue a task, then claim its delivery id; raises QueueDown."""
        try:
            self._celery.send_task(
                task, kwargs={"delivery": delivery, **arguments}, queue="push", retry=False
            )
            self._redis.set(f"fairway:delivery:{delivery}", "1", ex=_CLAIM_TTL)
        except (OperationalError, redis.RedisError, OSError) as error:
            raise QueueDown("Redis cannot be reached") from error

    def ping(self) -> bool:
        try:
            return bool(self._redis.ping())
        except redis.RedisError:
            return False

    def view(self, key: str) -> bytes | None:
        """Read what the workers stored for a page."""
        try:
            found = self._redis.get(key)
        except redis.RedisError:
            return None
        return found if isinstance(found, bytes) else None
