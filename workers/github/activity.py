# SPDX-License-Identifier: Apache-2.0
"""Who moved a branch, when and from where to where: what GitHub remembers of pushes and merges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import quote

from policies.budget import Urgency
from policies.clock import parse
from workers.github.calls import READING, Calls
from workers.github.errors import NotFound

_MOST = 1000  # moves of a branch that are looked at
_GONE = "branch_deletion"


@dataclass(frozen=True)
class Move:
    """A branch that was made to point to another commit; `at` is to the second.

    `actor` is who did it, by login and id; None for an account that is not there any more.
    """

    before: str
    after: str
    at: datetime
    actor: tuple[str, int] | None


class Activity:
    """Read how branches were moved; every method raises GitHubError."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def of_branch(
        self, repository: str, branch: str, *, urgency: Urgency = Urgency.PROGRESS
    ) -> Iterator[Move]:
        """Yield the moves of a branch within a week, newest first, read page by page; at most a thousand.

        A GitHub that does not tell has none.
        """
        ref = quote(f"refs/heads/{branch}", safe="")
        path, what = f"/activity?ref={ref}&time_period=week", f"list the pushes to {branch} of {repository}"
        shown = self._calls.pages(
            repository, path, what, permissions=READING, urgency=urgency, conditional=True
        )
        try:
            yield from (_move(one) for one in islice(shown, _MOST) if one["activity_type"] != _GONE)
        except NotFound:
            return


def _move(shown: dict[str, Any]) -> Move:
    actor = shown["actor"]
    who = (str(actor["login"]), int(actor["id"])) if actor else None
    return Move(shown["before"], shown["after"], parse(shown["timestamp"]), who)
