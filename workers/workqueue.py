# SPDX-License-Identifier: Apache-2.0
"""Workqueue semantics in Redis: an object is worked on by at most one task, and no change is missed.

A message is a hint; the mark is what counts. Adding an object marks it dirty; a run takes the mark over
before it observes, and removes it when it ends; an add meanwhile marks it anew, and the end of the run
queues it again. A message for an object without a mark, or that somebody runs already, is dropped. Every
key has a TTL and nobody blocks, so a lost message, a killed worker or a flushed Redis costs a delay, never
a change: `watch` sends again what is marked and is neither run nor about to be (`revive`), and adds
whatever is still unequal to what is wanted.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

import redis

HEARTBEAT = 3.0  # seconds between renewals
RUN_TTL = 10.0  # a run without a heartbeat for this long is dead
_QUEUED_TTL = 10.0  # a message older than this is taken for lost; a second one does no harm
_DIRTY_TTL = 3600.0  # of all marks, counted from the last one
_DIRTY = "fairway:dirty"  # hash: object -> queue; one key, so that `revive` need not search for marks


class Queue(StrEnum):
    """The Celery queues, the most urgent first."""

    PUSH = "push"  # a person waits: deliveries and what they set off
    RECONCILE = "reconcile"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Key:
    """One object to work on: a Flux kind with namespace and name, or `Repository` with owner and name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"


Send = Callable[[Key, Queue], None]

# Everywhere: KEYS are dirty, run, queued; ARGV[1] is the object.
# Says whether a message has to be sent.
_ADD = """
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
if redis.call('SET', KEYS[3], '1', 'NX', 'PX', ARGV[4]) then return 1 end
return 0
"""
# Says whether the caller may run. The mark stays, starred, so that a runner's death does not lose it.
_BEGIN = """
redis.call('DEL', KEYS[3])
local queue = redis.call('HGET', KEYS[1], ARGV[1])
if queue and redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) then
  redis.call('HSET', KEYS[1], ARGV[1], '*' .. string.gsub(queue, '^*', ''))
  return 1
end
return 0
"""
# Lost keys are put back (a flush is no reason for a second runner); a foreign one is left.
_RENEW = """
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
"""
# Returns the queue to send to when there is more to do.
_END = """
local queue = redis.call('HGET', KEYS[1], ARGV[1])
if redis.call('GET', KEYS[2]) == ARGV[2] then
  redis.call('DEL', KEYS[2])
  if queue and string.sub(queue, 1, 1) == '*' then
    redis.call('HDEL', KEYS[1], ARGV[1])
    return false
  end
end
if queue and redis.call('EXISTS', KEYS[2]) == 0 then
  if redis.call('SET', KEYS[3], '1', 'NX', 'PX', ARGV[3]) then return queue end
end
return false
"""


class Workqueue:
    """Add objects, and run them one at a time each; shared by all threads of a process."""

    def __init__(self, client: redis.Redis, send: Send) -> None:
        self._redis = client
        self._send = send
        self._add = client.register_script(_ADD)
        self._begin = client.register_script(_BEGIN)
        self._renew = client.register_script(_RENEW)
        self._end = client.register_script(_END)
        self._active: dict[Key, str] = {}
        self._lock = threading.Lock()
        self._renewer: threading.Thread | None = None

    def add(self, key: Key, queue: Queue = Queue.RECONCILE) -> None:
        """Have the object worked on soon, once, however often it is added."""
        arguments: list[str | int] = [str(key), str(queue), _ms(_DIRTY_TTL), _ms(_QUEUED_TTL)]
        if self._add(keys=_keys(key), args=arguments):
            self._deliver(key, queue)

    @contextmanager
    def run(self, key: Key) -> Iterator[bool]:
        """Hold the object for one run; yields False when there is nothing to do, or somebody else has it."""
        token = secrets.token_hex(8)
        if self._runs_here(key) or not self._begin(keys=_keys(key), args=[str(key), token, _ms(RUN_TTL)]):
            yield False
            return
        self._keep(key, token)
        try:
            yield True
        finally:
            with self._lock:
                self._active.pop(key, None)
            self._send_again(key, token)

    def revive(self) -> None:
        """Send a message for what is marked and not worked on: its runner died, or its message was lost."""
        for name in cast("list[bytes]", self._redis.hkeys(_DIRTY)):
            self._send_again(Key(*name.decode().split("/")), "")

    def _send_again(self, key: Key, token: str) -> None:
        queue = self._end(keys=_keys(key), args=[str(key), token, _ms(_QUEUED_TTL)])
        if queue:
            self._deliver(key, Queue(queue.decode().lstrip("*")))

    def busy(self, keys: list[Key]) -> set[Key]:
        """Return those objects that somebody runs or is about to run."""
        if not keys:
            return set()
        pipe = self._redis.pipeline(transaction=False)
        for key in keys:
            _, run, queued = _keys(key)
            pipe.exists(run, queued)
        return {key for key, count in zip(keys, pipe.execute(), strict=True) if count}

    def _deliver(self, key: Key, queue: Queue) -> None:
        try:
            self._send(key, queue)
        except Exception:
            # A message that was not sent must not keep the next one back.
            with contextlib.suppress(redis.RedisError):
                self._redis.delete(_keys(key)[2])
            raise

    def _runs_here(self, key: Key) -> bool:
        """Tell whether this process runs the object, which a flushed Redis forgets until the next beat."""
        with self._lock:
            here = key in self._active
        if here:
            self._redis.delete(_keys(key)[2])  # its message has come: the run that ends may send another
        return here

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
                            self._renew(keys=_keys(key), args=[str(key), token, _ms(RUN_TTL)])
            except redis.RedisError:
                continue  # the next beat tries again; resourceVersions fence whoever lost its key


def _keys(key: Key) -> list[str]:
    return [_DIRTY, f"fairway:run:{key}", f"fairway:queued:{key}"]


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def open_redis(url: str, **options: Any) -> redis.Redis:
    """Open a client whose every call is bounded in time, so that a dead Redis is an error and not a hang."""
    defaults: dict[str, Any] = {"socket_timeout": 5, "socket_connect_timeout": 2, "health_check_interval": 15}
    return redis.Redis.from_url(url, **{**defaults, **options})
