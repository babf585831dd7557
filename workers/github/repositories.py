# SPDX-License-Identifier: Apache-2.0
"""A repository itself: its number, which outlives names, its default branch, and what a branch asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from policies.budget import Urgency
from workers.github.calls import READING, Calls


@dataclass(frozen=True)
class Repository:
    """A repository as GitHub shows it.

    `squash_only` says that merge commits are known to be switched off.
    """

    id: int
    owner: str
    name: str
    default_branch: str
    private: bool
    squash_only: bool = False


class Repositories:
    """Read about repositories; every method raises GitHubError."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get(self, repository: str, *, urgency: Urgency = Urgency.FINAL) -> Repository:
        """Return `owner/name` as it is now."""
        shown = self._read(repository, "", f"show {repository}", urgency)
        return Repository(
            id=int(shown["id"]),
            owner=shown["owner"]["login"],
            name=shown["name"],
            default_branch=shown["default_branch"],
            private=bool(shown["private"]),
            squash_only=shown.get("allow_merge_commit") is False,
        )

    def required_checks(
        self, repository: str, branch: str, *, urgency: Urgency = Urgency.FINAL
    ) -> frozenset[str]:
        """Return the checks without which nothing is merged into a branch, by classic protection or rules."""
        where, what = quote(branch), f"show what protects {branch} of {repository}"
        shown = self._read(repository, f"/branches/{where}", what, urgency)
        protection: Mapping[str, Any] = shown.get("protection") or {}
        found = set((protection.get("required_status_checks") or {}).get("contexts") or [])
        rules = self._calls.pages(
            repository, f"/rules/branches/{where}", what, permissions=READING, urgency=urgency,
            conditional=True,
        )  # fmt: skip
        for rule in rules:
            if rule["type"] == "required_status_checks":
                found |= {one["context"] for one in rule["parameters"]["required_status_checks"]}
        return frozenset(found)

    def _read(self, repository: str, path: str, what: str, urgency: Urgency) -> Any:
        return self._calls.call(
            "GET", repository, path, what, permissions=READING, urgency=urgency, conditional=True
        )
