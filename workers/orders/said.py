# SPDX-License-Identifier: Apache-2.0
"""A comment or review in which somebody may order something: its key, and how it reads now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast

from policies import fairness
from policies.budget import Urgency
from policies.github.comments import digest
from workers.github import GitHub, NotFound
from workers.workqueue import Addition, Key, Queue

Kind = Literal["comment", "review"]
KIND = "Comment"  # of keys
COUNTS_FOR = timedelta(hours=24)  # an order that nobody could answer until then is none any more


@dataclass(frozen=True, slots=True)
class Heard:
    """What came in: where, and a digest of its text as it was then. `repository` is `owner/name`."""

    repository: str
    number: int
    kind: Kind
    id: int
    digest: str

    @property
    def key(self) -> Key:
        """Return the key under which it is worked on."""
        owner, _, name = self.repository.lower().partition("/")
        return Key(KIND, owner, f"{name}:{self.number}:{self.kind}:{self.id}:{self.digest}")

    @property
    def addition(self) -> Addition:
        """Return what queues it, as something that a person waits for."""
        owner, _, name = self.repository.lower().partition("/")
        return Addition(self.key, Queue.PUSH, fairness.of_repository(owner, name, owner))

    @classmethod
    def of(cls, owner: str, rest: str) -> Heard:
        """Read what `key` has written."""
        name, number, kind, id_, written = rest.split(":")
        return cls(f"{owner}/{name}", int(number), cast("Kind", kind), int(id_), written)


@dataclass(frozen=True, slots=True)
class Said:
    """What it says now; `commit` is the head that a review was about, empty for a comment.

    `reacted` are the kinds of reactions that anybody gave a comment.
    """

    heard: Heard
    body: str
    author: str
    author_id: int
    by_a_person: bool
    at: datetime
    edited: bool
    commit: str = ""
    reacted: frozenset[str] = frozenset()

    @property
    def unchanged(self) -> bool:
        """Whether it is still what came in."""
        return not self.edited and digest(self.body) == self.heard.digest

    @property
    def late(self) -> bool:
        """Whether it was found by a sweep and nobody can tell if it is still what was submitted."""
        return self.heard.kind == "review" and not self.heard.digest

    def expired(self, now: datetime) -> bool:
        """Tell whether it is so old that it orders nothing any more."""
        return now - self.at > COUNTS_FOR


def read_again(github: GitHub, heard: Heard) -> Said | None:
    """Return what stands there now; None when it was deleted. Raises GitHubError."""
    try:
        if heard.kind == "review":
            return _review(github, heard)
        found = github.comments.get(heard.repository, heard.id, urgency=Urgency.ANSWER)
    except NotFound:
        return None
    return Said(
        heard,
        found.body,
        found.author,
        found.author_id,
        not found.author_is_bot and not found.ours and found.author_id > 0,
        found.created_at,
        edited=found.updated_at != found.created_at,
        reacted=found.reacted,
    )


def _review(github: GitHub, heard: Heard) -> Said | None:
    found = github.pulls.review(heard.repository, heard.number, heard.id, urgency=Urgency.ANSWER)
    if found.submitted_at is None:
        return None  # not submitted any more, or not yet
    person = not found.author_is_bot and found.author_id > 0
    # GitHub does not say of a review when it was edited; its digest tells.
    return Said(
        heard, found.body, found.author, found.author_id, person, found.submitted_at, False, found.commit
    )
