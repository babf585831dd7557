# SPDX-License-Identifier: Apache-2.0
"""What people do in pull requests of a team's repository, and what Fairway says there."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Any

from tests.fixtures.world import HEALED, Team, World, until

_numbers = itertools.count(1)
BOT = "fairway[bot]"
Files = dict[str, str | None]


@dataclass
class Pulls:
    """The pull requests of a team; alice writes them, and may merge."""

    team: Team

    @classmethod
    def of(cls, world: World, *, wait: bool = False, files: Files | None = None, **options: Any) -> Pulls:
        """Make a team whose first commit is applied."""
        team = world.team(wait=wait, **options)
        for login in ("alice", "bob"):
            world.forge.allow(team.repo, login, "write")
        if files:
            team.settled(team.push(files))
        return cls(team)

    @property
    def forge(self) -> Any:
        return self.team.world.forge

    def opened(self, files: Files, *, branch: str = "", base: str | None = None, **options: Any) -> int:
        """Open a pull request with these changes and return its number."""
        branch = branch or f"topic-{next(_numbers)}"
        self.forge.commit(self.team.repo, files, f"change {branch}", branch=branch)
        pull = self.forge.open_pull_request(self.team.repo, branch, f"Change {branch}", base=base, **options)
        return int(pull["number"])

    def merged(self, number: int, method: str = "merge") -> str:
        """Merge a pull request and return what its base became."""
        return str(self.forge.merge(self.team.repo, number, method=method))

    def head(self, number: int) -> str:
        return str(self.forge.pull_request(self.team.repo, number)["head"]["sha"])

    def comments(self, number: int) -> list[dict[str, Any]]:
        """Return what Fairway wrote on a pull request."""
        found = self.forge.comments(self.team.repo, number)
        return [comment for comment in found if comment["user"]["login"] == BOT]

    def text(self, number: int) -> str:
        """Return what the one comment says, without what nobody sees; empty when there is none."""
        found = self.comments(number)
        assert len(found) < 2, [comment["body"] for comment in found]
        return re.sub(r"<!--.*?-->\n?", "", found[0]["body"]) if found else ""

    def says(self, number: int, *words: str, within: float = HEALED) -> str:
        """Wait until the comment says all of this, and return it."""
        return until(
            lambda: (text := self.text(number)) and all(word in text for word in words) and text,
            within=within,
            what=f"a comment on #{number} with {words}: {self.text(number)}",
        )

    def checks(self, sha: str, name: str = "Fairway demo") -> list[dict[str, Any]]:
        """Return the check runs of a name on a commit, the newest last."""
        path = f"/repos/{self.team.repo.full_name}/commits/{sha}/check-runs?filter=all&per_page=100"
        found = self.forge._as("alice", "GET", path)["check_runs"]
        return sorted((one for one in found if one["name"] == name), key=lambda one: int(one["id"]))

    def check(self, sha: str, name: str = "Fairway demo", *, within: float = HEALED) -> dict[str, Any]:
        """Return a commit's one finished check run."""

        def look() -> dict[str, Any] | None:
            found = self.checks(sha, name)
            assert len(found) < 2
            return found[0] if found and found[0]["status"] == "completed" else None

        found = until(look, within=within, what=f"a finished check {name} on {sha[:7]}")
        assert found
        return found

    def annotations(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        path = f"/repos/{self.team.repo.full_name}/check-runs/{run['id']}/annotations"
        found: list[dict[str, Any]] = self.forge._as("alice", "GET", path)
        return found

    def before_the_merge(self, sha: str) -> dict[str, Any]:
        """Return the only status on a commit that is not merged."""
        found = until(lambda: self.team.statuses(sha), what=f"a status on {sha[:7]}")
        assert len(found) == 1
        return found[0]
