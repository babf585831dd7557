# SPDX-License-Identifier: Apache-2.0
"""The three ways to choose among tags: by version, by alphabet, by number.

Each takes one pass over pairs of what is compared, in UTF-8, and the tag it stands for, and keeps the best.
Where two tags are compared by the same text, the later one is what it stands for. Upstream goes through
filtered tags in no order at all; here it is that of the tags, so that the same tags give the same choice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal

from policies import semver
from policies.images.errors import NothingChosen

Order = Literal["asc", "desc"]
Candidates = Iterable[tuple[bytes, str]]
Choose = Callable[[Candidates], str]

EMPTY = "version list argument cannot be empty"
NONE_IN_RANGE = "unable to determine latest version from provided list"
_LONGEST_VERSION = 256  # bytes
_LOWEST: semver.Key = (-1, 0, 0, ())
_INFINITY = float("inf")
_EXACT = 15  # digits of which no two different numbers become the same one
# Go's floating-point literals; underscores are looked at apart.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEXADECIMAL = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+")
_SPECIAL = re.compile(r"[+-]?inf(?:inity)?|nan")
_MISPLACED = re.compile(r"(?:^|[^0-9a-fA-FxX])_|_(?:$|[^0-9a-fA-F])|[g-zG-Z]_.*[xX]")


def by_version(wanted: semver.Range) -> Choose:
    """Return what chooses the highest version in a range, of equal ones the first.

    What has not two dots at least (`2024`, `1.2`), or is no version, is passed over.
    """
    prereleases = wanted.prereleases

    def choose(candidates: Candidates) -> str:
        best, best_text, chosen = _LOWEST, None, ""
        text: bytes | None = None
        for text, tag in candidates:
            if text == best_text:
                chosen = tag
                continue
            key = _key(text, best, prereleases)
            if key is not None and key > best and wanted.admits(key) and _is_version(text):
                best, best_text, chosen = key, text, tag
        if best_text is None:
            raise NothingChosen(EMPTY if text is None else NONE_IN_RANGE)
        return chosen

    return choose


def _key(text: bytes, best: semver.Key, prereleases: bool) -> semver.Key | None:
    """Read a version as far as is needed to see that it is not above the best; None when it cannot be."""
    parts = text.split(b".", 2)
    if len(parts) != 3 or len(text) > _LONGEST_VERSION:
        return None
    major, minor, rest = parts
    if major[:1] == b"v":
        major = major[1:]
    if rest.isdigit():
        patch, dash, pre = rest, b"", b""
    else:
        if b"+" in rest:
            rest = rest.partition(b"+")[0]
        patch, dash, pre = rest.partition(b"-")
    if not (major.isdigit() and minor.isdigit() and patch.isdigit()):
        return _odd(text)
    first, second, third = int(major), int(minor), int(patch)
    if not dash:
        return first, second, third, semver.RELEASE
    if not prereleases or (first, second, third) < best[:3]:
        return None
    return first, second, third, semver.precedence(pre.decode("utf-8", "replace"))


def _odd(text: bytes) -> semver.Key | None:
    """Read `1-rc.1.2` or `1.2+a.b`: the dots may be anywhere. What is no version at all comes here too."""
    try:
        return semver.parse(text.decode(errors="replace")).key
    except ValueError:
        return None


def _is_version(text: bytes) -> bool:
    try:
        semver.parse(text.decode(errors="replace"))
    except ValueError:
        return False
    return True


def by_alphabet(order: Order) -> Choose:
    """Return what chooses the last (asc) or the first (desc) by the order of bytes."""

    def choose(candidates: Candidates) -> str:
        best: bytes | None = None
        chosen = ""
        for text, tag in candidates:
            if best is None or text == best or (text > best) == (order == "asc"):
                best, chosen = text, tag
        if best is None:
            raise NothingChosen(EMPTY)
        return chosen

    return choose


def by_number(order: Order) -> Choose:
    """Return what chooses the highest (asc) or lowest (desc) number, of equal ones the last.

    One tag that is no number spoils it all, as upstream.
    """

    ascending = order == "asc"

    def choose(candidates: Candidates) -> str:
        best: float | None = None
        chosen, best_text, width = "", b"", -1
        for text, tag in candidates:
            digits = text.isdigit()
            # As many digits compare as they are written, and most tags are not better.
            if digits and len(text) == width and (text < best_text if ascending else text > best_text):
                continue
            value = float(text) if digits and len(text) < 300 else number(text)
            # Of comparisons with NaN none holds, and so the next one is taken after it.
            if best is not None and (value < best if ascending else value > best):
                continue
            best, chosen, best_text = value, tag, text
            width = len(text) if digits and len(text) <= _EXACT else -1
        if best is None:
            raise NothingChosen(EMPTY)
        return chosen

    return choose


def number(text: bytes) -> float:
    """Read a number as Go's ParseFloat; raises NothingChosen."""
    said = text.decode(errors="replace")
    value = None if _MISPLACED.search(said) else _value(said.replace("_", ""))
    if value is None:
        raise NothingChosen(
            f"failed to parse invalid numeric value '{said}'",
            remedy="filter such tags out with spec.filterTags, or exclude them in the ImageRepository",
        )
    return value


def _value(text: str) -> float | None:
    if _SPECIAL.fullmatch(text.lower()) and text.isascii():
        return float(text)
    try:
        if _DECIMAL.fullmatch(text):
            value = float(text)
        elif _HEXADECIMAL.fullmatch(text):
            value = float.fromhex(text)
        else:
            return None
    except OverflowError:
        return None
    return None if abs(value) == _INFINITY else value
