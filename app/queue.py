# SPDX-License-Identifier: Apache-2.0
"""Hand work to the workers: Celery messages by task name, and the claim on a delivery id.

The message goes out first and the id is claimed after it: dying in between makes GitHub's redelivery do the
work twice, which is harmless; the other way round a push would be lost.
"""

from __future__ import annotations

import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import redis
from celery import Celery
from kombu.exceptions import OperationalError
from redis.backoff import NoBackoff
from redis.retry import Retry

from policies.errors import FairwayError

_TIMEOUT = 1.0  # seconds, for one call to Redis
_SLOW = 0.5  # seconds; a call that failed after this long was not answered at all
_PAUSE = 1.0  # seconds without a call after one that was not answered
# GitHub redelivers by hand for three days; on the later ones the work is wanted again.
_CLAIM_TTL = 24 * 3600  # seconds
_PUSH_QUEUE = "push"  # of workers.workqueue.Queue

T = TypeVar("T")


class QueueDown(FairwayError):
    """Redis cannot be reached; GitHub should deliver again later."""


class TaskQueue:
    """A producer for all threads of a process; every call is bounded in time, or raises QueueDown at once.

    While Redis hangs, one call a second finds out whether it still does, so that deliveries which cannot be
    taken do not pile up behind it.
    """

    def __init__(self, redis_url: str, *, threads: int = 16) -> None:
        self._redis = redis.Redis.from_url(
            redis_url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            # Only what a restarted server has closed under us is tried again, and at once.
            retry=Retry(NoBackoff(), 1, (redis.ConnectionError,)),
        )
        self._celery = _producer(redis_url, threads)
        self._locks = [threading.Lock() for _ in range(64)]
        self._silent_until = 0.0

    def put(self, task: str, delivery: str, **arguments: Any) -> bool:
        """Queue a task once per delivery id; False when that delivery was taken before."""
        claim = f"fairway:delivery:{delivery}"
        with self._alone(delivery):
            if self._call(lambda: self._redis.exists(claim)):
                return False
            self._call(lambda: self._send(task, {"delivery": delivery, **arguments}))
            self._call(lambda: self._redis.set(claim, "1", ex=_CLAIM_TTL))
            return True

    def reachable(self) -> bool:
        """Tell whether Redis answers."""
        try:
            return bool(self._call(self._redis.ping))
        except QueueDown:
            return False

    def view(self, key: str) -> bytes | None:
        """Read what the workers stored for a page; raises QueueDown."""
        found = self._call(lambda: self._redis.get(key))
        return found if isinstance(found, bytes) else None

    def _send(self, task: str, arguments: dict[str, Any]) -> None:
        try:
            self._celery.send_task(task, kwargs=arguments, queue=_PUSH_QUEUE, retry=False)
        except redis.TimeoutError:
            raise
        except (OperationalError, redis.ConnectionError, OSError) as error:
            if isinstance(error.__cause__, redis.TimeoutError):
                raise
            # The pooled connection was from before a restart. Sent twice does no harm, not at all would.
            self._celery.send_task(task, kwargs=arguments, queue=_PUSH_QUEUE, retry=False)

    def _call(self, call: Callable[[], T]) -> T:
        began = time.monotonic()
        if began < self._silent_until:
            raise QueueDown("Redis does not answer")
        try:
            return call()
        except (OperationalError, redis.RedisError, OSError) as error:
            ended = time.monotonic()
            if ended - began > _SLOW:
                self._silent_until = ended + _PAUSE
            raise QueueDown(f"Redis cannot be reached: {type(error).__name__}") from error

    @contextmanager
    def _alone(self, delivery: str) -> Iterator[None]:
        """Let one thread at a time see to a delivery id, so that copies sent at once have one effect."""
        lock = self._locks[zlib.crc32(delivery.encode()) % len(self._locks)]
        if not lock.acquire(timeout=2 * _TIMEOUT):
            raise QueueDown("Redis does not answer")
        try:
            yield
        finally:
            lock.release()


def _producer(redis_url: str, threads: int) -> Celery:
    celery = Celery("fairway", broker=redis_url, set_as_current=False)
    celery.conf.update(
        task_serializer="json",
        task_ignore_result=True,
        task_publish_retry=False,
        broker_connection_timeout=_TIMEOUT,
        broker_connection_retry=False,
        broker_connection_max_retries=0,
        broker_pool_limit=threads,
        # kombu would not look at the server's certificate.
        broker_use_ssl={"ssl_cert_reqs": ssl.CERT_REQUIRED} if redis_url.startswith("rediss:") else None,
        broker_transport_options={
            "socket_timeout": _TIMEOUT,
            "socket_connect_timeout": _TIMEOUT,
            "socket_keepalive": True,
            "max_retries": 0,
            "global_keyprefix": "fairway:celery:",
        },
    )
    return celery
