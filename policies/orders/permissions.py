# SPDX-License-Identifier: Apache-2.0
"""Whether an order is carried out: decided when it is, from what GitHub and the cluster say at that moment.

`decide` reads as docs/orders.md does. The binding says which orders there are and where; the defaults of the
registry say who may give them; the repository's configuration asks for more; a protected environment wants a
commit and somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from policies.orders.people import Person, Role
from policies.orders.registry import Command, Guard
from policies.orders.rules import Rule, Rules
from policies.surface import refusals
from policies.surface.refusals import Refused
from policies.tenancy import Environment, Tenant


@dataclass(frozen=True, slots=True)
class Change:
    """The pull request an order was given in.

    `committers` wrote or pushed a commit of it, `ordered_by` had Fairway open it; all by numeric id.
    `merge_sha` is what was merged, if it is. `owners` are the code owners of each changed path that has some,
    and `approvals` the people who approved exactly this head.
    """

    author: int | None
    head_sha: str
    committers: frozenset[int] = frozenset()
    ordered_by: int | None = None
    merge_sha: str = ""
    from_fork: bool = False
    owners: tuple[frozenset[str], ...] = ()
    approvals: tuple[Person, ...] = ()

    def part_of(self, person: Person) -> str:
        """Say what a person has to do with the change; empty when nothing."""
        if person.id == self.author:
            return "is the author of this pull request"
        if person.id in self.committers:
            return "wrote or pushed commits of this pull request"
        return "ordered this pull request" if person.id == self.ordered_by else ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision is made on.

    `environment` and `sha` are as the order names them, empty when it does not. `namespaces` are those of the
    objects that an order without an environment concerns. `holder` is the id of whoever gave the lock or hold
    that the order takes back: None when there is none, 0 when nobody knows. `unreadable` says why the
    repository's configuration cannot be read; empty when it can, or there is none. What `only_closes` a pull
    request changes nothing that runs, so no environment has a say in it.
    """

    command: Command
    actor: Person
    tenant: Tenant
    change: Change
    rules: Rules = field(default_factory=Rules)
    unreadable: str = ""
    environment: str = ""
    sha: str = ""
    namespaces: frozenset[str] = frozenset()
    holder: int | None = None
    public: bool = False
    only_closes: bool = False


@dataclass(frozen=True, slots=True)
class Allowed:
    """The order is carried out, in these namespaces."""

    namespaces: frozenset[str]


def decide(facts: Facts) -> Allowed | Refused:
    """Say whether an order is carried out, and if not, why not and who can help.

    One that names no environment and concerns objects of some has to satisfy their rules too.
    """
    tenant = facts.tenant
    # Without a binding the repository concerns nothing here.
    if not tenant.bound:
        return refusals.not_bound(tenant.reason, tenant.remedy)
    # An environment is one of the binding's.
    named = tenant.environment(facts.environment) if facts.environment else None
    if facts.environment and named is None:
        return refusals.no_such_environment(facts.environment, tenant.environment_names)
    namespaces = named.namespaces if named else facts.namespaces
    where = [] if facts.only_closes else touched(tenant, namespaces)
    for environment in [named] if named else [None, *where]:
        if refused := _refusal(facts, environment, namespaces):
            return refused
    return Allowed(namespaces)


def touched(tenant: Tenant, namespaces: Iterable[str]) -> list[Environment]:
    """Return the environments that some of these namespaces belong to, by name."""
    found = {one.name: one for namespace in namespaces for one in tenant.environments(namespace)}
    return [found[name] for name in sorted(found)]


def _refusal(facts: Facts, environment: Environment | None, namespaces: frozenset[str]) -> Refused | None:
    command, tenant, change = facts.command, facts.tenant, facts.change
    where = environment.name if environment else ""
    # What has an effect is granted by the binding in every namespace where it has one.
    if command.acts and (refused := _not_granted(command, tenant, namespaces)):
        return refused
    # The actor has the role, or is the author of the pull request where that is enough.
    if refused := _role(facts):
        return refused
    # A configuration that cannot be read may have forbidden anything.
    if command.acts and facts.unreadable:
        return refusals.configuration_unreadable(facts.unreadable)
    # The configuration names who decides: they give the order, or have approved the head.
    rule = facts.rules.rule(command.name, where)
    if rule.off:
        return refusals.switched_off(command.name, where)
    approvals = [person for person in change.approvals if _approves(person, rule, change)]
    if not rule.approvals and not rule.counts(facts.actor, change.owners):
        return refusals.not_named(facts.actor, rule, where)
    if len(approvals) < rule.approvals:
        return refusals.approvals_missing(rule, where, len(approvals))
    # A protected environment wants a commit named, and somebody who has no part in the change.
    if environment and environment.protected and (refused := _guard(facts, rule, environment, approvals)):
        return refused
    # A commit that is named is the head, or what became of it.
    if facts.sha and not any(sha.startswith(facts.sha) for sha in (change.head_sha, change.merge_sha)):
        return refusals.head_moved(facts.sha, change.head_sha)
    return None


def _not_granted(command: Command, tenant: Tenant, namespaces: frozenset[str]) -> Refused | None:
    if not any(grant.allows(command.name) for grant in tenant.grants):
        return refusals.verb_not_bound(command.name, "")
    for namespace in sorted(namespaces):
        if not tenant.may(command.name, namespace):
            return refusals.verb_not_bound(command.name, namespace)
    return None


def _role(facts: Facts) -> Refused | None:
    command, actor, change = facts.command, facts.actor, facts.change
    if actor.role >= command.role:
        return None
    if not command.author or actor.id != change.author:
        return refusals.role_too_low(actor, command.role, or_author=command.author)
    if facts.public and change.from_fork and actor.role < Role.TRIAGE:
        return refusals.not_by_a_stranger(actor, command.role)
    if facts.holder not in (None, actor.id):
        return refusals.held_by_somebody_else(actor, command.role)
    return None


def _approves(person: Person, rule: Rule, change: Change) -> bool:
    """Tell whether an approval counts; as for GitHub, it takes the role write."""
    part = not rule.self_approval and change.part_of(person)
    return person.role >= Role.WRITE and not part and rule.counts(person, change.owners)


def _guard(facts: Facts, rule: Rule, environment: Environment, approvals: list[Person]) -> Refused | None:
    command, change = facts.command, facts.change
    if command.guard is Guard.PINNED and not facts.sha:
        written = f"/{command.name} {environment.name}" if command.takes_environment else f"/{command.name}"
        return refusals.sha_missing(written, environment.name, change.head_sha)
    if command.guard is Guard.NONE or rule.self_approval or (rule.approvals and approvals):
        return None
    # Whoever locked it may unlock it.
    part = change.part_of(facts.actor) if facts.holder != facts.actor.id else ""
    return refusals.has_a_part(facts.actor, part, environment.name, rule) if part else None
