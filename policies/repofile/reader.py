# SPDX-License-Identifier: Apache-2.0
"""Read a repository's `.fairway.yaml`: the model, or every reason why there is none, with its line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from policies.repofile import meaning, messages
from policies.repofile.model import RepositoryFile
from policies.repofile.positions import Positions, Unreadable, load
from policies.repofile.problem import Problem, fails, in_order


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says. There is no model when one of the problems is a failure.

    `home` is the instance that it makes home, also where the rest cannot be used; empty when it names none.
    """

    model: RepositoryFile | None
    problems: tuple[Problem, ...]
    positions: Positions
    home: str = ""


# A repository without the file narrows nothing.
ABSENT = Reading(RepositoryFile(version=1), (), Positions())


def read(text: bytes) -> Reading:
    """Read the file; this never raises, and each problem's line is one of the file's."""
    try:
        value, positions = load(text)
    except Unreadable as error:
        return Reading(None, error.problems, Positions())
    try:
        model = RepositoryFile.model_validate(value)
    except ValidationError as error:
        found = messages.problems(error, positions)
        return Reading(None, in_order(found), positions, _home(value))
    found = meaning.problems(model, positions)
    return Reading(None if fails(found) else model, in_order(found), positions, _home(value))


def _home(value: Any) -> str:
    """Return the instance that a file makes home, as far as one can tell."""
    instances = value.get("instances") if isinstance(value, dict) else None
    if not isinstance(instances, dict):
        return ""
    homes = [n for n, i in instances.items() if isinstance(i, dict) and i.get("home") in (True, "on")]
    return homes[0] if len(homes) == 1 else ""
