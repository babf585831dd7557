# SPDX-License-Identifier: Apache-2.0
"""What a repository is granted once its own file has narrowed it.

The file can only take away. What it tries to add is named as a problem and has no effect; a list of which
nothing is left grants nothing, rather than everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from policies.orders.people import Role
from policies.orders.rules import Rule, Rules
from policies.repofile import model as file
from policies.repofile import overreach, verbs
from policies.repofile.meaning import named_deciders
from policies.repofile.problem import Problem, in_order
from policies.repofile.reader import Reading
from policies.tenancy import Environment, Grant, Tenant


@dataclass(frozen=True, slots=True)
class Shows:
    """What Fairway writes on GitHub for a repository."""

    comment: bool = True
    checks: bool = True
    deployments: bool = True
    status_per_object: bool = False


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What this Fairway may do for a repository, with the rules for its orders.

    `tenant` is the grant with its environments as the file leaves them. `home` says whether this instance
    answers /help, /status and mistakes; one that is not `listed` obeys no order; `others` are the
    environments of other instances, which obey the orders for them. With `unreadable`, the first thing that
    keeps the file from being read, no order may act: what it wanted to forbid cannot be known. `teams` are
    those in which membership is to be asked for; the rules may name others, in which nobody is. `images` is
    how new images become pull requests, None where the file says nothing of it.
    """

    tenant: Tenant
    home: bool = True
    listed: bool = True
    others: frozenset[str] = frozenset()
    shows: Shows = Shows()
    unreadable: Problem | None = None
    problems: tuple[Problem, ...] = ()
    rules: Rules = field(default_factory=Rules)
    teams: frozenset[str] = frozenset()
    images: file.Images | None = None


def narrow(tenant: Tenant, reading: Reading, *, owner: str, cluster: str) -> Narrowed:
    """Narrow what a repository of `owner` is granted in a cluster by the file of its default branch."""
    model = reading.model
    if model is None:
        first = next(problem for problem in reading.problems if problem.level == "failure")
        home = reading.home in ("", cluster)
        return Narrowed(tenant, home=home, unreadable=first, problems=reading.problems)
    others = _others(model, cluster)
    left = _narrowed(tenant, model, others)
    found = overreach.problems(tenant, reading, owner=owner, cluster=cluster, others=others)
    return Narrowed(
        tenant=left,
        home=not model.instances or reading.home == cluster,
        listed=not model.instances or cluster in model.instances,
        others=others,
        shows=_shows(model.pull_requests),
        problems=in_order([*reading.problems, *found]),
        rules=_rules(left, model),
        teams=_teams(model, owner),
        images=_images(model.pull_requests),
    )


def _others(model: file.RepositoryFile, cluster: str) -> frozenset[str]:
    return frozenset(
        environment
        for name, instance in model.instances.items()
        if name != cluster
        for environment in instance.environments
    )


def _narrowed(tenant: Tenant, model: file.RepositoryFile, others: frozenset[str]) -> Tenant:
    declared = {e.name for grant in tenant.grants for e in grant.environments}
    return replace(
        tenant,
        grants=tuple(
            replace(
                grant,
                environments=(
                    *(_environment(e, model) for e in grant.environments if e.name not in others),
                    *_own(grant, model, declared | others),
                ),
            )
            for grant in tenant.grants
        ),
    )


def _environment(environment: Environment, model: file.RepositoryFile) -> Environment:
    wanted = model.environments.get(environment.name)
    if wanted is None:
        return environment
    namespaces = environment.namespaces
    if wanted.namespaces:
        namespaces &= frozenset(wanted.namespaces)
    return Environment(environment.name, namespaces, environment.protected or wanted.protected)


def _own(grant: Grant, model: file.RepositoryFile, taken: set[str] | frozenset[str]) -> Iterable[Environment]:
    """Return the environments that the file declares itself, as it may where everything is granted."""
    if grant.namespaces is None:
        for name, wanted in model.environments.items():
            if name not in taken:
                yield Environment(name, frozenset(wanted.namespaces), wanted.protected)


def _rules(tenant: Tenant, model: file.RepositoryFile) -> Rules:
    """Return the rules by order, and by order and environment where the file says something of both."""
    orders = {verb: _rule(order, off=order.off) for verb, order in model.orders.items()}
    found: dict[tuple[str, str], Rule] = {}
    for verb in {*model.orders, *verbs.RELEASES}:
        own = model.orders.get(verb, file.Order()).environments
        for name in {*own, *model.environments}:
            environment = model.environments.get(name, file.EnvironmentRule())
            granted = tenant.environment(name)
            rule = orders.get(verb, Rule())
            if name in own:
                rule = _rule(own[name], off=own[name].off)
            elif verb in verbs.RELEASES and (environment.named or environment.approvals):
                rule = _rule(environment, off=rule.off)
            protected = environment.protected or (granted is not None and granted.protected)
            rule = replace(rule, self_approval=environment.self_approval and not protected)
            if rule != orders.get(verb, Rule()):
                found[verb, name] = rule
    return Rules(orders, found)


def _rule(deciders: file.Deciders, *, off: bool) -> Rule:
    return Rule(
        users=frozenset(login.casefold() for login in deciders.users),
        teams=frozenset(team.casefold() for team in deciders.teams),
        role=min(map(Role.named, deciders.roles), default=None),
        code_owners=deciders.codeowners,
        approvals=deciders.approvals,
        off=off,
    )


def _teams(model: file.RepositoryFile, owner: str) -> frozenset[str]:
    teams = {team.casefold() for _, deciders in named_deciders(model) for team in deciders.teams}
    return frozenset(team for team in teams if team.startswith(f"{owner.casefold()}/"))


def _shows(wanted: file.PullRequests) -> Shows:
    return Shows(wanted.comment, wanted.checks, wanted.deployments, wanted.statuses.per_object)


def _images(wanted: file.PullRequests) -> file.Images | None:
    return wanted.images if "images" in wanted.model_fields_set else None
