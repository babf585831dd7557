# SPDX-License-Identifier: Apache-2.0
"""What is known while the orders of one comment are carried out; each look is made when first needed."""

from __future__ import annotations

from functools import cached_property

from policies import rollback
from policies.budget import Urgency
from policies.images.whose import Stranger
from policies.orders.people import Person, Role
from policies.repofile import Narrowed
from workers.context import Context
from workers.github import GitHub, NotFound, PermissionMissing, PullCommit, PullRequest, Repository
from workers.orders import proposal
from workers.orders.proposal import Proposal
from workers.orders.records import Records
from workers.orders.said import Said
from workers.permissions import note_missing
from workers.reconcile.telling.observing import Observer


class Desk:
    """One comment, and what GitHub says of its author and its pull request; every look raises GitHubError."""

    def __init__(self, context: Context, github: GitHub, said: Said, narrowed: Narrowed) -> None:
        self.context = context
        self.github = github
        self.said = said
        self.narrowed = narrowed
        self.name = said.heard.repository
        self.number = said.heard.number

    @cached_property
    def too_late(self) -> bool:
        """Whether what has no effect yet gets none any more; the same for all orders of the comment."""
        return self.said.expired(self.context.now())

    @cached_property
    def records(self) -> Records:
        return Records(self.context)

    @cached_property
    def repository(self) -> Repository:
        return self.github.repositories.get(self.name, urgency=Urgency.ANSWER)

    @cached_property
    def pull(self) -> PullRequest:
        return self.github.pulls.get(self.name, self.number, urgency=Urgency.ANSWER)

    @cached_property
    def proposal(self) -> Proposal | Stranger:
        """What the pull request proposes, if it is one of ours for new images; raises ApiError too."""
        return proposal.of_pull(self.context, self.github, self.name, self.pull, self.narrowed.tenant)

    @cached_property
    def head_then(self) -> str:
        """The head that the comment was written for; empty where nobody can tell, as in a fork's branch.

        A review names it. Of a comment GitHub tells when it was written, and when the branch was moved, both
        to the second.
        """
        if self.said.commit or not self.pull.open or self.pull.from_fork:
            return self.said.commit
        moves = self.github.activity.of_branch(self.name, self.pull.head_ref, urgency=Urgency.ANSWER)
        since = [move for move in moves if move.at > self.said.at]
        before = since[-1].before if since else self.pull.head_sha
        return before if before.strip("0") else ""

    @cached_property
    def followed(self) -> bool:
        """Whether anything here follows the repository: without, its pull requests have no status comment."""
        return bool(Observer(self.context).sources(self.name))

    @cached_property
    def commits(self) -> list[PullCommit]:
        return self.github.pulls.commits(self.name, self.number, urgency=Urgency.ANSWER)

    @cached_property
    def changed_files(self) -> list[str]:
        return self.github.pulls.changed_files(self.name, self.number, urgency=Urgency.ANSWER)

    @cached_property
    def ordered_by(self) -> int | None:
        """Who had Fairway open the pull request: the commit that our App signed says it."""
        found = (rollback.ordered_by(commit.message) for commit in self.commits if commit.ours)
        return next((number for number in found if number), None)

    @cached_property
    def role(self) -> Role:
        """What the author of the comment may do in the repository, now."""
        return self.role_of(self.said.author, self.said.author_id)

    def role_of(self, login: str, user_id: int) -> Role:
        """Return what somebody may do in the repository."""
        return Role.named(self.github.people.role(self.name, login, user_id, urgency=Urgency.ANSWER))

    def person(self, login: str, user_id: int, teams: frozenset[str]) -> Person:
        """Return somebody with those of these teams that they are in."""
        role = self.role if user_id == self.said.author_id else self.role_of(login, user_id)
        return Person(
            user_id, login, role, frozenset(one for one in sorted(teams) if self._in(one, login, user_id))
        )

    def file(self, path: str, ref: str) -> str | None:
        """Return a file of the repository as text, or None when there is none."""
        found = self.github.git_data.read(self.name, path, ref, urgency=Urgency.ANSWER)
        return None if found is None else found.decode(errors="replace")

    def _in(self, team: str, login: str, user_id: int) -> bool:
        try:
            return self.github.people.in_team(self.name, team, login, user_id, urgency=Urgency.ANSWER)
        except PermissionMissing as error:
            # Who cannot be shown to belong to a team does not.
            note_missing(self.context, self.name, error, "orders that are for the members of teams")
        except NotFound:
            pass
        return False
