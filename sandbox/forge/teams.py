# SPDX-License-Identifier: Apache-2.0
"""Organisations and teams: making one, who belongs to it, and what people may do by it."""

from __future__ import annotations

import re

from sandbox.forge import shapes
from sandbox.forge.accounts import LEVELS, Refused
from sandbox.forge.shapes import Json, Site
from sandbox.forge.store import Row, Store, stamps

# What a role is called where GitHub still speaks of pulls and pushes.
_OLD_NAMES = {"read": "pull", "triage": "triage", "write": "push", "maintain": "maintain", "admin": "admin"}
ROLES = {level: role for role, level in LEVELS.items()}


def permissions(level: int) -> dict[str, bool]:
    """Return what a level of access permits."""
    return {_OLD_NAMES[role]: level >= needed for role, needed in LEVELS.items()}


def legacy(role: str) -> str:
    """Return the base role that GitHub's older field has for a role."""
    return {"maintain": "write", "triage": "read"}.get(role, role)


def team(store: Store, organization: Row, slug: str) -> Row | None:
    """Find a team by its slug."""
    return store.one(
        "SELECT * FROM teams WHERE organization_id = ? AND slug = ?", organization["id"], slug
    )  # fmt: skip


def teams(store: Store, organization_id: int) -> list[Row]:
    """List an organisation's teams by name."""
    return store.all("SELECT * FROM teams WHERE organization_id = ? ORDER BY slug", organization_id)


def teams_of_repository(store: Store, repository_id: int) -> list[Row]:
    """List the teams that were let into a repository, each with its `permission`."""
    return store.all(
        "SELECT t.*, r.permission FROM teams t JOIN team_repositories r ON r.team_id = t.id"
        " WHERE r.repository_id = ? ORDER BY t.slug",
        repository_id,
    )


def create(store: Store, organization: Row, name: str) -> Row:
    """Make a team, or return the one of that name."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not slug or organization["type"] != "Organization":
        raise Refused(f"{organization['login']} cannot have a team called {name!r}")
    found = team(store, organization, slug)
    if found is not None:
        return found
    made = store.insert("teams", organization_id=organization["id"], name=name, slug=slug, **stamps())
    return store.row("teams", made)


def set_member(store: Store, team_id: int, account_id: int, role: str | None) -> None:
    """Let somebody belong to a team as `member` or `maintainer`, or with None no longer."""
    store.write("DELETE FROM team_members WHERE team_id = ? AND account_id = ?", team_id, account_id)
    if role is not None:
        store.insert("team_members", team_id=team_id, account_id=account_id, role=role)


def set_organization_member(store: Store, organization_id: int, account_id: int, role: str | None) -> None:
    """Let somebody belong to an organisation as `member` or `admin`, or with None no longer."""
    where = "organization_id = ? AND account_id = ?"
    store.write(f"DELETE FROM organization_members WHERE {where}", organization_id, account_id)  # noqa: S608
    if role is not None:
        store.insert(
            "organization_members", organization_id=organization_id, account_id=account_id, role=role
        )


def set_repository(store: Store, team_id: int, repository_id: int, permission: str | None) -> None:
    """Let a team's members do something in a repository, or with None nothing."""
    where = "team_id = ? AND repository_id = ?"
    store.write(f"DELETE FROM team_repositories WHERE {where}", team_id, repository_id)  # noqa: S608
    if permission is not None:
        store.insert("team_repositories", team_id=team_id, repository_id=repository_id, permission=permission)


def member(store: Store, team_id: int, login: str) -> Row | None:
    """Return a member of a team with the `role` there."""
    return next((row for row in members(store, team_id) if row["login"].lower() == login.lower()), None)


def members(store: Store, team_id: int) -> list[Row]:
    """List a team's members, each an account with a `role`."""
    return store.all(
        "SELECT a.*, m.role FROM team_members m JOIN accounts a ON a.id = m.account_id"
        " WHERE m.team_id = ? ORDER BY a.id",
        team_id,
    )


def organization_member(store: Store, organization_id: int, account_id: int) -> Row | None:
    """Return somebody's membership of an organisation."""
    return store.one(
        "SELECT * FROM organization_members WHERE organization_id = ? AND account_id = ?",
        organization_id,
        account_id,
    )


def shape(site: Site, organization: Row, row: Row, *, permission: str = "read") -> Json:
    """Return a team as lists show it."""
    api = site.api(f"/organizations/{organization['id']}/team/{row['id']}")
    return {
        "id": row["id"],
        "node_id": shapes.node_id("Team", row["id"]),
        "name": row["name"],
        "slug": row["slug"],
        "description": None,
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": _OLD_NAMES[permission],
        "url": api,
        "html_url": site.web(f"/orgs/{organization['login']}/teams/{row['slug']}"),
        "members_url": f"{api}/members{{/member}}",
        "repositories_url": f"{api}/repos",
        "type": "organization",
        "organization_id": organization["id"],
        "parent": None,
    }


def full_shape(site: Site, store: Store, organization: Row, row: Row) -> Json:
    """Return a team as a request for that one shows it."""
    repositories = "SELECT count(*) FROM team_repositories WHERE team_id = ?"
    return shape(site, organization, row) | {
        "members_count": len(members(store, row["id"])),
        "repos_count": store.count(repositories, row["id"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "organization": shapes.full_organization(site, organization),
    }
