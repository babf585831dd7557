# SPDX-License-Identifier: Apache-2.0
"""How much Fairway asks of GitHub: one bucket per installation, of which the less urgent leaves a rest.

GitHub counts what is created in a minute and an hour, and points in a minute. A bucket holds as many tokens
as GitHub allows within such a window, and a token that was taken is back one window later; so whatever the
order of requests, no window ever holds more than GitHub allows. Answers to people may take the last token,
final states and progress leave some to what is more urgent. What was taken before Redis lost it is unknown:
a bucket that begins is half full, but for the time before its installation was made. Times are seconds since
the epoch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Urgency(Enum):
    """What a request is for; the value is the share of a bucket that it may use."""

    ANSWER = 1.0  # a person waits
    FINAL = 0.9  # how something ended, and what has to be known or done for it
    PROGRESS = 0.7  # how far something is: the next such word replaces this one


@dataclass(frozen=True)
class Price:
    """What a request costs: GitHub's points, and whether it creates content."""

    points: int
    creations: int = 0


@dataclass(frozen=True)
class Window:
    """One of GitHub's limits: so many of `of` (a field of Price) within so many seconds."""

    of: str
    limit: int
    seconds: int

    @property
    def name(self) -> str:
        """Return what its tokens are kept under."""
        return f"{self.of}/{self.seconds}"

    @property
    def slot(self) -> float:
        """Return how long what was taken counts as taken at once, in seconds."""
        return self.seconds / _SLOTS

    def may_hold(self, urgency: Urgency) -> int:
        """Return how many tokens may be out for a request of this urgency to be granted."""
        return int(self.limit * urgency.value)

    def __str__(self) -> str:
        per = {60: "a minute", 3600: "an hour"}[self.seconds]
        return f"{self.limit} {_WORDS[self.of]} {per}"


_SLOTS = 60
_WORDS = {"creations": "creations of content", "points": "points"}
WINDOWS = (Window("creations", 80, 60), Window("creations", 500, 3600), Window("points", 900, 60))
MOST_STATUSES = 1000  # of one commit and context

_CREATED = re.compile(
    r"/repos/[^/]+/[^/]+/("
    r"issues/\d+/comments|pulls|pulls/\d+/(comments|reviews)|pulls/\d+/comments/\d+/replies"
    r"|(issues|issues/comments|pulls/comments)/\d+/reactions|commits/[^/]+/comments|deployments)"
)
_MERGED = re.compile(r"/repos/[^/]+/[^/]+/pulls/\d+/merge")
_STATUS = re.compile(r"/repos/([^/]+/[^/]+)/statuses/([0-9a-f]+)")


def price(method: str, path: str) -> Price:
    """Return what a request to a path of the API (without its query) costs."""
    if method == "GET":
        return Price(points=1)
    creates = (method == "POST" and _CREATED.fullmatch(path)) or (method == "PUT" and _MERGED.fullmatch(path))
    return Price(points=5, creations=1 if creates else 0)


@dataclass(frozen=True)
class Refusal:
    """Why a request has to wait, and until when."""

    reason: str
    retry_at: float


@dataclass(frozen=True)
class Bucket:
    """What one installation has taken: per window, how much in which of its slots; and GitHub's own word."""

    taken: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    closed_until: float = 0.0

    def take(self, wanted: Price, urgency: Urgency, now: float) -> Bucket | Refusal:
        """Return the bucket after a request, or why and how long the request has to wait."""
        if now < self.closed_until:
            return Refusal("GitHub's rate limit is used up", self.closed_until)
        refusals, taken = [], {}
        for window in WINDOWS:
            slots = _current(self.taken.get(window.name, {}), window, now)
            amount = getattr(wanted, window.of)
            free_at = _free_at(slots, window, window.may_hold(urgency) - amount)
            if amount and free_at is not None:
                refusals.append(Refusal(f"GitHub's limit of {window} is nearly used up", free_at))
            latest = int(now // window.slot)
            taken[window.name] = {**slots, latest: slots.get(latest, 0) + amount} if amount else slots
        if refusals:
            return max(refusals, key=lambda refusal: refusal.retry_at)
        return Bucket(taken, self.closed_until)

    def closed(self, until: float) -> Bucket:
        """Return the bucket after GitHub has refused until then."""
        return Bucket(self.taken, max(self.closed_until, until))

    def dump(self) -> str:
        """Write the bucket down."""
        taken = {name: sorted(slots.items()) for name, slots in self.taken.items()}
        return json.dumps({"closed": self.closed_until, "taken": taken}, separators=(",", ":"))


def load(text: str) -> Bucket:
    """Read a bucket that was written down."""
    read = json.loads(text)
    taken = {name: {int(slot): int(count) for slot, count in slots} for name, slots in read["taken"].items()}
    return Bucket(taken, float(read["closed"]))


def half_full(now: float, since: float = 0.0) -> Bucket:
    """Return the bucket of an installation of which nothing is known: half is taken, evenly over time.

    One that was made at `since` has taken nothing before.
    """
    taken = {}
    for window in WINDOWS:
        latest, half = int(now // window.slot), window.limit // 2
        shares = [(n + 1) * half // _SLOTS - n * half // _SLOTS for n in range(_SLOTS)]
        taken[window.name] = {
            latest - n: share
            for n, share in enumerate(shares)
            if share and (latest - n + 1) * window.slot > since
        }
    return Bucket(taken)


def _current(slots: Mapping[int, int], window: Window, now: float) -> dict[int, int]:
    """Return what is still out. What lies ahead, by a clock that was wrong, counts as taken now."""
    latest = int(now // window.slot)
    found: dict[int, int] = {}
    for slot, count in slots.items():
        if _back_at(slot, window) > now:
            found[min(slot, latest)] = found.get(min(slot, latest), 0) + count
    return found


def _back_at(slot: int, window: Window) -> float:
    # A slot's tokens may have been taken at its very end.
    return (slot + 1) * window.slot + window.seconds


def _free_at(slots: Mapping[int, int], window: Window, most: int) -> float | None:
    """Return when no more than `most` tokens are out, or None if that is so now."""
    out = sum(slots.values())
    at = None
    for slot in sorted(slots):
        if out <= most:
            break
        out -= slots[slot]
        at = _back_at(slot, window)
    return at


def status_of(method: str, path: str) -> tuple[str, str] | None:
    """Return repository and commit of a request that writes a commit status, or None for any other."""
    found = _STATUS.fullmatch(path) if method == "POST" else None
    return (found[1], found[2]) if found else None


def statuses_allowed(urgency: Urgency) -> int:
    """Return how many statuses a commit and context may have for one more to be written."""
    return int(MOST_STATUSES * urgency.value) if urgency is Urgency.PROGRESS else MOST_STATUSES
