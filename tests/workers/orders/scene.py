# SPDX-License-Identifier: Apache-2.0
"""A pull request on the forge, what people say in it, and a worker that answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from policies.github.comments import digest
from policies.objects import Object, ObjectRef
from sandbox.forge.admin import App, Forge, Repository
from tests.fixtures.world import until
from workers.cluster import Client
from workers.context import Context
from workers.github import AppJwt, GitHub
from workers.orders.conversation import Comments
from workers.orders.merges import Merges
from workers.orders.said import Heard
from workers.orders.sweep import Conversations
from workers.workqueue import Key

ORDER = ("fairway.dev", "v1alpha1", "Order")


@dataclass
class Scene:
    """A bound repository; alice has opened pull request `number`, which changes the file of prod."""

    forge: Forge
    repo: Repository
    app: App
    installation: int
    context: Context
    client: Client
    namespace: str
    number: int = 0
    ahead: timedelta = field(default_factory=timedelta)
    asked: list[Key] = field(default_factory=list)  # what was queued and is somebody else's work

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    @property
    def staging(self) -> str:
        """Return the namespace of environment staging; prod has the other."""
        return f"{self.namespace}-s"

    @property
    def bot(self) -> str:
        return f"{self.app.slug}[bot]"

    def say(self, body: str, author: str = "alice", *, number: int = 0) -> int:
        """Comment on the pull request, and return the comment's id."""
        return int(self.forge.comment(self.repo, number or self.number, body, author=author)["id"])

    def review(self, body: str, author: str = "bob") -> int:
        """Submit a review that only comments, and return its id."""
        return int(self.forge.review(self.repo, self.number, "COMMENT", body=body, author=author)["id"])

    def edit(self, comment_id: int, body: str) -> None:
        """Edit a comment so that GitHub tells that it was edited."""
        self.a_second_passes()
        self.forge.edit_comment(self.repo, comment_id, body)

    def a_second_passes(self) -> None:
        """Have what happens next be later than what was: GitHub's times are whole seconds."""
        second = datetime.now(UTC).second
        until(lambda: datetime.now(UTC).second != second, what="the next second")

    def heard(self, comment_id: int, body: str, *, kind: str = "comment", number: int = 0) -> Heard:
        return Heard(self.repo.full_name, number or self.number, kind, comment_id, digest(body))  # type: ignore[arg-type]

    def order(self, body: str, author: str = "alice", *, number: int = 0) -> int:
        """Comment, and have it answered."""
        comment_id = self.say(body, author, number=number)
        self.answer(self.heard(comment_id, body, number=number))
        return comment_id

    def answer(self, heard: Heard) -> None:
        """Do what a worker does with the key."""
        Comments(self.context).reconcile(heard.key.namespace, heard.key.name)

    def reconnect(self) -> None:
        """Have the worker know nothing of what it has asked of GitHub."""
        self.disconnect()
        key = AppJwt(str(self.app.id), self.app.private_key_pem)
        self.context.__dict__["github"] = GitHub(key, api_url=self.forge.api_url, allow_loopback=True)

    def disconnect(self) -> None:
        if github := self.context.__dict__.pop("github", None):
            github.close()

    def reactions(self, comment_id: int) -> list[str]:
        """Return how Fairway reacted to a comment."""
        return [kind for login, kind in self.forge.reactions(self.repo, comment_id) if login == self.bot]

    def replies(self, number: int = 0) -> list[str]:
        """Return how Fairway answered, without what nobody sees."""
        return self._written("answer", number)

    def status(self, number: int = 0) -> str:
        """Return what the status comment says; empty when there is none."""
        found = self._written("pull-request", number)
        assert len(found) < 2, found
        return found[0] if found else ""

    def _written(self, name: str, number: int) -> list[str]:
        return [
            re.sub(r"<!--.*?-->\n?", "", comment["body"])
            for comment in self.forge.comments(self.repo, number or self.number)
            if comment["user"]["login"] == self.bot and comment["body"].startswith(f"<!-- fairway:{name}/")
        ]

    def reply(self, number: int = 0) -> str:
        """Return Fairway's only reply so far."""
        (found,) = self.replies(number)
        return found

    def work(self, *, until_empty: int = 50) -> None:
        """Work off what is queued; what another part of Fairway does is remembered."""
        runs: dict[str, Callable[[str, str], None]] = {
            "Comment": Comments(self.context).reconcile,
            "Conversations": Conversations(self.context).reconcile,
            "Merge": Merges(self.context).reconcile,
        }
        for _ in range(until_empty):
            with self.context.queue.take() as key:
                if key is None:
                    return
                if key.kind in runs:
                    runs[key.kind](key.namespace, key.name)
                else:
                    self.asked.append(key)
        raise AssertionError("the queue never ends")

    def sweep(self) -> None:
        """Look for what is unanswered, and answer it."""
        owner, _, name = self.repo.full_name.partition("/")
        Conversations(self.context).reconcile(owner, name)
        self.work()

    def merged(self, number: int = 0, method: str = "merge", author: str = "alice") -> str:
        return str(self.forge.merge(self.repo, number or self.number, method=method, author=author))

    def opened(self, files: dict[str, str | None], branch: str, **options: Any) -> int:
        """Open another pull request and return its number."""
        self.forge.commit(self.repo, files, f"change {branch}", branch=branch)
        return int(self.forge.open_pull_request(self.repo, branch, f"Change {branch}", **options)["number"])

    def orders(self) -> list[Object]:
        """Return the Order objects of this repository."""
        found, _ = self.client.list(
            self.client.discovery.resource(*ORDER), namespace=self.context.settings.namespace
        )
        return [obj for obj in found if obj["spec"]["repository"]["id"] == self.repo.id]

    def named(self, prefix: str) -> list[Object]:
        return [obj for obj in self.orders() if obj["metadata"]["name"].startswith(prefix)]

    def configure(self, **settings: Any) -> None:
        """Change settings of the worker."""
        self.context.settings = replace(self.context.settings, **settings)

    def file(self, path: str, ref: str = "main") -> str | None:
        assert self.context.github is not None
        found = self.context.github.git_data.read(self.repo.full_name, path, ref)
        return None if found is None else found.decode()

    def source(self) -> Object:
        return self.client.get(
            ObjectRef("source.toolkit.fluxcd.io", "v1", "GitRepository", self.namespace, "src")
        )

    def kustomization(self, name: str) -> Object:
        """Return the Kustomization of an environment's folder."""
        where = self.staging if name == "staging" else self.namespace
        return self.client.get(ObjectRef("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", where, name))
