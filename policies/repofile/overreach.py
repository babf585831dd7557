# SPDX-License-Identifier: Apache-2.0
"""What a file asks for beyond what its binding grants: it has no effect, and is named with its line."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from policies.repofile.meaning import named_deciders, named_environments
from policies.repofile.model import EnvironmentRule, RepositoryFile
from policies.repofile.positions import Path, Positions, shown
from policies.repofile.problem import Level, Problem
from policies.repofile.reader import Reading
from policies.repofile.texts import nearest
from policies.tenancy import Tenant


def problems(
    tenant: Tenant, reading: Reading, *, owner: str, cluster: str, others: Collection[str]
) -> Iterator[Problem]:
    """Find what has no effect for a repository of `owner`; environments of `others` are not looked at."""
    if reading.model is None or not tenant.bound:
        return
    finder = _Finder(tenant, reading.model, reading.positions)
    yield from finder.teams(owner)
    yield from finder.instance(cluster)
    yield from finder.verbs()
    for path, name in finder.places(cluster):
        if name not in others:
            yield from finder.declared(path, name)
    for name, wanted in reading.model.environments.items():
        if name not in others:
            yield from finder.environment(name, wanted)


class _Finder:
    def __init__(self, tenant: Tenant, model: RepositoryFile, positions: Positions) -> None:
        self._tenant, self._model, self._positions = tenant, model, positions
        self._everything = any(grant.namespaces is None for grant in tenant.grants)
        self._declared = {e.name for grant in tenant.grants for e in grant.environments}
        # Where everything is granted, the file is the one to declare environments.
        self._known = self._declared | (set(model.environments) if self._everything else set())

    def teams(self, owner: str) -> Iterator[Problem]:
        """Teams of another organization can give no right here."""
        for path, deciders in named_deciders(self._model):
            for index, team in enumerate(deciders.teams):
                if not team.casefold().startswith(f"{owner.casefold()}/"):
                    where: Path = (*path, "teams", index)
                    yield self._value(where, f"{team} is no team of {owner}", f"write {owner}/TEAM")

    def instance(self, cluster: str) -> Iterator[Problem]:
        if self._model.instances and cluster not in self._model.instances:
            path: Path = ("instances",)
            said = f"{cluster}, a Fairway that serves this repository, is not among them"
            yield self._key(path, said, f"add {cluster}, or it takes no orders", "warning")

    def verbs(self) -> Iterator[Problem]:
        for verb in self._model.orders:
            if not any(grant.allows(verb) for grant in self._tenant.grants):
                said = f"the RepositoryBinding does not allow /{verb}"
                yield self._key(("orders", verb), said, "remove the rule, or ask for the order", "warning")

    def places(self, cluster: str) -> Iterator[tuple[Path, str]]:
        yield from named_environments(self._model)
        if own := self._model.instances.get(cluster):
            for index, name in enumerate(own.environments):
                yield ("instances", cluster, "environments", index), name

    def declared(self, path: Path, name: str) -> Iterator[Problem]:
        if name in self._known:
            return
        near = nearest(name, self._known)
        remedy = f"did you mean {near}?" if near else "declare it in the binding"
        if self._everything:
            remedy = f"did you mean {near}?" if near else "declare it under environments, with its namespaces"
        said = "no RepositoryBinding of this repository has this environment"
        yield self._key(path, said, remedy)

    def environment(self, name: str, wanted: EnvironmentRule) -> Iterator[Problem]:
        """Look at what the file wants of an environment that there is."""
        path: Path = ("environments", name)
        granted = self._tenant.environment(name)
        if granted is None:
            if self._everything and not wanted.namespaces:
                remedy = "list them, or declare the environment in a RepositoryBinding"
                yield self._key(path, "it has no namespaces", remedy)
            return
        for index, namespace in enumerate(wanted.namespaces):
            if not granted.covers(namespace):
                said = f"the binding does not have namespace {namespace} in {name}"
                remedy = f"it has {', '.join(sorted(granted.namespaces)) or 'none'}"
                yield self._value((*path, "namespaces", index), said, remedy)
        if granted.protected:
            yield from self._protected(path, wanted)

    def _protected(self, path: Path, wanted: EnvironmentRule) -> Iterator[Problem]:
        given = wanted.model_fields_set
        why = "the binding protects this environment"
        if "protected" in given and not wanted.protected:
            yield self._key((*path, "protected"), why, "remove the line, it has no effect")
        if wanted.self_approval:
            yield self._key((*path, "selfApproval"), why, "remove the line, it has no effect")

    def _key(self, path: Path, message: str, remedy: str, level: Level = "failure") -> Problem:
        return Problem(self._positions.of_key(path), shown(path), message, remedy, level)

    def _value(self, path: Path, message: str, remedy: str) -> Problem:
        return Problem(self._positions.of(path), shown(path), message, remedy)
