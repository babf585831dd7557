# SPDX-License-Identifier: Apache-2.0
"""A push reaches the cluster, and the commit says so."""

from __future__ import annotations

import hashlib
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from policies import conditions, inventory
from policies.objects import ObjectRef
from policies.ownership import owner_of
from tests.fixtures.world import World, config_map, deployment, until


def test_a_push_becomes_objects_and_a_green_status(world: World) -> None:
    team = world.team(wait=True)
    sha = team.push({"app/web.yaml": deployment("web"), "app/settings.yaml": config_map("settings")})
    status = team.final(sha)
    assert (status["state"], status["context"]) == ("success", "fairway/demo")
    assert status["description"].startswith(f"Applied {sha[:7]}, healthy in ")
    assert status["target_url"].endswith(f"/{team.repo.full_name}/commit/{sha}")
    found = team.config("settings")
    assert found
    assert owner_of(found) == (team.namespace, "app")
    obj = team.applied()
    assert {ref.id for ref in inventory.of(obj)} == {
        f"{team.namespace}_first__ConfigMap",
        f"{team.namespace}_settings__ConfigMap",
        f"{team.namespace}_web_apps_Deployment",
    }
    ready = conditions.find(conditions.of(obj), "Ready")
    healthy = conditions.find(conditions.of(obj), "Healthy")
    assert ready
    assert healthy
    assert (ready["status"], ready["reason"]) == ("True", "ReconciliationSucceeded")
    assert ready["message"] == f"Applied revision: main@sha1:{sha}"
    assert (healthy["status"], healthy["reason"]) == ("True", "Succeeded")
    assert obj["status"]["observedGeneration"] == obj["metadata"]["generation"]
    assert obj["status"]["history"][0]["lastReconciledStatus"] == "ReconciliationSucceeded"


def test_what_leaves_git_leaves_the_cluster(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/old.yaml": config_map("old")}))
    assert team.config("old")
    team.settled(team.push({"app/old.yaml": None}))
    until(lambda: team.config("old") is None, what="old pruned")
    assert team.config("first")


def test_the_artifact_can_be_downloaded_as_its_status_says(world: World) -> None:
    team = world.team()
    sha = team.push({"app/a.yaml": config_map("a")})
    team.settled(sha)
    artifact = team.source()["status"]["artifact"]
    with urllib.request.urlopen(artifact["url"], timeout=10) as answer:  # noqa: S310
        content = answer.read()
    assert "sha256:" + hashlib.sha256(content).hexdigest() == artifact["digest"]
    assert (len(content), artifact["revision"]) == (artifact["size"], f"main@sha1:{sha}")


def test_a_reconcile_can_be_requested(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/a.yaml": config_map("a")}))
    for obj in (team.source(), team.applied()):
        ref = ObjectRef.of(obj)
        patch = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now-1"}}}
        world.client.patch(ref, patch, manager="flux")
        until(
            lambda ref=ref: world.client.get(ref)["status"].get("lastHandledReconcileAt") == "now-1",
            what=f"{ref} handled the request",
        )


def test_a_drifted_object_is_put_right_by_a_request(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/a.yaml": config_map("a", "wanted")}))
    ref = ObjectRef("", "v1", "ConfigMap", team.namespace, "a")
    world.client.patch(ref, {"data": {"value": "by hand"}}, manager="kubectl-edit")
    request = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "drift"}}}
    world.client.patch(ObjectRef.of(team.applied()), request, manager="flux")
    until(lambda: (team.config("a") or {}).get("data") == {"value": "wanted"}, what="the drift corrected")


