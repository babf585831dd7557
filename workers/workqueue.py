# SPDX-License-Identifier: Apache-2.0
"""The workqueue in Redis: an object is worked on by at most one task, in fair turns, and no change is missed.

A message is a hint; the mark is what counts. Adding an object marks it dirty and has it wait; a message says
that something waits, and who gets it runs one object after the other until none does: each of a tenant and
repository whose turn it is, of the more urgent queue first. A run takes the mark over before it observes, and
removes it when it ends; an add meanwhile marks it anew, and the end of the run has it wait again. Every key
has a TTL and nobody blocks, so a lost message, a killed worker or a flushed Redis costs a delay, never a
change: `watch` has what is marked and is neither run nor waiting wait again (`revive`), and adds whatever is
still unequal to what is wanted.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

import redis

from policies import fairness
from policies.fairness import GATE_PART, TENANT_PART, Share
from policies.task_messages import EVENTS, task_message
from workers import queue_scripts

HEARTBEAT = 3.0  # seconds between renewals
RUN_TTL = 10.0  # a run without a heartbeat for this long is dead
TASK = "workers.tasks.work"
DIRECT = 2  # threads of a worker that run no objects, so that a delivery is never behind a slow host
_WORKER_TTL = 60.0  # seconds for which a worker that took something counts as there
_AT_ONCE = 200  # additions in one trip to Redis
_DRAIN_FOR = 20.0  # seconds; well below the time after which Celery hands a message out again
_ANOTHER_ENDS = 0.1  # seconds in which one that has said that it takes no more is gone


class CeleryQueue(StrEnum):
    """The queues that workers take messages from, the most urgent first."""

    EVENTS = EVENTS  # one task each: what a delivery sets off
    WORK = "work"  # something waits in the workqueue


class Queue(StrEnum):
    """What waits, the most urgent first."""

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
    """An object to be worked on, in which queue, and whose turn that takes (None: as last time, or usual)."""

    key: Key
    queue: Queue = Queue.RECONCILE
    share: Share | None = None


_MESSAGE = task_message(TASK, "@ID@", CeleryQueue.WORK, {})
_PARTS = [TENANT_PART, GATE_PART]


class Workqueue:
    """Add objects, and run them one at a time each; shared by all threads of a process.

    `threads` is how many of them this process has for running objects.
    """

    def __init__(self, client: redis.Redis, *, threads: int = 1) -> None:
        self._redis = client
        self._worker = f"{secrets.token_hex(4)}|{threads}"
        self._free = threading.BoundedSemaphore(threads)
        self._stopping = threading.Event()
        self._scripts = {name: client.register_script(text) for name, text in queue_scripts.ALL.items()}
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
                    share, usual = one.share or Share(), fairness.usual(*_parts(one.key))
                    place = [str(one.queue), _rest(usual), share.tenant, share.name, share.gate]
                    self._call("ADD", str(one.key), *place, _MESSAGE, client=pipe)
                pipe.execute()

    def drain(self, work: Callable[[Key], None]) -> None:
        """Work on one object after the other until none waits that may be run now.

        Returns at once when every thread of this process is at it: each looks again before it ends.
        """
        if not self._free.acquire(timeout=_ANOTHER_ENDS):
            return
        token, until = secrets.token_hex(8), time.monotonic() + _DRAIN_FOR
        try:
            while not self._stopping.is_set() and time.monotonic() < until:
                with self.take(token) as key:
                    if key is None:
                        return
                    work(key)
            self._call("LEAVE", token, _MESSAGE)
        finally:
            self._free.release()

    def stop(self) -> None:
        """Have every `drain` of this process end with its present object."""
        self._stopping.set()

    def present(self) -> None:
        """Say that this process has threads for objects; raises RedisError."""
        self._call("PRESENT", self._worker, _ms(_WORKER_TTL))

    @contextmanager
    def take(self, token: str = "") -> Iterator[Key | None]:
        """Hold what is next for one run; yields None when nothing waits or may be run now."""
        token = token or secrets.token_hex(8)
        found = self._next(token)
        if found is None:
            yield None
            return
        self._keep(found, token)
        try:
            yield found
        except redis.RedisError:
            # Nothing could be noted down: it stays marked, and is revived once its heartbeat is missed.
            self._drop(found)
            raise
        except BaseException:
            self._end(found, token)
            raise
        self._end(found, token)

    def revive(self) -> None:
        """Have wait again what is marked and not worked on: its runner died, or its message was lost."""
        self._call("REVIVE", _MESSAGE, *_PARTS)

    def busy(self, keys: Iterable[Key]) -> set[Key]:
        """Return those objects that somebody runs or is about to run."""
        asked = list(keys)
        if not asked:
            return set()
        marks = cast("list[bytes | None]", self._redis.hmget("fairway:dirty", [str(key) for key in asked]))
        return {key for key, mark in zip(asked, marks, strict=True) if mark}

    def _call(self, script: str, *arguments: str | int | float, client: Any = None) -> Any:
        return self._scripts[script](args=arguments, client=client)

    def _next(self, token: str) -> Key | None:
        found = self._call("TAKE", token, _ms(RUN_TTL), self._worker, _ms(_WORKER_TTL), *_PARTS)
        if not found:
            return None
        key = Key.parse(found.decode())
        with self._lock:
            other = self._active.get(key)
        if other is None:
            return key
        # A flushed Redis forgets what we run until the next beat; the end of that run has it wait again.
        self._call("GIVE_BACK", str(key), token, other, _ms(RUN_TTL))
        return None

    def _keep(self, key: Key, token: str) -> None:
        with self._lock:
            self._active[key] = token
            if self._renewer is None:
                self._renewer = threading.Thread(target=self._heartbeat, name="heartbeat", daemon=True)
                self._renewer.start()

    def _end(self, key: Key, token: str) -> None:
        self._drop(key)
        self._call("END", str(key), token, _MESSAGE)

    def _drop(self, key: Key) -> None:
        with self._lock:
            self._active.pop(key, None)

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
                            self._call("RENEW", str(key), token, _ms(RUN_TTL))
            except redis.RedisError:
                continue  # the next beat tries again; resourceVersions fence whoever lost its key


def _parts(key: Key) -> tuple[str, str, str]:
    return key.kind, key.namespace, key.name


def _rest(share: Share) -> str:
    """Write what follows the lane in a mark."""
    return f"|{share.tenant}|{share.name}|{share.gate}"


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def open_redis(url: str, **options: Any) -> redis.Redis:
    """Open a client whose every call is bounded in time, so that a dead Redis is an error and not a hang."""
    defaults: dict[str, Any] = {"socket_timeout": 5, "socket_connect_timeout": 2, "health_check_interval": 15}
    return redis.Redis.from_url(url, **{**defaults, **options})
