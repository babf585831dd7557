# SPDX-License-Identifier: Apache-2.0
"""What protects a branch: classic protection for administrators, a ruleset's rules for everybody."""

from __future__ import annotations

from typing import Any

from sandbox.forge import accounts, protection
from sandbox.forge.api.blueprint import api, caller, paginated, repository
from sandbox.forge.errors import ApiError, not_found, not_permitted
from sandbox.forge.state import forge
from sandbox.forge.store import Row


@api.get("/repos/<owner>/<name>/branches/<path:branch>/protection")
def get_protection(owner: str, name: str, branch: str) -> dict[str, Any]:
    """Show a branch's classic protection, as far as the caller may administer the repository."""
    repo = repository(owner, name)
    _require_administration(repo)
    if f"refs/heads/{branch}" not in forge().repositories.refs(repo["id"]):
        raise ApiError(404, "Branch not found")
    for row in protection.of_branch(forge().store, repo["id"], branch):
        if row["source"] == "protection":
            return protection.shape(forge().site, repo, row)
    raise ApiError(404, "Branch not protected")


def _require_administration(repo: Row) -> None:
    # Unlike other parts of a repository, these are not shown to everybody where it is public.
    principal = caller()
    if principal.user is not None:
        if accounts.access(forge().store, principal.user["id"], repo) < accounts.LEVELS["admin"]:
            raise not_found()
    elif not principal.covers(forge().store, repo):
        raise not_found()
    elif "administration" not in (principal.permissions or {}):
        raise not_permitted("administration", "read")


@api.get("/repos/<owner>/<name>/rules/branches/<path:branch>")
def get_rules(owner: str, name: str, branch: str) -> list[dict[str, Any]]:
    """List the rules of rulesets that hold for a branch; none for one that is not there."""
    repo = repository(owner, name)
    rows = protection.of_branch(forge().store, repo["id"], branch)
    found = [rule for row in rows if row["source"] == "ruleset" for rule in protection.rules(repo, row)]
    return paginated(found)
