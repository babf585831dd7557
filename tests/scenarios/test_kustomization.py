# SPDX-License-Identifier: Apache-2.0
"""What a Kustomization's fields do in the whole: drift that is only reported, deletion that waits, cycles."""

from __future__ import annotations

from typing import Any

import yaml

from policies import conditions
from policies.objects import Object, ObjectRef
from tests.fixtures.world import Team, World, config_map, deployment, until

JOB = """apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
spec:
  ttlSecondsAfterFinished: 0
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: migrate
        image: ghcr.io/acme/web:1
"""
# Written by somebody into a field that Git does not name: what it names would be put right at once.
UP = "'state' in data && data.state == 'up'"
KIND = ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")


def condition(team: Team, kind: str, name: str = "app") -> dict[str, Any]:
    return conditions.find(conditions.of(team.applied(name)), kind) or {}


def patch(team: Team, ref: ObjectRef, **changes: Any) -> Object:
    return team.world.client.patch(ref, changes, manager="somebody")


def events(team: Team, reason: str) -> list[str]:
    resource = team.world.client.discovery.resource("", "v1", "Event")
    found, _ = team.world.client.list(resource, namespace=team.namespace)
    return [e["message"] for e in found if e["reason"] == reason]


def request(team: Team, token: str, name: str = "app") -> None:
    """Ask for a run and wait until it is over."""
    notes = {"reconcile.fluxcd.io/requestedAt": token}
    patch(team, ObjectRef(*KIND, team.namespace, name), metadata={"annotations": notes})
    until(
        lambda: (team.applied(name).get("status") or {}).get("lastHandledReconcileAt") == token,
        what=f"the run {token}",
    )


def test_drift_is_reported_and_left_until_git_changes(world: World) -> None:
    team = world.team()
    app, first = (
        ObjectRef(*KIND, team.namespace, "app"),
        ObjectRef("", "v1", "ConfigMap", team.namespace, "first"),
    )
    team.settled(team.push({"app/second.yaml": config_map("second")}))
    patch(team, app, metadata={"annotations": {"fairway.dev/drift": "warn"}})
    patch(team, first, data={"value": "by hand"})
    world.client.delete(ObjectRef("", "v1", "ConfigMap", team.namespace, "second"))
    request(team, "1")
    drifted = condition(team, "Drifted")
    assert drifted["status"] == "True"
    assert drifted["message"].splitlines()[:2] == [
        f"ConfigMap/{team.namespace}/second missing",
        f"ConfigMap/{team.namespace}/first changed",
    ]
    assert condition(team, "Ready")["status"] == "True"
    request(team, "2")
    assert events(team, "DriftDetected") == [drifted["message"]]
    assert (team.config("first") or {})["data"] == {"value": "by hand"}
    assert team.config("second") is None
    team.settled(team.push({"app/third.yaml": config_map("third")}))
    assert (team.config("first") or {})["data"] == {"value": "1"}
    assert team.config("second")
    assert condition(team, "Drifted") == {}


def test_a_deletion_that_waits_ends_when_everything_is_gone(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/held.yaml": config_map("held")}))
    app, held = (
        ObjectRef(*KIND, team.namespace, "app"),
        ObjectRef("", "v1", "ConfigMap", team.namespace, "held"),
    )
    patch(team, held, metadata={"finalizers": ["example.com/hold"]})
    patch(team, app, spec={"deletionPolicy": "WaitForTermination"})
    request(team, "1")
    world.client.delete(app)
    until(lambda: (team.config("held") or {})["metadata"].get("deletionTimestamp"), what="held being deleted")
    until(lambda: team.config("first") is None, what="first gone")
    assert world.client.find(app), "it waits for what it deleted"
    patch(team, held, metadata={"finalizers": None})
    until(lambda: world.client.find(app) is None, what="the Kustomization gone")


def test_a_dependency_cycle_is_named(world: World) -> None:
    team = world.team(paths=("one", "two"))
    for name, other in (("one", "two"), ("two", "one")):
        patch(team, ObjectRef(*KIND, team.namespace, name), spec={"dependsOn": [{"name": other}]})
    ways = [
        f"'{team.namespace}/{a}' → '{team.namespace}/{b}' → '{team.namespace}/{a}'"
        for a, b in (["one", "two"], ["two", "one"])
    ]
    until(
        lambda: any(
            f"dependency cycle: {way}" in condition(team, "Ready", name).get("message", "")
            for way, name in zip(ways, ("one", "two"), strict=True)
        ),
        what="the cycle named",
    )


def test_health_is_told_by_expressions_to_the_object_and_to_the_commit(world: World) -> None:
    team = world.team(wait=True)
    app, first = (
        ObjectRef(*KIND, team.namespace, "app"),
        ObjectRef("", "v1", "ConfigMap", team.namespace, "first"),
    )
    check = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "current": UP,
        "failed": "data.value == 'no'",
    }
    patch(team, app, spec={"healthCheckExprs": [check]})
    slow = team.push({"app/first.yaml": config_map("first", "starts")})
    until(lambda: condition(team, "Healthy").get("status") == "Unknown", what="a wait")
    until(
        lambda: "waits for ConfigMap" in (team.statuses(slow) or [{}])[-1].get("description", ""),
        what="a word",
    )
    patch(team, first, data={"state": "up"})
    assert team.final(slow)["state"] == "success"
    assert condition(team, "Healthy")["status"] == "True"
    bad = team.push({"app/first.yaml": config_map("first", "no")})
    assert team.final(bad)["state"] == "failure"
    until(lambda: condition(team, "Ready")["status"] == "False", what="the failure")
    stalled = f"failed early due to stalled resources: [ConfigMap/{team.namespace}/first status: 'Failed']"
    assert condition(team, "Ready")["message"] == stalled


