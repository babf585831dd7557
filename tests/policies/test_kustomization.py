# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies import dependencies
from policies import kustomization as policy
from policies.expressions import Answer, Answers
from policies.kustomization import (
    AddFinalizer,
    Build,
    Conclude,
    Finalize,
    Ignore,
    Observation,
    Plan,
    Refuse,
    decide,
)
from policies.objects import Object
from tests.policies.made import (
    OTHER_REVISION,
    READY,
    WAITING,
    applied,
    condition,
    failing,
    git_repository,
    kustomization,
)

SOURCE = git_repository()
ARTIFACT = SOURCE["status"]["artifact"]
DELETED = {"deletionTimestamp": "2026-11-23T15:00:00Z"}
ELSEWHERE = {"sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": "flux-system"}}
ON_API = {"dependsOn": [{"name": "api"}]}


def deleted(**spec: Any) -> Object:
    return kustomization(metadata=DELETED, spec=spec)


@pytest.mark.parametrize(
    ("obj", "prune"),
    [
        pytest.param(deleted(), True, id="with-prune-everything-goes"),
        pytest.param(deleted(prune=False), False, id="without-prune-it-stays"),
        pytest.param(deleted(deletionPolicy="MirrorPrune", prune=False), False, id="mirror-prune-mirrors-it"),
        pytest.param(deleted(deletionPolicy="Delete", prune=False), True, id="delete-goes-before-prune"),
        pytest.param(deleted(deletionPolicy="WaitForTermination", prune=False), True, id="waiting-deletes"),
        pytest.param(deleted(deletionPolicy="Orphan"), False, id="orphan-goes-before-prune"),
        pytest.param(deleted(suspend=True), False, id="suspended-leaves-everything"),
        pytest.param(
            deleted(suspend=True, deletionPolicy="Delete"), False, id="suspended-goes-before-delete"
        ),
        pytest.param(deleted(sourceRef={"kind": "Bucket"}), True, id="also-when-a-field-is-not-served"),
        pytest.param(kustomization(metadata={**DELETED, "finalizers": []}), True, id="without-our-finalizer"),
    ],
)
def test_a_deleted_kustomization_is_finalized(obj: Object, prune: bool) -> None:
    waits = obj["spec"].get("deletionPolicy") == "WaitForTermination"
    assert decide(Observation(obj, None)) == Finalize(prune=prune, wait=waits)


@pytest.mark.parametrize(
    ("obj", "source", "expected"),
    [
        pytest.param(
            kustomization(metadata={"finalizers": ["other"]}), SOURCE, AddFinalizer(), id="finalizer-first"
        ),
        pytest.param(
            kustomization(metadata={"finalizers": []}, spec={"suspend": True}),
            SOURCE,
            AddFinalizer(),
            id="finalizer-even-when-suspended",
        ),
        pytest.param(kustomization(spec={"suspend": True}), SOURCE, Ignore(), id="suspended-is-left-alone"),
        pytest.param(
            kustomization(spec={"suspend": True, "sourceRef": {"kind": "Bucket", "name": "x"}}),
            SOURCE,
            Ignore(),
            id="suspended-is-not-judged",
        ),
        pytest.param(
            kustomization(spec={"sourceRef": {"kind": "Bucket", "name": "x"}}),
            SOURCE,
            Refuse("NotServed", "spec.sourceRef of kind Bucket not served by Fairway yet", terminal=True),
            id="a-field-that-is-not-served",
        ),
        pytest.param(
            kustomization(),
            None,
            Refuse("ArtifactFailed", "Source 'GitRepository/apps/fleet' not found"),
            id="no-source",
        ),
        pytest.param(
            kustomization(),
            git_repository(revision=None),
            Refuse("ArtifactFailed", "Source artifact not found, retrying in 30s", severity="Normal"),
            id="a-source-without-artifact",
        ),
        pytest.param(
            kustomization(),
            {**SOURCE, "status": None},
            Refuse("ArtifactFailed", "Source artifact not found, retrying in 30s", severity="Normal"),
            id="a-source-without-status",
        ),
        pytest.param(kustomization(), SOURCE, Build(ARTIFACT), id="a-new-one-is-built"),
        pytest.param(applied(), SOURCE, Build(ARTIFACT), id="a-ready-one-is-built-again"),
        pytest.param(
            applied(failing("BuildFailed")), SOURCE, Build(ARTIFACT), id="a-failed-one-is-tried-again"
        ),
        pytest.param(applied(WAITING), SOURCE, Conclude(ARTIFACT), id="one-that-waits-is-concluded"),
        pytest.param(
            applied(WAITING),
            git_repository(revision=OTHER_REVISION),
            Build(git_repository(revision=OTHER_REVISION)["status"]["artifact"]),
            id="a-new-revision-ends-the-wait",
        ),
        pytest.param(
            applied(WAITING, metadata={"generation": 2}),
            SOURCE,
            Build(ARTIFACT),
            id="a-new-spec-ends-the-wait",
        ),
        pytest.param(
            applied(WAITING, metadata={"annotations": {policy.REQUESTED_AT: "now"}}),
            SOURCE,
            Build(ARTIFACT),
            id="a-request-ends-the-wait",
        ),
        pytest.param(
            kustomization(spec=ELSEWHERE), SOURCE, Build(ARTIFACT), id="a-source-elsewhere-is-allowed"
        ),
    ],
)
def test_the_plan(obj: Object, source: Object | None, expected: Plan) -> None:
    assert decide(Observation(obj, source)) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(
            ELSEWHERE,
            Refuse(
                "AccessDenied",
                "can't access 'GitRepository/flux-system/fleet',"
                " cross-namespace references have been blocked",
                terminal=True,
            ),
            id="elsewhere-is-denied",
        ),
        pytest.param(
            {
                "dependsOn": [
                    {"name": "api"},
                    {"name": "api", "namespace": "theirs", "readyExpr": "dep.spec."},
                ]
            },
            Refuse(
                "AccessDenied",
                "can't access 'Kustomization/theirs/api', cross-namespace references have been blocked",
                terminal=True,
            ),
            id="a-dependency-elsewhere-is-denied",
        ),
        pytest.param({}, Build(ARTIFACT), id="at-home-is-allowed"),
        pytest.param(
            {"sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": "apps"}},
            Build(ARTIFACT),
            id="at-home-by-name-is-allowed",
        ),
    ],
)
def test_references_across_namespaces_can_be_blocked(spec: dict[str, Any], expected: Plan) -> None:
    assert decide(Observation(kustomization(spec=spec), SOURCE), no_cross_namespace_refs=True) == expected


