# SPDX-License-Identifier: Apache-2.0
"""CEL expressions, and what was found out about them: evaluating them is the engine's part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SELF, DEPENDENCY = "self", "dep"  # the two variables of a readyExpr


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition in CEL.

    With `variables` it is checked against them and has to be a condition by its type. Without, the fields of
    the object it is evaluated on stand in it as names, and only its grammar is checked.
    """

    text: str
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether an expression holds; `error` says why that is not known, for ever when it is `invalid`."""

    holds: bool = False
    error: str = ""
    invalid: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """What a Kustomization's expressions say.

    `problems` are those of its health checks, by their text, as far as they cannot be read. `ready` has the
    answer of each readyExpr by its place in spec.dependsOn, as far as its dependency is there.
    """

    problems: Mapping[str, str] = field(default_factory=dict)
    ready: Mapping[int, Answer] = field(default_factory=dict)


def ready_expressions(spec: Mapping[str, Any]) -> dict[int, Expression]:
    """Return the readyExpr of each dependency that has one, by its place in spec.dependsOn."""
    return {
        place: Expression(dependency["readyExpr"], (SELF, DEPENDENCY))
        for place, dependency in enumerate(spec.get("dependsOn") or [])
        if dependency.get("readyExpr")
    }
