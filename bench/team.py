# SPDX-License-Identifier: Apache-2.0
"""A team as the figures of pull requests have it: a namespace, a repository, an environment, a Kustomization.

Its objects are ConfigMaps, which are healthy at once: what is measured is Fairway, not the cluster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from policies import conditions
from policies.objects import ObjectRef
from sandbox.forge.admin import Forge, Repository
from workers.cluster import Client

BOT = "fairway[bot]"
PERSON = "alice"
ENVIRONMENT = "staging"
POLL = 0.01  # seconds
_READY_WITHIN = 120.0  # seconds


@dataclass(frozen=True)
class Team:
    """One of them."""

    forge: Forge
    repo: Repository

    @property
    def name(self) -> str:
        return self.repo.name

    @classmethod
    def make(
        cls, forge: Forge, client: Client, name: str, *, objects: int = 10, environment: bool = True
    ) -> Team:
        """Make a team; its namespace has its name."""
        files: dict[str, str | bytes] = {_file(number): _object(number, "0") for number in range(objects)}
        if environment:
            files[".fairway.yaml"] = _CONFIGURATION.format(environment=ENVIRONMENT, namespace=name)
        repo = forge.create_repository("acme", name, files=files)
        forge.allow(repo, PERSON, "write")
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for kind, spec in (
            ("source", {"url": repo.clone_url, "ref": {"branch": "main"}}),
            ("kustomize", _KUSTOMIZATION | {"targetNamespace": name}),
        ):
            client.create(
                {
                    "apiVersion": f"{kind}.toolkit.fluxcd.io/v1",
                    "kind": "GitRepository" if kind == "source" else "Kustomization",
                    "metadata": {"name": "bench", "namespace": name},
                    "spec": {"interval": "1h", **spec},
                }
            )
        return cls(forge, repo)

    def push(self, version: str) -> str:
        """Push another version of one object, and return the commit."""
        files = {_file(0): _object(0, version)}
        return self.forge.commit(self.repo, files, f"Version {version}", author=PERSON)

    def add(self, name: str) -> int:
        """Open a pull request that adds an object, and so merges after any other; returns its number."""
        self.change(name, "1")
        return int(self.forge.open_pull_request(self.repo, name, f"Add {name}")["number"])

    def change(self, name: str, version: str) -> None:
        """Commit another version of the object that a pull request adds to it."""
        files = {f"app/{name}.yaml": _MANIFEST.format(name=name, version=version)}
        self.forge.commit(self.repo, files, f"Version {version} of {name}", branch=name, author=PERSON)

    def comments(self, number: int) -> list[str]:
        """Return what Fairway wrote in a pull request."""
        found = self.forge.comments(self.repo, number)
        return [str(comment["body"]) for comment in found if comment["user"]["login"] == BOT]

    def reactions(self, comment_id: int) -> set[str]:
        """Return Fairway's reactions to a comment."""
        return {content for login, content in self.forge.reactions(self.repo, comment_id) if login == BOT}


def ready(client: Client, teams: Sequence[Team], tell: Callable[[int], None]) -> None:
    """Wait until all are applied; `tell` hears how many are."""
    waiting, deadline = {team.name for team in teams}, time.monotonic() + _READY_WITHIN
    while waiting:
        waiting = {name for name in waiting if not _is_ready(client, name)}
        tell(len(teams) - len(waiting))
        if time.monotonic() > deadline:
            raise RuntimeError(f"not applied within {_READY_WITHIN:.0f} s: {', '.join(sorted(waiting))}")
        time.sleep(0.2)


def _is_ready(client: Client, namespace: str) -> bool:
    found = client.find(ObjectRef("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", namespace, "bench"))
    return found is not None and conditions.is_true(conditions.of(found), conditions.READY)


def _file(number: int) -> str:
    return f"app/object-{number}.yaml"


def _object(number: int, version: str) -> str:
    return _MANIFEST.format(name=f"object-{number}", version=version)


_MANIFEST = """apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
data:
  version: "{version}"
"""
_CONFIGURATION = """version: 1
environments:
  {environment}: {{namespaces: [{namespace}]}}
"""
_KUSTOMIZATION = {
    "sourceRef": {"kind": "GitRepository", "name": "bench"},
    "path": "./app",
    "prune": True,
    "wait": True,
}
