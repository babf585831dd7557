# SPDX-License-Identifier: Apache-2.0
"""GitHub as the workers see it: installations, tokens, and calls that end in an answer or a typed error.

PyGithub and what it brings are imported with the first call, so that a process that never talks to GitHub
does not pay for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policies.budget import Urgency
from policies.errors import SettingsError
from policies.github.permissions import shared, within
from workers.github.activity import Activity
from workers.github.app_auth import (
    READ_PERMISSIONS,
    STATUS_PERMISSIONS,
    AppJwt,
    InstallationTokens,
    Token,
    utc_now,
)
from workers.github.budget import Budget, MemoryShelf, Shelf
from workers.github.calls import Answer, AppIdentity, first_page
from workers.github.checks import CheckWriter
from workers.github.comments import Comments
from workers.github.deliveries import Deliveries
from workers.github.deployments import DeploymentWriter
from workers.github.errors import NotFound, PermissionMissing, Unauthorized
from workers.github.gitdata import GitData
from workers.github.labels import Labels
from workers.github.permissions import People
from workers.github.pulls import Pulls
from workers.github.reactions import Reactions
from workers.github.releases import Releases
from workers.github.repositories import Repositories
from workers.github.sending import Request, Sender
from workers.github.statuses import StatusWriter
from workers.loading import load
from workers.outside import AddressRefused

if TYPE_CHECKING:
    from github import Github

    from policies.settings import Settings
    from workers.github.transport import Transport

GIT_USER = "x-access-token"
# An installation that moved to another account is noticed at the latest after this.
_INSTALLATION_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True)
class Installation:
    """Where the App is installed: its id, the account's login and numeric id, and what it may do there."""

    id: int
    account: str
    account_id: int
    permissions: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True)
class Granted:
    """What an installation may do, by GitHub's names, and whether its account is an organization."""

    permissions: Mapping[str, str]
    of_organization: bool


