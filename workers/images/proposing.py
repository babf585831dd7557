# SPDX-License-Identifier: Apache-2.0
"""Propose new images in pull requests: look at the files and at what is open, decide, act on each group.

Everything is read afresh with each run, and every act is safe to be done again, so that a run that died is
finished by the next one, and of two at once there is one pull request.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from functools import cached_property
from typing import TypeGuard
from zoneinfo import ZoneInfo

from policies.errors import FairwayError
from policies.images import automation, grouping, proposals
from policies.images.declined import Declined
from policies.images.grouping import Group
from policies.images.notes import Edits
from policies.images.proposals import Close, Decision, Hold, Leave, Open, Renew, Repository
from policies.images.record import declined_by
from policies.images.setters import Change
from policies.images.updates import Update
from policies.reference import Resolved
from workers.context import Context
from workers.git import committing
from workers.github import BranchMoved, RateLimited
from workers.images import editing, pushing
from workers.images.acting import Actor
from workers.images.describing import Describer
from workers.images.facts import Facts
from workers.images.open_pulls import OpenPulls
from workers.images.place import Place
from workers.images.pushing import Work
from workers.images.readers import Readers
from workers.images.updating import Task

log = logging.getLogger(__name__)
_MOST = 50  # policies in one pull request


@dataclass
class Outcome:
    """What a run came to: what was decided, which pull requests are open then, and what was done, in words.

    `sha` is the last commit that was made. `moved` says that somebody was at a branch at the same time.
    """

    base: Resolved
    edits: Edits
    decisions: tuple[Decision, ...] = ()
    pulls: list[int] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    sha: str = ""
    moved: bool = False
    error: FairwayError | None = None


class Proposer:
    """One run of an automation on a commit of its base."""

    def __init__(self, context: Context, task: Task, work: Work, place: Place, base: Resolved) -> None:
        self._context, self._task, self._work = context, task, work
        self._place, self._base = place, base
        self._name = (task.namespace, task.spec.metadata.name)
        self._images = automation.images(task.namespace, task.observed)
        by_policy = {f"{task.namespace}:{one['metadata']['name']}": one for one in task.policies}
        self._facts = Facts(context, by_policy)
        self._readers = Readers(context, place, work.to.branch)
        self._pulls = OpenPulls(
            place.github,
            place.repository,
            grouping.folder(*self._name),
            work.to.branch,
            base.sha,
            context.redis,
        )
        describer = Describer(context, task, work, place, base, self._facts, self._readers)
        self._actor = Actor(context, task, work, place, base, describer)

    def propose(self) -> Outcome:
        """Do what there is to do; raises FairwayError for what keeps all of it from being done.

        What goes wrong with one group is in the outcome, and the others have had their turn by then.
        """
        edits = self._edits
        outcome = Outcome(self._base, edits, self._decided(self._groups(edits)))
        for decision in outcome.decisions:
            self._task.record.check()
            try:
                self._act(decision, outcome)
            except RateLimited:
                raise
            except BranchMoved as error:
                log.info("left to the next run object=%s: %s", self._task.record.ref, error)
                outcome.moved = True
            except FairwayError as error:
                outcome.error = outcome.error or pushing.failed(error)
        return outcome

    @cached_property
    def _edits(self) -> Edits:
        return editing.edits_of(
            self._work.remote.mirror,
            self._base.sha,
            folder=self._task.folder,
            namespace=self._task.namespace,
            images=self._images,
            known={policy["metadata"]["name"] for policy in self._task.policies},
            proposed=True,
        )

    def _groups(self, edits: Edits) -> tuple[Group, ...]:
        found: dict[str, list[Change]] = {}
        for change in edits.changes:
            found.setdefault(change.policy, []).append(change)
        updates = [self._update(policy, changes) for policy, changes in found.items()]
        by = self._place.settings.group
        groups = grouping.group(updates, by, self._applications if by == "application" else {})
        # The rest comes once these are merged: a text on all of them would be longer than GitHub takes.
        return tuple(replace(one, updates=one.updates[:_MOST]) for one in groups)

    def _update(self, policy: str, changes: list[Change]) -> Update:
        image = self._images[policy]
        aged = self._limits(None).minimum_age
        return Update(policy, image, tuple(changes), self._facts.since(policy, image) if aged else None)

    @cached_property
    def _applications(self) -> Mapping[str, str]:
        return grouping.applications(self._edits.files, self._readers.by_name)

    def _decided(self, groups: tuple[Group, ...]) -> tuple[Decision, ...]:
        """Decide, and again when it turns out that people have closed what would be proposed."""
        reading = editing.declined_of(self._work.remote.mirror, self._base.sha)
        declined, asked = reading.entries, set[str]()
        named = {grouping.branch(*self._name, one): one for one in groups}
        opened: list[datetime] | None = None
        while True:
            decisions = self._decide(groups, declined, opened or ())
            if opened is None and any(isinstance(one, Open) for one in decisions):
                opened = self._pulls.opened(self._context.now())
                continue
            # Also of what waits: what is closed there may be proposed by another group as well.
            wanted = [one.branch for one in decisions if isinstance(one, Open | Renew) or _waits(one)]
            branches = {branch for one in wanted for branch in self._branches(named[one])} - asked
            if declined is None or not branches:
                return decisions
            asked |= branches
            declined = (*declined, *declined_by(self._pulls.declining(sorted(branches))))

    def _branches(self, group: Group) -> list[str]:
        return grouping.branches(*self._name, group, self._applications)

    def _decide(
        self,
        groups: tuple[Group, ...],
        declined: tuple[Declined, ...] | None,
        opened: list[datetime] | tuple[()],
    ) -> tuple[Decision, ...]:
        return proposals.decide(
            groups,
            self._pulls.decided_on,
            self._limits(declined, opened),
            name=lambda group: grouping.branch(*self._name, group),
            now=self._context.now(),
            zones=_zone,
            files=lambda group: committing.state_of(self._work.remote.mirror, self._base.sha, group.paths),
        )

    def _limits(
        self, declined: tuple[Declined, ...] | None, opened: list[datetime] | tuple[()] = ()
    ) -> Repository:
        return Repository(self._place.settings, self._base.sha, declined, opened, self._settled)

    @cached_property
    def _settled(self) -> bool:
        return self._place.settings.group != "application" or not self._readers.lost

    def _act(self, decision: Decision, outcome: Outcome) -> None:
        pulls = self._pulls.open
        match decision:
            case Open(branch, group):
                made = self._actor.open(branch, group, self._pulls)
            case Renew(number, branch, group):
                made = self._actor.renew(pulls[number], group)
            case Leave(number, edited):
                self._actor.leave(pulls[number], self._pulls.step(number), edited=edited)
                outcome.pulls.append(number)
                return
            case Close(number, "regrouped") if outcome.error or outcome.moved:
                # What is to stand in its place may not: it is closed by the run in which all went well.
                outcome.pulls.append(number)
                return
            case Close(number, why):
                outcome.done.append(self._actor.close(pulls[number], why))
                return
            case Hold():
                return
        if made is not None:
            outcome.pulls.append(made.number)
            outcome.sha = made.sha
            outcome.done.append(made.said)


def _waits(decision: Decision) -> TypeGuard[Hold]:
    return isinstance(decision, Hold) and decision.why in ("window", "open", "per-hour")


def _zone(name: str) -> tzinfo:
    return ZoneInfo(name)
