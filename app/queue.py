# SPDX-License-Identifier: Apache-2.0
"""Hand work to the workers: a message by task name and the claim on its delivery id, in one step.

Either both are there or neither is, so a delivery that was cut off is neither lost nor done twice, whoever
sends it again and however many at once. `workers.event_queue` sees that the task is not lost with a worker.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from policies.clock import rfc3339_micro
from policies.errors import FairwayError
from policies.receivers import delivery as hooks
from policies.receivers.paths import KNOWN
from policies.task_messages import EVENTS, KEPT, OPEN, PUT_TASK, SENT, Scalar, task_message

_TIMEOUT = 1.0  # seconds, for one call to Redis
_SLOW = 0.5  # seconds; a call that failed after this long was not answered at all
_PAUSE = 1.0  # seconds without a call after one that was not answered
# GitHub redelivers by hand for three days; on the later ones the work is wanted again.
_CLAIM_TTL = 24 * 3600  # seconds
_QUEUE_KEY = f"fairway:celery:{EVENTS}"  # with the prefix that workers.celery_app sets

T = TypeVar("T")


class QueueDown(FairwayError):
    """Redis cannot be reached; GitHub should deliver again later."""


class TaskQueue:
    """A producer for all threads of a process; every call is bounded in time, or raises QueueDown at once.

    While Redis hangs, one call a second finds out whether it still does, so that deliveries which cannot be
    taken do not pile up behind it.
    """

    def __init__(self, redis_url: str) -> None:
        self._redis = redis.Redis.from_url(
            redis_url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            # Only what a restarted server has closed under us is tried again, and at once.
            retry=Retry(NoBackoff(), 1, (redis.ConnectionError,)),
        )
        self._silent_until = 0.0

    def put(self, task: str, delivery: str, **arguments: Scalar) -> bool:
        """Queue a task once per delivery id; False when that delivery was taken before. Raises QueueDown."""
        task_id = str(uuid.uuid4())
        message = task_message(task, task_id, EVENTS, {"delivery": delivery, **arguments})
        keys = (_QUEUE_KEY, OPEN, SENT, f"fairway:delivery:{delivery}")
        values = (task_id, message, str(KEPT), str(_CLAIM_TTL))
        return bool(self._call(lambda: self._redis.eval(PUT_TASK, len(keys), *keys, *values)))

    def knows_hook(self, known_as: str) -> bool | None:
        """Tell whether a path is some Receiver's; None when that has to be found out. Raises QueueDown."""
        there, found = self._call(lambda: self._known(known_as))
        return bool(found) if there else None

    def ask_hook(self, sealed: bytes, *, name: str, nonce: str, patience: float) -> int:
        """Have a worker take a Receiver's webhook; returns its status code, or 0 after `patience` seconds.

        What was sent lies in Redis for a minute at most. Raises QueueDown.
        """
        task_id = str(uuid.uuid4())
        at = rfc3339_micro(datetime.now(UTC))
        arguments = {"delivery": task_id, "name": name, "nonce": nonce, "at": at}
        message = task_message(hooks.TASK, task_id, EVENTS, arguments)

        def put() -> None:
            with self._redis.pipeline() as pipe:
                pipe.set(hooks.lies_at(task_id), sealed, ex=hooks.KEPT)
                pipe.eval(PUT_TASK, 3, _QUEUE_KEY, OPEN, SENT, task_id, message, str(KEPT))
                pipe.execute()

        self._call(put)
        until = time.monotonic() + patience
        while (left := until - time.monotonic()) > 0:
            # Each call waits for less than a call may last, so that a Redis that hangs is told from a worker.
            wait = min(left, _TIMEOUT / 2)
            found: Any = self._call(lambda wait=wait: self._redis.blpop([hooks.answered_at(task_id)], wait))  # type: ignore[misc]
            if found is not None:
                return int(found[1])
        return 0

    def _known(self, known_as: str) -> tuple[Any, Any]:
        with self._redis.pipeline() as pipe:
            pipe.exists(KNOWN)
            pipe.sismember(KNOWN, known_as)
            there, found = pipe.execute()
        return there, found

    def reachable(self) -> bool:
        """Tell whether Redis answers."""
        try:
            return bool(self._call(self._redis.ping))
        except QueueDown:
            return False

    def view(self, key: str) -> bytes | None:
        """Read what the workers stored for a page; raises QueueDown."""
        found: Any = self._call(lambda: self._redis.get(key))
        return found if isinstance(found, bytes) else None

    def _call(self, call: Callable[[], T]) -> T:
        began = time.monotonic()
        if began < self._silent_until:
            raise QueueDown("Redis does not answer")
        try:
            return call()
        except (redis.RedisError, OSError) as error:
            ended = time.monotonic()
            if ended - began > _SLOW:
                self._silent_until = ended + _PAUSE
            raise QueueDown(f"Redis cannot be reached: {type(error).__name__}") from error
