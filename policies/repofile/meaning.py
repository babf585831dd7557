# SPDX-License-Identifier: Apache-2.0
"""What a well-formed file may still say wrongly, whatever the binding grants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.orders.people import Role
from policies.repofile import verbs
from policies.repofile.model import Deciders, RepositoryFile
from policies.repofile.positions import Path, Positions, shown
from policies.repofile.problem import Level, Problem
from policies.repofile.texts import nearest


def problems(model: RepositoryFile, positions: Positions) -> list[Problem]:
    """Return what contradicts itself, cannot be fulfilled, or stands there in vain."""
    found = _Finder(model, positions)
    found.instances()
    found.environments()
    found.orders()
    for path, deciders in named_deciders(model):
        found.deciders(path, deciders)
    found.repeated(("pullRequests", "images", "autoMerge"), model.pull_requests.images.auto_merge)
    return found.problems


def named_environments(model: RepositoryFile) -> Iterator[tuple[Path, str]]:
    """Find every place in which the file says something of an environment, and its name."""
    yield from ((("environments", name), name) for name in model.environments)
    for verb, order in model.orders.items():
        yield from ((("orders", verb, "environments", name), name) for name in order.environments)


def named_deciders(model: RepositoryFile) -> Iterator[tuple[Path, Deciders]]:
    """Find every place in which the file says who decides."""
    for name, environment in model.environments.items():
        yield ("environments", name), environment
    for verb, order in model.orders.items():
        yield ("orders", verb), order
        for name, rule in order.environments.items():
            yield ("orders", verb, "environments", name), rule


class _Finder:
    """Collects the problems of one file."""

    def __init__(self, model: RepositoryFile, positions: Positions) -> None:
        self._model, self._positions = model, positions
        self.problems: list[Problem] = []

    def instances(self) -> None:
        instances = self._model.instances
        homes = [name for name, instance in instances.items() if instance.home]
        if instances and not homes:
            self._key(("instances",), "no instance is home", "write home: true for the one that answers")
        for name in homes[1:]:
            said = f"{homes[0]} is home already"
            self._key(("instances", name, "home"), said, "let one instance answer")
        belongs: dict[str, str] = {}
        for name, instance in instances.items():
            path: Path = ("instances", name, "environments")
            self.repeated(path, instance.environments)
            for index, environment in enumerate(instance.environments):
                other = belongs.setdefault(environment, name)
                if other != name:
                    said = f"environment {environment} is on {other} already"
                    self._value((*path, index), said, "list it once")
        if len(instances) > 1 or belongs:
            for path, name in named_environments(self._model):
                if name not in belongs:
                    near = nearest(name, belongs)
                    remedy = f"did you mean {near}?" if near else "list it at instances.NAME.environments"
                    self._key(path, f"environment {name} is on no instance", remedy)

    def environments(self) -> None:
        for name, environment in self._model.environments.items():
            path: Path = ("environments", name)
            self.repeated((*path, "namespaces"), environment.namespaces)
            if environment.protected and environment.self_approval:
                said = "a protected environment needs somebody who has no part in the change"
                self._key((*path, "selfApproval"), said, "remove it, or the protection")

    def orders(self) -> None:
        deciding = [name for name, e in self._model.environments.items() if e.named or e.approvals]
        for verb, order in self._model.orders.items():
            path: Path = ("orders", verb)
            if order.environments and not verbs.acts(verb):
                said = f"/{verb} changes nothing, so it concerns no environment"
                self._key((*path, "environments"), said, "remove it")
            if verb not in verbs.RELEASES or not (order.named or order.approvals):
                continue
            for name in deciding:
                if name not in order.environments:
                    said = f"for {name} it does not count: environments.{name} says who decides there"
                    self._key(path, said, f"say it at orders.{verb}.environments.{name}", "warning")

    def deciders(self, path: Path, deciders: Deciders) -> None:
        """Look at who decides, and whether there can be enough approvals."""
        self.repeated((*path, "users"), deciders.users)
        self.repeated((*path, "teams"), deciders.teams)
        self._roles((*path, "roles"), deciders)
        others = deciders.roles or deciders.teams or deciders.codeowners
        users = {login.casefold() for login in deciders.users}
        if users and not others and deciders.approvals > len(users):
            said = f"only {len(users)} may approve"
            self._key((*path, "approvals"), said, "name more people, or ask for fewer approvals")

    def _roles(self, path: Path, deciders: Deciders) -> None:
        lowest = min(deciders.roles, key=Role.named, default="")
        verb = str(path[1]) if path[0] == "orders" else ""
        needed = Role.WRITE if deciders.approvals or not verb else verbs.ROLES[verb]
        what = "an approval" if deciders.approvals or not verb else f"/{verb}"
        for index, role in enumerate(deciders.roles):
            where: Path = (*path, index)
            if role != lowest:
                self._value(where, f"{lowest} includes {role}", "remove one of them", "warning")
            elif index != deciders.roles.index(role):
                self._value(where, f"{role} stands here twice", "remove one", "warning")
            elif Role.named(role) < needed:
                said = f"{what} needs the role {needed.word} whatever stands here"
                self._value(where, said, f"name {needed.word} or a higher one", "warning")

    def repeated(self, path: Path, names: Sequence[str]) -> None:
        """Name what stands in a list twice; GitHub's names are the same in small and capital letters."""
        seen: set[str] = set()
        for index, name in enumerate(names):
            if name.casefold() in seen:
                self._value((*path, index), f"{name} stands here twice", "remove one", "warning")
            seen.add(name.casefold())

    def _key(self, path: Path, message: str, remedy: str, level: Level = "failure") -> None:
        self.problems.append(Problem(self._positions.of_key(path), shown(path), message, remedy, level))

    def _value(self, path: Path, message: str, remedy: str, level: Level = "failure") -> None:
        self.problems.append(Problem(self._positions.of(path), shown(path), message, remedy, level))
