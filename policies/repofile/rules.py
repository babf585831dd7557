# SPDX-License-Identifier: Apache-2.0
"""What a repository's file asks for beyond the defaults: who decides on an order, and how many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class Rule:
    """Who decides on an order: whoever is named by one of users, teams, role and code owners.

    Logins and teams (`organization/slug`) are in small letters, `role` is the least one. With `approvals`, so
    many of these people have to have approved the head, and anybody with the default right may give the
    order; without, one of them gives it. With `self_approval` those count too who have a part in the change.
    With `off` nobody decides, so the order is not given at all.
    """

    users: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    role: Role | None = None
    code_owners: bool = False
    approvals: int = 0
    self_approval: bool = False
    off: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a repository: by order, and by order and environment."""

    orders: Mapping[str, Rule] = field(default_factory=dict)
    environments: Mapping[tuple[str, str], Rule] = field(default_factory=dict)

    def rule(self, verb: str, environment: str) -> Rule:
        """Return the rule that counts: the environment's if it has one, else the order's, else an empty."""
        return self.environments.get((verb, environment)) or self.orders.get(verb) or Rule()
