# SPDX-License-Identifier: Apache-2.0
"""Whether a pull request for images is merged without anybody asking; policies.merging says if it may be."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from policies.images.grouping import Group
from policies.images.updates import Step


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
    allowed = set(rules) & {"patch", "minor", "digest"}
    return Automerge(bool(steps) and steps <= allowed, group.step)
