# SPDX-License-Identifier: Apache-2.0
"""WWW-Authenticate: how a registry wants to be logged in to, and what its token server answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)(?:\s+|\s*$|(?=,))")
_PARAMETER = re.compile(r'\s*,?\s*([A-Za-z][A-Za-z0-9_-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_ESCAPE = re.compile(r"\\(.)")
_SHORTEST, _LONGEST = 60, 3600  # seconds; what says nothing is good for a minute
_KEEP = 0.8  # of its life
_LARGEST_TOKEN = 64 * 2**10


@dataclass(frozen=True, slots=True)
class Challenge:
    """How to log in: `basic`, or `bearer` with the address of the token server."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and for how many seconds to use it."""

    text: str
    seconds: float


def chosen(headers: Sequence[str]) -> Challenge | None:
    """Return the first challenge we can meet of all in these headers, or None."""
    for scheme, parameters in (found for header in headers for found in _read(header)):
        if scheme == "basic" or (scheme == "bearer" and parameters.get("realm")):
            named = {name: parameters.get(name, "") for name in ("realm", "service", "scope")}
            return Challenge(scheme, **named)
    return None


def token(answer: Any) -> Token | None:
    """Return the token in a token server's answer, or None when there is none that can be sent."""
    if not isinstance(answer, Mapping):
        return None
    text = answer.get("access_token") or answer.get("token")
    if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable() or " " in text:
        return None
    if len(text) > _LARGEST_TOKEN:
        return None
    lives = answer.get("expires_in")
    if isinstance(lives, bool) or not isinstance(lives, int | float) or lives <= 0:
        lives = _SHORTEST
    return Token(text, min(lives * _KEEP, _LONGEST))


def _read(header: str) -> list[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []
    at = 0
    while at < len(header):
        if found and (parameter := _PARAMETER.match(header, at)):
            name, quoted, plain = parameter.groups()
            found[-1][1].setdefault(name.lower(), plain if quoted is None else _ESCAPE.sub(r"\1", quoted))
            at = parameter.end()
        elif scheme := _SCHEME.match(header, at):
            found.append((scheme[1].lower(), {}))
            at = scheme.end()
        else:
            at += 1  # a comma between challenges, or nonsense
    return found
