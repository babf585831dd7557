# SPDX-License-Identifier: Apache-2.0
"""A Kustomization that Flux 2.9 has reconciled comes under Fairway, and could go back."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from policies import conditions, history
from policies.objects import Object, ObjectRef
from policies.ownership import FINALIZER
from tests.fixtures.fluxapply import FluxApply
from tests.fixtures.world import Team, World, config_map, deployment, until

KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")
AT = "2026-01-02T03:04:05Z"
MANIFEST: Object = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "first"},
    "data": {"value": "1"},
}


def condition(kind: str, reason: str, message: str) -> dict[str, Any]:
    return {
        "type": kind,
        "status": "True",
        "reason": reason,
        "message": message,
        "observedGeneration": 1,
        "lastTransitionTime": AT,
    }


def left_by_flux(team: Team, revision: str, digest: str) -> Object:
    """The status of a Kustomization after Flux's third successful run of one revision."""
    entry = {
        "digest": digest,
        "firstReconciled": AT,
        "lastReconciled": AT,
        "lastReconciledDuration": "123.4ms",
        "lastReconciledStatus": "ReconciliationSucceeded",
        "metadata": {"revision": revision},
        "totalReconciliations": 3,
    }
    return {
        "conditions": [
            condition("Ready", "ReconciliationSucceeded", f"Applied revision: {revision}"),
            condition("Healthy", "Succeeded", "Health check passed in 12.3ms"),
        ],
        "history": [entry],
        "inventory": {
            "entries": [
                {"id": f"{team.namespace}_first__ConfigMap", "v": "v1"},
                {"id": f"{team.namespace}_web_apps_Deployment", "v": "v1"},
            ]
        },
        "lastAppliedRevision": revision,
        "lastAttemptedRevision": revision,
        "observedGeneration": 1,
    }


def at_rest(world: World, *refs: ObjectRef) -> list[str]:
    """Return the objects' versions once their own controllers have stopped writing to them."""
    while True:
        before = versions(world, *refs)
        time.sleep(1)
        if versions(world, *refs) == before:
            return before


def versions(world: World, *refs: ObjectRef) -> list[str]:
    return [world.client.get(ref)["metadata"]["resourceVersion"] for ref in refs]


def test_the_first_run_after_flux_changes_no_object_and_goes_on_with_its_status(
    world: World, flux_apply: FluxApply
) -> None:
    team = world.team(wait=True)
    app = ObjectRef(*KUSTOMIZATION, team.namespace, "app")
    sha = team.push({"app/web.yaml": deployment("web", replicas=0)})
    team.settled(sha)
    # What Fairway did is taken away and put there as Flux would have done it.
    digest = (team.applied().get("status") or {})["history"][0]["digest"]
    world.client.patch(app, {"spec": {"suspend": True}}, manager="somebody")
    web = ObjectRef("apps", "v1", "Deployment", team.namespace, "web")
    first = ObjectRef("", "v1", "ConfigMap", team.namespace, "first")
    rendered = [
        {**obj, "metadata": {"name": obj["metadata"]["name"], "namespace": team.namespace}}
        for obj in (MANIFEST, _deployment())
    ]
    for ref in (web, first):
        world.client.delete(ref)
        until(lambda ref=ref: world.client.find(ref) is None, what=f"{ref} gone")
    done = flux_apply(rendered, name="app", namespace=team.namespace, kubeconfig=world.sandbox.kubeconfig)
    assert set(done.values()) == {"created"}
    revision = f"main@sha1:{sha}"
    left = left_by_flux(team, revision, digest)
    world.client.patch(app, {"status": left}, manager="gotk-kustomize-controller", subresource="status")
    before = at_rest(world, web, first)

    world.client.patch(app, {"spec": {"suspend": False}}, manager="somebody")
    until(
        lambda: (o := team.applied())["status"]["observedGeneration"] == o["metadata"]["generation"],
        what="the first run",
    )
    obj = team.applied()
    status, ready = obj["status"], conditions.find(conditions.of(obj), "Ready") or {}
    assert versions(world, web, first) == before
    assert obj["metadata"]["finalizers"] == [FINALIZER]
    assert status["inventory"] == left["inventory"]
    [entry] = status["history"]
    assert entry["totalReconciliations"] == 4
    # Metadata is free text by key: ours stands beside Flux's own, which stays as it was.
    why = entry["metadata"].pop(history.BUILD)
    assert why.startswith("rebuilt: ")
    assert {**left["history"][0], **{k: entry[k] for k in _MOVING}} == entry
    assert (ready["status"], ready["message"]) == ("True", f"Applied revision: {revision}")
    assert set(status) == set(left)
    assert {c["type"] for c in conditions.of(obj)} == {"Ready", "Healthy"}
    done = flux_apply(rendered, name="app", namespace=team.namespace, kubeconfig=world.sandbox.kubeconfig)
    assert set(done.values()) == {"unchanged"}


_MOVING = ("lastReconciled", "lastReconciledDuration", "totalReconciliations")


def _deployment() -> Object:
    labels = {"app": "web"}
    container = {"name": "web", "image": "ghcr.io/acme/web:1"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }


def test_while_flux_holds_its_lease_nothing_is_written_and_afterwards_all_of_it(world: World) -> None:
    team = world.team()
    team.settled(team.push({"app/a.yaml": config_map("a")}))
    spec = {
        "holderIdentity": "kustomize-controller-0_abc",
        "leaseDurationSeconds": 300,
        "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    metadata = {"name": "kustomize-controller-leader-election", "namespace": team.namespace}
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
    held = ObjectRef.of(world.client.create(lease))
    log = world.folder / "fairway" / "logs" / "watch.log"
    try:
        said = f"kustomize-controller-0_abc holds the Lease {team.namespace}/"
        until(lambda: said in log.read_text(), what="the watch to say who reconciles")
        before = team.applied()["metadata"]["resourceVersion"]
        sha = team.push({"app/b.yaml": config_map("b")})
        until(
            lambda: sha in team.source()["status"]["artifact"]["revision"],
            what="the source, whose Lease is free",
        )
        time.sleep(2)
        assert team.config("b") is None
        assert team.applied()["metadata"]["resourceVersion"] == before
        world.client.patch(held, {"spec": {"holderIdentity": ""}}, manager="flux")
        team.settled(sha)
        assert team.final(sha)["state"] == "success"
        taken = world.client.get(held)["spec"]["holderIdentity"]
        assert taken.startswith("fairway_")
    finally:
        world.client.delete(held)
