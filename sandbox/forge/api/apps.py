# SPDX-License-Identifier: Apache-2.0
"""Apps: who am I, where am I installed, a token for there."""

from __future__ import annotations

import json
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from flask import request

from sandbox.forge import accounts, shapes
from sandbox.forge.api.blueprint import api, body, caller, caller_app, paginated
from sandbox.forge.commits import repository_with_owner
from sandbox.forge.errors import DOCS, ApiError, not_found, unauthenticated
from sandbox.forge.state import forge
from sandbox.forge.store import Row, digest

_TOKEN_DOCS = f"{DOCS}/apps/apps#create-an-installation-access-token-for-an-app"
TOKEN_SECONDS = 3600


@api.get("/app")
def get_app() -> dict[str, Any]:
    """Show the App that asks."""
    app = caller_app()
    owner = forge().store.row("accounts", app["owner_id"])
    count = forge().store.count("SELECT count(*) FROM installations WHERE app_id = ?", app["id"])
    return shapes.app(forge().site, app, owner) | {"installations_count": count}


def _installation(row: Row) -> dict[str, Any]:
    return shapes.installation(forge().site, row, forge().store.row("accounts", row["account_id"]))


def _own_installation(installation_id: int) -> Row:
    found = accounts.installation(forge().store, installation_id)
    if found is None or found["app_id"] != caller_app()["id"]:
        raise not_found()
    return found


@api.get("/app/installations")
def list_installations() -> list[dict[str, Any]]:
    """List where the App is installed."""
    found = accounts.installations(forge().store, app_id=caller_app()["id"])
    return [_installation(row) for row in paginated(found)]


@api.get("/app/installations/<int:installation_id>")
def get_installation(installation_id: int) -> dict[str, Any]:
    """Show one installation of the App."""
    caller_app()
    return _installation(_own_installation(installation_id))


@api.delete("/app/installations/<int:installation_id>")
def delete_installation(installation_id: int) -> tuple[str, int]:
    """Uninstall the App from an account and tell it so."""
    app = caller_app()
    found = _own_installation(installation_id)
    uninstall(found, sender=forge().store.row("accounts", app["bot_id"]))
    return "", 204


def uninstall(installed: Row, *, sender: Row) -> None:
    """Remove an installation with its tokens, and tell the App."""
    forge().events.installation("deleted", installed, sender=sender)
    forge().store.write("DELETE FROM installations WHERE id = ?", installed["id"])


@api.get("/repos/<owner>/<name>/installation")
def get_repository_installation(owner: str, name: str) -> dict[str, Any]:
    """Find the App's installation that covers a repository."""
    app = caller_app()
    repo = accounts.repository(forge().store, owner, name)
    for row in accounts.installations(forge().store, app_id=app["id"]):
        if repo is not None and accounts.covers(forge().store, row, repo["id"]):
            return _installation(row)
    raise not_found()


@api.get("/users/<login>/installation")
@api.get("/orgs/<login>/installation")
def get_account_installation(login: str) -> dict[str, Any]:
    """Find the App's installation on an account."""
    app = caller_app()
    account = accounts.account(forge().store, login)
    for row in accounts.installations(forge().store, app_id=app["id"]):
        if account is not None and row["account_id"] == account["id"]:
            return _installation(row)
    raise not_found()


@api.post("/app/installations/<int:installation_id>/access_tokens")
def create_token(installation_id: int) -> tuple[dict[str, Any], int]:
    """Give out a token for one hour, narrowed to the repositories and permissions asked for."""
    caller_app()
    installed = _own_installation(installation_id)
    asked = body()
    chosen = _chosen_repositories(installed, asked)
    permissions = _chosen_permissions(installed, asked.get("permissions"))
    token, expires = "ghs_" + secrets.token_urlsafe(27), time.time() + TOKEN_SECONDS
    forge().store.insert(
        "installation_tokens", digest=digest(token), installation_id=installed["id"],
        repository_ids=None if chosen is None else json.dumps([row["id"] for row in chosen]),
        permissions=json.dumps(permissions), expires_at=expires,
    )  # fmt: skip
    answer = {
        "token": token,
        "expires_at": datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "permissions": permissions,
        "repository_selection": installed["selection"] if chosen is None else "selected",
    }
    return answer | ({} if chosen is None else {"repositories": [_repository(row) for row in chosen]}), 201


def _chosen_repositories(installed: Row, asked: dict[str, Any]) -> list[Row] | None:
    names, ids = asked.get("repositories"), asked.get("repository_ids")
    if not names and not ids:
        return None
    covered = accounts.installed_repositories(forge().store, installed)
    by_name = {row["name"].lower(): row for row in covered}
    by_id = {row["id"]: row for row in covered}
    found = [by_name.get(str(name).lower()) for name in names or []] + [by_id.get(id) for id in ids or []]
    if None in found:
        raise ApiError(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent"
            " installation.",
            documentation=_TOKEN_DOCS,
        )
    return [row for row in found if row is not None]


def _chosen_permissions(installed: Row, asked: dict[str, str] | None) -> dict[str, str]:
    granted: dict[str, str] = json.loads(installed["permissions"])
    levels = accounts.LEVELS
    for name, level in (asked or {}).items():
        if levels.get(level, 9) > levels.get(granted.get(name, ""), 0):
            message = "The permissions requested are not granted to this installation."
            raise ApiError(422, message, documentation=_TOKEN_DOCS)
    return {"metadata": "read"} | asked if asked else granted


@api.delete("/installation/token")
def revoke_token() -> tuple[str, int]:
    """Make the token that asks worthless."""
    if caller().installation is None:
        raise unauthenticated()
    token = request.headers["Authorization"].partition(" ")[2].strip()
    forge().store.write("DELETE FROM installation_tokens WHERE digest = ?", digest(token))
    return "", 204


@api.get("/installation/repositories")
def list_repositories() -> dict[str, Any]:
    """List the repositories that an installation token opens."""
    principal = caller()
    if principal.installation is None:
        if principal.key is None:
            raise unauthenticated()
        what = "in order to list repositories for an installation."
        raise ApiError(403, f"You must authenticate with an installation access token {what}")
    covered = accounts.installed_repositories(forge().store, principal.installation)
    if principal.repository_ids is not None:
        covered = [row for row in covered if row["id"] in principal.repository_ids]
    answer: dict[str, Any] = {"total_count": len(covered)}
    answer["repository_selection"] = principal.installation["selection"]
    return answer | {"repositories": [_repository(row) for row in paginated(covered)]}


def _repository(row: Row) -> dict[str, Any]:
    repo, owner = repository_with_owner(forge().store, row["id"])
    return shapes.repository(forge().site, repo, owner)
