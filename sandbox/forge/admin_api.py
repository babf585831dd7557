# SPDX-License-Identifier: Apache-2.0
"""The sandbox's own surface under `/_sandbox`: what one clicks on GitHub, and a commit without a clone.

It asks for no credentials, because the forge listens on loopback only; it takes JSON under the forge's own
host name only, so that no page in a browser can reach it. `sandbox.forge.admin.Forge` is its client.
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from sandbox.forge import accounts, commits, git, shapes
from sandbox.forge.accounts import Refused
from sandbox.forge.api.apps import uninstall
from sandbox.forge.api.hooks import item
from sandbox.forge.smarthttp import pushed
from sandbox.forge.state import forge
from sandbox.forge.store import Row, now
from sandbox.forge.writes import vouch

admin = Blueprint("admin", __name__, url_prefix="/_sandbox")

_APP_PERMISSIONS = {"contents": "read", "statuses": "write"}


@admin.before_request
def only_ours() -> None:
    """Refuse what a foreign page in a browser could send here."""
    port = urlsplit(forge().site.url).port
    if request.host not in (f"127.0.0.1:{port}", f"localhost:{port}"):
        raise Refused(f"the sandbox answers under its own name only, not {request.host}")
    if request.method != "GET" and not request.is_json:
        raise Refused("send JSON with Content-Type: application/json")


@admin.errorhandler(Refused)
def refuse(error: Refused) -> tuple[Response, int]:
    """Say what cannot be done."""
    return jsonify({"message": str(error)}), 422


@admin.errorhandler(HTTPException)
def fail(error: HTTPException) -> tuple[Response, int]:
    """Say in JSON what is not there."""
    return jsonify({"message": error.description}), error.code or 500


def _asked() -> dict[str, Any]:
    asked: dict[str, Any] = request.get_json()
    return asked


def _repository(owner: str, name: str) -> Row:
    found = accounts.repository(forge().store, owner, name)
    if found is None:
        raise Refused(f"there is no repository {owner}/{name}")
    return found


def _app(slug: str) -> Row:
    found = accounts.app(forge().store, slug)
    if found is None:
        raise Refused(f"there is no App {slug}")
    return found


def _described(row: Row) -> dict[str, Any]:
    repo, owner = commits.repository_with_owner(forge().store, row["id"])
    brief = shapes.repository(forge().site, repo, owner)
    names = ("id", "name", "full_name", "private", "clone_url", "html_url", "default_branch")
    return {name: brief[name] for name in names} | {"owner": owner["login"]}


@admin.post("/accounts")
def create_account() -> dict[str, Any]:
    """Make an account, or give an existing one another password or token."""
    asked = _asked()
    row = accounts.ensure_account(forge().store, asked["login"], type=asked.get("type", "User"))
    if asked.get("secret"):
        accounts.add_credential(forge().store, row["id"], asked["secret"])
    return {"id": row["id"], "login": row["login"], "type": row["type"], "email": row["email"]}


@admin.get("/accounts")
def list_accounts() -> list[str]:
    """List the logins of those who own repositories."""
    owners = {row["owner_login"] for row in accounts.repositories(forge().store)}
    return sorted(owners)


@admin.post("/repositories")
def create_repository() -> dict[str, Any]:
    """Make a repository, with a first commit when there are files."""
    asked, store = _asked(), forge().store
    owner = accounts.ensure_account(store, asked["owner"], type=asked.get("owner_type", "Organization"))
    with store.transaction():
        repo = accounts.create_repository(
            store, owner, asked["name"], private=asked["private"], default_branch=asked["default_branch"]
        )
        forge().repositories.create(repo["id"], repo["default_branch"])
    if asked.get("files"):
        _commit(repo, asked | {"branch": repo["default_branch"]})
    return _described(repo)


@admin.get("/repositories/<owner>/<name>")
def get_repository(owner: str, name: str) -> dict[str, Any]:
    """Show a repository with its refs."""
    repo = _repository(owner, name)
    return _described(repo) | {"refs": forge().repositories.refs(repo["id"])}


@admin.post("/repositories/<owner>/<name>/collaborators")
def add_collaborator(owner: str, name: str) -> dict[str, Any]:
    """Give somebody a role in a repository, or, with none named, take it."""
    asked, repo = _asked(), _repository(owner, name)
    account = accounts.ensure_account(forge().store, asked["login"])
    if asked["permission"] is None:
        sql = "DELETE FROM collaborators WHERE repository_id = ? AND account_id = ?"
        forge().store.write(sql, repo["id"], account["id"])
        return {}
    if asked["permission"] not in accounts.LEVELS:
        raise Refused(f"{asked['permission']!r} is none of {', '.join(accounts.LEVELS)}")
    sql = "INSERT OR REPLACE INTO collaborators VALUES (?, ?, ?)"
    forge().store.write(sql, repo["id"], account["id"], asked["permission"])
    return {}


@admin.post("/repositories/<owner>/<name>/commits")
def create_commit(owner: str, name: str) -> dict[str, Any]:
    """Commit files to a branch and send the push."""
    return _commit(_repository(owner, name), _asked())


def _commit(repo: Row, asked: dict[str, Any]) -> dict[str, Any]:
    state = forge()
    author = accounts.ensure_account(state.store, asked["author"])
    signer = accounts.ensure_account(state.store, asked["signer"]) if asked.get("signer") else None
    files = {
        path: None if content is None else base64.b64decode(content)
        for path, content in asked["files"].items()
    }
    with state.repositories.lock(repo["id"]):
        before = state.repositories.refs(repo["id"])
        try:
            change = git.commit(
                state.repositories.open(repo["id"]), files, message=asked["message"], branch=asked["branch"],
                base=before.get(f"refs/heads/{repo['default_branch']}"),
                author=git.Identity(author["name"], author["email"]),
                committer=git.Identity(signer["name"], signer["email"]) if signer else None,
            )  # fmt: skip
        except KeyError as error:
            raise Refused(f"{error.args[0]} cannot be deleted: it is not there") from error
        except ValueError as error:
            raise Refused(str(error)) from error
        if signer:
            vouch(change.after)
        after = before | {change.ref: change.after}
        sent = pushed(repo, before, after, pusher=signer or author, hold=not asked["deliver"])
    return {"sha": change.after, "deliveries": sent}


@admin.post("/repositories/<owner>/<name>/refs")
def update_ref(owner: str, name: str) -> dict[str, Any]:
    """Create, move (also backwards) or, with no sha, delete a ref, and send the push."""
    asked, repo, state = _asked(), _repository(owner, name), forge()
    pusher = accounts.ensure_account(state.store, asked["author"])
    with state.repositories.lock(repo["id"]):
        before = state.repositories.refs(repo["id"])
        _move(repo, asked["ref"], asked["sha"], message=asked.get("message"), tagger=pusher)
        after = state.repositories.refs(repo["id"])
        sent = pushed(repo, before, after, pusher=pusher, hold=not asked["deliver"])
    return {"deliveries": sent}


def _move(repo: Row, ref: str, sha: str | None, *, message: str | None, tagger: Row) -> None:
    opened = forge().repositories.open(repo["id"])
    if not ref.startswith(("refs/heads/", "refs/tags/")):
        raise Refused(f"{ref!r} is no branch or tag: it begins with neither refs/heads/ nor refs/tags/")
    try:
        if sha is None:
            opened.references.delete(ref)
        elif message:
            git.annotate(
                opened, ref, sha, message=message, tagger=git.Identity(tagger["name"], tagger["email"])
            )
        else:
            opened.references.create(ref, sha, force=True)
    except (KeyError, ValueError, git.GitError) as error:
        raise Refused(f"{ref}: {error}") from error


@admin.get("/repositories/<owner>/<name>/statuses/<sha>")
def list_statuses(owner: str, name: str, sha: str) -> list[dict[str, Any]]:
    """List a commit's statuses, oldest first."""
    repo = _repository(owner, name)
    rows = commits.statuses(forge().store, repo["id"], sha)[::-1]
    return [commits.status(forge().store, forge().site, repo, row) for row in rows]


