# SPDX-License-Identifier: Apache-2.0
"""Releases of repositories, as their makers describe them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from policies.budget import Urgency
from workers.github.calls import READING, Calls
from workers.github.errors import NotFound


@dataclass(frozen=True)
class Release:
    """A release: what it is called, what is said of it, and where it is to be read."""

    name: str
    body: str
    url: str


class Releases:
    """Read releases; every method raises GitHubError."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def of_tag(self, repository: str, tag: str, *, urgency: Urgency = Urgency.PROGRESS) -> Release | None:
        """Return the release of a tag of `owner/name`, None when there is none."""
        what = f"show the release {tag} of {repository}"
        path = f"/releases/tags/{quote(tag, safe='')}"
        try:
            shown = self._calls.call(
                "GET", repository, path, what, permissions=READING, urgency=urgency, conditional=True
            )
        except NotFound:
            return None
        return Release(shown["name"] or shown["tag_name"], shown["body"] or "", shown["html_url"])