def test_a_push_that_nothing_follows_gets_no_status(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/a.yaml": config_map("a")}))
    aside = team.push({"app/b.yaml": config_map("b")}, branch="aside")
    followed = team.push({"app/c.yaml": config_map("c")})
    assert team.final(followed)["state"] == "success"
    assert team.statuses(aside) == []
    assert team.config("b") is None


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (
            {"app/web.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n data: [\n"},
            ["app/web.yaml:4"],
        ),
        (
            {"app/w.yaml": "apiVersion: acme.dev/v1\nkind: Widget\nmetadata:\n  name: w\n"},
            ["Widget", "w", "app/w.yaml"],
        ),
        (
            {"app/web.yaml": deployment("web").replace("replicas: 1", "replicas: many")},
            ["Deployment", "web", "app/web.yaml"],
        ),
        ({"app/first.yaml": None}, ["path not found", "app"]),
    ],
    ids=["yaml error", "unknown kind", "invalid object", "missing path"],
)
def test_a_mistake_is_told_on_the_commit_and_nothing_is_applied(
    world: World, files: dict[str, str | None], says: list[str]
) -> None:
    team = world.team()
    team.settled(team.push({"app/first.yaml": config_map("first", "before")}))
    also = {} if None in files.values() else {"app/also.yaml": config_map("also")}
    sha = team.push({**files, **also})
    status = team.final(sha)
    assert status["state"] == "failure"
    for words in says:
        assert words in status["description"]
    assert team.config("also") is None
    assert team.config("first")
    ready = conditions.find(conditions.of(team.applied()), "Ready")
    assert ready
    assert ready["status"] == "False"
    fixed = team.push({**dict.fromkeys(files), "app/first.yaml": config_map("first", "after")})
    assert team.final(fixed)["state"] == "success"


def test_an_image_that_cannot_be_pulled_turns_the_commit_red(world: World) -> None:
    team = world.team(wait=False)
    sha = team.push({"app/web.yaml": deployment("web", image="ghcr.io/acme/web:broken")})
    status = team.final(sha)
    assert status["state"] == "failure"
    assert (
        status["description"]
        == f"Deployment {team.namespace}/web: ImagePullBackOff for ghcr.io/acme/web:broken"
    )
    fixed = team.push({"app/web.yaml": deployment("web", image="ghcr.io/acme/web:2")})
    assert team.final(fixed)["state"] == "success"


def _held(world: World, sha: str) -> int:
    """Return the id of the delivery that was held back for a commit."""
    return next(
        int(d["id"])
        for d in world.forge.deliveries(event="push")
        if d["phase"] == "held" and d["payload"]["after"] == sha
    )


def test_the_same_push_delivered_twenty_times_has_one_effect(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/a.yaml": config_map("a")}))
    sha = team.push({"app/a.yaml": config_map("a", "2")})
    forge = world.forge
    delivery = next(d for d in forge.deliveries(event="push") if d["payload"]["after"] == sha)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: forge.redeliver(delivery["id"]), range(20)))
    assert team.final(sha)["state"] == "success"
    team.settled(sha)
    assert [s["state"] for s in team.statuses(sha)].count("success") == 1


def test_pushes_that_arrive_out_of_order_end_at_the_last_commit(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/a.yaml": config_map("a", "0")}))
    first = team.push({"app/a.yaml": config_map("a", "1")}, deliver=False)
    second = team.push({"app/a.yaml": config_map("a", "2")})
    assert team.final(second)["state"] == "success"
    world.forge.release(_held(world, first))
    status = team.final(first)
    assert (status["state"], status["description"]) == (
        "success",
        f"Overtaken by {second[:7]}, which is applied and healthy",
    )
    assert (team.config("a") or {})["data"] == {"value": "2"}


def test_a_commit_that_its_branch_no_longer_contains_is_told_so(world: World) -> None:
    team = world.team()
    base = team.push({"app/a.yaml": config_map("a", "0")})
    team.settled(base)
    lost = team.push({"app/a.yaml": config_map("a", "lost")}, deliver=False)
    world.forge.set_ref(team.repo, "refs/heads/main", base)
    other = team.push({"app/a.yaml": config_map("a", "kept")})
    assert team.final(other)["state"] == "success"
    world.forge.release(_held(world, lost))
    status = team.final(lost)
    assert (status["state"], status["description"]) == (
        "failure",
        f"Never applied: {other[:7]} replaced it on its branch",
    )
    assert (team.config("a") or {})["data"] == {"value": "kept"}


def test_deleting_a_kustomization_takes_its_objects_with_it(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/a.yaml": config_map("a")}))
    world.client.delete(ObjectRef.of(team.applied()))
    until(
        lambda: (
            world.client.find(
                ObjectRef("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", team.namespace, "app")
            )
            is None
        )
    )
    until(lambda: team.config("a") is None and team.config("first") is None, what="objects pruned")


def test_a_suspended_kustomization_is_left_alone_and_resumes(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/a.yaml": config_map("a", "1")}))
    ref = ObjectRef.of(team.applied())
    world.client.patch(ref, {"spec": {"suspend": True}}, manager="flux")
    sha = team.push({"app/a.yaml": config_map("a", "2")})
    until(lambda: team.source()["status"]["artifact"]["revision"].endswith(sha), what="the source fetched")
    assert team.final(sha)["state"] == "success"
    assert (team.config("a") or {})["data"] == {"value": "1"}
    world.client.patch(ref, {"spec": {"suspend": None}}, manager="flux")
    team.settled(sha)
    assert (team.config("a") or {})["data"] == {"value": "2"}


def test_objects_are_applied_as_the_service_account(world: World) -> None:
    team = world.team(paths=())
    sha = team.push({"app/a.yaml": config_map("a")})
    team.kustomization("app", serviceAccountName="deployer")
    status = team.final(sha)
    assert status["state"] == "failure"
    assert "ConfigMap" in status["description"]
    client = world.client
    metadata = {"name": "deployer", "namespace": team.namespace}
    client.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    client.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "cluster-admin",
            },
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        }
    )
    team.settled(sha)
    assert team.final(sha)["state"] == "success" or until(
        lambda: team.statuses(sha)[-1]["state"] == "success", what="the status turned green"
    )


