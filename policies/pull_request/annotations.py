# SPDX-License-Identifier: Apache-2.0
"""Where a failure lies, read from what conditions say: the files that a message names, with their lines.

A build that fails says `app/web.yaml:4: …`, and a refusal by the API server says `(Invalid, app/web.yaml)`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from policies.pull_request.content import Row

MOST = 50
# The name of a file as it can stand in a message, and the line in it.
_PLACE = re.compile(r"(?<![\w./:@-])((?:[\w.@+-]+/)*[\w.@+-]+\.[A-Za-z]{2,6})(?::(\d{1,7}))?(?![\w/])")
_LONGEST = 2000  # characters of a message that are searched, and shown


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, counted from 1, and what is said of it in plain text; `title` names the object."""

    path: str
    line: int
    message: str
    title: str


def places(rows: Iterable[Row], files: Collection[str]) -> list[Place]:
    """Return the places that the rows' messages name, each once, of those files that there are."""
    found: dict[tuple[str, int, str], Place] = {}
    for row in rows:
        message = row.message[:_LONGEST]
        for named in _PLACE.finditer(message):
            path, line = named[1].removeprefix("./"), max(1, int(named[2] or 1))
            if path in files:
                place = Place(path, line, message, str(row.ref))
                found.setdefault((path, line, place.title), place)
    return list(found.values())[:MOST]


def candidates(rows: Iterable[Row]) -> bool:
    """Tell whether a message names anything that looks like a file."""
    return any(_PLACE.search(row.message[:_LONGEST]) for row in rows)
