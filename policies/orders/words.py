# SPDX-License-Identifier: Apache-2.0
"""Split the rest of an order's line into words: `prod sha=a1b2c3d reason="two words"`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_KEY = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,39})=")
# Telephones write the curly ones by themselves.
_QUOTES = {'"': '"', "“": "”"}


class Unclosed(Exception):
    """A quote does not end on the line."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word; `key` is what stands before its equals sign, in small letters, or empty."""

    key: str
    value: str


def split(text: str) -> list[Word]:
    """Return the words of a line; raises Unclosed.

    Within quotes a backslash takes the next quote, or backslash, for what it is.
    """
    words: list[Word] = []
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return words
        named = _KEY.match(text, at)
        value, at = _value(text, named.end() if named else at)
        words.append(Word(named[1].lower() if named else "", value))


def _value(text: str, at: int) -> tuple[str, int]:
    """Read up to the next blank outside of quotes; return the value and where it ends."""
    parts: list[str] = []
    closing = ""
    while at < len(text) and (closing or not text[at].isspace()):
        char = text[at]
        if closing and char == "\\" and text[at + 1 : at + 2] in (closing, "\\"):
            at += 1
            parts.append(text[at])
        elif closing and char in (closing, '"'):
            closing = ""
        elif not closing and char in _QUOTES:
            closing = _QUOTES[char]
        else:
            parts.append(char)
        at += 1
    if closing:
        raise Unclosed
    return "".join(parts), at
