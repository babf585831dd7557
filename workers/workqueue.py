# SPDX-License-Identifier: Apache-2.0
"""The workqueue in Redis: an object is worked on by at most one task, in fair turns, and no change is missed.

A message is a hint; the mark is what counts. Adding an object marks it dirty and has it wait; a message says
that something waits, and whoever takes it runs what is next: an object of a tenant and repository whose turn
it is, of the more urgent queue first. A run takes the mark over before it observes, and removes it when it
ends; an add meanwhile marks it anew, and the end of the run has it wait again. Every key has a TTL and nobody
blocks, so a lost message, a killed worker or a flushed Redis costs a delay, never a change: `watch` has what
is marked and is neither run nor waiting wait again (`revive`), and adds whatever is still unequal to what is
wanted.
"""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

import redis

from policies.fairness import GATE_PART, TENANT_PART, Share
from policies.task_messages import Scalar, task_message
from workers import queue_scripts

HEARTBEAT = 3.0  # seconds between renewals
RUN_TTL = 10.0  # a run without a heartbeat for this long is dead
TASK = "workers.tasks.work"
_WORKER_TTL = 60.0  # seconds for which a worker that took something counts as there
_AT_ONCE = 200  # additions in one trip to Redis


class Queue(StrEnum):
    """The Celery queues, the most urgent first."""

    PUSH = "push"  # a person waits: deliveries, orders, and what they set off
    RECONCILE = "reconcile"


@dataclass(frozen=True, slots=True)
class Key:
    """One object to work on: a Flux kind with namespace and name, or `Repository` with owner and name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read what `str` has written."""
        return cls(*text.split("/"))


@dataclass(frozen=True, slots=True)
class Addition:
    """An object to be worked on, in which queue, and whose turn that takes (None: as the last time)."""

    key: Key
    queue: Queue = Queue.RECONCILE
    share: Share | None = None


_MESSAGES = [task_message(TASK, "@ID@", str(queue), {"queue": str(queue)}) for queue in Queue]
_PARTS = [TENANT_PART, GATE_PART]


class Workqueue:
    """Add objects, and run them one at a time each; shared by all threads of a process.

    `threads` is how many of them this process runs side by side.
    """

    def __init__(self, client: redis.Redis, *, threads: int = 1) -> None:
        self._redis = client
        self._threads = threads
        self._worker = secrets.token_hex(4)
        self._add = client.register_script(queue_scripts.ADD)
        self._take = client.register_script(queue_scripts.TAKE)
        self._renew = client.register_script(queue_scripts.RENEW)
        self._give_back = client.register_script(queue_scripts.GIVE_BACK)
        self._end = client.register_script(queue_scripts.END)
        self._revive = client.register_script(queue_scripts.REVIVE)
        self._active: dict[Key, str] = {}
        self._lock = threading.Lock()
        self._renewer: threading.Thread | None = None

    def add(self, key: Key, queue: Queue = Queue.RECONCILE, share: Share | None = None) -> None:
        """Have the object worked on soon, once, however often it is added."""
        self.add_all([Addition(key, queue, share)])

    def add_all(self, additions: Sequence[Addition]) -> None:
        """Have many objects worked on soon; after an error some are added, and may be added again."""
        for first in range(0, len(additions), _AT_ONCE):
            with self._redis.pipeline(transaction=False) as pipe:
                for one in additions[first : first + _AT_ONCE]:
                    share = one.share or Share()
                    place = [str(one.queue), one.key.namespace, share.tenant, share.name, share.gate]
                    self._add(args=[str(one.key), *place, *_MESSAGES], client=pipe)
                pipe.execute()

    def call(self, task: str, arguments: Mapping[str, Scalar]) -> None:
        """Have a worker call another task than ours, as whoever waits for an urgent object."""
        message = task_message(task, str(uuid.uuid4()), str(Queue.PUSH), arguments)
        self._redis.lpush(f"fairway:celery:{Queue.PUSH}", message)

    @contextmanager
    def take(self, queue: Queue) -> Iterator[Key | None]:
        """Hold what is next in a queue for one run; yields None when nothing waits or may be run now."""
        token = secrets.token_hex(8)
        found = self._next(queue, token)
        if found is None:
            yield None
            return
        self._keep(found, token)
        try:
            yield found
        finally:
            with self._lock:
                self._active.pop(found, None)
            self._end(args=[str(found), token, *_MESSAGES])

    def revive(self) -> None:
        """Have wait again what is marked and not worked on: its runner died, or its message was lost."""
        self._revive(args=[*_MESSAGES, *_PARTS, self._threads])

    def busy(self, keys: Iterable[Key]) -> set[Key]:
        """Return those objects that somebody runs or is about to run."""
        asked = list(keys)
        if not asked:
            return set()
        marks = cast("list[bytes | None]", self._redis.hmget("fairway:dirty", [str(key) for key in asked]))
        return {key for key, mark in zip(asked, marks, strict=True) if mark}

    def _next(self, queue: Queue, token: str) -> Key | None:
        here: list[str | int] = [self._worker, self._threads, _ms(_WORKER_TTL)]
        found = self._take(args=[str(queue), token, _ms(RUN_TTL), *here, *_PARTS])
        if not found:
            return None
        key = Key.parse(cast("bytes", found).decode())
        with self._lock:
            other = self._active.get(key)
        if other is None:
            return key
        # A flushed Redis forgets what we run until the next beat; the end of that run has it wait again.
        self._give_back(args=[str(key), token, other, _ms(RUN_TTL)])
        return None

    def _keep(self, key: Key, token: str) -> None:
        with self._lock:
            self._active[key] = token
            if self._renewer is None:
                self._renewer = threading.Thread(target=self._heartbeat, name="heartbeat", daemon=True)
                self._renewer.start()

    def _heartbeat(self) -> None:
        pause = threading.Event()
        while not pause.wait(HEARTBEAT):
            with self._lock:
                active = list(self._active.items())
            try:
                for key, token in active:
                    with self._lock:
                        # Renewing a run that ended a moment ago would bring its key back from the dead.
                        if self._active.get(key) == token:
                            self._renew(args=[str(key), token, _ms(RUN_TTL)])
            except redis.RedisError:
                continue  # the next beat tries again; resourceVersions fence whoever lost its key


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def open_redis(url: str, **options: Any) -> redis.Redis:
    """Open a client whose every call is bounded in time, so that a dead Redis is an error and not a hang."""
    defaults: dict[str, Any] = {"socket_timeout": 5, "socket_connect_timeout": 2, "health_check_interval": 15}
    return redis.Redis.from_url(url, **{**defaults, **options})
