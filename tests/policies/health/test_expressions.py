# SPDX-License-Identifier: Apache-2.0
"""spec.healthCheckExprs: our rules with the real engine, held against the readers Flux waits with."""

from __future__ import annotations

from typing import Any

import pytest

from policies.clock import parse
from policies.health import Health, Verdict
from policies.health import expressions as health_expressions
from policies.objects import Object
from tests.fixtures.kstatus import Kstatus
from tests.policies.health.objects import NOW
from workers.engine import Engine, Evaluation
from workers.reconcile.judging import Judge

WIDGET = "example.com/v1"
DONE, BAD, BUSY = "status.phase == 'Done'", "status.phase == 'Bad'", "status.phase == 'Busy'"


def check(kind: str = "Widget", api_version: str = WIDGET, **expressions: str) -> dict[str, Any]:
    named = {"kind": kind} if kind else {}
    return {"apiVersion": api_version, **named, **({"current": DONE} | expressions)}


def widget(status: Any = None, *, kind: str = "Widget", api_version: str = WIDGET, **more: Any) -> Object:
    metadata = {"name": "one", "namespace": "apps", "generation": 2, **more.pop("metadata", {})}
    filled = {} if status is None else {"status": status}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **filled, **more}


def phase(name: str, **more: Any) -> Object:
    return widget({"phase": name, **more})


def judged(engine: Engine, checks: list[dict[str, Any]], obj: Object) -> Health:
    return Judge(engine, {"healthCheckExprs": checks}, now=parse(NOW)).healths([obj])[0]


