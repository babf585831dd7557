# SPDX-License-Identifier: Apache-2.0
"""Accounts, repositories and Apps as the forge keeps them: making one, finding one, who may do what."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.forge.store import Row, Store, digest, now, stamps

_LOGIN = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]{1,100}")
# `api` and `_sandbox` are the forge's own paths; `.git` is how clone URLs end.
_RESERVED_LOGINS = {"api", "static"}

# A person's roles in a repository; an App's permissions have three of these levels.
LEVELS = {"read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}


class Refused(Exception):
    """Something that the admin surface was asked for cannot be."""


def account(store: Store, login: str) -> Row | None:
    """Find an account by login, whatever its case."""
    return store.one("SELECT * FROM accounts WHERE login = ?", login)


def ensure_account(store: Store, login: str, *, type: str = "User") -> Row:
    """Return the account of that login, making it when there is none."""
    found = account(store, login)
    if found is None:
        if type != "Bot" and (not _LOGIN.fullmatch(login) or login.lower() in _RESERVED_LOGINS):
            raise Refused(
                f"{login!r} cannot be a login: letters, digits and single inner hyphens, at most 39"
            )
        email = f"{login}@users.noreply.forge.test"
        made = store.insert("accounts", login=login, type=type, name=login, email=email, created_at=now())
        return store.row("accounts", made)
    return found


def add_credential(store: Store, account_id: int, secret: str) -> None:
    """Let an account authenticate with a password or token."""
    store.write("INSERT OR REPLACE INTO credentials VALUES (?, ?)", digest(secret), account_id)


_REPOSITORY_ROWS = """SELECT r.*, a.login AS owner_login, a.login || '/' || r.name AS full_name, f.parent_id
  FROM repositories r JOIN accounts a ON a.id = r.owner_id LEFT JOIN forks f ON f.repository_id = r.id"""


def repository(store: Store, owner: str, name: str) -> Row | None:
    """Find a repository by owner and name, whatever their case."""
    return store.one(f"{_REPOSITORY_ROWS} WHERE a.login = ? AND r.name = ?", owner, name)


def repository_by_id(store: Store, repository_id: int) -> Row | None:
    """Find a repository by its numeric id."""
    return store.one(f"{_REPOSITORY_ROWS} WHERE r.id = ?", repository_id)


def existing_repository(store: Store, repository_id: int) -> Row:
    """Return the repository of that id, which must be there."""
    found = repository_by_id(store, repository_id)
    if found is None:
        raise LookupError(f"there is no repository {repository_id}")
    return found


def repositories(store: Store, owner_id: int | None = None) -> list[Row]:
    """List the repositories of an account, or all, in order of their ids."""
    if owner_id is None:
        return store.all(f"{_REPOSITORY_ROWS} ORDER BY r.id")
    return store.all(f"{_REPOSITORY_ROWS} WHERE r.owner_id = ? ORDER BY r.id", owner_id)


def create_repository(store: Store, owner: Row, name: str, *, private: bool, default_branch: str) -> Row:
    """Record a repository; the caller makes the bare one."""
    if not _REPOSITORY.fullmatch(name) or name in (".", "..") or name.endswith((".git", ".wiki")):
        raise Refused(f"{name!r} cannot be a repository's name")
    if repository(store, owner["login"], name):
        raise Refused(f"{owner['login']}/{name} exists already")
    made = store.insert(
        "repositories", owner_id=owner["id"], name=name, private=private, default_branch=default_branch,
        created_at=now(), pushed_at=now(),
    )  # fmt: skip
    return existing_repository(store, made)


_GRANTS = """SELECT permission FROM collaborators WHERE repository_id = ? AND account_id = ?
  UNION SELECT r.permission FROM team_repositories r JOIN team_members m ON m.team_id = r.team_id
    WHERE r.repository_id = ? AND m.account_id = ?
  UNION SELECT CASE role WHEN 'admin' THEN 'admin' ELSE 'read' END FROM organization_members
    WHERE organization_id = ? AND account_id = ?"""


def access(store: Store, account_id: int, repo: Row) -> int:
    """Return how far an account may go in a repository, by whatever grants it most: 0, or one of `LEVELS`."""
    if account_id == repo["owner_id"]:
        return LEVELS["admin"]
    granted = store.all(_GRANTS, *[repo["id"], account_id] * 2, repo["owner_id"], account_id)
    anybody = 0 if repo["private"] else LEVELS["read"]
    return max([anybody, *(LEVELS[row["permission"]] for row in granted)])


def app(store: Store, slug: str) -> Row | None:
    """Find an App by its slug."""
    return store.one("SELECT * FROM apps WHERE slug = ?", slug)


def create_app(
    store: Store,
    name: str,
    *,
    owner: Row,
    webhook_url: str | None,
    webhook_secret: str | None,
    permissions: dict[str, str],
    events: list[str],
) -> Row:
    """Record an App with its bot account."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not slug or app(store, slug):
        raise Refused(
            f"an App called {name!r} exists already" if slug else f"{name!r} cannot be an App's name"
        )
    bot = ensure_account(store, f"{slug}[bot]", type="Bot")
    made = store.insert(
        "apps", slug=slug, name=name, client_id="Iv23" + secrets.token_hex(8), owner_id=owner["id"],
        bot_id=bot["id"], permissions=json.dumps({"metadata": "read"} | permissions),
        events=json.dumps(events), hook_id=400_000_000 + secrets.randbelow(90_000_000),
        webhook_url=webhook_url, webhook_secret=webhook_secret, **stamps(),
    )  # fmt: skip
    return store.row("apps", made)


