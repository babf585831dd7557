# SPDX-License-Identifier: Apache-2.0
"""What the adapters need of GitHub: one request, all pages of a list, and who our App is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from policies.budget import Urgency

# What each part of the surface needs: a permission that is missing takes only its part away.
CHECKS = {"checks": "write", "metadata": "read"}
CONTENTS = {"contents": "write", "metadata": "read"}
DEPLOYMENTS = {"deployments": "write", "metadata": "read"}
MEMBERS = {"members": "read", "metadata": "read"}
MERGING = {"contents": "write", "metadata": "read", "pull_requests": "write"}
PULL_REQUESTS = {"contents": "read", "metadata": "read", "pull_requests": "write"}
READING = {"contents": "read", "metadata": "read"}

_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')
_PER_PAGE = 100


@dataclass(frozen=True)
class AppIdentity:
    """Our App: its id, and the login with which it signs what it writes."""

    id: int
    login: str

    def wrote(self, shown: Mapping[str, Any], by: str = "user") -> bool:
        """Say whether what GitHub shows was written by our App itself; nobody else has a login like it."""
        author = shown.get(by) or {}
        is_bot: bool = author.get("type") == "Bot"
        return is_bot and str(author.get("login", "")).casefold() == self.login.casefold()


@dataclass(frozen=True)
class Answer:
    """The JSON that GitHub answered with, and its `Link` header."""

    body: Any
    link: str = ""

    def next_page(self, path: str) -> str | None:
        """Return where a list goes on, as another query to its path; None at its end."""
        found = _NEXT.search(self.link)
        # The address is GitHub's, the host and path stay ours.
        return f"{path.partition('?')[0]}?{urlsplit(found[1]).query}" if found else None


def first_page(path: str) -> str:
    """Return the path of a list with the largest pages."""
    return f"{path}{'&' if '?' in path else '?'}per_page={_PER_PAGE}"


class Calls(Protocol):
    """See `GitHub`, which is the one that there is. Every call raises GitHubError."""

    def call(
        self,
        method: str,
        repository: str,
        path: str,
        what: str,
        body: Mapping[str, Any] | None = None,
        *,
        permissions: Mapping[str, str] = ...,
        urgency: Urgency = ...,
        conditional: bool = ...,
    ) -> Any:
        """Send a request about `owner/name` and return the JSON answer."""
        ...

    def call_beside(
        self,
        repository: str,
        path: str,
        what: str,
        *,
        permissions: Mapping[str, str],
        urgency: Urgency = ...,
    ) -> Any:
        """Read what is beside a repository, like its owner's teams, with that repository's token."""
        ...

    def pages(
        self,
        repository: str,
        path: str,
        what: str,
        *,
        permissions: Mapping[str, str],
        urgency: Urgency = ...,
        conditional: bool = ...,
        within: str = ...,
    ) -> Iterator[Any]:
        """Yield the entries of a list about `owner/name`, page after page."""
        ...

    def identity(self) -> AppIdentity:
        """Return who our App is."""
        ...