THREE = [check(failed=BAD, inProgress=BUSY)]
C, P, F, U = Verdict.CURRENT, Verdict.IN_PROGRESS, Verdict.FAILED, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("checks", "obj", "verdict"),
    [
        pytest.param(THREE, phase("Done"), C, id="current"),
        pytest.param(THREE, phase("Bad"), F, id="failed"),
        pytest.param(THREE, phase("Busy"), P, id="in-progress"),
        pytest.param(THREE, phase("Else"), P, id="none-holds"),
        pytest.param([check(failed="true")], phase("Done"), F, id="failed-goes-before-current"),
        pytest.param(
            [check(failed="true", inProgress="true")], phase("Done"), P, id="in-progress-goes-first"
        ),
        pytest.param(
            [check(failed="data.x == 1", inProgress="true")], phase("Done"), P, id="nothing-after-asked"
        ),
        pytest.param(THREE, phase("Done", observedGeneration=1), P, id="an-older-generation"),
        pytest.param([check(failed="true")], phase("Bad", observedGeneration=1), P, id="that-cannot-fail"),
        pytest.param(THREE, phase("Done", observedGeneration=2), C, id="this-generation"),
        pytest.param(THREE, phase("Done", observedGeneration="1"), C, id="a-generation-in-words-is-not-ours"),
        pytest.param(THREE, widget({"phase": "Done"}, metadata={"generation": None}), C, id="no-generation"),
        pytest.param(THREE, widget(), U, id="no-status-is-an-error"),
        pytest.param(THREE, widget({}), U, id="no-phase-is-an-error"),
        pytest.param([check(current="status")], phase("Done"), U, id="not-a-condition"),
        pytest.param([check(current="status.n == 3")], widget({"n": 3}), C, id="whole-numbers"),
        pytest.param([check(current="status.n > 2.5")], widget({"n": 3}), C, id="numbers-across-types"),
        pytest.param([check(current="has(status.x)")], widget({"n": 3}), P, id="a-field-that-is-not-there"),
        pytest.param(
            [check(current="status.?x.orValue('Done') == 'Done'")], widget({}), C, id="optional-fields"
        ),
        pytest.param([check(current="'a,b'.split(',').size() == 2")], widget({}), C, id="flux-s-strings"),
        pytest.param([check(current="sets.contains([1, 2], [1])")], widget({}), C, id="flux-s-sets"),
        pytest.param([check(current="base64.decode('YQ==') == b'a'")], widget({}), C, id="flux-s-encoders"),
        pytest.param(
            [check(current="status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True')")],
            widget({"conditions": [{"type": "Ready", "status": "True"}]}),
            C,
            id="conditions",
        ),
        pytest.param(
            [check(""), check(current="false")], phase("Done"), P, id="a-kind-goes-before-its-group"
        ),
        pytest.param([check(""), check("Other", current="false")], phase("Done"), C, id="else-its-group"),
        pytest.param([check(api_version="example.com/v9")], phase("Done"), C, id="the-version-is-ignored"),
        pytest.param([check("Other", current="false")], widget({}), C, id="another-kind-is-judged-as-ever"),
        pytest.param(
            [check(api_version="other.com/v1", current="false")], widget({}), C, id="another-group-too"
        ),
        pytest.param(
            [check("ConfigMap", "v1", current="data.ready == 'yes'")],
            widget(kind="ConfigMap", api_version="v1", data={"ready": "no"}),
            P,
            id="a-kind-we-know",
        ),
        pytest.param(
            [check("", "v1", current="false")],
            widget(kind="Secret", api_version="v1"),
            P,
            id="the-core-group",
        ),
        pytest.param(
            [check("Job", "batch/v1", current="true")],
            widget({}, kind="Job", api_version="batch/v1"),
            P,
            id="jobs-stay-flux-s",
        ),
        pytest.param(
            THREE, widget({"phase": "Done"}, metadata={"deletionTimestamp": NOW}), C, id="also-while-it-goes"
        ),
    ],
)
def test_expressions_judge_as_flux_does(
    engine: Engine, kstatus: Kstatus, checks: list[dict[str, Any]], obj: Object, verdict: Verdict
) -> None:
    found, flux = judged(engine, checks, obj), kstatus.judge(obj, checks=checks)
    assert (found.verdict, flux.status) == (verdict, verdict.value)
    if verdict is U:
        assert found.message == flux.error


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        pytest.param(
            [check(), check()], "duplicate custom health check for GroupKind Widget.example.com", id="twice"
        ),
        pytest.param([check(), check(api_version="example.com/v2")], "duplicate", id="twice-by-version"),
        pytest.param([check(""), check("")], "GroupKind .example.com at healthchecks[1]", id="a-group-twice"),
        pytest.param(
            [check("A", "v1"), check("A", "a/b/c")], "GroupKind A at healthchecks[1]", id="unreadable-group"
        ),
        pytest.param([check(current="")], "expression Current not specified", id="no-current"),
        pytest.param(
            [check(), check("Other", current="a.")], "healthchecks[1]: failed to parse the", id="current"
        ),
        pytest.param([check(failed="a.")], "failed to parse the expression Failed", id="failed"),
        pytest.param([check(inProgress="a.")], "failed to parse the expression InProgress", id="in-progress"),
        pytest.param(
            [check(failed="b.", current="a.")], "failed to parse the expression Current", id="the-first"
        ),
        pytest.param([check(current="a."), check()], "healthchecks[0]", id="the-first-rule"),
        pytest.param([check(), check(current="a.")], "duplicate", id="a-duplicate-is-not-read"),
    ],
)
def test_what_cannot_be_used_is_refused_in_flux_s_words(
    engine: Engine, kstatus: Kstatus, checks: list[dict[str, Any]], said: str
) -> None:
    spec = {"healthCheckExprs": checks}
    asked = health_expressions.expressions(spec)
    problems = dict(
        zip((e.text for e in asked), engine.evaluate(Evaluation(asked), timeout=20).problems, strict=True)
    )
    found, flux = health_expressions.problem(spec, problems), kstatus.judge(widget(), checks=checks)
    assert said in found
    assert (flux.status, found) == ("refused", flux.error)


@pytest.mark.parametrize("spec", [{}, {"healthCheckExprs": None}, {"healthCheckExprs": THREE}])
def test_what_can_be_used_is_not_refused(spec: dict[str, Any]) -> None:
    assert health_expressions.problem(spec, {DONE: ""}) == ""
