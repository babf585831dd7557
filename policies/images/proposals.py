# SPDX-License-Identifier: Apache-2.0
"""What becomes of each group of updates and of each open pull request: opened, renewed, left or closed.

A pull request is renewed in its place when its policy has selected something newer, so a group has one at
most. Limits and windows hold for opening; a minimum age and what was declined hold for every version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from policies.images.declined import Declined, covering
from policies.images.grouping import Group
from policies.images.setters import Image
from policies.images.updates import Update, version
from policies.images.windows import Zones, opens
from policies.kinds.meta import seconds
from policies.repofile.model import Images

_HOUR = timedelta(hours=1)

Held = Literal["declined", "unreadable", "age", "window", "open", "per-hour"]


@dataclass(frozen=True, slots=True)
class Pull:
    """An open pull request of ours.

    `images` is what it proposes, by policy; `base` is the commit that it was made on. To a branch that is
    `edited` a person has pushed. One is made `anew`, edited or not, where somebody ordered it
    (`Record.anew`).
    """

    number: int
    branch: str
    images: Mapping[str, Image]
    base: str
    edited: bool = False
    anew: bool = False

    @property
    def versions(self) -> dict[str, str]:
        """Return what it proposes as a group says it, by policy."""
        return {policy: version(image) for policy, image in self.images.items()}

    @property
    def left_to_people(self) -> bool:
        return self.edited and not self.anew


@dataclass(frozen=True, slots=True)
class Repository:
    """What holds for all pull requests of an automation.

    `declined` is None when its file cannot be read; `opened` are the times at which some were opened lately.
    """

    settings: Images
    base: str
    declined: Sequence[Declined] | None
    opened: Sequence[datetime] = ()

    @property
    def minimum_age(self) -> timedelta:
        """Return how old an image has to be."""
        return timedelta(seconds=seconds(self.settings.minimum_age))


@dataclass(frozen=True, slots=True)
class Open:
    """A pull request is opened."""

    branch: str
    group: Group


@dataclass(frozen=True, slots=True)
class Renew:
    """A pull request proposes something else now, or is made anew on a base that moved."""

    number: int
    branch: str
    group: Group


@dataclass(frozen=True, slots=True)
class Leave:
    """A pull request stays as it is; `edited`: because a person pushed to it, whatever is new."""

    number: int
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Close:
    """A pull request is needed no more: the base has it, it was declined, or another group proposes it."""

    number: int
    why: Literal["nothing-left", "declined", "regrouped"]


@dataclass(frozen=True, slots=True)
class Hold:
    """A group waits: why, which policies, and until when as far as that is known."""

    branch: str
    why: Held
    policies: tuple[str, ...]
    until: datetime | None = None


Decision = Open | Renew | Leave | Close | Hold


def decide(
    groups: Sequence[Group],
    pulls: Sequence[Pull],
    repository: Repository,
    *,
    name: Callable[[Group], str],
    now: datetime,
    zones: Zones,
) -> tuple[Decision, ...]:
    """Decide on all groups in their order, then on pull requests that belong to none.

    `name` gives a group its branch; `zones` finds the time zone of a window.
    """
    run = _Run(repository, now, zones, len(pulls))
    by_branch = {pull.branch: pull for pull in pulls}
    for group in groups:
        branch = name(group)
        run.group(branch, group, by_branch.pop(branch, None))
    wanted = {update.policy for group in groups for update in group.updates}
    for pull in by_branch.values():
        why: Literal["regrouped", "nothing-left"] = (
            "regrouped" if wanted & pull.versions.keys() else "nothing-left"
        )
        run.decisions.append(
            Leave(pull.number, edited=True) if pull.left_to_people else Close(pull.number, why)
        )
    return tuple(run.decisions)


@dataclass(slots=True)
class _Run:
    """Counts what is opened while groups are decided on."""

    repository: Repository
    now: datetime
    zones: Zones
    open: int
    new: int = 0
    decisions: list[Decision] = field(default_factory=list)

    def group(self, branch: str, group: Group, pull: Pull | None) -> None:
        if pull is not None and pull.left_to_people:
            self.decisions.append(Leave(pull.number, edited=True))
            return
        declined, young, fine = self._sorted(group)
        if declined:
            why: Held = "unreadable" if self.repository.declined is None else "declined"
            self.decisions.append(Hold(branch, why, tuple(update.policy for update in declined)))
        if young:
            times = [self._old_enough(update) for update in young]
            known = [time for time in times if time is not None]
            policies = tuple(update.policy for update in young)
            self.decisions.append(Hold(branch, "age", policies, min(known, default=None)))
        wanted = replace(group, updates=tuple(fine))
        if pull is not None:
            self.decisions.append(self._of_open(branch, wanted, pull, declined, young))
        elif fine:
            self.decisions.append(self._opened(branch, wanted))

    def _sorted(self, group: Group) -> tuple[list[Update], list[Update], list[Update]]:
        declined: list[Update] = []
        young: list[Update] = []
        fine: list[Update] = []
        for update in group.updates:
            entries = self.repository.declined
            if entries is None or covering(update.image, entries) is not None:
                declined.append(update)
            elif self.repository.minimum_age and not self._is_old(update):
                young.append(update)
            else:
                fine.append(update)
        return declined, young, fine

    def _is_old(self, update: Update) -> bool:
        when = self._old_enough(update)
        return when is not None and when <= self.now

    def _old_enough(self, update: Update) -> datetime | None:
        return None if update.since is None else update.since + self.repository.minimum_age

    def _of_open(
        self, branch: str, wanted: Group, pull: Pull, declined: list[Update], young: list[Update]
    ) -> Decision:
        if self.repository.declined is None:
            return Leave(pull.number)
        unwanted = {
            policy
            for policy, image in pull.images.items()
            if covering(image, self.repository.declined) is not None
        }
        # An older version of what is too young is proposed still, unless there is news of the others.
        kept = {update.policy for update in young} & pull.images.keys() - unwanted
        if not wanted.updates:
            if kept and not unwanted:
                return Leave(pull.number)
            return Close(pull.number, "declined" if declined or unwanted else "nothing-left")
        others = {policy: version for policy, version in pull.versions.items() if policy not in kept}
        same = wanted.versions == others and (bool(kept) or pull.base == self.repository.base)
        return Leave(pull.number) if same and not pull.anew else Renew(pull.number, branch, wanted)

    def _opened(self, branch: str, group: Group) -> Decision:
        policies, settings = tuple(update.policy for update in group.updates), self.repository.settings
        begins = opens(settings.schedule, self.now, self.zones)
        if begins > self.now:
            return Hold(branch, "window", policies, begins)
        if self.open + self.new >= settings.limit:
            return Hold(branch, "open", policies)
        lately = sorted(time for time in self.repository.opened if time > self.now - _HOUR)
        if len(lately) + self.new >= settings.per_hour:
            # The one whose hour has to be over before there is room for this one.
            index = len(lately) + self.new - settings.per_hour
            freed = lately[index] if index < len(lately) else self.now
            return Hold(branch, "per-hour", policies, freed + _HOUR)
        self.new += 1
        return Open(branch, group)
