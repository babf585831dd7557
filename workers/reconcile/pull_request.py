# SPDX-License-Identifier: Apache-2.0
"""Keep a pull request true: a status on its head while it is open, and the comment once it is merged.

What the merge became is read afresh from GitHub and the cluster with every run, and the comment is written
when it says something new. A success is final, unless it becomes untrue soon.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from policies import clock
from policies.commit_status import State
from policies.images.grouping import automation_of
from policies.pull_request import Fate, Outcome, content
from policies.surface import pull_request as surface
from workers import known_pulls
from workers.configuration import narrowed_of
from workers.context import Context
from workers.github import Forbidden, GitHub, Invalid, NotFound, PermissionMissing, PullRequest
from workers.heads import Head
from workers.known_pulls import Known
from workers.later import Later
from workers.permissions import look, missing_of, note_all_missing, note_missing
from workers.reconcile.lost_pushes import lost_push
from workers.reconcile.telling import features, images, undoing
from workers.reconcile.telling.observing import Observed, Observer
from workers.reconcile.telling.repository_file import RepositoryFile
from workers.reconcile.telling.statuses import Statuses
from workers.reconcile.telling.sticky import SETTLES, Sticky
from workers.standing import standing_of
from workers.workqueue import Key

log = logging.getLogger(__name__)
_OVERDUE = 1.0  # seconds after which a merge's push counts as not heard of
_WATCHED = 24 * 3600.0  # seconds after a merge for which a failure is looked at again


class PullRequests:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._observer = Observer(context)

    def reconcile(self, owner: str, name: str) -> None:
        """Bring a pull request up to date; `name` is the repository's name, a colon and the number."""
        context, (short, _, number) = self._context, name.rpartition(":")
        repository = f"{owner}/{short}".lower()
        github, seen = context.github, self._observer.observe(repository)
        if github is None or not seen.sources:
            return
        try:
            pull = github.pulls.get(repository, int(number))
        except PermissionMissing as error:
            note_missing(context, repository, error, features.COMMENTS)
            return
        except NotFound as error:
            log.info("left alone repository=%s pull=%s: %s", repository, number, error)
            return
        run = _Run(context, self._observer, github, seen, pull)
        comment = partial(features.attempt, context, repository, features.COMMENTS, run.comment)
        parts: list[Callable[[], None]] = [comment]
        if pull.open:
            check = partial(RepositoryFile(context, github).on_pull_request, repository, pull)
            parts = [partial(self._nothing_yet, seen, pull.head_sha), comment, check]
        self._each(Key("PullRequest", owner, name), parts)

    def merge_group(self, owner: str, name: str) -> None:
        """Say on a merge queue's commit that nothing is applied yet; `name` is the repository's:sha."""
        short, _, sha = name.rpartition(":")
        seen = self._observer.observe(f"{owner}/{short}".lower())
        if seen.sources:
            self._each(Key("MergeGroup", owner, name), [partial(self._nothing_yet, seen, sha)])

    def _each(self, key: Key, parts: Iterable[Callable[[], None]]) -> None:
        """Do each part, and a few times more what GitHub refuses: what it is about may not be there yet."""
        refused = False
        for part in parts:
            try:
                part()
            except (Forbidden, Invalid, NotFound) as error:
                refused = True
                log.warning("refused object=%s: %s", key, error)
        if refused and not Later(self._context.redis).a_few_times(key, self._context.now()):
            log.warning("given up object=%s", key)

    def _nothing_yet(self, seen: Observed, sha: str) -> None:
        features.attempt(
            self._context,
            seen.repository,
            features.STATUSES,
            lambda: Statuses(self._context).nothing_yet(seen, sha),
        )


