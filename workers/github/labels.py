# SPDX-License-Identifier: Apache-2.0
"""Labels of pull requests."""

from __future__ import annotations

from urllib.parse import quote

from policies.budget import Urgency
from workers.github.calls import PULL_REQUESTS, Calls
from workers.github.errors import NotFound


class Labels:
    """Put labels on pull requests and take them off; every method raises GitHubError."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def add(self, repository: str, number: int, name: str, *, urgency: Urgency = Urgency.PROGRESS) -> None:
        """Label a pull request of `owner/name`; GitHub makes a label that there is not."""
        what, path = f"label {repository}#{number}", f"/issues/{number}/labels"
        self._calls.call(
            "POST", repository, path, what, {"labels": [name]}, permissions=PULL_REQUESTS, urgency=urgency
        )

    def remove(self, repository: str, number: int, name: str, *, urgency: Urgency = Urgency.PROGRESS) -> None:
        """Take a label off, if it is there."""
        what = f"take a label off {repository}#{number}"
        path = f"/issues/{number}/labels/{quote(name, safe='')}"
        try:
            self._calls.call("DELETE", repository, path, what, permissions=PULL_REQUESTS, urgency=urgency)
        except NotFound:
            return
