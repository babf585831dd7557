# SPDX-License-Identifier: Apache-2.0
"""Semantic versions and ranges, with the answers that Masterminds/semver v3 gives.

Flux, Helm and users' ranges all go by that library: it takes `v1.2`, leading zeros and missing numbers,
matches a pre-release only when a comparison of the same `||` group names one, and ignores build metadata.
Where its documentation and its behaviour differ, its behaviour counts (the tests ask the library itself).
Ranges are read by RE2, because their grammar is ambiguous about spaces: a backtracking engine would take
exponential time on a hostile one. Versions are not ambiguous, and there are many of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache, total_ordering
from typing import Any

import re2

_LONGEST_VERSION = 256
_LONGEST_RANGE = 512
_MOST_GROUPS = 32
_UINT64 = 2**64

_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_TAIL = rf"(-{_IDENTIFIERS})?(?:\+{_IDENTIFIERS})?"
_VERSION = re.compile(rf"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?{_TAIL}")
# The library's classes hold `|` too, so that `1|2` is one broken number, never two comparisons.
_NUMBER = r"[0-9|xX*]+"
_PARTIAL = rf"v?({_NUMBER})(?:\.({_NUMBER}))?(?:\.({_NUMBER}))?{_TAIL}"
_OPERATOR = r"|=|!=|>|<|>=|=>|<=|=<|~|~>|\^"
_COMPARISON = re2.compile(rf"({_OPERATOR})\s*({_PARTIAL})")
_HYPHEN = re2.compile(rf"\s*({_PARTIAL})\s+-\s+({_PARTIAL})\s*")
_HYPHEN_UPPER = 6  # the group of the second version: the first one has four of its own inside
_GROUP = re2.compile(rf"\s*(?:{_OPERATOR})\s*{_PARTIAL}\s*(?:(?:\s+|,\s*)(?:{_OPERATOR})\s*{_PARTIAL}\s*)*")

Precedence = tuple[tuple[int, int, str], ...]
Key = tuple[int, int, int, Precedence]
RELEASE: Precedence = ((3, 0, ""),)  # above that of every pre-release


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A version; equality and order are precedence, so build metadata and spelling do not count."""

    major: int
    minor: int
    patch: int
    pre: str = ""
    original: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        """What versions are ordered by."""
        return self.major, self.minor, self.patch, precedence(self.pre)

    def __lt__(self, other: Version) -> bool:
        return self.key < other.key


@dataclass(frozen=True, slots=True)
class Comparison:
    """One operator and version; `wild` says from which number on it stands for any (x, * or left out)."""

    operator: str
    key: Key
    wild: str = ""  # "", "all", "minor" or "patch"

    def allows(self, key: Key) -> bool:
        return _OPERATORS[self.operator](key, self.key, self.wild)


@dataclass(frozen=True, slots=True)
class Range:
    """Alternatives of comparisons that must all hold."""

    alternatives: tuple[tuple[Comparison, ...], ...]

    def allows(self, version: Version) -> bool:
        """Tell whether the version is in the range."""
        return self.admits(version.key)

    def admits(self, key: Key) -> bool:
        """Tell whether the version of this key is in the range."""
        is_release = key[3] == RELEASE
        for group in self.alternatives:
            if not is_release and not _names_prerelease(group):
                continue
            for comparison in group:
                if not comparison.allows(key):
                    break
            else:
                return True
        return False

    @property
    def prereleases(self) -> bool:
        """Whether there are pre-releases that it may hold."""
        return any(_names_prerelease(group) for group in self.alternatives)


def parse(text: str) -> Version:
    """Read a version as leniently as the library does; raises ValueError."""
    match = _VERSION.fullmatch(text) if len(text) <= _LONGEST_VERSION else None
    if match is None:
        raise ValueError(f"invalid semantic version: {text!r}")
    major, minor, patch = (int(number or 0) for number in match.groups()[:3])
    pre = (match[4] or "")[1:]
    if max(major, minor, patch) >= _UINT64 or any(_has_leading_zero(part) for part in pre.split(".")):
        raise ValueError(f"invalid semantic version: {text!r}")
    return Version(major, minor, patch, pre, text)


@lru_cache(maxsize=256)
def parse_range(text: str) -> Range:
    """Read a range such as `^1.2 || >=3.0.0-0 <4`; raises ValueError with the library's words."""
    if len(text.encode()) > _LONGEST_RANGE:
        raise ValueError(f"constraint string is too long (max {_LONGEST_RANGE} bytes)")
    groups = _rewrite_hyphens(text).split("||")
    if len(groups) > _MOST_GROUPS:
        raise ValueError(f"too many constraint groups (max {_MOST_GROUPS})")
    return Range(tuple(_parse_group(group) for group in groups))


