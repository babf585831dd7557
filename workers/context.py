# SPDX-License-Identifier: Apache-2.0
"""What a worker process holds for all its tasks: connections, the engine, and the clock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import redis

import toolchain
from policies.objects import Object
from policies.settings import Settings
from workers.cluster import Client, RemoteClusters, connect
from workers.decryption import Sops
from workers.engine import Engine
from workers.finals import Finals
from workers.flux_leases import FluxLeases
from workers.github import GitHub, RedisShelf
from workers.ledger import Ledger
from workers.receivers.tokens import Tokens
from workers.registry import Budget, Registries
from workers.registry import RedisShelf as RegistryShelf
from workers.shards import Shards
from workers.workqueue import DIRECT, Workqueue, open_redis


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Context:
    """Connections are opened when first used, so that a process pays only for what it does."""

    settings: Settings
    now: Callable[[], datetime] = utc_now
    # Calls to the API server that one task makes side by side; four a task is Flux's --concurrent-ssa.
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(32, "calls"))

    # Built and started by whoever first needs it; made here, so that two threads do not make two.
    sops: Sops = field(init=False)

    def __post_init__(self) -> None:
        self.sops = Sops(allow_loopback=self.settings.allow_loopback)

    @classmethod
    def from_environment(cls, role: str) -> Context:
        """Read the settings this process needs."""
        settings = Settings.from_env(os.environ, lambda path: Path(path).read_text(), role=role)
        return cls(settings)

    @cached_property
    def redis(self) -> redis.Redis:
        return open_redis(self.settings.redis_url)

    @cached_property
    def queue(self) -> Workqueue:
        return Workqueue(self.redis, threads=max(1, self.settings.concurrent - DIRECT))

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.redis)

    @cached_property
    def cluster(self) -> Client:
        return connect(kubeconfig=self.settings.kubeconfig, context=self.settings.context)

    @cached_property
    def remotes(self) -> RemoteClusters:
        """The clusters that Kustomizations name besides our own."""
        return RemoteClusters(self.cluster, self.settings)

    @cached_property
    def flux_leases(self) -> FluxLeases:
        return FluxLeases(self.cluster)

    @cached_property
    def shards(self) -> Shards:
        return Shards(self.redis, self.settings)

    def guard(self, obj: Object) -> Callable[[], None]:
        """Return what raises FluxRuns while somebody else is the controller of an object's kind and shard."""
        selector = self.shards.of(obj) or self.settings.watch_label_selector
        return lambda: self.flux_leases.check(obj["kind"], self.now(), selector)

    @cached_property
    def engine(self) -> Engine:
        return Engine(toolchain.binary("fairway-engine"), scratch=Path(self.settings.data_dir) / "engine")

    @cached_property
    def asking(self) -> Engine:
        """An engine that builds nothing, since a sender waits, and a build may take most of a minute.

        It is started when a webhook's Receiver first has a filter, or its sender a token.
        """
        return Engine(toolchain.binary("fairway-engine"), scratch=Path(self.settings.data_dir) / "engine")

    @cached_property
    def tokens(self) -> Tokens:
        """Checks what senders of webhooks prove by an issuer's token."""
        return Tokens(lambda: self.asking, allow_loopback=self.settings.allow_loopback)

    @cached_property
    def registries(self) -> Registries:
        """Image registries, of which all processes ask together no more than each allows."""
        budget = Budget(RegistryShelf(self.redis), now=self.now)
        return Registries(budget, allow_loopback=self.settings.allow_loopback)

    @cached_property
    def finals(self) -> Finals:
        """The commits of which this process has seen the final status."""
        return Finals()

    @cached_property
    def github(self) -> GitHub | None:
        """The App's client; None without an App: objects reconcile, statuses are not written."""
        return GitHub.from_settings(self.settings, shelf=RedisShelf(self.redis))