@dataclass(frozen=True)
class Key:
    """An App's key pair, as PEM."""

    private_pem: str
    public_pem: str


def new_key() -> Key:
    """Make a key pair."""
    pem = serialization.Encoding.PEM
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(
        pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return Key(private.decode(), public.decode())


def add_key(store: Store, app_id: int, key: Key) -> None:
    """Let an App sign with a key; only its public half is kept."""
    store.insert("app_keys", app_id=app_id, public_key=key.public_pem)


_INSTALLATION_ROWS = """SELECT i.*, p.slug AS app_slug, p.client_id, a.login AS account_login
  FROM installations i JOIN apps p ON p.id = i.app_id JOIN accounts a ON a.id = i.account_id"""


def installation(store: Store, installation_id: int) -> Row | None:
    """Find an installation by id."""
    return store.one(_INSTALLATION_ROWS + " WHERE i.id = ?", installation_id)


def installations(store: Store, *, app_id: int | None = None, account_id: int | None = None) -> list[Row]:
    """List installations of an App, on an account, or both."""
    return store.all(
        f"{_INSTALLATION_ROWS} WHERE (? IS NULL OR i.app_id = ?) AND (? IS NULL OR i.account_id = ?)"
        " ORDER BY i.id",
        app_id, app_id, account_id, account_id,
    )  # fmt: skip


def installed_repositories(store: Store, installed: Row) -> list[Row]:
    """List the repositories that an installation covers."""
    if installed["selection"] == "all":
        return repositories(store, installed["account_id"])
    return store.all(
        f"{_REPOSITORY_ROWS} JOIN installation_repositories s ON s.repository_id = r.id"
        " WHERE s.installation_id = ? ORDER BY r.id",
        installed["id"],
    )


def covers(store: Store, installed: Row, repository_id: int) -> bool:
    """Say whether an installation covers a repository."""
    repo = repository_by_id(store, repository_id)
    if repo is None or repo["owner_id"] != installed["account_id"]:
        return False
    chosen = "SELECT 1 FROM installation_repositories WHERE installation_id = ? AND repository_id = ?"
    return installed["selection"] == "all" or bool(store.one(chosen, installed["id"], repository_id))


def install(store: Store, app: Row, account: Row, *, repositories: list[int] | None) -> Row:
    """Install an App on all repositories of an account, or on some."""
    if installations(store, app_id=app["id"], account_id=account["id"]):
        raise Refused(f"{app['name']} is installed on {account['login']} already")
    columns: dict[str, Any] = {"permissions": app["permissions"], "events": app["events"]}
    selection = "all" if repositories is None else "selected"
    with store.transaction():
        made = store.insert(
            "installations", app_id=app["id"], account_id=account["id"], selection=selection,
            **stamps(), **columns,
        )  # fmt: skip
        for repository_id in repositories or []:
            store.insert("installation_repositories", installation_id=made, repository_id=repository_id)
    return next(row for row in installations(store, app_id=app["id"]) if row["id"] == made)
