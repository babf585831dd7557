# SPDX-License-Identifier: Apache-2.0
"""What is wrong in a repository's `.fairway.yaml`, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MOST = 100  # problems of one file that are told; nobody reads more

# GitHub's own words for an annotation. What fails makes the file count as unreadable, or has no effect.
Level = Literal["failure", "warning", "notice"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the file: lines and column count from 1, the last line is part of it.

    `length` is what can be underlined in the first line, in characters.
    """

    line: int = 1
    column: int = 1
    end_line: int = 1
    length: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where it stands, the path of keys to it, what is wrong and what to do.

    Path, message and remedy may hold the file's own words, unescaped.
    """

    where: Span
    path: str
    message: str
    remedy: str = ""
    level: Level = "failure"

    def __str__(self) -> str:
        """Return it as a sentence without its place."""
        said = f"{self.message}: {self.remedy}" if self.remedy else self.message
        return f"{self.path}: {said}" if self.path else said


def fails(problems: tuple[Problem, ...] | list[Problem]) -> bool:
    """Tell whether one of them is more than a warning."""
    return any(problem.level == "failure" for problem in problems)


def in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """Return them as they stand in the file, each once; of too many, what fails and then the first."""
    found = sorted(dict.fromkeys(problems), key=lambda one: (one.where.line, one.where.column))
    if len(found) > MOST:
        kept = set(sorted(found, key=lambda one: one.level != "failure")[:MOST])
        found = [problem for problem in found if problem in kept]
    return tuple(found)
