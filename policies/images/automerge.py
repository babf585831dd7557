# SPDX-License-Identifier: Apache-2.0
"""Whether a pull request for images is merged without anybody asking; policies.merging says if it may be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from policies.images.declined import NAME, Declined, covering
from policies.images.grouping import Group
from policies.images.setters import Image
from policies.images.updates import Step

_MERGEABLE: frozenset[Step] = frozenset({"patch", "minor", "digest"})
_UNKNOWN = "its commit does not say how large a step it is"


@dataclass(frozen=True, slots=True)
class Automerge:
    """Whether it is merged by itself, and the step that decided it: the largest of the group's."""

    merges: bool
    step: Step


def decide(group: Group, rules: Collection[Step]) -> Automerge:
    """Say whether all of a group's steps are named by the rules of the repository; without rules none is.

    A step is only what it is called: `minor` does not speak of patches. Major ones, those that go back, and
    those of which no version tells anything are never merged by themselves.
    """
    steps = {update.step for update in group.updates}
    allowed = set(rules) & _MERGEABLE
    return Automerge(bool(steps) and steps <= allowed, group.step)


def unruled(step: Step | None, rules: Collection[Step]) -> str:
    """Say in a clause why no rule covers such a step; empty when one does."""
    if not rules:
        return "no rule of the repository merges it"
    if step not in set(rules) & _MERGEABLE:
        only = " and ".join(rule for rule in sorted(rules) if rule in _MERGEABLE)
        what = "an update of another kind" if step == "other" else f"a {step} update"
        return f"it is {what}, and only {only} ones are merged by a rule" if step else _UNKNOWN
    return ""


def unwanted(images: Mapping[str, Image], declined: Sequence[Declined] | None) -> str:
    """Say in a clause why people may not want these images; empty when nothing speaks against them.

    `declined` is what the file at the base says, None when that cannot be read.
    """
    if not images:
        return "its text does not say any more what it proposes"
    if declined is None:
        return f"{NAME} cannot be read"
    found = next((image for image in images.values() if covering(image, declined) is not None), None)
    return f"{found.name}:{found.tag} was declined" if found else ""
