# SPDX-License-Identifier: Apache-2.0
"""The events an App hears of: `ping`, `installation`, `push`, and how every other one is told."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pygit2

from sandbox.forge import accounts, git, shapes
from sandbox.forge.commits import account_of, repository_with_owner, when
from sandbox.forge.deliveries import Deliveries
from sandbox.forge.git import ZERO, RefChange
from sandbox.forge.shapes import Json, Site
from sandbox.forge.store import Row, Store

# GitHub lists at most this many commits in a push, and is silent about pushes of more than three tags.
_MOST_COMMITS = 2048
_MOST_TAGS = 3


class Events:
    """Tell installed Apps what happened."""

    def __init__(
        self, site: Site, store: Store, repositories: git.Repositories, deliveries: Deliveries
    ) -> None:
        self._site = site
        self._store = store
        self._repositories = repositories
        self._deliveries = deliveries

    def ping(self, app: Row) -> None:
        """Greet the webhook of an App that was just made."""
        api = self._site.api("/app/hook")
        config = {"url": app["webhook_url"], "content_type": app["content_type"], "insecure_ssl": "0"}
        hook = {
            "type": "App",
            "id": app["hook_id"],
            "name": "web",
            "active": True,
            "app_id": app["id"],
            "events": json.loads(app["events"]),
            "config": config | ({"secret": "********"} if app["webhook_secret"] else {}),
            "created_at": app["created_at"],
            "updated_at": app["updated_at"],
            "url": f"{api}/config",
            "ping_url": f"{api}/pings",
            "deliveries_url": f"{api}/deliveries",
        }
        payload = {"zen": "Keep it logically awesome.", "hook_id": app["hook_id"], "hook": hook}
        self._deliveries.record(app, "ping", payload)

    def installation(self, action: str, installed: Row, *, sender: Row) -> None:
        """Tell an App that it was installed (`created`) or uninstalled (`deleted`)."""
        app = self._store.row("apps", installed["app_id"])
        target = self._store.row("accounts", installed["account_id"])
        covered = accounts.installed_repositories(self._store, installed)
        payload: Json = {
            "action": action,
            "installation": shapes.installation(self._site, installed, target),
            "repositories": [_named(row) for row in covered],
            "sender": shapes.account(self._site, sender),
        }
        # `client_id` is newer than the published webhook schema and Apps do not need it.
        payload["installation"].pop("client_id")
        self._deliveries.record(app, "installation", payload, installation_id=installed["id"])

    def push(
        self,
        repository_id: int,
        moved: Iterable[RefChange],
        *,
        known: Iterable[str],
        pusher: Row,
        hold: bool = False,
    ) -> list[int]:
        """Tell every App that covers the repository what a push moved; returns the ids of the deliveries.

        `known` are the ids that the refs had before it.
        """
        moved, known = list(moved), list(known)
        if sum(change.ref.startswith("refs/tags/") for change in moved) > _MOST_TAGS:
            moved = [change for change in moved if not change.ref.startswith("refs/tags/")]
        repo, owner = repository_with_owner(self._store, repository_id)
        listeners = self._listeners(repo, "push")
        sent = []
        for change in moved if listeners else []:
            payload = self._push_payload(repo, owner, change, known=known, pusher=pusher)
            sent += [self._record(row, "push", repository_id, payload, hold=hold) for row in listeners]
        return [delivery for delivery in sent if delivery is not None]

    def tell(
        self,
        repository_id: int,
        event: str,
        payload: Json,
        *,
        sender: Row,
        needs: Iterable[str],
        app_id: int | None = None,
        hold: bool = False,
    ) -> list[int]:
        """Tell every App that covers the repository of an event; returns the ids of the deliveries.

        An App hears of it that may read one of the parts of the repository that are named in `needs`. What
        is for one App alone, `app_id`, that one hears without having subscribed to it.
        """
        repo, owner = repository_with_owner(self._store, repository_id)
        listeners = [
            row
            for row in self._listeners(repo, event, app_id)
            if json.loads(row["permissions"]).keys() & set(needs)
        ]
        around: Json = {"repository": shapes.webhook_repository(self._site, repo, owner)}
        if owner["type"] == "Organization":
            around["organization"] = shapes.organization(self._site, owner)
        around["sender"] = shapes.account(self._site, sender)
        told = payload | around
        sent = [self._record(row, event, repository_id, told, hold=hold) for row in listeners]
        return [delivery for delivery in sent if delivery is not None]

    def _listeners(self, repo: Row, event: str, app_id: int | None = None) -> list[Row]:
        return [
            row
            for row in accounts.installations(self._store, account_id=repo["owner_id"], app_id=app_id)
            if (app_id is not None or event in json.loads(row["events"]))
            and accounts.covers(self._store, row, repo["id"])
        ]

    def _record(
        self, installed: Row, event: str, repository_id: int, payload: Json, *, hold: bool
    ) -> int | None:
        app = self._store.row("apps", installed["app_id"])
        lite = {"id": installed["id"], "node_id": shapes.node_id("IntegrationInstallation", installed["id"])}
        return self._deliveries.record(
            app, event, payload | {"installation": lite}, installation_id=installed["id"],
            repository_id=repository_id, hold=hold,
        )  # fmt: skip

    def _push_payload(
        self, repo: Row, owner: Row, change: RefChange, *, known: list[str], pusher: Row
    ) -> Json:
        repository = self._repositories.open(repo["id"])
        created, deleted = change.before == ZERO, change.after == ZERO
        head = None if deleted else git.peel(repository, change.after)
        listed = (
            [] if head is None or change.ref.startswith("refs/tags/") else _new(repository, change, known)
        )
        distinct = (
            set() if head is None else {str(c.id) for c in git.walk(repository, str(head.id), hide=known)}
        )
        payload: Json = {
            "ref": change.ref,
            "before": change.before,
            "after": change.after,
            "created": created,
            "deleted": deleted,
            "forced": not (created or deleted) and not _descends(repository, change.after, change.before),
            "base_ref": None,
            "compare": self._compare(repo, change),
            "commits": [self._commit(repo, repository, c, distinct) for c in listed[-_MOST_COMMITS:]],
            "head_commit": self._commit(repo, repository, head, distinct) if head else None,
            "repository": self._repository(repo, owner),
            "pusher": {"name": pusher["login"], "email": pusher["email"]},
            "sender": shapes.account(self._site, pusher),
        }
        if owner["type"] == "Organization":
            payload["organization"] = shapes.organization(self._site, owner)
            payload["repository"]["organization"] = owner["login"]
        return payload

    def _compare(self, repo: Row, change: RefChange) -> str:
        page = self._site.web(f"/{repo['full_name']}/compare")
        if change.before == ZERO:
            return f"{page}/{change.ref.split('/', 2)[2]}"
        return f"{page}/{change.before[:12]}...{change.after[:12]}"

    def _commit(
        self, repo: Row, repository: pygit2.Repository, found: pygit2.Commit, distinct: set[str]
    ) -> Json:
        sha = str(found.id)
        touched: dict[str, list[str]] = {"added": [], "removed": [], "modified": []}
        for delta in git.diff(repository, found).deltas:
            match delta.status_char():
                case "A" | "C":
                    touched["added"].append(delta.new_file.path)
                case "D":
                    touched["removed"].append(delta.old_file.path)
                case "R":
                    touched["removed"].append(delta.old_file.path)
                    touched["added"].append(delta.new_file.path)
                case _:
                    touched["modified"].append(delta.new_file.path)
        return {
            "id": sha,
            "tree_id": str(found.tree_id),
            "distinct": sha in distinct,
            "message": found.message.rstrip("\n"),
            "timestamp": when(found.committer, utc=False),
            "url": self._site.web(f"/{repo['full_name']}/commit/{sha}"),
            "author": self._person(found.author),
            "committer": self._person(found.committer),
            **touched,
        }

    def _person(self, signature: pygit2.Signature) -> Json:
        known = account_of(self._store, signature)
        person = {"name": signature.name, "email": signature.email}
        return person | ({"username": known["login"]} if known else {})

    def _repository(self, repo: Row, owner: Row) -> Json:
        body = shapes.webhook_repository(self._site, repo, owner)
        # Push payloads differ from all others in these.
        body["owner"] |= {"name": owner["login"], "email": owner["email"]}
        body |= {"url": body["html_url"], "stargazers": 0, "master_branch": repo["default_branch"]}
        times = {"created_at": shapes.unix(repo["created_at"]), "pushed_at": shapes.unix(repo["pushed_at"])}
        return body | times


def _named(repo: Row) -> Json:
    return {
        "id": repo["id"],
        "node_id": shapes.node_id("Repository", repo["id"]),
        "name": repo["name"],
        "full_name": repo["full_name"],
        "private": bool(repo["private"]),
    }


def _new(repository: pygit2.Repository, change: RefChange, known: list[str]) -> list[pygit2.Commit]:
    """Return a branch's new commits, oldest first: against its old head, or when it is new all refs."""
    hide = known if change.before == ZERO else [change.before]
    return list(git.walk(repository, change.after, hide=hide))[::-1]


def _descends(repository: pygit2.Repository, after: str, before: str) -> bool:
    new, old = git.peel(repository, after), git.peel(repository, before)
    if new is None or old is None:
        return False
    return new.id == old.id or bool(repository.descendant_of(new.id, old.id))
