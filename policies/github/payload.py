# SPDX-License-Identifier: Apache-2.0
"""Values out of a webhook's payload, each checked for its type and shape.

What a payload holds was written by whoever could make GitHub send it: owner and name end up in URLs, ref and
sha in git's arguments. A message names the field and never its value, which may be megabytes, or made to look
good in a log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from policies.errors import FairwayError

SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# Whoever owns repositories. Who only writes may be an App, or so old that the name begins with a hyphen.
OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
LOGIN = re.compile(r"[A-Za-z0-9_-]{1,100}(\[bot\])?")
REPOSITORY = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
# As `git check-ref-format` has it, in one line: no control characters, blanks or ~^:?*[\, no .., @{, //,
# no component that begins with a dot or ends in .lock, no dot or slash at the end.
REF = re.compile(
    r"(?!.*(\.\.|@\{|//|/\.|\.lock(/|$)|[./]$))refs/(heads|tags)/(?!\.)[^\x00-\x20\x7f~^:?*\[\\]{1,1000}"
)
WORD = re.compile(r"[a-z_]{1,60}")

Payload = Mapping[str, Any]
T = TypeVar("T")


class MalformedEvent(FairwayError):
    """A known event lacks what GitHub documents for it."""

    retryable = False


def value(payload: Any, kind: type[T], *path: str) -> T:
    """Return what lies at a path; raises MalformedEvent when it is missing or of another type."""
    for depth, key in enumerate(path, 1):
        if not isinstance(payload, dict) or key not in payload:
            raise MalformedEvent(f"{'.'.join(path[:depth])} is missing")
        payload = payload[key]
    # In Python a bool is an int; in JSON it is not.
    if not isinstance(payload, kind) or (kind is int and isinstance(payload, bool)):
        raise MalformedEvent(f"{'.'.join(path)} is not of the type that GitHub documents")
    return payload


def number(payload: Payload, *path: str) -> int:
    """Return an id or a pull request's number."""
    found = value(payload, int, *path)
    if not 0 < found < 2**63:
        raise MalformedEvent(f"{'.'.join(path)} is no id")
    return found


def text(payload: Payload, shape: re.Pattern[str], *path: str) -> str:
    """Return a text of a given shape."""
    found = value(payload, str, *path)
    if not shape.fullmatch(found):
        raise _misshapen(path)
    return found


def prose(payload: Payload, longest: int, *path: str) -> str:
    """Return what somebody wrote, of any shape and at most so many characters."""
    found = value(payload, str, *path)
    if len(found) > longest:
        raise _misshapen(path)
    return found


def branch(payload: Payload, *path: str) -> str:
    """Return the short name of a branch."""
    found = value(payload, str, *path)
    if not REF.fullmatch(f"refs/heads/{found}"):
        raise _misshapen(path)
    return found


def present(payload: Any, *path: str) -> bool:
    """Tell whether there is something else than null at a path."""
    for key in path:
        payload = payload.get(key) if isinstance(payload, dict) else None
    return payload is not None


def optional(read: Callable[[], T], payload: Payload, *path: str) -> T | None:
    """Read what GitHub documents as null or missing at times."""
    return read() if present(payload, *path) else None


def _misshapen(path: tuple[str, ...]) -> MalformedEvent:
    return MalformedEvent(f"{'.'.join(path)} is not as GitHub documents it")
