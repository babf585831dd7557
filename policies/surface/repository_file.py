# SPDX-License-Identifier: Apache-2.0
"""The check of a pull request that changes `.fairway.yaml`: what is wrong with it, and what that means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from policies.repofile import NAME, Level, Narrowed, Problem
from policies.repofile.problem import MOST
from policies.surface.check import MOST_ANNOTATIONS, Annotation, Check
from policies.surface.markdown import code, inline, shortened

_MARKS: dict[Level, str] = {"failure": "❌", "warning": "⚠️", "notice": "ℹ️"}
_LEVELS: tuple[Level, ...] = ("failure", "warning", "notice")
_LONGEST = 300  # characters of one message
_LONGEST_TITLE = 120


def check(narrowed: Narrowed, branch: str) -> Check:
    """Say what is wrong with the file as a pull request into `branch` has it."""
    problems = narrowed.problems
    failed = any(problem.level == "failure" for problem in problems)
    parts = [_consequence(narrowed, branch, failed), _table(problems)]
    return Check(
        "failure" if failed else "success",
        title(problems),
        "\n\n".join(part for part in parts if part) + "\n",
        annotated(problems),
    )


def removed(branch: str) -> Check:
    """Say what it means that a pull request removes the file."""
    return Check(
        "success",
        f"{NAME} is removed",
        f"Without {code(NAME)} on {code(branch)}, everything is as the RepositoryBinding has it: its rules"
        " for orders and environments hold no longer.\n",
    )


def title(problems: Sequence[Problem]) -> str:
    """Return the check's title: how much there is to mend."""
    if not problems:
        return "Nothing to mend"
    count = Counter(problem.level for problem in problems)
    said = [f"{count[level]} {level}{'s' * (count[level] > 1)}" for level in _LEVELS if count[level]]
    return ", ".join(said + ["and more"] * (len(problems) >= MOST))


def annotated(problems: Sequence[Problem]) -> tuple[Annotation, ...]:
    """Return what is shown at the file's lines, failures before the rest where there are too many."""
    chosen = sorted(problems, key=lambda problem: _LEVELS.index(problem.level))[:MOST_ANNOTATIONS]
    return tuple(
        Annotation(
            NAME,
            problem.where.line,
            problem.where.end_line,
            problem.level,
            shortened(_sentence(problem), _LONGEST),
            shortened(problem.path or NAME, _LONGEST_TITLE),
        )
        for problem in chosen
    )


def _consequence(narrowed: Narrowed, branch: str, failed: bool) -> str:
    file, target = code(NAME), code(branch)
    if narrowed.unreadable is not None:
        return (
            f"{file} cannot be used as it is. Once it is on {target}, no order that changes anything is let"
            " through until it is mended."
        )
    if failed:
        return (
            f"What reaches beyond the RepositoryBinding has no effect; the rest of {file} holds once it is on"
            f" {target}."
        )
    return f"{file} can be used as it is, and holds once it is on {target}."


def _table(problems: Sequence[Problem]) -> str:
    if not problems:
        return ""
    rows = ["| | line | key | problem |", "|---|---|---|---|"]
    for problem in problems:
        key = code(problem.path, _LONGEST_TITLE) if problem.path else ""
        said = inline(_sentence(problem), _LONGEST)
        rows.append(f"| {_MARKS[problem.level]} | {problem.where.line} | {key} | {said} |")
    if len(problems) >= MOST:
        rows.append("| | | | and more |")
    return "\n".join(rows)


def _sentence(problem: Problem) -> str:
    return f"{problem.message}: {problem.remedy}" if problem.remedy else problem.message
