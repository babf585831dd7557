# SPDX-License-Identifier: Apache-2.0
"""The part of the sandbox's client that gives and takes rights, of people, teams, branches and Apps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.forge.admin_http import Caller, Repository


class Rights(Caller):
    """Give and take rights; a method may be called from any thread. Every refusal raises ForgeError."""

    def allow(self, repo: Repository, login: str, permission: str | None) -> None:
        """Give somebody a role in a repository: read, triage, write, maintain or admin; None takes it."""
        body = {"login": login, "permission": permission}
        self._call("POST", f"/repositories/{repo.full_name}/collaborators", body)

    def set_member(self, organization: str, login: str, role: str | None = "member") -> None:
        """Let somebody be `member` or `admin` of an organisation; None ends it."""
        self._call("POST", f"/organizations/{organization}/members", {"login": login, "role": role})

    def create_team(self, organization: str, name: str, *members: str) -> str:
        """Make a team with members, and return its slug."""
        slug = str(self._call("POST", f"/organizations/{organization}/teams", {"name": name})["slug"])
        for login in members:
            self.set_team_member(organization, slug, login)
        return slug

    def set_team_member(self, organization: str, slug: str, login: str, role: str | None = "member") -> None:
        """Let somebody be `member` or `maintainer` of a team; None ends it."""
        path = f"/organizations/{organization}/teams/{slug}/members"
        self._call("POST", path, {"login": login, "role": role})

    def allow_team(self, repo: Repository, slug: str, permission: str | None) -> None:
        """Give a team of the repository's owner a role in it; None takes it."""
        body = {"name": repo.name, "permission": permission}
        self._call("POST", f"/organizations/{repo.owner}/teams/{slug}/repositories", body)

    def protect(
        self,
        repo: Repository,
        branch: str = "main",
        *,
        checks: Mapping[str, int | None] | None = None,
        ruleset: bool = False,
        **asked: Any,
    ) -> None:
        """Protect a branch, by classic protection or a ruleset.

        `checks` are required contexts, each with the id of the App it must come from or None; `asked` are
        `strict`, `approvals`, `code_owners`, `dismiss_stale`, `enforce_admins` and `merge_queue`.
        """
        wanted = {"checks": dict(checks or {})} | asked
        self._protect(repo, branch, ruleset, wanted)

    def unprotect(self, repo: Repository, branch: str = "main", *, ruleset: bool = False) -> None:
        """End a branch's classic protection, or its ruleset."""
        self._protect(repo, branch, ruleset, None)

    def _protect(self, repo: Repository, branch: str, ruleset: bool, asked: Mapping[str, Any] | None) -> None:
        body = {"branch": branch, "source": "ruleset" if ruleset else "protection", "asked": asked}
        self._call("POST", f"/repositories/{repo.full_name}/protection", body)

    def set_permissions(self, installation_id: int, permissions: Mapping[str, str | None]) -> None:
        """Change what an App may do where it is installed; None takes a permission, also from its tokens."""
        body = {"permissions": dict(permissions)}
        self._call("PATCH", f"/installations/{installation_id}/permissions", body)
