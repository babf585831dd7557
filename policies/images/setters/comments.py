# SPDX-License-Identifier: Apache-2.0
"""Which comments of a file are markers, and which scalar each of them marks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.images.setters.markers import SIGN
from policies.images.setters.places import BREAKS, Places, Scalar, next_line, rest_of_line

_OF_BREAKS = "".join(BREAKS)
_SIGN = re.compile(re.escape(SIGN))
_BEHIND = re.compile(r"[ \t]*#")
_BEHIND_IN_FLOW = re.compile(rf"([ \t{_OF_BREAKS}]*,)?[ \t]*#")
_ALONE = re.compile(r"[ \t]*(-[ \t]+)?")
_COMMENT = re.compile(r"[ \t]*#.*")
_ALIAS = re.compile(r"\*[^\s,\[\]{}]+[ \t]*,?[ \t]*")


def find(text: str, found: Places) -> Iterator[int]:
    """Find the comments that hold the sign of a marker; what stands in a scalar is no comment."""
    last = -1
    for sign in _SIGN.finditer(text):
        place = sign.start()
        before = found.before(place)
        if before is not None and before.content <= place < before.end:
            continue
        line = found.line_start(place)
        if before is not None:
            line = max(line, before.end if before.end <= place else before.start)
        comment = text.find("#", line, place)
        if comment not in (-1, last):
            last = comment
            yield comment


def target(text: str, found: Places, place: int) -> Scalar | None:
    """Return the scalar that a comment marks."""
    before, after = found.before(place), found.after(place)
    if before is not None and not before.key and _comment_of(text, before) == place:
        return before
    if after is None or after.key:
        return None
    if after.begins < place or _stands_above(text, found, place, after):
        # A comment of its own behind it is the one that counts, even when it says something else.
        return after if _comment_of(text, after) is None else None
    return None


def _comment_of(text: str, scalar: Scalar) -> int | None:
    """Return where the comment behind a scalar begins: of a block scalar, behind its header."""
    if scalar.style in "|>" and scalar.style:
        header = rest_of_line(text, scalar.start)
        return scalar.start + header.index("#") if "#" in header else None
    behind = (_BEHIND_IN_FLOW if scalar.flow else _BEHIND).match(text, scalar.end)
    return behind.end() - 1 if behind else None


def _stands_above(text: str, found: Places, place: int, scalar: Scalar) -> bool:
    """Tell whether a comment is all of its line and the scalar begins the next, with no comment above."""
    line = found.line_start(place)
    alone = _ALONE.fullmatch(text, line, place)
    between = _ALONE.fullmatch(text, next_line(text, place), scalar.begins)
    if alone is None or between is None or (alone[1] and between[1]):
        return False
    above = max(line - (2 if text[max(line - 2, 0) : line] == "\r\n" else 1), 0)
    return _COMMENT.fullmatch(text, found.line_start(above), above) is None


def why_not(text: str, found: Places, place: int) -> str:
    """Say why a comment marks nothing, and what to do."""
    line = text[found.line_start(place) : place]
    if _ALIAS.fullmatch(line, max(line.rfind("*"), 0)):
        return "it marks an alias: put it where the anchor is"
    return "it marks no value: write it behind one, on the same line"
