# SPDX-License-Identifier: Apache-2.0
"""What the text of a pull request for images is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from policies.field_diff import Field
from policies.images.grouping import Group
from policies.images.setters import Change
from policies.images.updates import Step, Update, split
from policies.kinds import ImagePolicy


@dataclass(frozen=True, slots=True)
class Row:
    """An image in the table: the versions that it replaces, when it was made (RFC 3339, or empty)."""

    image: str
    old: tuple[str, ...]
    new: str
    made: str
    digest: str
    policy: str
    rule: str


@dataclass(frozen=True, slots=True)
class Changed:
    """An object that is rendered otherwise, or only once (`new`, `gone`)."""

    name: str
    fields: tuple[Field, ...] = ()
    how: Literal["changed", "new", "gone"] = "changed"


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a Kustomization (`namespace/name`) renders otherwise; `failed` says why that is not known."""

    name: str
    objects: tuple[Changed, ...] = ()
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """What the makers of an image say of its version; without a text there is only the address."""

    image: str
    name: str
    address: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Gates:
    """What holds for a pull request; `people_merge` says why no rule does, empty when one does."""

    minimum_age: str = ""
    windows: tuple[str, ...] = ()
    people_merge: str = ""
    step: Step = "other"
    environments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """All of a text; `changes` are the values in the files, `unrendered` why nothing was rendered at all."""

    rows: tuple[Row, ...]
    changes: tuple[Change, ...]
    gates: Gates
    rendered: tuple[Rendered, ...] = ()
    releases: tuple[Release, ...] = ()
    unrendered: str = ""


def old_versions(update: Update) -> tuple[str, ...]:
    """Return what the values of an update were, each once: tags where that is what they say."""
    found = (_old(change) for change in update.changes)
    return tuple(dict.fromkeys(version for version in found if version))


def _old(change: Change) -> str:
    if change.part in ("name", "digest"):
        return ""
    return split(change.old)[1] if change.part == "image" else change.old


def rule(policy: ImagePolicy) -> str:
    """Say in a clause what a policy takes, to go on "takes …"."""
    choice, tags = policy.spec.policy, policy.spec.filter_tags
    if choice.semver is not None:
        said = f"the highest version in {choice.semver.range}"
    else:
        ordering = choice.alphabetical or choice.numerical
        last = ordering is None or (ordering.order or "asc") == "asc"
        by = "by the alphabet" if choice.alphabetical is not None else "by number"
        said = f"the {'last' if last else 'first'} tag {by}"
    return f"{said}, of the tags like {tags.pattern}" if tags and tags.pattern else said


def paths_of(groups: Iterable[Group]) -> Sequence[str]:
    """Return the files that groups change, in order and each once."""
    return sorted({path for group in groups for update in group.updates for path in update.paths})