class _Run:
    """One look at one pull request."""

    def __init__(
        self, context: Context, observer: Observer, github: GitHub, seen: Observed, pull: PullRequest
    ) -> None:
        self._context, self._observer, self._github = context, observer, github
        self._seen, self._pull = seen, pull
        self._repository, self._number = seen.repository, pull.number
        self._sticky = Sticky(context, github)
        self._now = context.now()

    def comment(self) -> None:
        """Write the comment, if there is something to say that it does not say yet."""
        client = self._context.redis
        asked = known_pulls.asked(client, self._repository, self._number)
        if asked and (lacking := look(self._context, self._repository)) is not None:
            note_all_missing(self._context, self._repository, lacking)
        if self._pull.merged_at and self._pull.merge_sha:
            self._merged(self._pull.merge_sha, asked=asked)
        else:
            self._unmerged(asked=asked)
        if asked:
            known_pulls.answered(client, self._repository, self._number)

    def _known(self) -> Known:
        return self._sticky.known(self._repository, self._number, self._pull.base_repository_id)

    def _unmerged(self, *, asked: bool) -> None:
        """Say that nothing is applied, where there is a comment already, a hold, or somebody who asks."""
        standing = standing_of(self._context, self._pull.base_repository_id)
        hold = standing.hold(self._pull.base_repository_id, self._number)
        client = self._context.redis
        known = known_pulls.of(client, self._repository, self._number, self._pull.base_repository_id)
        # A new pull request has no comment of ours: nothing needs to be asked about it.
        if not (known.comment or hold or asked or not self._pull.open):
            return
        if not (known := self._known()).comment and not (asked or (hold and self._pull.open)):
            return
        if not asked and not narrowed_of(self._context, self._repository).shows.comment:
            return
        updated = clock.rfc3339(self._now)
        missing = missing_of(self._context, self._repository)
        body = surface.unmerged(
            self._number, is_open=self._pull.open, hold=hold, missing=missing, updated=updated
        )
        self._sticky.write(self._repository, self._number, known, body, live=False, asked=asked)

    def _merged(self, sha: str, *, asked: bool) -> None:
        """Say what became of the merge."""
        narrowed = narrowed_of(self._context, self._repository)
        if not (narrowed.shows.comment and narrowed.home) and not asked:
            return
        known, now = self._known(), self._now.timestamp()
        known = replace(known, since=known.since or now)
        head = self._head(sha, known)
        sources = self._seen.followers(sha, head.ref)
        outcome = self._observer.outcome(self._seen, head, sources)
        live = self._is_live(outcome, known)
        told = sha in {one.sha for one in self._seen.heads}
        if outcome.fate is Fate.ITSELF and not told and now - known.since > _OVERDUE:
            # The merge was a push, whose own delivery should have come by now.
            lost_push(self._context, self._seen, head.ref, sha)
        concerned = asked or undoing.is_concerned(self._context, self._repository, self._number)
        if self._stands(outcome, known) and not concerned:
            undoing.pass_on(self._context, self._repository, self._pull, stands=True)
            known_pulls.keep(self._context.redis, self._repository, self._number, known, live=live)
            return
        updated = clock.rfc3339(self._now)
        if outcome.fate is Fate.UNFOLLOWED:
            if known.comment or asked:
                body = surface.unfollowed(self._pull.base_ref, self._context.settings.cluster, updated)
                self._sticky.write(self._repository, self._number, known, body, live=False, asked=asked)
            return
        # Of a merge of some minutes ago Redis may have lost that it was taken back.
        names = self._undoable(narrowed.tenant.environment_names) if concerned or self._is_old(known) else []
        undone = undoing.undone(self._github, self._repository, self._pull, names)
        undoing.pass_on(self._context, self._repository, self._pull, stands=not undone)
        said = content(
            outcome,
            sources,
            cluster=self._context.settings.cluster,
            sha=sha,
            narrowed=narrowed,
            standing=standing_of(self._context, self._pull.base_repository_id),
            repository_id=self._pull.base_repository_id,
            number=self._number,
            merged_at=None if self._merged_by_us() else self._pull.merged_at,
            missing=missing_of(self._context, self._repository),
            undone=undone,
            images=images.running(
                self._context, self._github, self._repository, self._pull, sources, narrowed
            ),
        )
        body = surface.comment(said, updated, self._address(sha))
        self._sticky.write(self._repository, self._number, known, body, live=live, asked=asked)

    def _undoable(self, environments: list[str]) -> list[str]:
        """Return where it may have been taken back; "" is everywhere, by a rejection."""
        return [*environments, ""] if automation_of(self._pull.head_ref) else environments

    def _merged_by_us(self) -> bool:
        return self._pull.merged_by.casefold() == self._github.identity().login.casefold()

    def _head(self, sha: str, known: Known) -> Head:
        """Return the merge as a push: what no source has of a merge that is long over was replaced."""
        at = self._merged_at(known) if self._is_old(known) else known.since
        return Head(sha, f"refs/heads/{self._pull.base_ref}", at)

    def _merged_at(self, known: Known) -> float:
        return self._pull.merged_at.timestamp() if self._pull.merged_at else known.since

    def _is_old(self, known: Known) -> bool:
        """Tell whether the merge is long over."""
        return self._now.timestamp() - self._merged_at(known) > SETTLES

    def _stands(self, outcome: Outcome, known: Known) -> bool:
        """Tell whether the comment said that all is well, and nothing speaks against it."""
        if known.state != State.SUCCESS.word:
            return False
        untrue = outcome.fate is Fate.ITSELF and outcome.verdict.state is State.FAILURE
        return not (untrue and self._now.timestamp() - known.settled < SETTLES)

    def _is_live(self, outcome: Outcome, known: Known) -> bool:
        """Tell whether news of the cluster may change the comment: all but a success for a day."""
        now = self._now.timestamp()
        if outcome.verdict.state is State.SUCCESS:
            return outcome.fate is Fate.ITSELF and now - (known.settled or now) < SETTLES
        return not outcome.final or now - known.since < _WATCHED

    def _address(self, sha: str) -> str:
        public = self._context.settings.public_url
        return Statuses(self._context).address(self._repository, sha) if public else ""
