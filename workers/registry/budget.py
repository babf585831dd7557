# SPDX-License-Identifier: Apache-2.0
"""The account of each registry host, which all processes share in Redis.

What may be asked is decided by `policies.registry.budget`; here it is kept. An account is read, changed and
written only if nobody wrote it meanwhile; else that is done again on what the other wrote. Nobody waits: who
is refused hears when to come again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

import redis

from policies.registry import budget, rates
from policies.registry.budget import Account, Refusal
from workers.registry.errors import Limited

A_MINUTE = 1000  # requests of all processes to one host
_TTL = 24 * 3600  # seconds; as long as a registry's word may hold
_PREFIX = "fairway:registry:"
_MOST_SEEN = 1000  # hosts

# KEYS[1] the value; ARGV: what it was, what it is to be, seconds. Returns nothing, or what it is instead.
_SWAP = """
local held = redis.call('GET', KEYS[1]) or ''
if held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return false
"""


class Shelf(Protocol):
    """Keep texts that several may change at once."""

    def begin(self, now: float, a_minute: int) -> Account:
        """Return the account of a host of which nothing is kept."""
        ...

    def swap(self, host: str, held: str, text: str) -> str | None:
        """Replace `held` by a text (empty is nothing); return None, or what is there instead."""
        ...


class RedisShelf:
    """Keep accounts for all processes; whatever raises redis.RedisError leaves them as they were."""

    def __init__(self, client: redis.Redis) -> None:
        self._swap = client.register_script(_SWAP)

    def begin(self, now: float, a_minute: int) -> Account:
        """Return a half spent account: Redis was flushed, or the host was not asked for long."""
        return budget.half_spent(now, a_minute=a_minute)

    def swap(self, host: str, held: str, text: str) -> str | None:
        """Replace a text, unless somebody was faster."""
        found = self._swap(keys=[_PREFIX + host], args=[held, text, _TTL])
        return None if found is None else found.decode()


class MemoryShelf:
    """Keep accounts for this process alone, which has asked nothing when it begins."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._lock = threading.Lock()

    def begin(self, now: float, a_minute: int) -> Account:
        """Return an account of which nothing was spent."""
        return Account()

    def swap(self, host: str, held: str, text: str) -> str | None:
        """Replace a text, unless another thread was faster."""
        with self._lock:
            found = self._texts.get(host, "")
            if found == held:
                self._texts[host] = text
                return None
            return found


class Budget:
    """Grant or refuse requests to registries; safe for threads and processes."""

    def __init__(self, shelf: Shelf, *, now: Callable[[], datetime], a_minute: int = A_MINUTE) -> None:
        self._shelf = shelf
        self._now = now
        self._a_minute = a_minute
        # What was there last, so that one round trip is enough while nobody else writes.
        self._seen: dict[str, str] = {}

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return self._now().timestamp()

    def take(self, host: str, account: str, what: str, *, pulls: int = 0) -> None:
        """Take a request; `pulls` is 1 for one that registries count. Raises Limited."""
        now = self.now()
        changed = self._change(
            host, lambda held: held.take(account, pulls, now, a_minute=self._a_minute), now
        )
        if isinstance(changed, Refusal):
            message = f"{what}: the registry is not asked now, {changed.reason}"
            raise Limited(message, retry_at=datetime.fromtimestamp(changed.retry_at, UTC))

    def heard(self, host: str, account: str, headers: Mapping[str, str]) -> None:
        """Note what the headers of an answer say that is left."""
        now = self.now()
        left = rates.allowance(headers, now=now)
        # Most registries say nothing: no round trip for that, unless they had refused before.
        if left is not None or f'"{account}"' in self._seen.get(host, ""):
            self._change(host, lambda held: held.heard(account, left, now), now)

    def refused(self, host: str, account: str, retry_at: float | None) -> float:
        """Note a refusal, for all processes; return until when the login is not asked."""
        now = self.now()
        changed = self._change(host, lambda held: held.refused(account, retry_at, now), now)
        return changed.closed_until(account) if isinstance(changed, Account) else now

    def _change(
        self, host: str, change: Callable[[Account], Account | Refusal], now: float
    ) -> Account | Refusal:
        held = self._seen.get(host, "")
        while True:
            before = budget.load(held) if held else self._shelf.begin(now, self._a_minute)
            changed = change(before)
            # A refusal is as good as what it was decided on, so that is written back, unchanged, to be sure.
            text = held if isinstance(changed, Refusal) and held else _text(before, changed)
            other = self._shelf.swap(host, held, text)
            if other is None:
                if len(self._seen) > _MOST_SEEN:
                    self._seen.clear()
                self._seen[host] = text
                return changed
            held = other


def _text(before: Account, changed: Account | Refusal) -> str:
    return (before if isinstance(changed, Refusal) else changed).dump()
