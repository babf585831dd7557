# SPDX-License-Identifier: Apache-2.0
"""Small parts of sentences: lists and times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from policies.clock import parse
from policies.surface.markdown import code

_LONGEST_NAME = 100  # characters
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def name(text: str) -> str:
    """Write a name as code; one that is longer than any should be is cut."""
    return code(text, _LONGEST_NAME)


def listed(names: Sequence[str], last: str = "or") -> str:
    """Write `a`, `a or b`, `a, b or c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def moment(rfc3339: str) -> str:
    """Write a time in UTC as `28 Nov 2026 11:00`; `unknown` when it is none.

    A comment is read later and elsewhere, so it says neither an age nor a local time.
    """
    try:
        at = parse(rfc3339)
    except ValueError:
        return "unknown"
    at = at.astimezone(UTC)
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year} {at:%H:%M}"


def sentence(clause: str) -> str:
    """Give a clause a capital letter and a full stop; a clause that begins with code keeps it."""
    return f"{clause[:1].upper()}{clause[1:]}."
