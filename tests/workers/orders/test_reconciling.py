# SPDX-License-Identifier: Apache-2.0
"""/reconcile and /retry reach the objects that follow the branch, and no others."""

from __future__ import annotations

from policies.kustomization import REQUESTED_AT
from policies.objects import Object, ObjectRef
from tests.workers.orders.conftest import MakeScene
from tests.workers.orders.scene import Scene


def requested(obj: Object) -> str:
    return str((obj["metadata"].get("annotations") or {}).get(REQUESTED_AT, ""))


def ready(scene: Scene, obj: Object, status: str) -> None:
    condition = {
        "type": "Ready",
        "status": status,
        "reason": "Tested",
        "message": "",
        "lastTransitionTime": "2026-11-28T11:00:00Z",
    }
    patch = {"status": {"conditions": [condition]}}
    scene.client.patch(ObjectRef.of(obj), patch, manager="test", subresource="status")


def test_a_reconcile_asks_for_source_and_kustomizations(scene: Scene) -> None:
    comment = scene.order("/reconcile")
    assert scene.reactions(comment) == ["rocket"]
    said = scene.reply().removeprefix("Reconciles now: ").removesuffix(".").split(", ")
    assert said[0] == f"`GitRepository/{scene.namespace}/src`"
    assert set(said[1:]) == {
        f"`Kustomization/{scene.namespace}/prod`",
        f"`Kustomization/{scene.staging}/staging`",
    }
    asked = {requested(obj) for obj in (scene.source(), scene.kustomization("prod"))}
    assert asked == {f"order-comment-{comment}-1"}
    (record,) = scene.named("order-")
    assert (record["status"]["phase"], record["status"]["message"]) == ("done", scene.reply())


def test_an_environment_limits_it_to_its_namespaces(scene: Scene) -> None:
    scene.order("/reconcile staging")
    assert scene.reply() == f"Reconciles now: `Kustomization/{scene.staging}/staging`."
    assert (requested(scene.source()), requested(scene.kustomization("prod"))) == ("", "")


def test_what_is_suspended_or_follows_another_branch_is_left(scene: Scene) -> None:
    scene.client.patch(ObjectRef.of(scene.kustomization("prod")), {"spec": {"suspend": True}}, manager="test")
    scene.forge.commit(scene.repo, {"a": "a"}, "Release", branch="release")
    aside = scene.opened({"b": "b"}, "aside", base="release")
    scene.order("/reconcile")
    assert requested(scene.kustomization("prod")) == ""
    assert requested(scene.kustomization("staging"))
    scene.order("/reconcile", number=aside)
    assert scene.reply(aside) == (
        "`/reconcile` found nothing to do: nothing here follows branch release of this repository."
    )


def test_a_retry_asks_only_for_what_is_not_ready(scene: Scene) -> None:
    for obj in (scene.source(), scene.kustomization("staging")):
        ready(scene, obj, "True")
    ready(scene, scene.kustomization("prod"), "False")
    scene.order("/retry")
    assert scene.reply() == f"Tries again: `Kustomization/{scene.namespace}/prod`."
    assert requested(scene.source()) == ""
    ready(scene, scene.kustomization("prod"), "True")
    done = scene.order("/retry")
    assert scene.reactions(done) == ["rocket"]
    assert "everything here that follows this repository is Ready" in scene.replies()[1]


def test_a_bare_reconcile_satisfies_the_rules_of_every_environment_it_touches(make_scene: MakeScene) -> None:
    scene = make_scene()
    rules = "version: 1\norders: {reconcile: {environments: {prod: {users: [bob]}}}}\n"
    scene.forge.commit(scene.repo, {".fairway.yaml": rules}, "Configure")
    refused, done = scene.order("/reconcile"), scene.order("/reconcile", "bob")
    assert (scene.reactions(refused), scene.reactions(done)) == (["confused"], ["rocket"])
    assert "in `prod` it takes `@bob`; `alice` with write is not among them" in scene.replies()[0]
    assert scene.reactions(scene.order("/retry")) == ["rocket"]


def test_an_order_that_the_binding_does_not_grant(make_scene: MakeScene) -> None:
    scene = make_scene(verbs=["hold"])
    comment = scene.order("/reconcile")
    assert scene.reactions(comment) == ["confused"]
    assert "RepositoryBinding does not grant `reconcile`" in scene.reply()
