# SPDX-License-Identifier: Apache-2.0
"""Keep one comment of ours on a pull request, write it when it says something new, and not too often.

Whoever deletes it has it once more when there is news, and then no more, unless a person asks for it. What
somebody writes into it is put back.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime

from policies.budget import Urgency
from policies.commit_status import State
from policies.surface.pull_request import Said, said
from workers import known_pulls
from workers.context import Context
from workers.github import GitHub, NotFound
from workers.known_pulls import Known
from workers.later import Later
from workers.workqueue import Key

log = logging.getLogger(__name__)
PACE = 3.0  # seconds between two edits while something moves
_FIRST = 1.5  # seconds after a merge until it is told how far that is: most are done by then
SETTLES = 600.0  # seconds in which a success that becomes untrue is taken back


class Sticky:
    """The comments of one cluster's Fairway; every method raises GitHubError."""

    def __init__(self, context: Context, github: GitHub) -> None:
        self._context = context
        self._github = github
        self.name = f"pull-request/{context.settings.cluster}".lower()

    def known(self, repository: str, number: int, repository_id: int) -> Known:
        """Return what is known of a pull request's comment, looked up at GitHub if Redis has lost it."""
        client = self._context.redis
        known = known_pulls.of(client, repository, number, repository_id)
        if known.comment:
            return known_pulls.settle_doubt(client, repository, number, known)
        there = self._github.comments.named(repository, number, self.name)
        if there is None:
            return known
        says = said(there.body) or Said("", "")
        settled = there.updated_at.timestamp() if says.state == State.SUCCESS.word else 0.0
        return replace(known, comment=there.id, state=says.state, digest=says.digest, settled=settled)

    def write(
        self, repository: str, number: int, known: Known, body: str, *, live: bool, asked: bool
    ) -> None:
        """Have the comment say this; `live` says whether news of the cluster may change it."""
        says, now = said(body) or Said("", ""), self._context.now().timestamp()
        news = says.digest != known.digest
        if not news and not asked:
            self._keep(repository, number, known, live=live)
            return
        at = known.edited + PACE if known.edited else known.since + _FIRST
        if says.state == State.PENDING.word and not asked and now < at:
            self._keep(repository, number, known, live=True)
            self._later(repository, number, at)
            return
        wanted = replace(known, state=says.state, digest=says.digest)
        if known.rewritten and not asked and self._deleted(repository, known.comment):
            self._keep(repository, number, wanted, live=live)
            return
        made = self._ensure(repository, number, known, body, self._urgency(says, asked=asked))
        if known.comment and made != known.comment:
            wanted = replace(wanted, rewritten=known.rewritten + 1)
        settled = (known.settled or now) if says.state == State.SUCCESS.word else 0.0
        self._keep(repository, number, replace(wanted, comment=made, edited=now, settled=settled), live=live)
        log.info("comment repository=%s pull=%d %s", repository, number, says.state)

    def _urgency(self, says: Said, *, asked: bool) -> Urgency:
        if asked:
            return Urgency.ANSWER
        return Urgency.PROGRESS if says.state == State.PENDING.word else Urgency.FINAL

    def _ensure(self, repository: str, number: int, known: Known, body: str, urgency: Urgency) -> int:
        comments = self._github.comments
        made = comments.ensure(
            repository, number, self.name, body, urgency=urgency, known=known.comment or None
        )
        if made == known.comment:
            return made
        # Whoever ran at the same time, after a flush, sees both too: the first one stays.
        there = comments.named(repository, number, self.name, urgency=urgency)
        return there.id if there else made

    def _deleted(self, repository: str, comment_id: int) -> bool:
        try:
            self._github.comments.get(repository, comment_id, urgency=Urgency.FINAL)
        except NotFound:
            return True
        return False

    def _keep(self, repository: str, number: int, known: Known, *, live: bool) -> None:
        known_pulls.keep(self._context.redis, repository, number, known, live=live)

    def _later(self, repository: str, number: int, at: float) -> None:
        owner, _, name = repository.partition("/")
        key = Key("PullRequest", owner, f"{name}:{number}")
        Later(self._context.redis).put(key, datetime.fromtimestamp(at, UTC))