@admin.post("/apps")
def create_app() -> dict[str, Any]:
    """Make an App with a key, and ping its webhook."""
    asked, store = _asked(), forge().store
    owner = accounts.ensure_account(store, asked["owner"], type="Organization")
    key = accounts.new_key()
    with store.transaction():
        app = accounts.create_app(
            store, asked["name"], owner=owner, webhook_url=asked.get("webhook_url"),
            webhook_secret=asked.get("webhook_secret"),
            permissions=asked["permissions"] or _APP_PERMISSIONS,
            events=["push"] if asked["events"] is None else asked["events"],
        )  # fmt: skip
        accounts.add_key(store, app["id"], key)
    forge().events.ping(app)
    return _described_app(app) | {"private_key_pem": key.private_pem}


def _described_app(app: Row) -> dict[str, Any]:
    names = ("id", "slug", "name", "client_id", "webhook_url")
    return {name: app[name] for name in names} | {
        "permissions": json.loads(app["permissions"]),
        "events": json.loads(app["events"]),
    }


@admin.get("/apps/<slug>")
def get_app(slug: str) -> dict[str, Any]:
    """Show an App; its private keys were shown once, when they were made."""
    return _described_app(_app(slug))


@admin.post("/apps/<slug>/keys")
def create_key(slug: str) -> dict[str, Any]:
    """Make another private key for an App."""
    key = accounts.new_key()
    accounts.add_key(forge().store, _app(slug)["id"], key)
    return {"private_key_pem": key.private_pem}


