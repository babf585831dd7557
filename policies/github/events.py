# SPDX-License-Identifier: Apache-2.0
"""GitHub's events as a closed set of values; nothing past this module sees raw JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policies.errors import FairwayError

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


class MalformedEvent(FairwayError):
    """A known event lacks what GitHub documents for it."""


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
    if not isinstance(payload, Mapping):
        raise MalformedEvent("the payload is not a JSON object")
    try:
        match name:
            case "push":
                return _push(payload)
            case "ping":
                return Ping()
            case "installation" | "installation_repositories":
                found = payload["installation"]
                return Installation(int(found["id"]), str(found["account"]["login"]), str(payload["action"]))
            case _:
                return None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedEvent(f"the {name} event lacks or garbles {error}") from None


def _push(payload: Mapping[str, Any]) -> Push:
    before, after = str(payload["before"]), str(payload["after"])
    if not (_SHA.fullmatch(before) and _SHA.fullmatch(after)):
        raise ValueError("before or after")
    ref = str(payload["ref"])
    if not ref.startswith("refs/") or len(ref) > 1024 or any(ord(c) < 32 for c in ref):
        raise ValueError("ref")
    installation = payload.get("installation") or {}
    return Push(
        repository=_repository(payload["repository"]),
        installation_id=int(installation["id"]) if "id" in installation else None,
        ref=ref,
        before=before,
        after=after,
    )


def _repository(found: Mapping[str, Any]) -> Repository:
    owner = found["owner"].get("login") or found["owner"]["name"]
    name = found["name"]
    if not (_NAME.fullmatch(owner) and _NAME.fullmatch(name)) or name in (".", ".."):
        raise ValueError("repository")
    return Repository(int(found["id"]), owner, name, private=bool(found.get("private", True)))
