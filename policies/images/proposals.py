# SPDX-License-Identifier: Apache-2.0
"""What becomes of each group of updates and of each open pull request: opened, renewed, left or closed.

A pull request is renewed in its place when its policy has selected something newer, so a group has one at
most. Limits and windows hold for opening; a minimum age and what was declined hold for every version. One
that is grouped otherwise now is closed once another one stands in its place, and not before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from policies.images.decisions import Close, Decision, Held, Hold, Leave, Open, Renew
from policies.images.declined import Declined, covering
from policies.images.grouping import Group
from policies.images.setters import Image
from policies.images.updates import Update, version
from policies.images.windows import Zones, opens
from policies.kinds.meta import seconds
from policies.repofile.model import Images

__all__ = [
    "Close",
    "Decision",
    "Held",
    "Hold",
    "Leave",
    "Open",
    "Pull",
    "Renew",
    "Repository",
    "decide",
]

_HOUR = timedelta(hours=1)
_SOON = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Pull:
    """An open pull request of ours.

    `images` is what it proposes, by policy; `base` is the commit that it was made on. To a branch that is
    `edited` a person has pushed. One is made `anew`, edited or not, where somebody ordered it
    (`Record.anew`). `files` stands for the files that it changes as they were there; `behind` says that
    GitHub does not merge it before it is made on a newer base.
    """

    number: int
    branch: str
    images: Mapping[str, Image]
    base: str
    edited: bool = False
    anew: bool = False
    files: str = ""
    behind: bool = False

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
    `settled` says that it is known which updates belong together: until then nothing is regrouped.
    """

    settings: Images
    base: str
    declined: Sequence[Declined] | None
    opened: Sequence[datetime] = ()
    settled: bool = True

    @property
    def minimum_age(self) -> timedelta:
        """Return how old an image has to be."""
        return timedelta(seconds=seconds(self.settings.minimum_age))


def decide(
    groups: Sequence[Group],
    pulls: Sequence[Pull],
    repository: Repository,
    *,
    name: Callable[[Group], str],
    now: datetime,
    zones: Zones,
    files: Callable[[Group], str] = lambda _: "",
) -> tuple[Decision, ...]:
    """Decide on all groups in their order, then on pull requests that belong to none.

    `name` gives a group its branch; `zones` finds the time zone of a window; `files` stands for the files of
    a group as the base has them.
    """
    named = [(name(group), group) for group in groups]
    by_branch = {pull.branch: pull for pull in pulls}
    over = [pull for pull in pulls if pull.branch not in {branch for branch, _ in named}]
    wanted = {policy for group in groups for policy in group.versions}
    run = _Run(repository, now, zones, len(pulls), files)
    for pull in over:
        if not pull.left_to_people:
            run.leave(pull, wanted)
    for branch, group in named:
        run.group(branch, group, by_branch.get(branch))
    run.decisions += [Leave(pull.number, edited=True) for pull in over if pull.left_to_people]
    run.decisions += map(run.of_regrouped, run.regrouped)
    return tuple(run.decisions)


@dataclass(slots=True)
class _Run:
    """Counts what is opened while groups are decided on.

    `regrouped` are those whose policies other groups propose now; `standing` are the policies of those groups
    that have a pull request, `waiting` of those that are to get one.
    """

    repository: Repository
    now: datetime
    zones: Zones
    open: int
    files: Callable[[Group], str]
    new: int = 0
    decisions: list[Decision] = field(default_factory=list)
    regrouped: list[Pull] = field(default_factory=list)
    standing: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)

    def leave(self, pull: Pull, wanted: Collection[str]) -> None:
        """Take in one that belongs to no group."""
        if pull.versions.keys() & wanted:
            self.regrouped.append(pull)
        else:
            self.decisions.append(Close(pull.number, "nothing-left"))
            self.open -= 1

    def of_regrouped(self, pull: Pull) -> Decision:
        """Decide on one when all groups were."""
        if pull.versions.keys() & self.standing:
            return Close(pull.number, "regrouped")
        if self._unwanted(pull):
            return Close(pull.number, "declined")
        if pull.versions.keys() & self.waiting or self.repository.declined is None:
            return Leave(pull.number)
        return Close(pull.number, "declined")

    def _stands(self, policies: Collection[str]) -> None:
        before = self._replaced()
        self.standing |= set(policies)
        self.open -= self._replaced() - before

    def _replaced(self, more: Collection[str] = ()) -> int:
        """Count those that are closed for what stands, and with more of it."""
        standing = self.standing | set(more)
        return sum(1 for pull in self.regrouped if pull.versions.keys() & standing)

    def group(self, branch: str, group: Group, pull: Pull | None) -> None:
        if pull is not None and pull.left_to_people:
            self.decisions.append(Leave(pull.number, edited=True))
            self._stands(pull.versions)
            return
        if not self.repository.settled and self._replaced(group.versions) > self._replaced():
            self._unsettled(branch, group, pull)
            return
        declined, young, fine = self._sorted(group)
        self.waiting |= {update.policy for update in (*young, *fine)}
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
            decision = self._of_open(branch, wanted, pull, declined, young)
            if not isinstance(decision, Close):
                self._stands({*pull.versions, *wanted.versions})
            self.decisions.append(decision)
        elif fine:
            self.decisions.append(self._opened(branch, wanted))

    def _unsettled(self, branch: str, group: Group, pull: Pull | None) -> None:
        self.waiting |= group.versions.keys()
        self.decisions.append(Hold(branch, "grouping", tuple(group.versions), self.now + _SOON))
        if pull is not None:
            self.decisions.append(Leave(pull.number))

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
        unwanted = self._unwanted(pull)
        # An older version of what is too young is proposed still, unless there is news of the others.
        kept = {update.policy for update in young} & pull.images.keys() - unwanted
        if not wanted.updates:
            if kept and not unwanted:
                return Leave(pull.number)
            return Close(pull.number, "declined" if declined or unwanted else "nothing-left")
        others = {policy: version for policy, version in pull.versions.items() if policy not in kept}
        same = wanted.versions == others and (bool(kept) or self._stands_on_base(pull, wanted))
        return Leave(pull.number) if same and not pull.anew else Renew(pull.number, branch, wanted)

    def _unwanted(self, pull: Pull) -> set[str]:
        """Return the policies of which it proposes what was declined."""
        entries = self.repository.declined or ()
        return {policy for policy, image in pull.images.items() if covering(image, entries) is not None}

    def _stands_on_base(self, pull: Pull, wanted: Group) -> bool:
        """Tell whether it would be the same on the base of now: others' commits start no check of it anew."""
        if pull.base == self.repository.base:
            return True
        return not pull.behind and bool(pull.files) and pull.files == self.files(wanted)

    def _opened(self, branch: str, group: Group) -> Decision:
        policies, settings = tuple(update.policy for update in group.updates), self.repository.settings
        begins = opens(settings.schedule, self.now, self.zones)
        if begins > self.now:
            return Hold(branch, "window", policies, begins)
        room = self._replaced(group.versions) - self._replaced()
        if self.open - room + self.new >= settings.limit:
            return Hold(branch, "open", policies)
        lately = sorted(time for time in self.repository.opened if time > self.now - _HOUR)
        if len(lately) + self.new >= settings.per_hour:
            # The one whose hour has to be over before there is room for this one.
            index = len(lately) + self.new - settings.per_hour
            freed = lately[index] if index < len(lately) else self.now
            return Hold(branch, "per-hour", policies, freed + _HOUR)
        self.new += 1
        self._stands(group.versions)
        return Open(branch, group)
