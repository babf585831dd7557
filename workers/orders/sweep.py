# SPDX-License-Identifier: Apache-2.0
"""Find what people ordered and nobody answered: deliveries get lost, and Redis forgets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from policies import rollback
from policies.budget import Urgency
from policies.github.comments import digest
from policies.images.grouping import automation_of
from policies.orders.grammar import read
from policies.orders.whose import ours
from policies.repofile import Narrowed
from workers.configuration import narrowed_of
from workers.context import Context
from workers.github import Comment, GitHub, PermissionMissing, PullRequest, Reaction
from workers.github.comments import marker
from workers.orders import merges
from workers.orders.conversation import begun, finished, marker_of, silent, was_answered
from workers.orders.records import Records
from workers.orders.said import COUNTS_FOR, Heard, Said
from workers.permissions import note_missing
from workers.workqueue import Addition

KIND = "Conversations"  # of keys
_OVERLAP = timedelta(minutes=10)
_FRESH = timedelta(minutes=1)
_LOOK_BACK = timedelta(days=7)  # for what somebody began to answer, and never ended


class Conversations:
    """Looks through a repository's pull requests."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def reconcile(self, owner: str, name: str) -> None:
        """Queue what was ordered within a day, or begun within a week, and is not answered.

        Raises FairwayError.
        """
        github, repository = self._context.github, f"{owner}/{name}"
        if github is None or not self._context.settings.allows_account(owner):
            return
        narrowed = narrowed_of(self._context, repository)
        if not narrowed.tenant.bound or not narrowed.listed:
            return
        try:
            self._sweep(github, repository, narrowed)
        except PermissionMissing as error:
            note_missing(self._context, repository, error, "answers to orders")

    def _sweep(self, github: GitHub, repository: str, narrowed: Narrowed) -> None:
        began = self._context.now()
        updated = github.pulls.updated(repository, self._since(repository, began), urgency=Urgency.PROGRESS)
        # The oldest first, and noted one by one: a sweep that GitHub's limit cuts off goes on from there.
        for pull in sorted(updated, key=lambda one: one.updated_at):
            self._context.queue.add_all(list(self._found(github, repository, narrowed, pull)))
            self._note(repository, min(pull.updated_at, began))
        self._note(repository, began)
        Records(self._context).tidy(github.repositories.get(repository).id, began)

    def _note(self, repository: str, until: datetime) -> None:
        self._context.redis.set(_key(repository), str(int(until.timestamp())), ex=_LOOK_BACK)

    def _since(self, repository: str, now: datetime) -> datetime:
        """Return since when pull requests may have changed unseen."""
        last = self._context.redis.get(_key(repository))
        if not isinstance(last, bytes):
            return now - 2 * COUNTS_FOR
        return max(datetime.fromtimestamp(int(last), UTC) - _OVERLAP, now - _LOOK_BACK)

    def _found(
        self, github: GitHub, repository: str, narrowed: Narrowed, pull: PullRequest
    ) -> Iterator[Addition]:
        now = self._context.now()
        comments = list(github.comments.of_pull(repository, pull.number, since=now - _LOOK_BACK))
        for said in [
            *self._comments(repository, pull.number, comments),
            *self._reviews(github, repository, pull.number, comments),
        ]:
            if self._waits(github, narrowed, said, now):
                yield said.heard.addition
        of_ours = rollback.undone(pull.head_ref) or automation_of(pull.head_ref)
        if pull.open and of_ours and not pull.from_fork:
            yield merges.addition(repository, pull.number)

    def _waits(self, github: GitHub, narrowed: Narrowed, said: Said, now: datetime) -> bool:
        """Tell whether somebody waits for an answer; what is old, or edited away, only if it was begun."""
        speaks = ours(read(said.body), narrowed).speaks_to_us
        if silent(self._context, said.heard) or not (speaks or said.edited):
            return False
        if (said.expired(now) or not speaks) and not begun(github, said):
            return False
        return said.heard.kind == "review" or not finished(self._context, github, said)

    def _comments(self, repository: str, number: int, comments: list[Comment]) -> Iterator[Said]:
        for one in comments:
            edited = one.updated_at != one.created_at
            # An edit is no new order; one that we had begun to answer gets its answer.
            if one.ours or one.author_is_bot or (edited and str(Reaction.EYES) not in one.reacted):
                continue
            heard = Heard(repository, number, "comment", one.id, digest(one.body))
            yield Said(
                heard, one.body, one.author, one.author_id, True, one.created_at, edited, "", one.reacted
            )

    def _reviews(
        self, github: GitHub, repository: str, number: int, comments: list[Comment]
    ) -> Iterator[Said]:
        for one in github.pulls.reviews(repository, number):
            # Whether it was edited since it was submitted nobody can tell, so its digest is not known.
            heard = Heard(repository, number, "review", one.id, "")
            begins = marker(marker_of(self._context, heard))
            answered = was_answered(self._context, heard) or any(
                comment.ours and comment.body.startswith(begins) for comment in comments
            )
            # A new one is heard of by its own delivery, which tells more of it.
            fresh = one.submitted_at and self._context.now() - one.submitted_at < _FRESH
            if one.submitted_at and not fresh and not one.author_is_bot and not answered:
                yield Said(
                    heard, one.body, one.author, one.author_id, True, one.submitted_at, False, one.commit
                )


def _key(repository: str) -> str:
    return f"fairway:swept:{repository.lower()}"
