# SPDX-License-Identifier: Apache-2.0
"""GitHub's events as a closed set of values; nothing past this module sees raw JSON.

What a payload holds was written by whoever could make GitHub send it, so every value is checked for its
type and shape here: owner and name end up in URLs, ref and sha in git's arguments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from policies.errors import FairwayError

KNOWN = frozenset({"push", "ping", "installation", "installation_repositories"})

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LOGIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
_REPOSITORY = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
# As `git check-ref-format` has it, in one line: no control characters, blanks or ~^:?*[\, no .., @{, //,
# no component that begins with a dot or ends in .lock, no dot or slash at the end.
_REF = re.compile(
    r"(?!.*(\.\.|@\{|//|/\.|\.lock(/|$)|[./]$))refs/(heads|tags)/(?!\.)[^\x00-\x20\x7f~^:?*\[\\]{1,1000}"
)
_ACTION = re.compile(r"[a-z_]{1,60}")

T = TypeVar("T")


class MalformedEvent(FairwayError):
    """A known event lacks what GitHub documents for it."""

    retryable = False


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as an event names it; the numeric id outlives renames."""

    id: int
    owner: str
    name: str
    private: bool

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class Push:
    """A ref moved: from `before` to `after`, all zeros standing for "was not there"."""

    repository: Repository
    installation_id: int | None
    ref: str
    before: str
    after: str

    @property
    def account(self) -> str:
        return self.repository.owner

    @property
    def deleted(self) -> bool:
        return set(self.after) == {"0"}


@dataclass(frozen=True, slots=True)
class Ping:
    """GitHub asks whether we are there."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The App was installed, removed, suspended, or given other repositories."""

    id: int
    account: str
    action: str


Event = Push | Ping | Installation


def parse(name: str, payload: Any) -> Event | None:
    """Turn an event into a value; None for one we do not know. Raises MalformedEvent."""
    if not isinstance(payload, dict):
        raise MalformedEvent("the payload is not a JSON object")
    match name:
        case "push":
            return _push(payload)
        case "ping":
            return Ping()
        case "installation" | "installation_repositories":
            return _installation(payload)
        case _:
            return None


def _push(payload: Mapping[str, Any]) -> Push:
    installation = payload.get("installation")
    return Push(
        repository=_repository(payload),
        # Missing where a repository's own webhook, not an App's, sent it.
        installation_id=None if installation is None else _id(payload, "installation", "id"),
        ref=_text(payload, _REF, "ref"),
        before=_text(payload, _SHA, "before"),
        after=_text(payload, _SHA, "after"),
    )


def _repository(payload: Mapping[str, Any]) -> Repository:
    owner = _value(payload, dict, "repository", "owner")
    # An organization's `owner` in a push has both; older servers send only `name`.
    key = "login" if "login" in owner else "name"
    return Repository(
        id=_id(payload, "repository", "id"),
        owner=_text(payload, _LOGIN, "repository", "owner", key),
        name=_text(payload, _REPOSITORY, "repository", "name"),
        private=_value(payload, bool, "repository", "private"),
    )


def _installation(payload: Mapping[str, Any]) -> Installation:
    account = _value(payload, dict, "installation", "account")
    # An enterprise is an account with a slug instead of a login.
    key = "login" if "login" in account else "slug"
    return Installation(
        id=_id(payload, "installation", "id"),
        account=_text(payload, _LOGIN, "installation", "account", key),
        action=_text(payload, _ACTION, "action"),
    )


def _id(payload: Mapping[str, Any], *path: str) -> int:
    found = _value(payload, int, *path)
    if not 0 < found < 2**63:
        raise MalformedEvent(f"{'.'.join(path)} is no id")
    return found


def _text(payload: Mapping[str, Any], shape: re.Pattern[str], *path: str) -> str:
    found = _value(payload, str, *path)
    if not shape.fullmatch(found):
        # The value itself may be megabytes, or made to look good in a log.
        raise MalformedEvent(f"{'.'.join(path)} is not as GitHub documents it")
    return found


def _value(payload: Any, kind: type[T], *path: str) -> T:
    for depth, key in enumerate(path, 1):
        if not isinstance(payload, dict) or key not in payload:
            raise MalformedEvent(f"{'.'.join(path[:depth])} is missing")
        payload = payload[key]
    # In Python a bool is an int; in JSON it is not.
    if not isinstance(payload, kind) or (kind is int and isinstance(payload, bool)):
        raise MalformedEvent(f"{'.'.join(path)} is not of the type that GitHub documents")
    return payload
