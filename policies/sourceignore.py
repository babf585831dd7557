# SPDX-License-Identifier: Apache-2.0
"""Which files of a source stay out of its artifact.

The syntax is .gitignore's, the matching is Flux's (that of go-git), which differs from git's: every path is
judged by itself, so `!dir/keep` brings a file back out of an ignored `dir/`; `**` must be a whole path
element; a negated class is `[^…]` only; a pattern that is malformed matches nothing. The last pattern that
matches decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

IGNORE_FILE = ".sourceignore"
VERSION_CONTROL = (".git/", ".gitignore", ".gitmodules", ".gitattributes")
# In force only while neither .sourceignore files nor spec.ignore hold a pattern.
DEFAULTS = (
    *("*.jpg", "*.jpeg", "*.gif", "*.png", "*.wmv", "*.flv", "*.tar.gz", "*.zip"),
    *(
        ".github/",
        ".circleci/",
        ".travis.yml",
        ".gitlab-ci.yml",
        "appveyor.yml",
        ".drone.yml",
        "cloudbuild.yaml",
    ),
    *("codeship-services.yml", "codeship-steps.yml"),
    *("**/.goreleaser.yml", "**/.sops.yaml", "**/.flux.yaml"),
)
_LONGEST_LINE = 64 * 1024
_ANY_DEPTH = "**"

Domain = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of an ignore file; it concerns only paths below `domain`."""

    domain: Domain
    elements: tuple[re.Pattern[str] | None, ...]  # None stands for "**"
    includes: bool
    only_directories: bool
    anchored: bool

    def matches(self, path: tuple[str, ...], is_dir: bool) -> bool:
        if len(path) <= len(self.domain) or path[: len(self.domain)] != self.domain:
            return False
        below = path[len(self.domain) :]
        return self._matches_along(below, is_dir) if self.anchored else self._matches_any(below, is_dir)

    def _matches_any(self, path: tuple[str, ...], is_dir: bool) -> bool:
        element = self.elements[0] if self.elements else None
        for index, name in enumerate(path):
            if element is not None and element.fullmatch(name):
                return is_dir or not self.only_directories or index < len(path) - 1
        return False

    def _matches_along(self, path: tuple[str, ...], is_dir: bool) -> bool:
        rest, skipping, matched = path, False, False
        for element in self.elements:
            if element is None:
                skipping = True
                continue
            if not rest:
                return False
            if not skipping:
                matched = element.fullmatch(rest[0]) is not None
                if not matched:
                    return False
                rest = rest[1:]
                continue
            skipping = False
            # The first element that fits is taken for good, even if a later one would let the rest fit.
            found = next((index for index, name in enumerate(rest) if element.fullmatch(name)), None)
            # Running out of path here is no failure yet: only the last verdict counts.
            matched = found is not None
            rest = rest[found + 1 :] if found is not None else ()
        return matched and (is_dir or not self.only_directories or bool(rest))


class IgnoreRules:
    """Patterns in order of rising priority."""

    def __init__(self, patterns: Iterable[Pattern] = ()) -> None:
        self.patterns = tuple(patterns)
        self._by_priority = self.patterns[::-1]

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def __add__(self, other: IgnoreRules) -> IgnoreRules:
        return IgnoreRules(self.patterns + other.patterns)

    @classmethod
    def parse(cls, text: str, domain: Domain = ()) -> IgnoreRules:
        """Read an ignore file's text; `domain` is the path of the directory it lies in."""
        patterns = []
        for line in text.split("\n"):
            if len(line) >= _LONGEST_LINE:  # where Flux's scanner stops as well
                break
            line = line.removesuffix("\r")
            if line.strip() and not line.startswith("#"):
                patterns.append(parse_pattern(line, domain))
        return cls(patterns)

    @classmethod
    def for_source(cls, files: Mapping[Domain, str], ignore: str | None) -> IgnoreRules:
        """Return the rules of a whole source: its .sourceignore files by directory, then spec.ignore.

        The defaults apply only when those hold no pattern at all; version control files stay out by default.
        """
        own = cls()
        for domain in sorted(files):
            own += cls.parse(files[domain], domain)
        own += cls.parse(ignore or "")
        return _BASE + (own or _DEFAULTS)

    def ignores(self, path: str, is_dir: bool = False) -> bool:
        """Tell whether a path, relative to the source's root and with slashes, stays out."""
        parts = tuple(path.split("/"))
        for pattern in self._by_priority:
            if pattern.matches(parts, is_dir):
                return not pattern.includes
        return False


