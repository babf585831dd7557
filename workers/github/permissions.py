# SPDX-License-Identifier: Apache-2.0
"""What people may do: their role in a repository and their teams, always of the account with that id.

A login can be given up and taken by somebody else between an order and the question who gave it. So the
numeric id decides, and a login that is another account's by now has no right.
"""

from __future__ import annotations

from urllib.parse import quote

from policies.budget import Urgency
from workers.github.calls import MEMBERS, PULL_REQUESTS, Calls
from workers.github.errors import NotFound

NO_ROLE = "none"
_ROLES = frozenset({"read", "triage", "write", "maintain", "admin"})


class People:
    """Ask GitHub about people; every method raises GitHubError."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def role(self, repository: str, login: str, user_id: int, *, urgency: Urgency = Urgency.ANSWER) -> str:
        """Return somebody's role in `owner/name`: read, triage, write, maintain, admin or none.

        An organisation's own role counts as the one of these that it is based on.
        """
        path = f"/collaborators/{quote(login, safe='')}/permission"
        what = f"show what {login} may do in {repository}"
        try:
            # The narrower permission would do, but this token is there already when somebody has commented.
            shown = self._calls.call(
                "GET", repository, path, what, permissions=PULL_REQUESTS, urgency=urgency
            )
        except NotFound:
            return NO_ROLE
        if (shown["user"] or {}).get("id") != user_id:
            return NO_ROLE
        for role in (shown["role_name"], shown["permission"]):
            if shown["permission"] != NO_ROLE and role in _ROLES:
                return str(role)
        return NO_ROLE

    def in_team(
        self,
        repository: str,
        team: str,
        login: str,
        user_id: int,
        *,
        urgency: Urgency = Urgency.ANSWER,
    ) -> bool:
        """Say whether somebody belongs to a team, `organization/slug`, or to one below it.

        The App has to be installed on the organisation: it is asked with the token of `repository`, there.
        """
        if self.login_of(repository, user_id, urgency=urgency).casefold() != login.casefold():
            return False
        organization, _, slug = team.partition("/")
        names = (quote(organization, safe=""), quote(slug, safe=""), quote(login, safe=""))
        path, what = "/orgs/{}/teams/{}/memberships/{}".format(*names), f"show whether {login} is in {team}"
        try:
            shown = self._calls.call_beside(repository, path, what, permissions=MEMBERS, urgency=urgency)
        except NotFound:
            return False
        return bool(shown["state"] == "active")

    def login_of(self, repository: str, user_id: int, *, urgency: Urgency = Urgency.ANSWER) -> str:
        """Return the login that an account has now; empty when there is no such account."""
        try:
            shown = self._calls.call_beside(
                repository, f"/user/{user_id}", "show an account", permissions=PULL_REQUESTS, urgency=urgency
            )
        except NotFound:
            return ""
        return str(shown["login"])
