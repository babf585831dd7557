# SPDX-License-Identifier: Apache-2.0
"""Reactions to comments, by which people see at once that an order was heard and how it ended.

GitHub keeps one reaction of a kind per person and comment, so adding it again changes nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from policies.budget import Urgency
from workers.github.calls import PULL_REQUESTS, Calls
from workers.github.errors import NotFound


class Reaction(StrEnum):
    CONFUSED = "confused"  # 😕
    EYES = "eyes"  # 👀
    ROCKET = "rocket"  # 🚀


class Reactions:
    """React to comments as our App; every method raises GitHubError, NotFound for a deleted comment."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def add(
        self, repository: str, comment_id: int, reaction: Reaction, *, urgency: Urgency = Urgency.ANSWER
    ) -> None:
        """React to a comment of `owner/name`, if we did not yet."""
        what = f"react to comment {comment_id} on {repository}"
        body = {"content": reaction.value}
        self._call("POST", repository, _path(comment_id), what, urgency, body)

    def ours(
        self, repository: str, comment_id: int, *, urgency: Urgency = Urgency.FINAL
    ) -> dict[Reaction, int]:
        """Return our own reactions to a comment with their ids, of the kinds that we use."""
        identity = self._calls.identity()
        what = f"list the reactions to comment {comment_id} on {repository}"
        found = self._calls.pages(
            repository, _path(comment_id), what, permissions=PULL_REQUESTS, urgency=urgency, conditional=True
        )
        used = {reaction.value for reaction in Reaction}
        return {
            Reaction(shown["content"]): int(shown["id"])
            for shown in found
            if identity.wrote(shown) and shown["content"] in used
        }

    def replace(
        self, repository: str, comment_id: int, reaction: Reaction, *, urgency: Urgency = Urgency.ANSWER
    ) -> None:
        """Have this be our only reaction to a comment; it is there before the others go."""
        self.add(repository, comment_id, reaction, urgency=urgency)
        for other, reaction_id in self.ours(repository, comment_id, urgency=urgency).items():
            if other is not reaction:
                self._remove(repository, comment_id, reaction_id, urgency)

    def _remove(self, repository: str, comment_id: int, reaction_id: int, urgency: Urgency) -> None:
        what = f"take a reaction to comment {comment_id} on {repository} back"
        try:
            self._call("DELETE", repository, f"{_path(comment_id)}/{reaction_id}", what, urgency)
        except NotFound:
            return

    def _call(
        self,
        method: str,
        repository: str,
        path: str,
        what: str,
        urgency: Urgency,
        body: dict[str, str] | None = None,
    ) -> Any:
        return self._calls.call(
            method, repository, path, what, body, permissions=PULL_REQUESTS, urgency=urgency
        )


def _path(comment_id: int) -> str:
    return f"/issues/comments/{comment_id}/reactions"
