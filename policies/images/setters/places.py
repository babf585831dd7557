# SPDX-License-Identifier: Apache-2.0
"""Where the scalars of a YAML file stand, and where its lines begin."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

BREAKS = ("\r", "\n", "\x85", "\u2028", "\u2029")  # what ends a line, and with it a comment
_TO_BREAK = re.compile(f"[^{''.join(BREAKS)}]*")
_BREAK = re.compile(f"\r\n|[{''.join(BREAKS)}]")
_FEED = re.compile("\n")


@dataclass(frozen=True, slots=True)
class Identity:
    """Which object of a file a value belongs to; what the file does not say is empty."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar's own characters, without anchor and tag; `content` is where its text begins.

    `begins` is where anchor or tag do, `style` a quote, `|`, `>` or nothing; `owner` is a place in
    `Places.owners`. A key, and a value under a key that stands in its mapping already, are told apart.
    """

    begins: int
    start: int
    content: int
    end: int
    text: str
    style: str
    tag: str
    flow: bool
    key: bool
    repeated: bool
    owner: int


class Unreadable(Exception):
    """The text is no YAML that can be edited; `line` counts from 1, `why` is a clause."""

    def __init__(self, line: int, why: str, *, template: bool = False) -> None:
        super().__init__(why)
        self.line, self.why, self.template = line, why, template


@dataclass(slots=True)
class Places:
    """Every scalar of a file that has characters, in their order."""

    scalars: list[Scalar] = field(default_factory=list)
    owners: list[Identity] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _lines: list[int] = field(default_factory=list)
    _feeds: list[int] = field(default_factory=list)

    def before(self, place: int) -> Scalar | None:
        """Return the last scalar that begins before a place."""
        index = bisect_right(self._starts, place)
        return self.scalars[index - 1] if index else None

    def after(self, place: int) -> Scalar | None:
        """Return the first scalar that begins behind a place."""
        index = bisect_right(self._starts, place)
        return self.scalars[index] if index < len(self.scalars) else None

    def line_start(self, place: int) -> int:
        """Return where the line of a place begins, by what YAML takes for the end of one."""
        return self._lines[bisect_right(self._lines, place) - 1]

    def line(self, place: int) -> int:
        """Return the number of a place's line, as `line_of` does."""
        return bisect_left(self._feeds, place) + 1

    def index(self, text: str) -> None:
        """Make ready to be asked."""
        self._starts = [scalar.start for scalar in self.scalars]
        self._lines = [0, *(found.end() for found in _BREAK.finditer(text))]
        self._feeds = [found.start() for found in _FEED.finditer(text)]


def line_of(text: str, place: int) -> int:
    """Return the line of a place, counted from 1 as editors and GitHub count."""
    return text.count("\n", 0, place) + 1


def rest_of_line(text: str, place: int) -> str:
    """Return what stands from a place to the end of its line."""
    found = _TO_BREAK.match(text, place)
    return found[0] if found else ""


def next_line(text: str, place: int) -> int:
    """Return where the line after that of a place begins."""
    end = place + len(rest_of_line(text, place))
    return end + (2 if text.startswith("\r\n", end) else 1)
