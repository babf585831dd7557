# SPDX-License-Identifier: Apache-2.0
"""Why an order is not carried out: what it takes, what there is, and who can help.

Reason and remedy are clauses in Markdown, without a capital letter or a full stop: `surface.orders.refused`
makes sentences of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from policies.orders.people import Person, Role
from policies.orders.rules import Rule
from policies.surface.markdown import code, inline
from policies.surface.words import listed, name

_FILE = code(".fairway.yaml")
_SHORT = 7  # digits of a commit id
_MOST = 8  # people and teams that are named


@dataclass(frozen=True, slots=True)
class Refused:
    """The order is not carried out."""

    reason: str
    remedy: str


def not_bound(reason: str, remedy: str) -> Refused:
    """The repository may concern nothing in this cluster; the words are those of `policies.tenancy`."""
    return Refused(inline(reason), f"who runs Fairway can change that: {inline(remedy)}")


def verb_not_bound(verb: str, namespace: str) -> Refused:
    """No binding of the repository grants the order where it would have an effect."""
    where = f" in namespace {name(namespace)}" if namespace else ""
    return Refused(
        f"this repository's RepositoryBinding does not grant {name(verb)}{where}",
        "an administrator of the cluster can add it to the binding's `spec.verbs`",
    )


def no_such_environment(wanted: str, known: Iterable[str]) -> Refused:
    """An order names an environment that the repository has not."""
    names = [name(one) for one in known]
    if not names:
        return Refused(
            f"this repository has no environment {name(wanted)}, nor any other",
            "an administrator of the cluster declares them in the RepositoryBinding's `spec.environments`",
        )
    return Refused(f"this repository has no environment {name(wanted)}", f"name {listed(names)}")


def role_too_low(actor: Person, needed: Role, *, or_author: bool) -> Refused:
    """The actor's role does not reach."""
    takes = f"it takes the role {needed.word}"
    if or_author:
        takes = f"{takes}, or being the author of this pull request"
    return Refused(
        f"{takes}; {name(actor.login)} has {_role(actor)}", f"anybody with {needed.word} can give the order"
    )


def not_by_a_stranger(actor: Person, needed: Role) -> Refused:
    """The author of a pull request from a fork of a public repository is anybody."""
    return Refused(
        "in a public repository the author of a pull request from a fork needs the role triage for it;"
        f" {name(actor.login)} has {_role(actor)}",
        f"anybody with {needed.word} can give the order",
    )


def held_by_somebody_else(actor: Person, needed: Role) -> Refused:
    """The author may take back only a hold of their own."""
    return Refused(
        "somebody else put the hold on this pull request, so taking it back takes"
        f" the role {needed.word}; {name(actor.login)} has {_role(actor)}",
        f"whoever put it, or anybody with {needed.word}, can give the order",
    )


def not_named(actor: Person, rule: Rule, environment: str) -> Refused:
    """The configuration names others."""
    return Refused(
        f"{_where(environment)}it takes {people(rule)};"
        f" {name(actor.login)} with {_role(actor)} is not among them",
        "one of them can give the order",
    )


def switched_off(verb: str, environment: str) -> Refused:
    """The configuration lets nobody give the order."""
    return Refused(
        f"{_FILE} switches {code(f'/{verb}')} off{f' in {name(environment)}' if environment else ''}",
        "a pull request that changes the file can switch it on",
    )


def configuration_unreadable(problem: str) -> Refused:
    """The configuration may have forbidden the order, but cannot be read."""
    return Refused(
        f"{_FILE} on the default branch cannot be used, so it is not known what it forbids:"
        f" {inline(problem, 200)}",
        f"mend it by a pull request, whose check says what is wrong; {code('fairway validate')} says it too",
    )


def approvals_missing(rule: Rule, environment: str, there: int) -> Refused:
    """Not enough of those who decide have approved the head."""
    wanted = "1 approval" if rule.approvals == 1 else f"{rule.approvals} approvals"
    by = f" by {people(rule)}" if rule.names_people else ""
    nobody = "" if rule.self_approval else " with no part in the change"
    return Refused(
        f"{_where(environment)}it takes {wanted} of the head{by}{nobody}, and there"
        f" {'is' if there == 1 else 'are'} {there or 'none'}",
        "such a person can approve this pull request in a review; then give the order again",
    )


def sha_missing(written: str, environment: str, head: str) -> Refused:
    """A protected environment wants the commit named."""
    return Refused(
        f"{name(environment)} is protected, so the order has to name the commit it means",
        f"look at {code(head[:_SHORT])}, then write {code(f'{written} sha={head[:_SHORT]}')}",
    )


def has_a_part(actor: Person, part: str, environment: str, rule: Rule) -> Refused:
    """A protected environment wants somebody else; `part` says what the actor did."""
    by = (
        f"one of {people(rule)} who" if rule.names_people else "somebody with the right to give the order who"
    )
    return Refused(
        f"{name(environment)} is protected, and {name(actor.login)} {part}",
        f"{by} has no part in the change can give it",
    )


def head_moved(given: str, head: str) -> Refused:
    """The order means another commit than the head."""
    return Refused(
        f"the order means {code(given[:_SHORT])}, and the head of this pull request is {code(head[:_SHORT])}",
        f"look at {code(head[:_SHORT])} and give the order again with {code(f'sha={head[:_SHORT]}')}",
    )


def people(rule: Rule) -> str:
    """Name who decides, as a list; nobody is mentioned."""
    names = [name(f"@{one}") for one in (*sorted(rule.users), *sorted(rule.teams))]
    if len(names) > _MOST:
        names = [*names[:_MOST], f"{len(names) - _MOST} more"]
    if rule.role:
        names.append(f"the role {rule.role.word}")
    if rule.code_owners:
        names.append("a code owner of all that was changed")
    return listed(names)


def _role(person: Person) -> str:
    return person.role.word if person.role else "no role"


def _where(environment: str) -> str:
    return f"in {name(environment)} " if environment else ""
