# SPDX-License-Identifier: Apache-2.0
"""What a repository's configuration asks for beyond the defaults: who decides, and how many."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from policies.orders.people import Person, Role


@dataclass(frozen=True, slots=True)
class Rule:
    """Who decides on an order: whoever is named by one of users, teams, role and code owners.

    Logins and teams (`organization/slug`) are in small letters, `role` is the least one. With `approvals`, so
    many of these people have to have approved the head, and anybody with the default right may give the
    order; without, one of them gives it. With `self_approval` those count too who have a part in the change.
    With `off` nobody gives it.
    """

    users: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    role: Role | None = None
    code_owners: bool = False
    approvals: int = 0
    self_approval: bool = False
    off: bool = False

    @property
    def names_people(self) -> bool:
        return bool(self.users or self.teams or self.role or self.code_owners)

    def counts(self, person: Person, owners: Collection[frozenset[str]]) -> bool:
        """Tell whether a person decides; `owners` are the code owners of each changed path that has some."""
        return (
            not self.names_people
            or person.login.lower() in self.users
            or bool(self.teams & person.teams)
            or (self.role is not None and person.role >= self.role)
            or (self.code_owners and owns_all(person, owners))
        )


def owns_all(person: Person, owners: Collection[frozenset[str]]) -> bool:
    """Tell whether a person is among the owners of every path that has some; of none at all nobody is."""
    own = person.teams | {person.login.lower()}
    return bool(owners) and all(own & of_one for of_one in owners)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a repository: by order, and by order and environment."""

    orders: Mapping[str, Rule] = field(default_factory=dict)
    environments: Mapping[tuple[str, str], Rule] = field(default_factory=dict)

    def rule(self, verb: str, environment: str) -> Rule:
        """Return the rule that counts: the environment's if it has one, else the order's, else an empty."""
        return self.environments.get((verb, environment)) or self.orders.get(verb) or Rule()
