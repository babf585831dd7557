# SPDX-License-Identifier: Apache-2.0
"""Who owns which path, by a repository's CODEOWNERS file.

The patterns are those of .gitignore without `!` and `[ ]`, and `docs/*` is for the files right in docs. The
last line that matches a path counts, also when it names nobody. A line that GitHub would skip is skipped: see
"About code owners" in GitHub's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import re2

_LARGEST = 3 * 1024 * 1024  # bytes; of a larger file GitHub uses nothing
_MOST = 20_000  # lines; of a longer file we use nothing, so that nobody is taken for an owner by mistake
_LONGEST = 4096  # characters of a pattern; no path in Git is longer
_WORDS = re.compile(r"(?:\\.|[^\\\s])+")
_OWNER = re.compile(r"@([a-z0-9_-]{1,100}(?:/[a-z0-9_.-]{1,100})?)", re.IGNORECASE)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_NOT_SUPPORTED = re.compile(r"!|.*[\[\]]")


@dataclass(frozen=True, slots=True)
class CodeOwners:
    """The lines of a file, last one first: a compiled pattern, and owners in small letters without `@`."""

    lines: tuple[tuple[Any, frozenset[str]], ...] = ()

    def of(self, path: str) -> frozenset[str]:
        """Return who owns a path: logins, teams as `organization/slug`, and addresses of mail."""
        path = path.encode("utf-8", "replace").decode()
        return next((owners for pattern, owners in self.lines if pattern.fullmatch(path)), frozenset())

    def of_each(self, paths: Iterable[str]) -> tuple[frozenset[str], ...]:
        """Return the different sets of owners of these paths; paths that nobody owns are left out."""
        found = {owners for path in paths if (owners := self.of(path))}
        return tuple(sorted(found, key=sorted))


def parse(text: str) -> CodeOwners:
    """Read a CODEOWNERS file."""
    lines = text.splitlines()
    if len(lines) > _MOST or len(text.encode("utf-8", "replace")) > _LARGEST:
        return CodeOwners()
    return CodeOwners(tuple(reversed(list(_rules(lines)))))


def _rules(lines: Iterable[str]) -> Iterator[tuple[Any, frozenset[str]]]:
    for line in lines:
        pattern, *rest = [*_words(line), ""]
        owners = [owner for word in rest if word and (owner := _owner(word))]
        # A line with an owner that is none is skipped as a whole.
        usable = 0 < len(pattern) <= _LONGEST and not _NOT_SUPPORTED.match(pattern)
        if usable and len(owners) == sum(map(bool, rest)):
            yield re2.compile(_expression(pattern.encode("utf-8", "replace").decode())), frozenset(owners)


def _words(line: str) -> Iterator[str]:
    for word in _WORDS.findall(line):
        if word.startswith("#"):
            return
        yield re.sub(r"\\(.)", r"\1", word)


def _owner(word: str) -> str:
    if named := _OWNER.fullmatch(word):
        return named[1].lower()
    return word.lower() if _EMAIL.fullmatch(word) else ""


def _expression(pattern: str) -> str:
    """Write a pattern as a regular expression for whole paths."""
    inner = pattern.strip("/")
    anchored = "/" in pattern.rstrip("/")
    segments = inner.split("/")
    parts = ["" if anchored else "(?:.*/)?"]
    for segment in segments[:-1]:
        parts.append("(?:.*/)?" if segment == "**" else f"{_segment(segment)}/")
    last = segments[-1]
    if last == "**":
        parts.append(".+")
    else:
        below = "/.*" if pattern.endswith("/") else "" if last == "*" and anchored else "(?:/.*)?"
        parts.append(_segment(last) + below)
    return f"(?s:{''.join(parts)})"


def _segment(segment: str) -> str:
    wild = {"*": "[^/]*", "?": "[^/]"}
    return "".join(
        wild.get(part) or re2.escape(part) for part in re.split(r"(\*+|\?)", segment.replace("**", "*"))
    )