def parse_pattern(line: str, domain: Domain = ()) -> Pattern:
    """Read one line that is neither blank nor a comment; if malformed, it will match nothing."""
    includes = line.startswith("!")
    text = line[1:] if includes else line
    if not text.endswith("\\ "):
        text = text.rstrip(" ")
    only_directories = text.endswith("/")
    if only_directories:
        text = text[:-1]
    anchored = "/" in text
    try:
        elements = _elements(text.split("/")) if anchored else (_compile(text),)
    except ValueError:
        elements = ()
    return Pattern(domain, elements, includes, only_directories, anchored)


def _elements(names: list[str]) -> tuple[re.Pattern[str] | None, ...]:
    elements: list[re.Pattern[str] | None] = []
    for name in names:
        if name and name != _ANY_DEPTH:
            if _ANY_DEPTH in name:
                raise ValueError("** must stand alone between slashes")
            elements.append(_compile(name))
        elif name:
            elements.append(None)
        else:  # a doubled slash takes a "**" before it back
            _drop_trailing_depth(elements)
    _drop_trailing_depth(elements)
    return tuple(elements)


def _drop_trailing_depth(elements: list[re.Pattern[str] | None]) -> None:
    while elements and elements[-1] is None:
        elements.pop()


def _compile(glob: str) -> re.Pattern[str]:
    """Translate a path element as Go's filepath.Match reads it; raises ValueError when it is malformed.

    Each star is followed by an atomic group, since the leftmost fit is always good enough: no backtracking.
    """
    chunks = [""]
    rest = glob
    while rest:
        if rest[0] == "*":
            rest = rest.lstrip("*")
            chunks.append("")
        else:
            piece, rest = _class(rest) if rest[0] == "[" else _character(rest)
            chunks[-1] += piece
    if len(chunks) == 1:
        return re.compile(chunks[0], re.DOTALL)
    first, *middle, last = chunks
    return re.compile(first + "".join(f"(?>.*?{chunk})" for chunk in middle) + f".*{last}", re.DOTALL)


def _character(text: str) -> tuple[str, str]:
    if text[0] == "?":
        return ".", text[1:]
    if text[0] != "\\":
        return re.escape(text[0]), text[1:]
    if len(text) < 2:
        raise ValueError("a backslash must escape something")
    return re.escape(text[1]), text[2:]


def _class(text: str) -> tuple[str, str]:
    """Translate a class such as [a-z]; returns it and what follows."""
    rest = text[1:]
    negated = rest.startswith("^")
    if negated:
        rest = rest[1:]
    ranges: list[str] = []
    while not (rest.startswith("]") and ranges):
        low, rest = _bound(rest)
        high = low
        if rest.startswith("-"):
            high, rest = _bound(rest[1:])
        ranges.append(f"{re.escape(low)}-{re.escape(high)}" if low <= high else "")
    body = "".join(ranges)
    if not body:
        return ("." if negated else "(?!)"), rest[1:]
    return f"[{'^' if negated else ''}{body}]", rest[1:]


def _bound(text: str) -> tuple[str, str]:
    if not text or text[0] in "-]":
        raise ValueError("a class needs a character here")
    if text[0] == "\\":
        text = text[1:]
    # As in Go a class must be closed, so something has to follow.
    if len(text) < 2:
        raise ValueError("a class must be closed")
    return text[0], text[1:]


_BASE = IgnoreRules(parse_pattern(line) for line in VERSION_CONTROL)
_DEFAULTS = IgnoreRules(parse_pattern(line) for line in DEFAULTS)