@admin.patch("/apps/<slug>/webhook")
def set_webhook(slug: str) -> dict[str, Any]:
    """Change where an App's webhook goes and what signs it; what is not sent stays."""
    asked, app, store = _asked(), _app(slug), forge().store
    url, secret = asked.get("url", app["webhook_url"]), asked.get("secret", app["webhook_secret"])
    sql = "UPDATE apps SET webhook_url = ?, webhook_secret = ?, updated_at = ? WHERE id = ?"
    store.write(sql, url, secret, now(), app["id"])
    return _described_app(_app(slug))


@admin.post("/apps/<slug>/installations")
def install(slug: str) -> dict[str, Any]:
    """Install an App on an account's repositories, and tell it; on all where it is already, leave it."""
    asked, app, store = _asked(), _app(slug), forge().store
    account = accounts.ensure_account(store, asked["account"], type="Organization")
    names = asked.get("repositories")
    for found in accounts.installations(store, app_id=app["id"], account_id=account["id"]):
        if names is None and found["selection"] == "all":
            return {"id": found["id"]}
    chosen = None if names is None else [_repository(account["login"], name)["id"] for name in names]
    installed = accounts.install(store, app, account, repositories=chosen)
    forge().events.installation("created", installed, sender=account)
    return {"id": installed["id"]}


@admin.delete("/installations/<int:installation_id>")
def remove_installation(installation_id: int) -> dict[str, Any]:
    """Uninstall an App, and tell it."""
    installed = accounts.installation(forge().store, installation_id)
    if installed is None:
        raise Refused(f"there is no installation {installation_id}")
    uninstall(installed, sender=forge().store.row("accounts", installed["account_id"]))
    return {}


@admin.get("/deliveries")
def list_deliveries() -> list[dict[str, Any]]:
    """List every delivery of every App, oldest first, those not sent yet among them."""
    rows = forge().store.all("SELECT * FROM deliveries ORDER BY id")
    return [item(row) | {"phase": row["phase"], "payload": json.loads(row["payload"])} for row in rows]


@admin.post("/deliveries/<int:delivery_id>/release")
def release(delivery_id: int) -> dict[str, Any]:
    """Send a delivery that was held."""
    if not forge().deliveries.release(delivery_id):
        raise Refused(f"delivery {delivery_id} is not held")
    return {}


@admin.post("/deliveries/<int:delivery_id>/redeliver")
def redeliver(delivery_id: int) -> dict[str, Any]:
    """Send a delivery again, under the same GUID."""
    row = forge().store.one("SELECT * FROM deliveries WHERE id = ?", delivery_id)
    if row is None:
        raise Refused(f"there is no delivery {delivery_id}")
    return {"id": forge().deliveries.redeliver(row)}
