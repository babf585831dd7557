# SPDX-License-Identifier: Apache-2.0
"""What somebody may do in a repository, and who somebody is."""

from __future__ import annotations

from typing import Any

from sandbox.forge import accounts, shapes, teams
from sandbox.forge.api.blueprint import api, caller, repository
from sandbox.forge.errors import not_found
from sandbox.forge.state import forge
from sandbox.forge.store import Row


@api.get("/repos/<owner>/<name>/collaborators/<login>/permission")
def get_permission(owner: str, name: str, login: str) -> dict[str, Any]:
    """Show what somebody may do in a repository; whoever exists has an answer, be it `none`."""
    repo = repository(owner, name)
    if caller().key is None:
        raise not_found()
    account = accounts.account(forge().store, login)
    if account is None:
        raise not_found()
    level = accounts.access(forge().store, account["id"], repo)
    role = teams.ROLES.get(level, "none")
    user = shapes.account(forge().site, account)
    user |= {"permissions": teams.permissions(level), "role_name": role}
    return {"permission": teams.legacy(role), "role_name": role, "user": user}


@api.get("/users/<login>")
def get_user(login: str) -> dict[str, Any]:
    """Show an account by its login."""
    return _public(accounts.account(forge().store, login))


@api.get("/user/<int:account_id>")
def get_user_by_id(account_id: int) -> dict[str, Any]:
    """Show an account by its numeric id, which outlives renames."""
    return _public(forge().store.one("SELECT * FROM accounts WHERE id = ?", account_id))


def _public(account: Row | None) -> dict[str, Any]:
    if account is None:
        raise not_found()
    owned = accounts.repositories(forge().store, account["id"])
    public = sum(not row["private"] for row in owned)
    return shapes.public_user(forge().site, account, public_repositories=public)
