# SPDX-License-Identifier: Apache-2.0
"""Who a person is to a repository, as GitHub says it at the moment somebody asks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """A person's role in a repository; each includes those before it."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5

    @property
    def word(self) -> str:
        """GitHub's name of the role."""
        return self.name.lower()

    @classmethod
    def named(cls, word: str) -> Role:
        """Return the role of GitHub's name; NONE for one that is not known, such as a custom role's."""
        return next((role for role in cls if role.word == word), cls.NONE)


@dataclass(frozen=True, slots=True)
class Person:
    """A person by numeric id; `teams` holds those that matter, as `organization/slug` in small letters."""

    id: int
    login: str
    role: Role = Role.NONE
    teams: frozenset[str] = frozenset()
