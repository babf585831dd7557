# SPDX-License-Identifier: Apache-2.0
"""Small parts of sentences: lists and times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from policies.clock import go_duration, parse
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


def instant(rfc3339: str) -> str:
    """Write a time in UTC as `28 Nov 11:00:07`, where the year stands nearby; `unknown` when it is none."""
    try:
        at = parse(rfc3339)
    except ValueError:
        return "unknown"
    at = at.astimezone(UTC)
    return f"{at.day} {_MONTHS[at.month - 1]} {at:%H:%M:%S}"


def span(seconds: float) -> str:
    """Write a duration: `30 s`, `2 min`, `1 h`, and what is none of these as Kubernetes does."""
    for size, unit in ((3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)} {unit}" if seconds < 60 * size else go_duration(seconds)
    return go_duration(seconds)


def sentence(clause: str) -> str:
    """Give a clause a capital letter and a full stop; a clause that begins with code keeps it."""
    return f"{clause[:1].upper()}{clause[1:]}."
