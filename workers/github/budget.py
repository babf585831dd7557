# SPDX-License-Identifier: Apache-2.0
"""The budget of each installation at GitHub, which all processes share in Redis.

What may be asked is decided by `policies.budget`; here it is kept. A bucket is read, changed and written
only if nobody wrote it meanwhile; else that is done again on what the other wrote. Nobody waits: who is
refused hears when to come again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import redis

from policies import budget
from policies.budget import Bucket, Price, Refusal, Urgency
from workers.github.errors import Invalid, RateLimited

_TTL = 2 * 3600  # seconds; the longest window is an hour, and GitHub's word holds that long too
_STATUSES_TTL = 7 * 24 * 3600
_PREFIX = "fairway:budget:"

# KEYS[1] the value; ARGV: what it was, what it is to be, seconds. Returns nothing, or what it is instead.
_SWAP = """
local held = redis.call('GET', KEYS[1]) or ''
if held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return false
"""
# KEYS[1] the count; ARGV: what it counts as when it is not known, the most, seconds. Says whether one may go.
_COUNT = """
local used = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
if used >= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], used + 1, 'EX', ARGV[3])
return 1
"""


class Shelf(Protocol):
    """Keep texts that several may change at once, and counts."""

    def begin(self, now: float, since: float) -> Bucket:
        """Return the bucket of which nothing is kept, of an installation that there is since then."""
        ...

    def swap(self, key: str, held: str, text: str) -> str | None:
        """Replace `held` by a text (empty is nothing); return None, or what is there instead."""
        ...

    def count(self, key: str, most: int) -> bool:
        """Count one more, unless there are `most` already."""
        ...


class RedisShelf:
    """Keep buckets for all processes; whatever raises redis.RedisError leaves them as they were."""

    def __init__(self, client: redis.Redis) -> None:
        self._swap = client.register_script(_SWAP)
        self._count = client.register_script(_COUNT)

    def begin(self, now: float, since: float) -> Bucket:
        """Return a half full bucket: Redis was flushed, or what was taken is older than it matters."""
        return budget.half_full(now, since)

    def swap(self, key: str, held: str, text: str) -> str | None:
        """Replace a text, unless somebody was faster."""
        found = self._swap(keys=[_PREFIX + key], args=[held, text, _TTL])
        return None if found is None else found.decode()

    def count(self, key: str, most: int) -> bool:
        """Count one more; a count that is not known begins in the middle."""
        arguments = [budget.MOST_STATUSES // 2, most, _STATUSES_TTL]
        return bool(self._count(keys=[_PREFIX + key], args=arguments))


class MemoryShelf:
    """Keep buckets for this process alone, which has taken nothing when it begins."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def begin(self, now: float, since: float) -> Bucket:
        """Return a full bucket."""
        return Bucket()

    def swap(self, key: str, held: str, text: str) -> str | None:
        """Replace a text, unless another thread was faster."""
        with self._lock:
            found = self._texts.get(key, "")
            if found == held:
                self._texts[key] = text
                return None
            return found

    def count(self, key: str, most: int) -> bool:
        """Count one more."""
        with self._lock:
            used = self._counts.get(key, 0)
            self._counts[key] = used + (used < most)
            return used < most


class Budget:
    """Grant or refuse requests; safe for threads and processes."""

    def __init__(self, shelf: Shelf, *, now: Callable[[], datetime]) -> None:
        self._shelf = shelf
        self._now = now
        # What was there last, so that one round trip is enough while nobody else writes.
        self._seen: dict[str, str] = {}
        self._since: dict[str, float] = {}

    def made(self, who: str, at: datetime) -> None:
        """Note since when there is somebody, who has taken nothing before."""
        self._since[who] = at.timestamp()

    def take(self, who: str, price: Price, urgency: Urgency) -> None:
        """Take what a request costs; raises RateLimited, with the time at which to ask again."""
        now = self._now().timestamp()
        refusal = self._change(who, now, lambda bucket: bucket.take(price, urgency, now))
        if refusal is not None:
            until = datetime.fromtimestamp(refusal.retry_at, UTC)
            raise RateLimited(f"{refusal.reason} until {until:%H:%M:%S} UTC", retry_at=until)

    def close(self, who: str, until: datetime) -> None:
        """Let nobody ask before a time that GitHub named."""
        now = self._now().timestamp()
        self._change(who, now, lambda bucket: bucket.closed(until.timestamp()))

    def take_status(self, repository: str, sha: str, context: str, urgency: Urgency) -> None:
        """Count a commit status; raises Invalid when GitHub, which takes 1,000, would refuse it soon."""
        most = budget.statuses_allowed(urgency)
        if not self._shelf.count(f"statuses:{repository}:{sha}:{context}".lower(), most):
            raise Invalid(
                f"{repository}@{sha[:7]} has {most} or more statuses of {context} already, and GitHub takes"
                f" {budget.MOST_STATUSES}",
                remedy="push another commit; what happens on this one is shown on its page only",
            )

    def _change(self, who: str, now: float, change: Callable[[Bucket], Bucket | Refusal]) -> Refusal | None:
        held = self._seen.get(who, "")
        while True:
            bucket = budget.load(held) if held else self._shelf.begin(now, self._since.get(who, 0.0))
            changed = change(bucket)
            # A refusal is as good as what it was decided on, so that is written back, unchanged, to be sure.
            text = held if isinstance(changed, Refusal) and held else _text(bucket, changed)
            other = self._shelf.swap(who, held, text)
            if other is None:
                self._seen[who] = text
                return changed if isinstance(changed, Refusal) else None
            held = other


def _text(bucket: Bucket, changed: Bucket | Refusal) -> str:
    return (bucket if isinstance(changed, Refusal) else changed).dump()