@pytest.mark.parametrize(
    ("dependency", "problem"),
    [
        pytest.param(None, "not found", id="missing"),
        pytest.param(kustomization(name="api"), "is not ready", id="never-reconciled"),
        pytest.param({**applied(name="api"), "status": None}, "is not ready", id="without-status"),
        pytest.param(applied(name="api", metadata={"generation": 2}), "is not ready", id="of-an-older-spec"),
        pytest.param(applied(failing("BuildFailed"), name="api"), "is not ready", id="failed"),
        pytest.param(applied(WAITING, name="api"), "is not ready", id="waiting"),
        pytest.param(
            applied(name="api", lastAppliedRevision=OTHER_REVISION),
            "revision is not up to date",
            id="of-an-older-revision-of-our-source",
        ),
        pytest.param(
            kustomization([READY], name="api"), "revision is not up to date", id="that-applied-nothing-yet"
        ),
    ],
)
def test_a_dependency_that_is_not_there_yet_is_waited_for(dependency: Object | None, problem: str) -> None:
    seen = Observation(kustomization(spec=ON_API), SOURCE, {("apps", "api"): dependency})
    assert decide(seen) == Refuse("DependencyNotReady", f"dependency 'apps/api' {problem}", severity="Normal")


@pytest.mark.parametrize(
    ("dependency", "spec"),
    [
        pytest.param(applied(name="api"), ON_API, id="ready-at-our-revision"),
        pytest.param(
            applied(name="api", spec=ELSEWHERE, lastAppliedRevision=OTHER_REVISION),
            ON_API,
            id="ready-at-any-revision-of-another-source",
        ),
    ],
)
def test_a_ready_dependency_lets_us_go_on(dependency: Object, spec: dict[str, Any]) -> None:
    seen = Observation(kustomization(spec=spec), SOURCE, {("apps", "api"): dependency})
    assert decide(seen) == Build(ARTIFACT)


def test_the_first_dependency_that_is_not_ready_is_named() -> None:
    spec = {"dependsOn": [{"name": "api"}, {"name": "db", "namespace": "data"}]}
    seen = Observation(kustomization(spec=spec), SOURCE, {("apps", "api"): applied(name="api")})
    plan = decide(seen)
    assert isinstance(plan, Refuse)
    assert plan.message == "dependency 'data/db' not found"


