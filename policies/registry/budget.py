# SPDX-License-Identifier: Apache-2.0
"""How much a registry is asked: one account for each host, in which all scans of all tenants are.

A host takes so many requests a minute from us, whoever they are for. Beyond that each login has what the
registry says of it: how many pulls are left, of which a fifth stays for the nodes that pull with the same
login or from the same address; and until when it refuses. A registry that refuses without saying until when
is asked again after a minute, then two, four, up to an hour. Times are seconds since the epoch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from policies.registry.rates import Allowance, until

WINDOW = 60  # seconds
_FIRST_WAIT, _LONGEST_WAIT = 60.0, 3600.0
_LEFT_TO_NODES = 0.2
_MOST_LOGINS = 200  # of a host; those that were not heard of for the longest time are forgotten
_REMEMBERED = 24 * 3600


@dataclass(frozen=True)
class Refusal:
    """Why a request has to wait, and until when."""

    reason: str
    retry_at: float


@dataclass(frozen=True)
class LoginAccount:
    """What a registry said of one login."""

    heard_at: float = 0.0
    closed_until: float = 0.0
    refusals: int = 0  # in a row
    allowance: Allowance | None = None

    def refusal(self, pulls: int, now: float) -> Refusal | None:
        """Return why this login has to wait with a request that counts as so many pulls."""
        if now < self.closed_until:
            return Refusal(f"it refuses more requests until {until(self.closed_until)}", self.closed_until)
        left = self.allowance
        if not pulls or left is None or left.remaining - pulls >= left.limit * _LEFT_TO_NODES:
            return None
        back_at = left.reset or self.heard_at + max(_FIRST_WAIT, left.window / max(1, left.limit))
        if now >= back_at:
            return None  # nobody knows; the next answer says
        said = f"{left.remaining} of {left.limit} pulls are left, which are kept for the nodes"
        return Refusal(f"{said} until {until(back_at)}", back_at)

    def charged(self, pulls: int) -> LoginAccount:
        if not pulls or self.allowance is None:
            return self
        left = max(0, self.allowance.remaining - pulls)
        return replace(self, allowance=replace(self.allowance, remaining=left))


@dataclass(frozen=True)
class Account:
    """What a host was asked in the last minute, by the second, and its word on each login."""

    taken: Mapping[int, int] = field(default_factory=dict)
    logins: Mapping[str, LoginAccount] = field(default_factory=dict)

    def take(self, login: str, pulls: int, now: float, *, a_minute: int) -> Account | Refusal:
        """Return the account after a request, or why and how long it has to wait."""
        account = self.logins.get(login, LoginAccount())
        if (refused := account.refusal(pulls, now)) is not None:
            return refused
        taken = self._recent(now)
        if (out := sum(taken.values())) >= a_minute:
            # What was taken in a second is back a minute after its end.
            return Refusal(f"it was asked {out} times in a minute", min(taken) + 1 + WINDOW)
        second = int(now)
        taken[second] = taken.get(second, 0) + 1
        logins = {**self.logins, login: account.charged(pulls)} if login in self.logins else self.logins
        return Account(taken, logins)

    def heard(self, login: str, allowance: Allowance | None, now: float) -> Account:
        """Return the account after an answer that was no refusal."""
        known = self.logins.get(login, LoginAccount())
        if allowance is None and not known.refusals:
            return self
        changed = replace(known, heard_at=now, allowance=allowance or known.allowance)
        if now >= known.closed_until:  # else it was asked before it refused
            changed = replace(changed, closed_until=0.0, refusals=0)
        return self._with(login, changed, now)

    def refused(self, login: str, retry_at: float | None, now: float) -> Account:
        """Return the account after a refusal; whoever was refused at the same time learns nothing new."""
        known = self.logins.get(login, LoginAccount())
        if retry_at is None and now < known.closed_until:
            return self
        wait = min(_FIRST_WAIT * 2 ** min(known.refusals, 10), _LONGEST_WAIT)
        closed = max(known.closed_until, now + wait if retry_at is None else retry_at)
        changed = replace(known, heard_at=now, closed_until=closed, refusals=known.refusals + 1)
        return self._with(login, changed, now)

    def closed_until(self, login: str) -> float:
        """Return until when a login is refused; 0 if it is not."""
        return self.logins.get(login, LoginAccount()).closed_until

    def dump(self) -> str:
        """Write the account down."""
        logins = {
            name: [
                one.heard_at,
                one.closed_until,
                one.refusals,
                [one.allowance.limit, one.allowance.remaining, one.allowance.window, one.allowance.reset]
                if one.allowance
                else None,
            ]
            for name, one in self.logins.items()
        }
        return json.dumps({"taken": sorted(self.taken.items()), "logins": logins}, separators=(",", ":"))

    def _recent(self, now: float) -> dict[int, int]:
        """Return what was taken in the last minute. What lies ahead, by a wrong clock, counts as now."""
        found: dict[int, int] = {}
        for second, count in self.taken.items():
            if second + 1 + WINDOW > now:
                second = min(second, int(now))
                found[second] = found.get(second, 0) + count
        return found

    def _with(self, login: str, changed: LoginAccount, now: float) -> Account:
        logins = {**self.logins, login: changed}
        recent = sorted(logins, key=lambda name: logins[name].heard_at)[-_MOST_LOGINS:]
        kept = {name: logins[name] for name in recent if logins[name].heard_at + _REMEMBERED > now}
        return Account(self.taken, kept)


def load(text: str) -> Account:
    """Read an account that was written down."""
    read = json.loads(text)
    logins = {
        name: LoginAccount(heard, closed, refusals, Allowance(*left) if left else None)
        for name, (heard, closed, refusals, left) in read["logins"].items()
    }
    return Account({int(second): int(count) for second, count in read["taken"]}, logins)


def half_spent(now: float, *, a_minute: int) -> Account:
    """Return the account of a host of which nothing is known: half of a minute's requests, evenly over it."""
    share, latest = a_minute // 2, int(now)
    counts = {latest - n: (n + 1) * share // WINDOW - n * share // WINDOW for n in range(WINDOW)}
    return Account({second: count for second, count in counts.items() if count})
