# SPDX-License-Identifier: Apache-2.0
"""Organisations and teams: who belongs to them."""

from __future__ import annotations

from typing import Any

from sandbox.forge import accounts, shapes, teams
from sandbox.forge.api.blueprint import api, caller, paginated, repository
from sandbox.forge.errors import ApiError, not_found, not_permitted, unauthenticated
from sandbox.forge.state import forge
from sandbox.forge.store import Row


def _organization(login: str) -> Row:
    """Return an organisation whose members the caller may know, or raise GitHub's refusal."""
    principal = caller()
    if principal.key is None:
        raise unauthenticated()
    found = accounts.account(forge().store, login)
    if found is None or found["type"] != "Organization":
        raise not_found()
    if principal.user is not None:
        if teams.organization_member(forge().store, found["id"], principal.user["id"]) is None:
            raise ApiError(403, "You must be a member of this organization to see its teams.")
    elif principal.installation is None or principal.installation["account_id"] != found["id"]:
        raise not_found()
    elif "members" not in (principal.permissions or {}):
        raise not_permitted("members", "read")
    return found


def _team(organization: Row, slug: str) -> Row:
    found = teams.team(forge().store, organization, slug)
    if found is None:
        raise not_found()
    return found


@api.get("/orgs/<org>/teams")
def list_teams(org: str) -> list[dict[str, Any]]:
    """List an organisation's teams."""
    organization = _organization(org)
    found = paginated(teams.teams(forge().store, organization["id"]))
    return [teams.shape(forge().site, organization, row) for row in found]


@api.get("/orgs/<org>/teams/<slug>")
def get_team(org: str, slug: str) -> dict[str, Any]:
    """Show a team."""
    organization = _organization(org)
    return teams.full_shape(forge().site, forge().store, organization, _team(organization, slug))


@api.get("/orgs/<org>/teams/<slug>/members")
def list_members(org: str, slug: str) -> list[dict[str, Any]]:
    """List a team's members."""
    found = teams.members(forge().store, _team(_organization(org), slug)["id"])
    return [shapes.account(forge().site, row) for row in paginated(found)]


@api.get("/orgs/<org>/teams/<slug>/memberships/<login>")
def get_membership(org: str, slug: str, login: str) -> dict[str, Any]:
    """Show somebody's membership of a team; who has none is not found."""
    organization = _organization(org)
    found = _team(organization, slug)
    member = teams.member(forge().store, found["id"], login)
    if member is None:
        raise not_found()
    path = f"/organizations/{organization['id']}/team/{found['id']}/memberships/{member['login']}"
    return {"url": forge().site.api(path), "role": member["role"], "state": "active"}


@api.get("/orgs/<org>/memberships/<login>")
def get_organization_membership(org: str, login: str) -> dict[str, Any]:
    """Show somebody's membership of an organisation."""
    organization, account = _organization(org), accounts.account(forge().store, login)
    member = account and teams.organization_member(forge().store, organization["id"], account["id"])
    if account is None or member is None:
        raise not_found()
    site = forge().site
    address = site.api(f"/orgs/{organization['login']}")
    return {
        "url": f"{address}/memberships/{account['login']}",
        "state": "active",
        "role": member["role"],
        "organization_url": address,
        "organization": shapes.organization(site, organization),
        "user": shapes.account(site, account),
    }


@api.get("/repos/<owner>/<name>/teams")
def list_repository_teams(owner: str, name: str) -> list[dict[str, Any]]:
    """List the teams that were let into a repository."""
    repo = repository(owner, name, permission="administration")
    organization = forge().store.row("accounts", repo["owner_id"])
    found = paginated(teams.teams_of_repository(forge().store, repo["id"]))
    site = forge().site
    return [teams.shape(site, organization, row, permission=row["permission"]) for row in found]