class GitHub:
    """One App on one GitHub (github.com, an Enterprise server or the sandbox's forge); safe for threads."""

    def __init__(
        self,
        app: AppJwt,
        *,
        api_url: str = "https://api.github.com",
        allow_loopback: bool = False,
        now: Callable[[], datetime] = utc_now,
        shelf: Shelf | None = None,
    ) -> None:
        """Keep the budgets on a shelf that processes share; without one they are this process's own."""
        self.api_url = api_url
        self._app = app
        self._allow_loopback = allow_loopback
        self._now = now
        self._installations: dict[str, tuple[Installation, datetime]] = {}
        self._clients: dict[Token, Github] = {}
        self._identity: tuple[AppIdentity, datetime] | None = None
        self._sender = Sender(Budget(shelf or MemoryShelf(), now=now), now=now)
        self._tokens = InstallationTokens(self.call_as_app, now=now)
        self.activity = Activity(self)
        self.checks = CheckWriter(self)
        self.comments = Comments(self)
        self.deliveries = Deliveries(self.pages_as_app, self.call_as_app)
        self.deployments = DeploymentWriter(self)
        self.git_data = GitData(self)
        self.labels = Labels(self)
        self.people = People(self)
        self.pulls = Pulls(self)
        self.reactions = Reactions(self)
        self.releases = Releases(self)
        self.repositories = Repositories(self)
        self.statuses = StatusWriter(self)

    @classmethod
    def from_settings(cls, settings: Settings, *, shelf: Shelf | None = None) -> GitHub | None:
        """Return the client that the settings describe, or None when they name no App.

        Raises SettingsError when the key cannot be read or is none.
        """
        if not settings.github_app_id or not settings.github_private_key_file:
            return None
        return cls(
            AppJwt(settings.github_app_id, _read_key(settings.github_private_key_file)),
            api_url=settings.github_api_url,
            allow_loopback=settings.allow_loopback,
            shelf=shelf,
        )

    def installation_for(self, owner: str, repo: str, *, urgency: Urgency = Urgency.ANSWER) -> Installation:
        """Return the App's installation that covers a repository; raises NotFound when none does."""
        name = f"{owner}/{repo}".lower()
        known = self._installations.get(name)
        if known is None or known[1] <= self._now():
            what = f"find the App's installation on {owner}/{repo}"
            answer = self.call_as_app("GET", f"/repos/{owner}/{repo}/installation", what, urgency=urgency)
            account = answer["account"]
            login = account.get("login") or account["slug"]
            found = Installation(answer["id"], login, account["id"], answer["permissions"])
            known = self._installations[name] = (found, self._now() + _INSTALLATION_LIFETIME)
            self._sender.made(_who(found.id), datetime.fromisoformat(answer["created_at"]))
        return known[0]

    def granted(self, installation_id: int) -> Granted:
        """Return what an installation may do at this moment; raises GitHubError."""
        path = f"/app/installations/{installation_id}"
        shown = self.call_as_app("GET", path, "show the App's installation")
        return Granted(shown["permissions"], shown["target_type"] == "Organization")

    def token_for(
        self,
        owner: str,
        repo: str,
        *,
        permissions: Mapping[str, str] = READ_PERMISSIONS,
        urgency: Urgency = Urgency.ANSWER,
    ) -> Token:
        """Return a token for one repository with the permissions given, good for five minutes or more."""
        installation = self.installation_for(owner, repo, urgency=urgency)
        try:
            return self._tokens.get(installation.id, f"{owner}/{repo}", permissions, urgency)
        except NotFound:
            # The App was installed anew since we looked.
            self._installations.pop(f"{owner}/{repo}".lower(), None)
            again = self.installation_for(owner, repo, urgency=urgency)
            return self._tokens.get(again.id, f"{owner}/{repo}", permissions, urgency)

    def git_credentials(self, owner: str, repo: str) -> tuple[str, str]:
        """Return user name and password with which Git reads a repository over HTTPS."""
        return GIT_USER, self.token_for(owner, repo).value

    def call(
        self,
        method: str,
        repository: str,
        path: str,
        what: str,
        body: Mapping[str, Any] | None = None,
        *,
        permissions: Mapping[str, str] = STATUS_PERMISSIONS,
        urgency: Urgency = Urgency.FINAL,
        conditional: bool = False,
    ) -> Any:
        """Send a request about `owner/name` and return the JSON answer; raises GitHubError.

        `path` starts below `/repos/owner/name`; `what` completes "GitHub refused to …". A read that is
        `conditional` costs nothing of the hour's budget while its answer stays the same.
        """
        path = f"/repos/{repository}{path}"
        asked = Request(method, path, what, body, urgency, conditional)
        return self._with_token(repository, permissions, asked).body

    def call_beside(
        self,
        repository: str,
        path: str,
        what: str,
        *,
        permissions: Mapping[str, str],
        urgency: Urgency = Urgency.FINAL,
    ) -> Any:
        """Read a path of the whole API with a repository's token; raises GitHubError."""
        asked = Request("GET", path, what, None, urgency, conditional=False)
        return self._with_token(repository, permissions, asked).body

    def pages(
        self,
        repository: str,
        path: str,
        what: str,
        *,
        permissions: Mapping[str, str],
        urgency: Urgency = Urgency.FINAL,
        conditional: bool = False,
        within: str = "",
    ) -> Iterator[Any]:
        """Yield the entries of a list about `owner/name`, page after page; raises GitHubError.

        `within` names the property that holds them, where the answer is an object.
        """
        page: str | None = first_page(f"/repos/{repository}{path}")
        while page:
            asked = Request("GET", page, what, None, urgency, conditional)
            answer = self._with_token(repository, permissions, asked)
            yield from answer.body[within] if within else answer.body
            page = answer.next_page(page)

    def pages_as_app(self, path: str, what: str) -> Iterator[Any]:
        """Yield the entries of a list of the App itself, page after page; raises GitHubError."""
        page: str | None = first_page(path)
        while page:
            asked = Request("GET", page, what, None, Urgency.FINAL, conditional=False)
            answer = self._sender.send(f"app {self._app.issuer}", self._app_client, asked)
            yield from answer.body
            page = answer.next_page(page)

    def call_as_app(
        self,
        method: str,
        path: str,
        what: str,
        body: Mapping[str, Any] | None = None,
        urgency: Urgency = Urgency.ANSWER,
    ) -> Any:
        """Send a request as the App itself and return the JSON answer; raises GitHubError.

        A token is as urgent as what needs it: after a restart every repository wants its own, on one budget.
        """
        asked = Request(method, path, what, body, urgency, conditional=False)
        return self._sender.send(f"app {self._app.issuer}", self._app_client, asked).body

    def identity(self) -> AppIdentity:
        """Return who our App is; raises GitHubError."""
        known = self._identity
        if known is None or known[1] <= self._now():
            shown = self.call_as_app("GET", "/app", "show the App")
            found = AppIdentity(shown["id"], f"{shown['slug']}[bot]")
            known = self._identity = (found, self._now() + _INSTALLATION_LIFETIME)
        return known[0]

    def warm(self) -> None:
        """Load what the first call would load (half a second), so that no push has to wait for it."""
        _ = self._app_client

    def close(self) -> None:
        """Drop the connections to GitHub."""
        if "_transport" in self.__dict__:
            self._transport.close()

    @cached_property
    def _transport(self) -> Transport:
        from workers.github.transport import Transport

        return Transport(self.api_url, allow_loopback=self._allow_loopback)

    @cached_property
    def _app_client(self) -> Github:
        load("requests", "github")
        from github.Auth import AppAuth

        return self._transport.client(AppAuth(self._app.issuer, sign_func=lambda _: self._app.encode()))

    def _client(self, token: Token) -> Github:
        from github.Auth import Token as TokenAuth

        if token not in self._clients:
            now = self._now()
            for old in [known for known in list(self._clients) if known.expires_at <= now]:
                self._clients.pop(old, None)
            self._clients[token] = self._transport.client(TokenAuth(token.value))
        return self._clients[token]

    def _token_of_all(self, repository: str, permissions: Mapping[str, str], urgency: Urgency) -> Token:
        """Return a token with which all parts are spoken of, or just for this one where it is not in that.

        A token for each part would cost five requests before the first word on a repository is said.
        """
        owner, _, name = repository.partition("/")
        all_parts = shared(self.installation_for(owner, name, urgency=urgency).permissions)
        if within(permissions, all_parts):
            try:
                return self.token_for(owner, name, permissions=all_parts, urgency=urgency)
            except PermissionMissing:
                # Something was taken from the App since we looked; what is left is known with the next look.
                self._installations.pop(repository.lower(), None)
        return self.token_for(owner, name, permissions=permissions, urgency=urgency)

    def _with_token(self, repository: str, permissions: Mapping[str, str], asked: Request) -> Answer:
        token = self._token_of_all(repository, permissions, asked.urgency)
        try:
            return self._sender.send(_who(token.installation_id), self._client(token), asked)
        except Unauthorized:
            # Revoked before its time, as when the App is suspended; the next call asks for another.
            self._tokens.forget(token)
            self._clients.pop(token, None)
            raise


def _who(installation_id: int) -> str:
    """Return whose budget an installation's is."""
    return f"installation {installation_id}"


def _read_key(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SettingsError(
            f"the GitHub App's private key cannot be read from {path}: {reason}",
            remedy="point FAIRWAY_GITHUB_PRIVATE_KEY_FILE to a .pem file that this process may read",
        ) from None


__all__ = ["AddressRefused", "GitHub", "Installation"]