def test_a_dependency_counts_as_ready_when_its_expression_holds(world: World) -> None:
    team = world.team(paths=("api", "web"))
    api, web = (ObjectRef(*KIND, team.namespace, name) for name in ("api", "web"))

    def depends(expression: str) -> None:
        patch(team, web, spec={"dependsOn": [{"name": "api", "readyExpr": expression}]})

    until(lambda: condition(team, "Ready", "web").get("status") == "True", what="web without a dependency")
    depends("dep.metadata.?labels.go.orValue('') == 'yes'")
    waits = f"dependency '{team.namespace}/api' is not ready according to readyExpr eval"
    until(lambda: condition(team, "Ready", "web")["message"] == waits, what="web waiting")
    patch(team, api, metadata={"labels": {"go": "yes"}}, spec={"path": "./nowhere"})
    until(lambda: condition(team, "Ready", "web")["status"] == "True", what="web, though api fails")
    depends("dep.")
    until(lambda: condition(team, "Stalled", "web").get("reason") == "InvalidCELExpression", what="a refusal")
    assert "failed to evaluate dependency api: failed to parse" in condition(team, "Ready", "web")["message"]
    status = team.applied("web")
    assert status["status"]["observedGeneration"] == status["metadata"]["generation"]


def test_a_wait_ends_though_a_job_is_gone_and_an_object_left_alone_is_ill(world: World) -> None:
    team = world.team(wait=True)
    gate = ObjectRef("", "v1", "ConfigMap", team.namespace, "first")
    job = ObjectRef("batch", "v1", "Job", team.namespace, "migrate")
    ill = yaml.safe_load(deployment("ill", image="ghcr.io/acme/web:broken"))
    ill["metadata"] |= {
        "namespace": team.namespace,
        "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"},
    }
    world.client.create(ill)
    check = {"apiVersion": "v1", "kind": "ConfigMap", "current": UP}
    patch(team, ObjectRef(*KIND, team.namespace, "app"), spec={"healthCheckExprs": [check]})
    team.push({"app/job.yaml": JOB, "app/ill.yaml": deployment("ill", image="ghcr.io/acme/web:broken")})
    until(lambda: world.client.find(job) is not None, what="the Job")
    until(lambda: world.client.find(job) is None, what="the Job done and gone")
    assert condition(team, "Healthy")["status"] == "Unknown"
    patch(team, gate, data={"state": "up"})
    until(lambda: condition(team, "Ready")["status"] == "True", what="the wait over")
    assert condition(team, "Healthy")["status"] == "True"


def test_a_change_that_only_an_expression_understands_makes_the_commit_a_success(world: World) -> None:
    team = world.team(wait=False)
    check = {"apiVersion": "v1", "kind": "ConfigMap", "current": UP}
    patch(team, ObjectRef(*KIND, team.namespace, "app"), spec={"healthCheckExprs": [check]})
    sha = team.push({"app/first.yaml": config_map("first", "starts")})
    until(
        lambda: "waits for ConfigMap" in (team.statuses(sha) or [{}])[-1].get("description", ""),
        what="a word",
    )
    patch(team, ObjectRef("", "v1", "ConfigMap", team.namespace, "first"), data={"state": "up"})
    assert team.final(sha, within=10)["state"] == "success"
