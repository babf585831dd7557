# SPDX-License-Identifier: Apache-2.0
"""CEL in the engine: what can be read, what holds, and that no expression holds it up."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from policies.expressions import DEPENDENCY, SELF, Answer, Answers, Expression
from policies.objects import Object
from tests.policies.made import kustomization
from workers.engine import Engine, Evaluation
from workers.reconcile import expressions

OBJECTS = {SELF: kustomization(spec={"wait": True}), DEPENDENCY: kustomization(name="api")}
LONG = "[1,2,3,4,5,6,7,8,9,10]"
ENDLESS = "".join(f"{LONG}.all(x{n}, " for n in range(12)) + "true" + ")" * 12
HUGE = f"'{'a' * 30_000}'.replace('a', '{'b' * 60_000}') == ''"


def ready(text: str) -> Expression:
    return Expression(text, (SELF, DEPENDENCY))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("self.metadata.namespace == dep.metadata.namespace", True),
        ("dep.metadata.name == 'web'", False),
        ("dep.metadata.generation == 1", True),
        ("dep.status.observedGeneration + 1 == 2", True),
        ("has(dep.metadata.labels) && dep.metadata.labels['a'] == 'b'", False),
        ("self.spec.wait == true", True),
    ],
)
def test_an_expression_over_two_objects_holds_or_not(engine: Engine, text: str, holds: bool) -> None:
    found = engine.evaluate(Evaluation([ready(text)], [OBJECTS], [(0, 0)]), timeout=20)
    assert (found.problems, found.answers) == ([""], [Answer(holds)])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("self.", "failed to parse the CEL expression 'self.': ERROR: <input>:1:6: Syntax error"),
        ("other.x == 1", "undeclared reference to 'other'"),
        ("self == 'x'", "found no matching overload for '_==_' applied to '(map(string, dyn), string)'"),
        ("'yes'", "CEL expression output type mismatch: expected bool, got string"),
        ("self.spec.wait", "CEL expression output type mismatch: expected bool, got dyn"),
        ("", "Syntax error"),
    ],
)
def test_a_typed_expression_that_cannot_be_used_says_why(engine: Engine, text: str, problem: str) -> None:
    found = engine.evaluate(Evaluation([ready(text)], [OBJECTS], [(0, 0)]), timeout=20)
    assert problem in found.problems[0]
    assert found.answers == [Answer(error=found.problems[0], invalid=True)]


def test_what_fails_on_one_object_fails_on_that_alone(engine: Engine) -> None:
    text = "data.n == 1"
    data: list[Object] = [{"data": {"n": 1}}, {"data": {}}, {}, {"data": {"n": "1"}}]
    questions = [(0, place) for place in range(len(data))]
    found = engine.evaluate(Evaluation([Expression(text)], data, questions), timeout=20)
    assert [(a.holds, a.error.rpartition(": ")[2]) for a in found.answers] == [
        (True, ""),
        (False, "n"),
        (False, "data.n"),
        (False, ""),
    ]


def test_an_endless_expression_is_left_and_the_others_are_answered(engine: Engine) -> None:
    both = [(Expression(ENDLESS), Expression("n == 1"))]
    started = time.monotonic()
    (found,) = expressions.on_objects(engine, [({"n": 1}, both[0])])
    assert found[Expression("n == 1")] == Answer(holds=True)
    assert found[Expression(ENDLESS)].error.endswith("': operation cancelled: actual cost limit exceeded")
    assert time.monotonic() - started < 5


def test_a_thousand_endless_evaluations_end(engine: Engine) -> None:
    found = expressions.on_objects(engine, [({}, [Expression(ENDLESS)])] * 1000)
    errors = [answers[Expression(ENDLESS)].error for answers in found]
    assert errors[0].endswith("actual cost limit exceeded")
    assert errors[-1].endswith("those before it took too long")


def test_an_expression_that_needs_too_much_memory_is_no_end_of_anything(engine: Engine) -> None:
    (found,) = expressions.on_objects(engine, [({}, [Expression(HUGE)])])
    assert found[Expression(HUGE)].error == "a CEL expression needs more memory than it may have"
    assert expressions.on_objects(engine, [({}, [Expression("true")])])[0][Expression("true")].holds


def test_an_engine_that_does_not_start_leaves_every_question_open(tmp_path: Path) -> None:
    spec = {
        "dependsOn": [{"name": "api", "readyExpr": "true"}],
        "healthCheckExprs": [{"apiVersion": "example.com/v1", "current": "a."}],
    }
    with closing(Engine(Path("/bin/false"), scratch=tmp_path)) as none:
        found = expressions.ask(none, kustomization(spec=spec), [kustomization(name="api")])
        (on_object,) = expressions.on_objects(none, [({}, [Expression("true")])])
    assert found.problems == {}
    assert [(a.holds, a.invalid, "does not start" in a.error) for a in found.ready.values()] == [
        (False, False, True)
    ]
    assert "does not start" in on_object[Expression("true")].error


def test_a_kustomization_without_expressions_asks_nothing(tmp_path: Path) -> None:
    none = Engine(Path("/bin/false"), scratch=tmp_path)
    assert expressions.ask(none, kustomization(spec={"dependsOn": [{"name": "api"}]}), [None]) == Answers()
    assert expressions.on_objects(none, [({}, [])]) == [{}]
    assert none.pid is None


def test_a_dependency_that_is_not_there_is_not_asked_about(engine: Engine) -> None:
    depends = [
        {"name": "gone", "readyExpr": "true"},
        {"name": "api", "readyExpr": "dep.metadata.name == 'api'"},
    ]
    found = expressions.ask(
        engine, kustomization(spec={"dependsOn": depends}), [None, kustomization(name="api")]
    )
    assert found.ready == {1: Answer(holds=True)}


def test_what_all_data_share_is_sent_once_and_seen_by_each(engine: Engine) -> None:
    expression = Expression("res.name == req.name", ("res", "req"))
    data: list[Object] = [{"res": {"name": "a"}}, {"res": {"name": "b"}}]
    shared = {"req": {"name": "b"}}
    found = engine.evaluate(Evaluation([expression], data, [(0, 0), (0, 1)], shared), timeout=20)
    assert found.answers == [Answer(False), Answer(True)]


def test_claims_are_judged_with_variables_made_one_after_the_other(engine: Engine) -> None:
    variables = [
        ("groups", "claims.groups.filter(g, g.startsWith('team-'))"),
        ("one", "vars.groups[0]"),
        ("when", "timestamp('2026-01-01T00:00:00Z')"),
    ]
    validations = ["vars.one == 'team-a'", "size(vars.groups) == 3", "vars.when.getFullYear() == 2026"]
    claims = {"groups": ["x", "team-a", "team-b"]}
    found = engine.judge(variables, validations, claims, timeout=20)
    assert found.problems == [""] * 6
    assert [one.holds for one in found.answers] == [False, False, False, True, False, True]
    assert [one.error for one in found.answers] == [""] * 6


def test_claims_that_do_not_fit_fail_what_needs_them(engine: Engine) -> None:
    found = engine.judge([("n", "claims.n")], ["vars.n == 1", "claims.m == 2", ENDLESS], {"m": 2}, timeout=20)
    assert "no such key: n" in found.answers[0].error
    assert "no such key: n" in found.answers[1].error
    assert found.answers[2] == Answer(True)
    assert "actual cost limit exceeded" in found.answers[3].error


def test_expressions_on_claims_that_cannot_be_read_are_named_before_there_are_claims(engine: Engine) -> None:
    found = engine.judge([("n", "claim.n")], ["vars.n", "true"], None, timeout=20)
    assert "undeclared reference to 'claim'" in found.problems[0]
    assert found.problems[1] == "CEL expression output type mismatch: expected bool, got dyn"
    assert found.problems[2:] == [""]
    assert found.answers == []