READY_EXPR = {"dependsOn": [{"name": "api", "readyExpr": "dep.x"}]}
TERMINALLY = "Reconciliation failed terminally due to configuration error: "
BY_EXPRESSION = "dependency 'apps/api' is not ready according to readyExpr eval"


def by_expression(dependency: Object | None, answer: Answer | None, *, additive: bool = False) -> Plan:
    answers = Answers(ready={0: answer} if answer else {})
    seen = Observation(kustomization(spec=READY_EXPR), SOURCE, {("apps", "api"): dependency}, answers=answers)
    return decide(seen, additive_expressions=additive)


@pytest.mark.parametrize(
    ("dependency", "answer", "alone", "additive"),
    [
        pytest.param(
            None, None, "dependency 'apps/api' not found", "dependency 'apps/api' not found", id="gone"
        ),
        pytest.param(applied(name="api"), Answer(True), "", "", id="both-hold"),
        pytest.param(
            kustomization(name="api"), Answer(True), "", "dependency 'apps/api' is not ready", id="not-ready"
        ),
        pytest.param(
            applied(name="api", lastAppliedRevision=OTHER_REVISION),
            Answer(True),
            "",
            "dependency 'apps/api' revision is not up to date",
            id="another-revision",
        ),
        pytest.param(applied(name="api"), Answer(False), BY_EXPRESSION, BY_EXPRESSION, id="it-does-not-hold"),
        pytest.param(kustomization(name="api"), Answer(False), BY_EXPRESSION, BY_EXPRESSION, id="neither"),
        pytest.param(
            applied(name="api"), Answer(error="no such key"), "no such key", "no such key", id="error"
        ),
    ],
)
def test_an_expression_replaces_the_test_of_a_dependency_or_adds_to_it(
    dependency: Object | None, answer: Answer | None, alone: str, additive: str
) -> None:
    for adds, message in ((False, alone), (True, additive)):
        expected = Refuse("DependencyNotReady", message, severity="Normal") if message else Build(ARTIFACT)
        assert by_expression(dependency, answer, additive=adds) == expected


def test_an_expression_for_a_dependency_that_cannot_be_read_is_terminal() -> None:
    plan = by_expression(applied(name="api"), Answer(error="failed to parse x", invalid=True))
    message = f"{TERMINALLY}failed to evaluate dependency api: failed to parse x"
    assert plan == Refuse("InvalidCELExpression", message, terminal=True)


def test_a_dependency_that_an_expression_judges_is_no_part_of_a_cycle() -> None:
    back = {("apps", "api"): [("apps", "web")]}
    seen = Observation(
        kustomization(spec=READY_EXPR),
        SOURCE,
        {("apps", "api"): kustomization(name="api")},
        back,
        Answers(ready={0: Answer(False)}),
    )
    plan = decide(seen)
    assert isinstance(plan, Refuse)
    assert plan.message == BY_EXPRESSION


def test_health_expressions_that_cannot_be_used_are_told_before_a_missing_source() -> None:
    check = {"apiVersion": "example.com/v1", "kind": "Widget", "current": "a."}
    obj = kustomization(spec={"healthCheckExprs": [check]})
    plan = decide(Observation(obj, None, answers=Answers(problems={"a.": "wrong"})))
    said = (
        "failed to create custom status evaluator for healthchecks[0]: failed to parse the expression Current"
    )
    assert plan == Refuse("InvalidCELExpression", f"{TERMINALLY}{said}: wrong", terminal=True)


def test_a_source_without_artifact_is_told_before_any_dependency() -> None:
    plan = decide(Observation(kustomization(spec=ON_API), None, {("apps", "api"): None}))
    assert isinstance(plan, Refuse)
    assert plan.reason == "ArtifactFailed"


UNKNOWN = condition("Ready", "Unknown", "Progressing")


