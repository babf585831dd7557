# SPDX-License-Identifier: Apache-2.0
"""The `watch` process: stand by for the Lease, lead while we hold it, and survive what breaks."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import socket
import threading
import time

import redis

from policies.errors import FairwayError
from workers import alive, event_queue, heads
from workers.context import Context
from workers.deferred import Deferred
from workers.flux_leases import Keeper
from workers.later import Later
from workers.watch.leader import RENEW_EVERY, Leader
from workers.watch.loop import Loop
from workers.watch.sweeps import Sweeps, keys_of
from workers.workqueue import Addition, Key, Queue

log = logging.getLogger(__name__)
_REVIVE_EVERY = 2.0  # seconds between looks at marks that nobody works on
_SWEEP_EVERY = 15.0  # seconds between looks at commits without a final status


class Watch:
    """One process of it; `stop` ends `run`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ended = threading.Event()
        self._sweeps = Sweeps()
        self._anew = False  # Redis was lost, and not everything has been queued again
        identity = f"{socket.gethostname()}_{os.getpid()}"
        shard = shard_of(context.settings.watch_label_selector)
        self._epoch = f"fairway:epoch{shard}"
        self._leader = Leader(
            context.cluster,
            namespace=context.settings.namespace,
            name=f"fairway-watch{shard}",
            identity=identity,
        )
        self._keeper = Keeper(context.flux_leases, context.cluster, context.settings, identity)

    def stop(self) -> None:
        self._ended.set()

    def run(self) -> None:
        """Lead whenever the Lease is ours, until stopped."""
        while not self._ended.is_set():
            if self._leader.step(self._context.now()):
                log.info("leading")
                self._lead()
            else:
                self._breathe()
                self._ended.wait(RENEW_EVERY / 2)
        self._leader.release(self._context.now())

    def _lead(self) -> None:
        loop = Loop(
            self._context.cluster,
            self._context.queue,
            self._context.ledger,
            self._context.settings,
            now=time.time,
        )
        renewed = revived = swept = 0.0
        started = False
        try:
            while not self._ended.is_set():
                now = time.monotonic()
                if now - renewed >= RENEW_EVERY:
                    if not self._leader.step(self._context.now()):
                        log.warning("not leading any more")
                        return
                    self._breathe(leading=True)
                    renewed = now
                    loop.serve(
                        {kind for kind, why in self._keeper.step(self._context.now()).items() if not why}
                    )
                try:
                    if not started:
                        loop.start()
                        started = True
                    loop.step(wait=RENEW_EVERY / 2)
                    Later(self._context.redis).queue_due(self._context.queue, self._context.now())
                    if now - revived >= _REVIVE_EVERY:
                        self._revive()
                        revived = now
                    if now - swept >= _SWEEP_EVERY or self._anew or self._flushed():
                        self._sweep(loop)
                        swept = now
                except (FairwayError, redis.RedisError) as error:
                    # Whatever was to be queued is found again: by the recheck, or by the next listing.
                    log.warning("retrying: %s", error)
                    self._ended.wait(1.0)
        finally:
            self._withdraw()
            loop.stop()

    def _withdraw(self) -> None:
        """Have the workers leave our shard alone before another controller may take it."""
        try:
            self._context.shards.withdraw()
        except redis.RedisError as error:
            log.warning("Redis cannot be reached: %s", error)
        self._keeper.release(self._context.now())

    def _revive(self) -> None:
        """Have somebody else do what a worker that was killed had taken."""
        self._context.queue.revive()
        for given_up in event_queue.send_again(self._context.redis):
            log.error("given up task=%s: no worker has ended it", given_up)

    def _sweep(self, loop: Loop) -> None:
        """Queue reports on repositories that have commits without a final status, and put off work."""
        client, work = self._context.redis, self._context.queue
        Deferred(client).resume(lambda push: event_queue.send(client, "workers.tasks.on_push", push))
        # Before the sources have been listed there is nobody whose commits could be looked after.
        if loop.knows_all and self._flushed():
            self._anew = True
        if self._anew:
            loop.remember()
            self._look_anew(loop.repositories())
        work.add_all(self._sweeps.due(loop.repositories(), time.monotonic()))
        for repository in heads.repositories(client):
            owner, _, name = repository.partition("/")
            work.add(Key("Repository", owner, name), Queue.PUSH)

    def _look_anew(self, repositories: set[tuple[str, str]]) -> None:
        """Have everything looked at that Redis has lost: what is said on commits, and what waits to be.

        A push that comes meanwhile goes before.
        """
        # Before what is queued, so that another flush is noticed.
        self._context.redis.set(self._epoch, "1")
        reports = [Key("Repository", *where) for where in repositories]
        self._context.queue.add_all([Addition(key) for key in [*reports, *keys_of(repositories)]])
        self._anew = False

    def _flushed(self) -> bool:
        return not self._context.redis.exists(self._epoch)

    def _breathe(self, *, leading: bool = False) -> None:
        try:
            alive.breathe(self._context.redis, "watch")
            if leading:
                self._context.shards.announce()
        except redis.RedisError as error:
            log.warning("Redis cannot be reached: %s", error)


def shard_of(selector: str) -> str:
    """Return what names a shard in a Lease: empty where one `watch` serves all, else a hash as in Flux's."""
    return f"-{hashlib.sha256(selector.encode()).hexdigest()[:8]}" if selector else ""


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    context = Context.from_environment("watch")
    watch = Watch(context)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: watch.stop())
    watch.run()
