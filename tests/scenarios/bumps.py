# SPDX-License-Identifier: Apache-2.0
"""A team whose images are proposed in pull requests, and what people do to those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from policies import conditions
from policies.images import record as records
from policies.objects import ObjectRef
from tests.fixtures.world import Team, World, config_map, until
from workers.workqueue import Key, Queue, Workqueue

GROUP = "image.toolkit.fluxcd.io"
BOT = "fairway[bot]"
SLOW = 60.0  # seconds; each step is a matter of moments, on a machine that has time


@dataclass
class Bumps:
    """A team whose images are proposed in pull requests; alice may merge."""

    team: Team

    @classmethod
    def of(
        cls, world: World, *policies: str, write: str = "pr", images: str = "{}", wait: bool = True
    ) -> Bumps:
        """Make a team in which 1.0.0 runs of each image; `images` is what its file says of them."""
        file = f"version: 1\npullRequests:\n  images: {images}\n"
        file += "environments: {prod: {namespaces: [NAMESPACE]}}\n"
        made = cls(world.team(file=file))
        team = made.team
        world.forge.allow(team.repo, "alice", "write")
        made._bind(write)
        names = policies or ("web",)
        for name in names:
            made.push(name, "1.0.0")
        team.settled(team.push({f"app/{name}.yaml": made.file(name, "1.0.0") for name in names}))
        for name in names:
            made.create("ImageRepository", name, image=made.image(name), interval="1h")
            policy = {"semver": {"range": ">=1.0.0"}}
            made.create("ImagePolicy", name, imageRepositoryRef={"name": name}, policy=policy)
        made.create(
            "ImageUpdateAutomation", "auto", interval="1h",
            git={"commit": {"author": {"email": "bot@example.com"}}},
            sourceRef={"kind": "GitRepository", "name": "src"},
        )  # fmt: skip
        if wait:
            until(lambda: made.seen(*names) == ["1.0.0"] * len(names), within=SLOW, what="a first look")
        return made

    @property
    def world(self) -> World:
        return self.team.world

    def image(self, name: str) -> str:
        return f"{self.world.registry.host}/{self._path(name)}"

    def file(self, name: str, tag: str) -> str:
        mark = f'# {{"$imagepolicy": "{self.team.namespace}:{name}:tag"}}'
        return config_map(name).replace("'1'", f"{tag} {mark}")

    def push(self, name: str, tag: str, **labels: str) -> None:
        self.world.registry.push(self._path(name), tag, **labels)

    def create(self, kind: str, name: str, **spec: Any) -> None:
        self.team.create(f"{GROUP}/v1", kind, name, **spec)

    def ref(self, kind: str = "ImageUpdateAutomation", name: str = "auto") -> ObjectRef:
        return ObjectRef(GROUP, "v1", kind, self.team.namespace, name)

    def scan(self, name: str = "web", why: str = "webhook") -> None:
        note = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": why}}}
        self.world.client.patch(self.ref("ImageRepository", name), note, manager="test")

    def released(self, tag: str, name: str = "web", **labels: str) -> None:
        """Push a tag and have it seen, as by the registry's webhook."""
        self.push(name, tag, **labels)
        self.scan(name, tag)

    def seen(self, *names: str) -> list[str]:
        status = self.world.client.get(self.ref()).get("status") or {}
        return [
            str(((status.get("observedPolicies") or {}).get(name) or {}).get("tag", "")) for name in names
        ]

    def ready(self) -> dict[str, Any]:
        return conditions.find(conditions.of(self.world.client.get(self.ref())), "Ready") or {}

    def says(self, *words: str) -> str:
        """Wait until the automation's Ready message has these words."""
        return until(
            lambda: (text := str(self.ready().get("message", ""))) and all(w in text for w in words) and text,
            within=SLOW,
            what=f"a message with {words}: {self.ready()}",
        )

    def pulls(self, state: str = "open") -> list[dict[str, Any]]:
        found = self.world.forge.pull_requests(self.team.repo, state=state)
        return [one for one in found if one["user"]["login"] == BOT]

    def pull(self, title: str, *, check: Callable[[dict[str, Any]], bool] = bool) -> dict[str, Any]:
        """Wait for the one open pull request of this title."""

        def look() -> dict[str, Any] | None:
            found = self.pulls()
            return next((one for one in found if one["title"].endswith(title) and check(one)), None)

        found = until(look, within=SLOW, what=f"a pull request {title}: {self.ready()}")
        assert found
        return found

    def proposed(self, pull: dict[str, Any]) -> dict[str, str]:
        """Return the tags that a pull request says it proposes, by policy."""
        found = records.read(pull["body"])
        return (
            {policy.partition(":")[2]: image.tag for policy, image in found.images.items()} if found else {}
        )

    def main(self) -> str:
        return self.world.forge.refs(self.team.repo)["refs/heads/main"]

    def commits(self, number: int) -> list[dict[str, Any]]:
        path = f"/repos/{self.team.repo.full_name}/pulls/{number}/commits"
        found: list[dict[str, Any]] = self.world.forge._as("alice", "GET", path)
        return found

    def look(self) -> None:
        """Have the automation look once more, and wait until it has."""
        queue = Workqueue(self.world.redis)
        key = Key("ImageUpdateAutomation", self.team.namespace, "auto")
        queue.add(key, Queue.PUSH)
        until(lambda: not queue.busy([key]), within=SLOW, what="another look")

    def green(self, sha: str, check: str = "ci") -> None:
        """Have a required check succeed."""
        path = f"/repos/{self.team.repo.full_name}/statuses/{sha}"
        self.world.forge._as("alice", "POST", path, {"state": "success", "context": check})

    def answered(self, number: int, word: str) -> None:
        """Wait for an answer to an order."""
        until(
            lambda: any(word in one["body"] for one in self.world.forge.comments(self.team.repo, number)),
            within=SLOW,
            what=f"an answer with {word}",
        )

    def merge_looked_at(self, number: int) -> None:
        """Have it looked at whether a pull request may be merged, twice: who asks first is not told."""
        repo = self.team.repo
        queue, key = Workqueue(self.world.redis), Key("Merge", repo.owner, f"{repo.name}:{number}")
        for _ in range(2):
            queue.add(key, Queue.PUSH)
            until(lambda: not queue.busy([key]), within=SLOW, what="a look at the merge")

    def running(self, name: str = "web") -> str:
        return str(((self.team.config(name) or {}).get("data") or {}).get("value", ""))

    def _path(self, name: str) -> str:
        return f"acme/{self.team.namespace}-{name}"

    def _bind(self, write: str) -> None:
        repo = self.team.repo
        spec = {
            "repository": {"id": repo.id, "owner": repo.owner, "name": repo.name},
            "namespaces": [self.team.namespace],
            "write": write,
        }
        kind = {"apiVersion": "fairway.dev/v1alpha1", "kind": "RepositoryBinding"}
        self.world.client.create({**kind, "metadata": {"name": self.team.namespace}, "spec": spec})
