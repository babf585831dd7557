# SPDX-License-Identifier: Apache-2.0
"""Which updates share a pull request, and what its branch is called.

A branch's name stays the same from one version to the next, so that a newer one takes the older one's place.
All branches of ours have the same number of parts: Git cannot have one that is a folder of another.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from policies.images.updates import Step, Update, largest
from policies.rollback import Reader

By = Literal["policy", "application", "all"]

BRANCHES = "fairway/images/"
_LONGEST = 80  # characters of a part
_LONGEST_NAME = 63 + 1 + 253  # of a namespace and of an object in it: whose branch it is is read from there
_UNSAFE = re.compile(r"[^0-9A-Za-z_.-]+|\.\.+|^[.-]+|[.-]+$|\.lock$")
_AUTOMATION = re.compile(r"([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\.([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)")


@dataclass(frozen=True, slots=True)
class Group:
    """What one pull request proposes, and why it is one: the policy, the application, or nothing for all."""

    by: By
    name: str
    updates: tuple[Update, ...]

    @property
    def step(self) -> Step:
        """Return its largest step."""
        return largest(update.step for update in self.updates)

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the files that change, in order and each once."""
        return tuple(sorted({path for update in self.updates for path in update.paths}))

    @property
    def versions(self) -> dict[str, str]:
        """Return what is proposed, by policy."""
        return {update.policy: update.version for update in self.updates}


def group(updates: Iterable[Update], by: By, applications: Mapping[str, str]) -> tuple[Group, ...]:
    """Put updates together, in the order of their names.

    `applications` names the application of a path; a path that is not in it belongs to its folder. A policy
    whose image stands in two applications is in both groups, in each with the values there.
    """
    found: dict[str, list[Update]] = {}
    for update in sorted(updates, key=lambda update: update.policy):
        for name, part in _parts(update, by, applications):
            found.setdefault(name, []).append(part)
    return tuple(Group(by, name, tuple(parts)) for name, parts in sorted(found.items()))


def _parts(update: Update, by: By, applications: Mapping[str, str]) -> list[tuple[str, Update]]:
    if by != "application":
        return [(update.policy if by == "policy" else "", update)]
    names: dict[str, list[int]] = {}
    for index, change in enumerate(update.changes):
        name = applications.get(change.path) or posixpath.dirname(change.path) or "."
        names.setdefault(name, []).append(index)
    return [
        (name, replace(update, changes=tuple(update.changes[index] for index in indexes)))
        for name, indexes in names.items()
    ]


def applications(paths: Iterable[str], readers: Mapping[str, Reader]) -> dict[str, str]:
    """Name the Kustomization (`namespace/name`) of each path that is read by exactly one.

    What several read, a base, belongs to none of them.
    """
    found = {}
    for path in paths:
        names = [name for name, reader in readers.items() if reader.reads_file(path, comes_or_goes=False)]
        if len(names) == 1:
            found[path] = names[0]
    return found


def branch(namespace: str, automation: str, group: Group) -> str:
    """Name the branch of a group of an ImageUpdateAutomation."""
    kind = {"policy": "policy", "application": "app", "all": "all"}[group.by]
    name = group.name.partition(":")[2] if group.by == "policy" else group.name
    own = f"{kind}-{_slug(name)}" if name else kind
    return f"{folder(namespace, automation)}{own}"


def folder(namespace: str, automation: str) -> str:
    """Return what the branches of an ImageUpdateAutomation begin with, and no others do."""
    return f"{BRANCHES}{_slug(f'{namespace}.{automation}', _LONGEST_NAME)}/"


def branches(namespace: str, automation: str, wanted: Group, applications: Mapping[str, str]) -> list[str]:
    """Name the branches on which what a group proposes may have been proposed, however it was grouped."""
    groups = [wanted, *(one for by in get_args(By) for one in group(wanted.updates, by, applications))]
    return list(dict.fromkeys(branch(namespace, automation, one) for one in groups))


def automation_of(head: str) -> tuple[str, str] | None:
    """Return namespace and name of the automation that a branch belongs to; None for another branch."""
    parts = head.removeprefix(BRANCHES).split("/")
    if not head.startswith(BRANCHES) or len(parts) != 2 or not parts[1]:
        return None
    found = _AUTOMATION.fullmatch(parts[0])
    return (found[1], found[2]) if found else None


def _slug(text: str, longest: int = _LONGEST) -> str:
    """Write a text as one part of a branch's name; one that had to be changed gets a digest of its own."""
    safe = _UNSAFE.sub("-", text).strip("-")[:longest].rstrip("-.")
    if safe == text:
        return safe
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{safe}-{digest}" if safe else digest
