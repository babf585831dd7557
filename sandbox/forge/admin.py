# SPDX-License-Identifier: Apache-2.0
"""The sandbox's own client of the forge: set the stage, push, and look at what came of it.

What Fairway itself does, it does through the REST API and Git; this is for demo and tests.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.forge.admin_conversations import Conversations
from sandbox.forge.admin_http import ForgeError, Repository
from sandbox.forge.admin_machinery import Machinery
from sandbox.forge.admin_rights import Rights

__all__ = ["App", "Forge", "ForgeError", "Repository"]

Files = Mapping[str, str | bytes | None]


@dataclass(frozen=True)
class App:
    """An App on the forge; `private_key_pem` is empty when the App was only looked up."""

    id: int
    slug: str
    name: str
    client_id: str
    webhook_url: str | None
    permissions: dict[str, str]
    events: list[str]
    private_key_pem: str = ""


class Forge(Conversations, Rights, Machinery):
    """Talk to a running forge; a method may be called from any thread. Every refusal raises ForgeError."""

    def create_account(self, login: str, *, type: str = "User", secret: str | None = None) -> None:
        """Make an account (`User` or `Organization`); with a secret, a password or token of it."""
        self._call("POST", "/accounts", {"login": login, "type": type, "secret": secret})

    def accounts(self) -> list[str]:
        """Return the logins of those who own repositories."""
        found: list[str] = self._call("GET", "/accounts")
        return found

    def create_repository(
        self,
        owner: str,
        name: str,
        *,
        private: bool = False,
        files: Mapping[str, str | bytes] | None = None,
        message: str = "Begin",
        author: str = "alice",
        default_branch: str = "main",
        deliver: bool = True,
    ) -> Repository:
        """Make a repository; with files, with a first commit, whose push is sent like any other.

        An owner that does not exist becomes an organisation.
        """
        body = {"owner": owner, "name": name, "private": private, "default_branch": default_branch}
        first = {"files": _encoded(files or {}), "message": message, "author": author, "deliver": deliver}
        return Repository(**self._call("POST", "/repositories", body | first))

    def repository(self, full_name: str) -> Repository:
        """Find a repository by `owner/name`."""
        found = self._call("GET", f"/repositories/{full_name}")
        return Repository(**{name: value for name, value in found.items() if name != "refs"})

    def refs(self, repo: Repository) -> dict[str, str]:
        """Return every branch and tag (`refs/…`) with what it points to."""
        refs: dict[str, str] = self._call("GET", f"/repositories/{repo.full_name}")["refs"]
        return refs

    def commit(
        self,
        repo: Repository,
        files: Files,
        message: str,
        *,
        branch: str = "main",
        author: str = "alice",
        signer: str = "",
        deliver: bool = True,
    ) -> str:
        """Commit files (None deletes one) to a branch and return the sha; the push's webhooks go out at once.

        A branch that does not exist starts at the default one. With a `signer` the commit is that person's,
        whoever is named as its author, and verified by that person's key. With `deliver=False` the webhooks
        are held until `release`.
        """
        body = {"files": _encoded(files), "message": message, "branch": branch, "author": author}
        body["signer"] = signer
        path = f"/repositories/{repo.full_name}/commits"
        return str(self._call("POST", path, body | {"deliver": deliver})["sha"])

    def set_ref(
        self,
        repo: Repository,
        ref: str,
        sha: str | None,
        *,
        message: str | None = None,
        author: str = "alice",
        deliver: bool = True,
    ) -> None:
        """Create or force a ref (`refs/heads/x`, `refs/tags/v1`) and send the push; None deletes it.

        With a message a tag becomes an annotated one.
        """
        body = {"ref": ref, "sha": sha, "message": message, "author": author, "deliver": deliver}
        self._call("POST", f"/repositories/{repo.full_name}/refs", body)

    def statuses(self, repo: Repository, sha: str) -> list[dict[str, Any]]:
        """Return every status ever written to a commit, oldest first, as GitHub shows them."""
        found: list[dict[str, Any]] = self._call("GET", f"/repositories/{repo.full_name}/statuses/{sha}")
        return found

    def create_app(
        self,
        name: str,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        *,
        owner: str = "fairway",
        permissions: Mapping[str, str] | None = None,
        events: list[str] | None = None,
    ) -> App:
        """Make an App and ping its webhook; by default it reads contents, writes statuses, hears pushes."""
        body = {"name": name, "owner": owner, "webhook_url": webhook_url, "webhook_secret": webhook_secret}
        more = {"permissions": dict(permissions or {}), "events": events}
        return App(**self._call("POST", "/apps", body | more))

    def app(self, slug: str) -> App:
        """Find an App by its slug; its keys cannot be read again, see `new_key`."""
        return App(**self._call("GET", f"/apps/{slug}"))

    def new_key(self, app: App) -> str:
        """Make another private key for an App and return it as PEM."""
        return str(self._call("POST", f"/apps/{app.slug}/keys")["private_key_pem"])

    def set_webhook(self, app: App, url: str | None, secret: str | None) -> None:
        """Send an App's webhooks somewhere else."""
        self._call("PATCH", f"/apps/{app.slug}/webhook", {"url": url, "secret": secret})

    def install(self, app: App, account: str, *, repositories: list[str] | None = None) -> int:
        """Install an App on an account, on all repositories or those named; returns the installation's id.

        Installing it on all once more changes nothing.
        """
        body = {"account": account, "repositories": repositories}
        return int(self._call("POST", f"/apps/{app.slug}/installations", body)["id"])

    def uninstall(self, installation_id: int) -> None:
        """Uninstall an App."""
        self._call("DELETE", f"/installations/{installation_id}")

    def deliveries(self, *, event: str | None = None) -> list[dict[str, Any]]:
        """Return every delivery, oldest first, with its `phase` (held, queued, done) and `payload`."""
        found: list[dict[str, Any]] = self._call("GET", "/deliveries")
        return [delivery for delivery in found if event in (None, delivery["event"])]

    def release(self, delivery_id: int) -> None:
        """Send a delivery that was held."""
        self._call("POST", f"/deliveries/{delivery_id}/release")

    def redeliver(self, delivery_id: int) -> int:
        """Send a delivery again, under the same GUID, and return the new record's id."""
        return int(self._call("POST", f"/deliveries/{delivery_id}/redeliver")["id"])


def _encoded(files: Files) -> dict[str, str | None]:
    raw = {path: content.encode() if isinstance(content, str) else content for path, content in files.items()}
    return {path: None if c is None else base64.b64encode(c).decode() for path, c in raw.items()}
