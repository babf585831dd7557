# SPDX-License-Identifier: Apache-2.0
"""Which GitHub repository may concern which part of the cluster.

In `strict` tenancy only RepositoryBindings say so, by the repository's number: names may change hands. In
`single` tenancy every repository of the accounts we serve is bound to everything besides. A repository may
have several bindings; each grants its verbs and its way to write in its own namespaces and nowhere else.
Without a binding a source still reconciles with its own credentials; it gets no token of ours, no status
and no order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from policies.kinds import RepositoryBinding


class Write(IntEnum):
    """What Fairway may do to a repository; each includes those before it."""

    NONE = 0
    PR = 1
    MERGE = 2


@dataclass(frozen=True, slots=True)
class Environment:
    """A part of the cluster that orders name."""

    name: str
    namespaces: frozenset[str]
    protected: bool

    def covers(self, namespace: str) -> bool:
        return namespace in self.namespaces


@dataclass(frozen=True, slots=True)
class Grant:
    """One binding: namespaces (None: all), way to write, verbs (None: all) and environments."""

    namespaces: frozenset[str] | None
    write: Write = Write.PR
    verbs: frozenset[str] | None = None
    environments: tuple[Environment, ...] = ()

    def covers(self, namespace: str) -> bool:
        return self.namespaces is None or namespace in self.namespaces

    def allows(self, verb: str) -> bool:
        return self.verbs is None or verb in self.verbs


EVERYTHING = Grant(namespaces=None)


@dataclass(frozen=True, slots=True)
class Tenant:
    """All that one repository is granted; when that is nothing, `reason` says why and `remedy` what to do."""

    grants: tuple[Grant, ...] = ()
    reason: str = ""
    remedy: str = ""

    @property
    def bound(self) -> bool:
        return bool(self.grants)

    def covers(self, namespace: str) -> bool:
        """Tell whether objects of a namespace are the repository's concern."""
        return any(grant.covers(namespace) for grant in self.grants)

    def may(self, verb: str, namespace: str) -> bool:
        """Tell whether an order given in the repository may concern a namespace."""
        return any(grant.covers(namespace) and grant.allows(verb) for grant in self.grants)

    def write(self, namespace: str) -> Write:
        """Return what may be done to the repository for the sake of objects in a namespace."""
        return max((grant.write for grant in self.grants if grant.covers(namespace)), default=Write.NONE)

    def write_in(self, environment: Environment) -> Write:
        """Return what may be done to the repository for an environment: for all of its namespaces alike."""
        return min(map(self.write, environment.namespaces), default=Write.NONE)

    @property
    def environment_names(self) -> list[str]:
        return sorted({e.name for grant in self.grants for e in grant.environments})

    def environment(self, name: str) -> Environment | None:
        """Return an environment by name; where bindings differ, namespaces add up and protection wins."""
        found = [e for grant in self.grants for e in grant.environments if e.name == name]
        if not found:
            return None
        namespaces = frozenset[str]().union(*(e.namespaces for e in found))
        return Environment(name, namespaces, any(e.protected for e in found))

    def environments(self, namespace: str) -> list[Environment]:
        """Return the environments a namespace belongs to, by name."""
        found = [environment for name in self.environment_names if (environment := self.environment(name))]
        return [environment for environment in found if environment.covers(namespace)]


def tenant(
    owner: str,
    repository_id: int,
    *,
    served: bool,
    tenancy: Literal["single", "strict"],
    bindings: Iterable[RepositoryBinding] = (),
) -> Tenant:
    """Return what a repository is granted; `owner` is its account as GitHub says it now.

    `served` tells whether we serve that account at all: one we do not gets nothing, whatever a binding says,
    because anybody can install a public App and send validly signed events.
    """
    if not served:
        return Tenant(
            reason=f"account {owner} is not served here",
            remedy=f"add {owner} to FAIRWAY_GITHUB_ACCOUNTS if it is to be",
        )
    implied = (EVERYTHING,) if tenancy == "single" else ()
    declared = tuple(_grant(binding) for binding in bindings if _binds(binding, repository_id))
    if not implied and not declared:
        return Tenant(
            reason=f"no RepositoryBinding names repository {repository_id} of {owner}",
            remedy=f"create one with spec.repository.id {repository_id}, or set FAIRWAY_TENANCY=single",
        )
    return Tenant(implied + declared)


def _binds(binding: RepositoryBinding, repository_id: int) -> bool:
    return binding.spec.repository.id == repository_id and not binding.metadata.deletion_timestamp


def _grant(binding: RepositoryBinding) -> Grant:
    spec = binding.spec
    own = frozenset(spec.namespaces)
    return Grant(
        namespaces=own,
        write=Write[(spec.write or "pr").upper()],
        verbs=None if spec.verbs is None else frozenset(spec.verbs),
        environments=tuple(
            # The schema lets an environment name only the binding's own namespaces; nor do we trust it alone.
            Environment(
                e.name, own if e.namespaces is None else own & frozenset(e.namespaces), bool(e.protected)
            )
            for e in spec.environments or ()
        ),
    )
