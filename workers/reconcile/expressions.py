# SPDX-License-Identifier: Apache-2.0
"""The answers of a Kustomization's CEL expressions, from the engine: all of them in one request.

An engine that does not answer makes no expression wrong: what was asked stays open, and is asked again.
"""

from __future__ import annotations

from collections.abc import Sequence

from policies.expressions import DEPENDENCY, SELF, Answer, Answers, Expression, ready_expressions
from policies.health import expressions as health_expressions
from policies.objects import Object
from workers.engine import Engine, EngineError, Evaluation, OutputTooLarge

_TIMEOUT = 15.0  # seconds; the engine gives all of them less, and a build may hold it up
_TOO_LARGE = "a CEL expression needs more memory than it may have"


def ask(engine: Engine, obj: Object, dependencies: Sequence[Object | None]) -> Answers:
    """Find out what a decision needs: whether its health checks can be read, and what its readyExprs say.

    `dependencies` are in the order of spec.dependsOn; None is one that is not there.
    """
    health = health_expressions.expressions(obj["spec"])
    ready = {p: e for p, e in ready_expressions(obj["spec"]).items() if dependencies[p] is not None}
    if not health and not ready:
        return Answers()
    request = Evaluation(
        [*health, *ready.values()],
        [{SELF: obj, DEPENDENCY: dependencies[place]} for place in ready],
        [(len(health) + number, number) for number in range(len(ready))],
    )
    try:
        found = engine.evaluate(request, timeout=_TIMEOUT)
    except EngineError as error:
        return Answers({}, dict.fromkeys(ready, _unanswered(error)))
    problems = dict(zip((e.text for e in health), found.problems, strict=False))
    return Answers(problems, dict(zip(ready, found.answers, strict=True)))


def on_objects(
    engine: Engine, asked: Sequence[tuple[Object, Sequence[Expression]]]
) -> list[dict[Expression, Answer]]:
    """Evaluate on each object its own expressions."""
    distinct = list(dict.fromkeys(e for _, several in asked for e in several))
    place = {expression: number for number, expression in enumerate(distinct)}
    questions = [(place[e], number) for number, (_, several) in enumerate(asked) for e in several]
    if not questions:
        return [{} for _ in asked]
    try:
        request = Evaluation(distinct, [obj for obj, _ in asked], questions)
        answers = engine.evaluate(request, timeout=_TIMEOUT).answers
    except EngineError as error:
        answers = [_unanswered(error)] * len(questions)
    found: list[dict[Expression, Answer]] = [{} for _ in asked]
    for (expression, number), answer in zip(questions, answers, strict=True):
        found[number][distinct[expression]] = answer
    return found


def _unanswered(error: EngineError) -> Answer:
    return Answer(error=_TOO_LARGE if isinstance(error, OutputTooLarge) else str(error))
