# SPDX-License-Identifier: Apache-2.0
"""A pull request as people see it: what Fairway says there, line by line as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rich.markup import escape

from app.cli.demo.markdown import lines
from app.cli.demo.stage import Stage
from app.cli.demo.timeline import StoryFailed, Timeline
from sandbox.forge.admin import Repository

BOT = "fairway[bot]"
_POLL = 0.02  # seconds
_WITHIN = 60.0  # seconds
_SIGNS = {"eyes": "👀", "rocket": "🚀", "confused": "😕", "+1": "👍", "-1": "👎"}
_MOST = 5  # lines of one comment that are told


def opened(stage: Stage, timeline: Timeline, repo: Repository) -> Conversation:
    """Wait for a pull request that Fairway opens in a repository, and return it; raises StoryFailed."""
    deadline = time.monotonic() + _WITHIN
    while not (found := _ours(stage, repo)):
        if time.monotonic() > deadline:
            raise StoryFailed(f"Fairway opened no pull request in {repo.full_name} within {_WITHIN:.0f} s")
        time.sleep(_POLL)
    timeline.tell(f"#{found[0]['number']} opened by {BOT}: {found[0]['title']}", "pull request")
    return Conversation(stage, timeline, repo, int(found[0]["number"]))


def _ours(stage: Stage, repo: Repository) -> list[dict[str, Any]]:
    return [one for one in stage.forge.pull_requests(repo) if one["user"]["login"] == BOT]


class Conversation:
    """Follow one pull request; each method raises StoryFailed when something was not seen in time."""

    def __init__(self, stage: Stage, timeline: Timeline, repo: Repository, number: int) -> None:
        self._stage, self._timeline, self._forge = stage, timeline, stage.forge
        self._repo, self.number = repo, number
        self._said: dict[int, set[str]] = {}
        self._reacted: set[tuple[int, str]] = set()
        self._watched: dict[int, str] = {}
        self._statuses: dict[str, int] = {}

    @property
    def address(self) -> str:
        return f"{self._repo.html_url}/pull/{self.number}"

    def merged(self, author: str) -> str:
        """Merge as somebody, and return what the branch became."""
        sha = self._timeline.act(
            lambda: self._forge.merge(self._repo, self.number, author=author),
            lambda sha: f"merge of #{self.number} by {author}: {sha[:7]}",
            "merge",
        )
        self._statuses[sha] = 0
        return sha

    def ordered(self, text: str, author: str, role: str) -> int:
        """Write a comment as somebody, and return its id."""
        made = self._timeline.act(
            lambda: self._forge.comment(self._repo, self.number, text, author=author),
            lambda _: f"{author} ({role}) writes in #{self.number}: {text}",
            "order",
        )
        self._watched[int(made["id"])] = text
        return int(made["id"])

    def until_comment(self, *words: str) -> None:
        """Follow the comments until one of ours says all of this."""
        self._until(lambda: self._says(words), f"a comment that says {' … '.join(words)}")

    def until_reaction(self, comment_id: int, content: str) -> None:
        """Follow a comment until we have reacted so."""
        self._until(
            lambda: (comment_id, content) in self._reacted,
            f"{_SIGNS[content]} on {self._watched[comment_id]}",
        )

    def until_status(self, sha: str, state: str) -> None:
        """Follow the commit until its last status is this one."""
        self._until(lambda: self._state(sha) == state, f"the status {state} of {sha[:7]}")

    def until_opened(self) -> Conversation:
        """Wait for a pull request of ours, and return it."""
        self._until(lambda: bool(_ours(self._stage, self._repo)), "a pull request by Fairway")
        return opened(self._stage, self._timeline, self._repo)

    def until_renewed(self, ending: str) -> None:
        """Wait until its title ends with something else."""
        titles: list[str] = []

        def look() -> bool:
            titles[:] = [self._forge.pull_request(self._repo, self.number)["title"]]
            return titles[0].endswith(ending)

        self._until(look, f"a title that ends with {ending}")
        self._timeline.tell(f"#{self.number} renewed by {BOT}: {titles[0]}", "pull request")

    def until_closed(self) -> None:
        """Wait until it is closed."""
        self._until(
            lambda: bool(self._forge.pull_request(self._repo, self.number)["state"] == "closed"), "its end"
        )
        self._timeline.tell(f"#{self.number} closed by {BOT}", "pull request")

    def _until(self, seen: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _WITHIN
        while True:
            self._look()
            if seen():
                return
            if time.monotonic() > deadline:
                raise StoryFailed(f"not seen in #{self.number} within {_WITHIN:.0f} s: {what}")
            time.sleep(_POLL)

    def _look(self) -> None:
        for sha, told in self._statuses.items():
            statuses = self._forge.statuses(self._repo, sha)
            for one in statuses[told:]:
                self._timeline.status(one)
            self._statuses[sha] = len(statuses)
        for comment_id, text in self._watched.items():
            for login, content in self._forge.reactions(self._repo, comment_id):
                self._reaction(comment_id, text, login, content)
        for comment in self._forge.comments(self._repo, self.number):
            if comment["user"]["login"] == BOT:
                self._comment(comment)

    def _reaction(self, comment_id: int, text: str, login: str, content: str) -> None:
        if login == BOT and (comment_id, content) not in self._reacted:
            self._reacted.add((comment_id, content))
            self._tell("reaction", f"{_SIGNS[content]} {text}")

    def _comment(self, comment: dict[str, Any]) -> None:
        found = lines(comment["body"])
        told = self._said.get(comment["id"], set())
        news = [line for line in found if line not in told]
        self._said[comment["id"]] = set(found)
        for line in news[:_MOST]:
            self._tell("comment", line)
        if news[_MOST:]:
            self._tell("comment", f"… {len(news) - _MOST} more")

    def _says(self, words: tuple[str, ...]) -> bool:
        texts = [" ".join(said) for said in self._said.values()]
        return any(all(word in text for word in words) for text in texts)

    def _state(self, sha: str) -> str:
        statuses = self._forge.statuses(self._repo, sha)
        return str(statuses[-1]["state"]) if statuses else ""

    def _tell(self, what: str, text: str) -> None:
        self._timeline.tell(f"[blue]{what:<8}[/blue] {escape(text)}", what, markup=True)
