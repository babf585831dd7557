# SPDX-License-Identifier: Apache-2.0
"""What people do in pull requests of a team's repository, and what Fairway says there."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis

from tests.fixtures.world import HEALED, Team, World, until
from workers import known_pulls
from workers.watch.sweeps import DELIVERIES
from workers.workqueue import Key, Queue, Workqueue

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

        def look() -> str:
            text = self.text(number)
            return text if text and all(word in text for word in words) else ""

        try:
            return until(look, within=within, what=f"a comment on #{number} with {words}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it says:\n{self.text(number)}") from None

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

    def deployment(
        self, sha: str, environment: str, *, final: str, within: float = HEALED
    ) -> list[dict[str, Any]]:
        """Return the statuses of a commit's one deployment, oldest first, once the last is this one."""
        base = f"/repos/{self.team.repo.full_name}/deployments"

        def look() -> list[dict[str, Any]] | None:
            found = self.forge._as("alice", "GET", f"{base}?sha={sha}&environment={environment}")
            assert len(found) < 2
            shown = self.forge._as("alice", "GET", f"{base}/{found[0]['id']}/statuses") if found else []
            return shown[::-1] if shown and shown[0]["state"] == final else None

        found = until(look, within=within, what=f"a deployment of {sha[:7]} that is a {final}")
        assert found
        return found

    def final(self, sha: str) -> dict[str, Any]:
        return self.team.final(sha)

    def delete(self, number: int) -> None:
        """Delete what Fairway wrote, as somebody who may."""
        for comment in self.comments(number):
            self.forge.delete_comment(self.team.repo, comment["id"])

    def ask(self, number: int) -> None:
        """Want the comment to be written, as /status does."""
        known_pulls.ask(self._redis, self.team.repo.full_name, number)
        self._add("PullRequest", f"{self.team.repo.name}:{number}")

    def sweep(self) -> None:
        """Look at GitHub for what its webhooks did not tell, as `watch` has it done every few minutes."""
        self._add("Sweep", self.team.repo.name)

    def redeliver(self) -> None:
        """Ask GitHub for deliveries that did not arrive, as `watch` does."""
        Workqueue(self._redis).add(DELIVERIES, Queue.PUSH)

    def settled(self, number: int) -> None:
        """Wait until whatever is queued about a pull request is done."""
        key = Key("PullRequest", self.team.repo.owner, f"{self.team.repo.name}:{number}")
        self._add(key.kind, key.name)
        until(lambda: not Workqueue(self._redis).busy([key]), what=f"{key} is done")

    def put_off(self, number: int) -> None:
        """Wait until what there is to say on a pull request is put off."""
        key = f"PullRequest/{self.team.repo.owner}/{self.team.repo.name}:{number}"
        until(lambda: self._redis.zscore("fairway:later", key), what=f"{key} is put off")

    def time_passes(self) -> None:
        """Let the time be over for which GitHub listens to nobody, and what was put off be due."""
        client = self._redis
        client.delete(*client.keys("fairway:budget:installation*"))
        for key, _ in client.zrange("fairway:later", 0, -1, withscores=True):
            client.zadd("fairway:later", {key: 0})

    def _add(self, kind: str, name: str) -> None:
        Workqueue(self._redis).add(Key(kind, self.team.repo.owner, name), Queue.PUSH)

    @property
    def _redis(self) -> redis.Redis:
        return self.team.world.redis

    def before_the_merge(self, sha: str) -> dict[str, Any]:
        """Return the only status on a commit that is not merged."""
        found = until(lambda: self.team.statuses(sha), what=f"a status on {sha[:7]}")
        assert len(found) == 1
        return found[0]


@contextmanager
def deaf(world: World) -> Iterator[None]:
    """Let no delivery arrive."""
    app, environment = world.forge.app("fairway"), world.environment()
    secret = open(environment["FAIRWAY_WEBHOOK_SECRET_FILE"]).read()  # noqa: SIM115
    world.forge.set_webhook(app, "http://127.0.0.1:9/", secret)
    try:
        yield
    finally:
        world.forge.set_webhook(app, app.webhook_url, secret)