def test_a_field_that_is_not_served_yet_is_refused_by_name(world: World) -> None:
    team = world.team()
    team.kustomization("elsewhere", sourceRef={"kind": "Bucket", "name": "src"})
    obj = until(
        lambda: (o := team.applied("elsewhere")) and conditions.is_true(conditions.of(o), "Stalled") and o,
        what="Stalled",
    )
    ready = conditions.find(conditions.of(obj), "Ready")
    assert ready
    assert (ready["status"], ready["reason"]) == ("False", "NotServed")
    assert "spec.sourceRef of kind Bucket" in ready["message"]


def test_an_object_without_a_spec_is_told_so_and_left(world: World) -> None:
    team = world.team()
    metadata = {"name": "empty", "namespace": team.namespace}
    world.client.create(
        {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata}
    )
    obj = until(
        lambda: (o := team.applied("empty")) and conditions.is_true(conditions.of(o), "Stalled") and o,
        what="Stalled",
    )
    ready = conditions.find(conditions.of(obj), "Ready")
    assert ready
    assert (ready["status"], ready["reason"]) == ("False", "ValidationFailed")
    assert "spec" in ready["message"]
    team.settled(team.push({"app/a.yaml": config_map("a")}))


def test_health_checks_are_waited_for_and_time_out(world: World) -> None:
    team = world.team(paths=())
    sha = team.push({"app/web.yaml": deployment("web"), "app/bad.yaml": deployment("bad", image="x:broken")})
    check = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": team.namespace}
    team.kustomization("app", healthChecks=[{**check, "name": "web"}])
    team.settled(sha)
    assert conditions.is_true(conditions.of(team.applied()), "Healthy")
    team.kustomization("other", path="./app", healthChecks=[{**check, "name": "bad"}], timeout="30s")
    ref = ObjectRef("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", team.namespace, "other")
    until(lambda: conditions.find(conditions.of(world.client.get(ref)), "Healthy"), what="the wait begun")

    def failed() -> str:
        ready = conditions.find(conditions.of(world.client.get(ref)), "Ready") or {}
        return ready.get("message", "") if ready.get("reason") == "HealthCheckFailed" else ""

    message = until(failed, within=45, what="HealthCheckFailed")
    assert f"timeout waiting for: [Deployment/{team.namespace}/bad status: 'InProgress']" in message


def test_a_dependency_is_waited_for(world: World) -> None:
    team = world.team(paths=())
    team.push({"base/a.yaml": config_map("a"), "app/b.yaml": config_map("b")})
    team.kustomization("app", dependsOn=[{"name": "base"}])

    def reason() -> str:
        return (conditions.find(conditions.of(team.applied()), "Ready") or {}).get("reason", "")

    until(lambda: reason() == "DependencyNotReady", what="DependencyNotReady")
    assert team.config("b") is None
    team.kustomization("base")
    until(lambda: reason() == "ReconciliationSucceeded", what="applied after its dependency")
    assert team.config("b")