def max_satisfying(constraint: str, versions: Iterable[str]) -> list[str]:
    """Return the highest version in the range, in its own spelling, or several of equal precedence, in order.

    One pass; what is no version is passed over. Raises ValueError when the range cannot be read.
    """
    wanted = parse_range(constraint)
    best: list[Version] = []
    for text in versions:
        try:
            version = parse(text)
        except ValueError:
            continue
        # Comparing is cheaper than checking, and after a few versions most are not better.
        if (best and version < best[0]) or not wanted.allows(version):
            continue
        if best and version == best[0]:
            best.append(version)
        else:
            best = [version]
    return [version.original for version in best]


def _parse_group(text: str) -> tuple[Comparison, ...]:
    if not _GROUP.fullmatch(text):
        raise ValueError(f'improper constraint: "{text}"')
    return tuple(_parse_comparison(match) for match in _COMPARISON.finditer(text))


def _parse_comparison(match: Any) -> Comparison:
    operator, text, major, minor, patch, pre = match.groups()
    if _is_wild(major):
        text, wild = f"0.0.0{pre or ''}", "all"
    elif _is_wild(minor):
        text, wild = f"{major}.0.0{pre or ''}", "minor"
    elif _is_wild(patch):
        text, wild = f"{major}.{minor}.0{pre or ''}", "patch"
    else:
        wild = ""
    try:
        return Comparison(operator, parse(text).key, wild)
    except ValueError:
        raise ValueError("constraint parser error") from None


def _rewrite_hyphens(text: str) -> str:
    """Write `1.2 - 3` as two comparisons."""
    rewritten = text
    for match in _HYPHEN.finditer(text):
        comparisons = f">= {match[1]}, <= {match[_HYPHEN_UPPER]} "
        rewritten = rewritten.replace(match[0], comparisons, 1)
    return rewritten


def _is_wild(number: str | None) -> bool:
    return not number or number in ("x", "X", "*")


def _has_leading_zero(identifier: str) -> bool:
    return len(identifier) > 1 and identifier[0] == "0" and identifier.isdigit()


def _names_prerelease(group: tuple[Comparison, ...]) -> bool:
    return any(comparison.key[3] != RELEASE for comparison in group)


def precedence(pre: str) -> Precedence:
    """Return a key that orders pre-releases: a release is above all, a longer one above its beginning."""
    if not pre:
        return RELEASE
    # Like the library's 64-bit numbers: what does not fit is text.
    return tuple(
        [
            (1, number, "") if part.isdecimal() and (number := int(part)) < _UINT64 else (2, 0, part)
            for part in pre.split(".")
        ]
    )


def _equal(version: Key, wanted: Key, wild: str) -> bool:
    return _tilde(version, wanted, wild) if wild else version == wanted


def _unequal(version: Key, wanted: Key, wild: str) -> bool:
    # `!=x` compares with 0.0.0: in the library "any" counts here only after a number.
    if wild in ("", "all"):
        return version != wanted
    if version[0] != wanted[0]:
        return True
    if wild == "minor":
        return False
    return version[1] != wanted[1] or version[3] != wanted[3]


def _above(version: Key, wanted: Key, wild: str) -> bool:
    if wild == "minor":
        return version[0] > wanted[0]
    if wild == "patch":
        return version[:2] > wanted[:2]
    return version > wanted


def _below(version: Key, wanted: Key, wild: str) -> bool:
    return version < wanted


def _at_least(version: Key, wanted: Key, wild: str) -> bool:
    return version >= wanted


def _at_most(version: Key, wanted: Key, wild: str) -> bool:
    if not wild:
        return version <= wanted
    if wild == "minor":
        return version[0] <= wanted[0]
    return version[:2] <= wanted[:2]


def _tilde(version: Key, wanted: Key, wild: str) -> bool:
    if version < wanted:
        return False
    if wanted[:3] == (0, 0, 0) and wild in ("", "all"):
        return True
    return version[0] == wanted[0] and (wild == "minor" or version[1] == wanted[1])


def _caret(version: Key, wanted: Key, wild: str) -> bool:
    if version < wanted or version[0] != wanted[0]:
        return False
    if wanted[0] > 0 or wild == "minor":
        return True
    if version[1] != wanted[1]:
        return False
    return wanted[1] > 0 or wild == "patch" or version[2] == wanted[2]


_OPERATORS: dict[str, Callable[[Key, Key, str], bool]] = {
    "": _equal,
    "=": _equal,
    "!=": _unequal,
    ">": _above,
    "<": _below,
    ">=": _at_least,
    "=>": _at_least,
    "<=": _at_most,
    "=<": _at_most,
    "~": _tilde,
    "~>": _tilde,
    "^": _caret,
}