@pytest.mark.parametrize(
    ("obj", "why"),
    [
        pytest.param(applied(), "", id="nothing-to-do"),
        pytest.param(applied(WAITING), "", id="waiting"),
        pytest.param(kustomization([READY]), "revision", id="nothing-attempted-yet"),
        pytest.param(kustomization(), "generation", id="never-reconciled"),
        pytest.param({**kustomization(), "status": None}, "generation", id="no-status"),
        pytest.param(applied(metadata={"generation": 2}), "generation", id="a-new-spec"),
        pytest.param(
            applied(metadata={"annotations": {policy.REQUESTED_AT: "b"}}, lastHandledReconcileAt="a"),
            "requested",
            id="a-new-request",
        ),
        pytest.param(
            applied(metadata={"annotations": {policy.REQUESTED_AT: "a"}}, lastHandledReconcileAt="a"),
            "",
            id="a-request-that-was-handled",
        ),
        pytest.param(applied(lastAttemptedRevision=OTHER_REVISION), "revision", id="a-new-revision"),
        pytest.param(
            applied(failing("BuildFailed"), lastAppliedRevision=OTHER_REVISION),
            "",
            id="a-failed-attempt-counts",
        ),
        pytest.param(applied([UNKNOWN]), "interrupted", id="a-run-that-ended-half-way"),
        pytest.param(
            applied([UNKNOWN, condition("Reconciling", "True", "Progressing"), condition("Healthy", "True")]),
            "interrupted",
            id="a-run-that-ended-before-its-wait-began",
        ),
        pytest.param(
            applied([READY, condition("Healthy", "Unknown", "Progressing")]),
            "",
            id="health-alone-says-nothing",
        ),
    ],
)
def test_why_a_kustomization_is_due(obj: Object, why: str) -> None:
    assert policy.due_now(obj, ARTIFACT) == why


def test_without_an_artifact_there_is_no_new_revision() -> None:
    assert policy.due_now(kustomization([READY]), None) == ""


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(WAITING, True, id="health-unknown-while-progressing"),
        pytest.param([READY], False, id="no-health-at-all"),
        pytest.param([WAITING[1], condition("Healthy", "True")], False, id="healthy"),
        pytest.param([WAITING[1], condition("Healthy", "False")], False, id="unhealthy"),
        pytest.param([WAITING[2]], False, id="not-reconciling"),
        pytest.param(
            [*failing("BuildFailed"), WAITING[2]], False, id="a-later-run-failed-and-left-health-as-it-was"
        ),
    ],
)
def test_what_waiting_is(found: list[Object], expected: bool) -> None:
    assert policy.waits(applied(found)) is expected


def test_references_default_to_the_own_namespace() -> None:
    obj = kustomization(spec={"dependsOn": [{"name": "a"}, {"name": "b", "namespace": "data"}]})
    assert dependencies.source_key(obj) == ("GitRepository", "apps", "fleet")
    assert dependencies.source_key(kustomization(spec=ELSEWHERE)) == ("GitRepository", "flux-system", "fleet")
    assert dependencies.dependency_keys(obj) == [("apps", "a"), ("data", "b")]
    assert dependencies.dependency_keys(kustomization(spec={"dependsOn": None})) == []


def test_without_a_source_reference_there_is_no_source_to_find() -> None:
    assert dependencies.source_key(kustomization(spec={"sourceRef": None})) == ("", "apps", "")


def edges(**names: str) -> dict[dependencies.Key, list[dependencies.Key]]:
    return {("apps", name): [("apps", other) for other in others.split()] for name, others in names.items()}


@pytest.mark.parametrize(
    ("depends_on", "others", "way"),
    [
        pytest.param(["api"], edges(api="web"), "web api web", id="each-on-the-other"),
        pytest.param(["web"], {}, "web web", id="on-itself"),
        pytest.param(
            ["db", "api"], edges(db="", api="cache", cache="web"), "web api cache web", id="three-of-them"
        ),
        pytest.param(["api"], edges(api="db", db="api"), "", id="a-cycle-of-others"),
        pytest.param(["api"], edges(api="db", db=""), "", id="a-chain"),
        pytest.param(["api", "db"], edges(api="db", db="cache"), "", id="two-ways-to-one"),
    ],
)
def test_a_dependency_cycle_is_named(
    depends_on: list[str], others: dict[dependencies.Key, list[dependencies.Key]], way: str
) -> None:
    obj = kustomization(spec={"dependsOn": [{"name": name} for name in depends_on]})
    seen = Observation(obj, git_repository(), {("apps", name): None for name in depends_on}, others)
    plan = decide(seen)
    assert isinstance(plan, Refuse)
    if way:
        named = " → ".join(f"'apps/{name}'" for name in way.split())
        assert plan.message.startswith(f"dependency cycle: {named}: ")
        assert (plan.reason, plan.severity, plan.terminal) == ("DependencyNotReady", "Warning", False)
    else:
        assert plan.message == f"dependency 'apps/{depends_on[0]}' not found"


def test_an_unknown_word_about_drift_is_refused() -> None:
    obj = kustomization(metadata={"annotations": {"fairway.dev/drift": "off"}})
    plan = decide(Observation(obj, git_repository()))
    assert plan == Refuse(
        "InvalidAnnotation", "annotation fairway.dev/drift: 'off' is not one of correct, warn", terminal=True
    )
