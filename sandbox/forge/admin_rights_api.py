# SPDX-License-Identifier: Apache-2.0
"""The sandbox's own surface, continued: organisations, teams, branch protection and an App's permissions."""

from __future__ import annotations

import json
from typing import Any

from flask import request

from sandbox.forge import accounts, protection, teams
from sandbox.forge.accounts import Refused
from sandbox.forge.admin_api import admin
from sandbox.forge.state import forge
from sandbox.forge.store import Row, now

__all__ = ["admin", "asked", "repository"]


def asked() -> dict[str, Any]:
    """Return the request's body."""
    body: dict[str, Any] = request.get_json()
    return body


def repository(owner: str, name: str) -> Row:
    """Return a repository, or say that there is none."""
    found = accounts.repository(forge().store, owner, name)
    if found is None:
        raise Refused(f"there is no repository {owner}/{name}")
    return found


def _organization(login: str) -> Row:
    found = accounts.ensure_account(forge().store, login, type="Organization")
    if found["type"] != "Organization":
        raise Refused(f"{login} is no organisation")
    return found


def _team(organization: Row, slug: str) -> Row:
    found = teams.team(forge().store, organization, slug)
    if found is None:
        raise Refused(f"{organization['login']} has no team {slug}")
    return found


def _role(role: str | None, known: tuple[str, ...]) -> str | None:
    if role is not None and role not in known:
        raise Refused(f"{role!r} is none of {', '.join(known)}")
    return role


@admin.post("/organizations/<org>/members")
def set_organization_member(org: str) -> dict[str, Any]:
    """Let somebody belong to an organisation, or with no role no longer."""
    body, store = asked(), forge().store
    account = accounts.ensure_account(store, body["login"])
    role = _role(body["role"], ("member", "admin"))
    teams.set_organization_member(store, _organization(org)["id"], account["id"], role)
    return {}


@admin.post("/organizations/<org>/teams")
def create_team(org: str) -> dict[str, Any]:
    """Make a team."""
    made = teams.create(forge().store, _organization(org), asked()["name"])
    return {"id": made["id"], "slug": made["slug"]}


@admin.post("/organizations/<org>/teams/<slug>/members")
def set_team_member(org: str, slug: str) -> dict[str, Any]:
    """Let somebody belong to a team, and so to its organisation; with no role no longer."""
    body, store, organization = asked(), forge().store, _organization(org)
    account = accounts.ensure_account(store, body["login"])
    role = _role(body["role"], ("member", "maintainer"))
    teams.set_member(store, _team(organization, slug)["id"], account["id"], role)
    if role and teams.organization_member(store, organization["id"], account["id"]) is None:
        teams.set_organization_member(store, organization["id"], account["id"], "member")
    return {}


@admin.post("/organizations/<org>/teams/<slug>/repositories")
def set_team_repository(org: str, slug: str) -> dict[str, Any]:
    """Let a team's members do something in a repository of the organisation, or nothing."""
    body, organization = asked(), _organization(org)
    repo = repository(org, body["name"])
    permission = _role(body["permission"], tuple(accounts.LEVELS))
    teams.set_repository(forge().store, _team(organization, slug)["id"], repo["id"], permission)
    return {}


@admin.post("/repositories/<owner>/<name>/protection")
def protect(owner: str, name: str) -> dict[str, Any]:
    """Protect a branch by `protection` or `ruleset`, or, where nothing is asked, no longer."""
    body, repo = asked(), repository(owner, name)
    source = _role(body["source"], ("protection", "ruleset"))
    wanted = None if body["asked"] is None else protection.Asked(**body["asked"])
    protection.protect(forge().store, repo["id"], body["branch"], str(source), wanted)
    return {}


@admin.patch("/installations/<int:installation_id>/permissions")
def set_permissions(installation_id: int) -> dict[str, Any]:
    """Change permissions of an installation, of its tokens too; null takes one. More is told to the App."""
    store = forge().store
    installed = accounts.installation(store, installation_id)
    if installed is None:
        raise Refused(f"there is no installation {installation_id}")
    before: dict[str, str] = json.loads(installed["permissions"])
    changed = before | asked()["permissions"]
    after = {name: level for name, level in changed.items() if level is not None}
    sql = "UPDATE installations SET permissions = ?, updated_at = ? WHERE id = ?"
    store.write(sql, json.dumps(after), now(), installation_id)
    levels = accounts.LEVELS
    if any(levels[level] > levels.get(before.get(name, ""), 0) for name, level in after.items()):
        anew = accounts.installation(store, installation_id) or installed
        sender = store.row("accounts", installed["account_id"])
        forge().events.installation("new_permissions_accepted", anew, sender=sender)
    return {"permissions": after}
