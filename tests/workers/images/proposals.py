# SPDX-License-Identifier: Apache-2.0
"""An automation that proposes in pull requests of the forge, run by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from policies.images import record as records
from policies.images.record import Record
from policies.images.switch import ANNOTATION
from policies.objects import Object, ObjectRef
from tests.workers.images.conftest import Fleet, ready
from workers.orders.merges import Merges


@dataclass
class Bumps:
    """What a fleet's automation `auto` proposes, and what people do to it; alice may write."""

    fleet: Fleet

    @classmethod
    def of(cls, fleet: Fleet, *, write: str = "pr", word: str = "enabled", file: str = "") -> Bumps:
        fleet.bind(write)
        fleet.forge.allow(fleet.repo, "alice", "write")
        if file:
            fleet.forge.commit(fleet.repo, {".fairway.yaml": f"version: 1\n{file}"}, "File")
        made = cls(fleet)
        made.annotate(word)
        return made

    @property
    def ref(self) -> ObjectRef:
        return self.fleet.images.automation()

    @property
    def number(self) -> int:
        (pull,) = self.pulls()
        return int(pull["number"])

    def annotate(self, word: str) -> None:
        note = {"metadata": {"annotations": {ANNOTATION: word or None}}}
        self.fleet.images.client.patch(self.ref, note, manager="test")

    def run(self, **git: Any) -> Object:
        # What was read of a repository's file counts for half a minute.
        from workers import configuration

        configuration._remembered.clear()
        return self.fleet.run(**git) if git else self.fleet.images.reconcile(self.ref)

    def message(self, **git: Any) -> str:
        return ready(self.run(**git))[2]

    def released(self, *tags: str) -> None:
        self.fleet.images.chosen(*tags)

    def pulls(self, state: str = "open") -> list[dict[str, Any]]:
        login = f"{self.fleet.app.slug}[bot]"
        found = self.fleet.forge.pull_requests(self.fleet.repo, state=state)
        return [one for one in found if one["user"]["login"] == login]

    def pull(self) -> dict[str, Any]:
        (found,) = self.pulls()
        return found

    def record(self) -> Record:
        found = records.read(self.pull()["body"])
        assert found is not None
        return found

    def write_record(self, record: Record) -> None:
        pull = self.pull()
        body = records.put(pull["body"], record)
        self.fleet.forge.edit_pull_request(self.fleet.repo, pull["number"], body=body)

    def tags(self) -> list[str]:
        return [image.tag for image in self.record().images.values()]

    @property
    def branch(self) -> str:
        return f"fairway/images/{self.fleet.images.namespace}.auto/policy-web"

    def commits(self) -> list[str]:
        path = f"/repos/{self.fleet.repo.full_name}/pulls/{self.number}/commits"
        return [one["sha"] for one in self.fleet.forge._as("alice", "GET", path)]

    def parents(self) -> list[str]:
        return [one["sha"] for one in self.fleet.commit(self.pull()["head"]["sha"])["parents"]]

    def said(self, number: int) -> list[str]:
        return [one["body"] for one in self.fleet.forge.comments(self.fleet.repo, number)]

    def green(self, *, check: str = "ci") -> None:
        path = f"/repos/{self.fleet.repo.full_name}/statuses/{self.pull()['head']['sha']}"
        self.fleet.forge._as("alice", "POST", path, {"state": "success", "context": check})

    def settle(self, number: int) -> bool:
        """Look twice whether it may be merged, since who asks first is not told; say whether it was."""
        for _ in range(2):
            Merges(self.fleet.images.context).reconcile(
                self.fleet.repo.owner, f"{self.fleet.repo.name}:{number}"
            )
        return bool(self.fleet.forge.pull_request(self.fleet.repo, number)["merged"])
