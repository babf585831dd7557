# SPDX-License-Identifier: Apache-2.0
"""The soak itself: deeds from a shuffled deck for some minutes, then quiet, then the verdict."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.house import House
from tests.fixtures.world import World
from tests.soak.blows import Blows
from tests.soak.memory import ALLOWED, EVERY, Memory
from tests.soak.tenant import Tenant
from tests.soak.verdict import quiet, unanswered, unlike_git
from workers.cluster.errors import ApiError

_TENANTS = 3
_INTERVAL = "10s"
_PAUSE = (0.05, 1.0)  # seconds between two deeds
_QUIET_WITHIN = 90.0  # seconds; no fault may take longer to heal
# After a flush each push of the last hour is looked up at GitHub, and what is left is said: eight points for
# one of the 900 that GitHub allows in a minute, of which final words may use nine tenths.
_PER_COMMIT = 0.6  # seconds

# How often each deed is in the deck. Processes are killed in the first third only: one that was just started
# would hide what it had been losing.
_DECK = {
    "push": 22,
    "sabotage": 4,
    "edit": 8,
    "delete": 5,
    "stop worker": 1,
    "stop watch": 1,
    "flush": 2,
    "restart api server": 1,
}
_KILLS = {
    **{deed: (count + 1) // 2 for deed, count in _DECK.items()},
    "kill worker": 2,
    "kill watch": 1,
    "kill worker engine": 2,
    "stop worker engine": 1,
}


@dataclass
class Soak:
    """One run on a world of its own; `tell` hears of each deed, with the seconds gone by."""

    world: World
    seed: int
    seconds: float
    tell: Callable[[float, str], None] = lambda gone, deed: None
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    healed: float = 0.0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._blows = Blows(self.world)
        self._tenants: list[Tenant] = []
        self.memory = Memory()

    def run(self) -> None:
        """Do it all; afterwards `wrong` says what is not as it must be."""
        self._tenants = [Tenant.make(self.world, _INTERVAL) for _ in range(_TENANTS)]
        self.memory = Memory()
        try:
            self._deal(_KILLS, until=self.seconds / 3)
            self._deal(_DECK, until=self.seconds)
        finally:
            self._blows.end()
        for tenant in self._tenants:
            tenant.mend()
        self._judge()

    def _deal(self, deck: dict[str, int], *, until: float) -> None:
        cards: list[str] = []
        sampled = 0.0
        while (gone := time.monotonic() - self.memory.began) < until:
            if not cards:
                cards = [deed for deed, count in deck.items() for _ in range(count)]
                self._chance.shuffle(cards)
            deed = cards.pop()
            self.done[deed] += 1
            self.tell(gone, f"{deed}: {self._do(deed)}")
            if gone - sampled > EVERY:
                sampled = gone
                self.memory.sample(self._house())
            time.sleep(self._chance.uniform(*_PAUSE))
            self._blows.go_on()

    def _do(self, deed: str) -> str:
        tenant = self._chance.choice(self._tenants)
        verb, _, whom = deed.partition(" ")
        match verb:
            case "push":
                return tenant.push(self._chance)
            case "sabotage":
                return tenant.sabotage(self._chance)
            case "edit":
                return self._blows.edit(tenant, self._chance)
            case "delete":
                return self._blows.delete(tenant, self._chance)
            case "kill":
                return self._blows.kill(whom)
            case "stop":
                return self._blows.stop(whom, self._chance)
            case "flush":
                return self._blows.flush()
        return self._blows.restart_api_server()

    def _judge(self) -> None:
        began = time.monotonic()
        self.wrong += quiet(self._unlike_git, _QUIET_WITHIN)
        self.healed = time.monotonic() - began
        most = max(len(tenant.pushed) for tenant in self._tenants)
        self.wrong += quiet(self._unanswered, _QUIET_WITHIN + _PER_COMMIT * most)
        self.memory.sample(self._house())
        self.wrong += [
            f"{name} has grown by {grown:.1f} MiB over the second half; {ALLOWED:g} are allowed"
            for name, grown in self.memory.growth(self.seconds / 2).items()
            if grown > ALLOWED
        ]

    def _unlike_git(self) -> list[str]:
        try:
            return [said for tenant in self._tenants for said in unlike_git(self.world.client, tenant)]
        except ApiError as error:
            return [str(error)]

    def _unanswered(self) -> list[str]:
        return [said for tenant in self._tenants for said in unanswered(tenant)]

    def _house(self) -> House:
        return House(self.world.folder, self.world.sandbox)

    def summary(self) -> str:
        """Say what was done and what came of it."""
        deeds = ", ".join(f"{count} {deed}" for deed, count in sorted(self.done.items()))
        commits = sum(len(tenant.pushed) for tenant in self._tenants)
        lines = [
            f"seed {self.seed}, {self.seconds / 60:g} minutes: {deeds}",
            f"{commits} commits; the cluster was as Git says {self.healed:.1f} s after the last of them",
            *self.memory.summary(self.seconds / 2),
            *(f"WRONG: {said}" for said in self.wrong),
        ]
        return "\n".join(lines)
