# SPDX-License-Identifier: Apache-2.0
"""Two tenants order each other's objects, and two Fairways serve one repository."""

from __future__ import annotations

from typing import Any

import pytest

from policies.objects import ObjectRef
from tests.workers.orders.conftest import MakeScene, made
from tests.workers.orders.scene import Scene


@pytest.fixture
def other_namespace(scene: Scene) -> str:
    name = f"{scene.namespace}-b"
    scene.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


def across(mine: Scene, theirs: Scene) -> None:
    """Have a source of the other's repository, and a Kustomization of the other's source."""
    where = mine.namespace
    spec = {"url": theirs.repo.clone_url, "interval": "10m", "ref": {"branch": "main"}}
    mine.client.create(made("source.toolkit.fluxcd.io/v1", "GitRepository", "across", where, spec))
    source = {"kind": "GitRepository", "name": "src", "namespace": theirs.namespace}
    spec = {"sourceRef": source, "path": "./prod", "interval": "10m", "prune": True}
    mine.client.create(made("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "across", where, spec))


def belongings(scene: Scene) -> dict[str, Any]:
    """Return all that is a tenant's own: objects with their versions, Orders, and what is on the forge."""
    kinds = (("source.toolkit.fluxcd.io", "GitRepository"), ("kustomize.toolkit.fluxcd.io", "Kustomization"))
    resources = [scene.client.discovery.resource(group, "v1", kind) for group, kind in kinds]
    found = [
        obj
        for resource in resources
        for namespace in (scene.namespace, scene.staging)
        for obj in scene.client.list(resource, namespace=namespace)[0]
    ]
    pulls = scene.forge.pull_requests(scene.repo, state="all")
    return {
        "objects": {str(ObjectRef.of(obj)): obj["metadata"]["resourceVersion"] for obj in found},
        "orders": sorted(obj["metadata"]["name"] for obj in scene.orders()),
        "branches": scene.forge.refs(scene.repo),
        "pulls": [(pull["number"], pull["state"]) for pull in pulls],
        "comments": [len(scene.forge.comments(scene.repo, pull["number"])) for pull in pulls],
    }


@pytest.mark.parametrize(
    ("order", "has_effect_on"),
    [
        ("/reconcile", "objects"),
        ("/reconcile prod", "objects"),
        ("/retry", "objects"),
        ("/lock prod", "orders"),
        ("/hold", "orders"),
        ("/rollback prod", "pulls"),
    ],
)
def test_an_order_reaches_only_what_its_own_repository_is_bound_to(
    scene: Scene, make_scene: MakeScene, other_namespace: str, order: str, has_effect_on: str
) -> None:
    theirs = make_scene(in_namespace=other_namespace)
    for mine, other in ((scene, theirs), (theirs, scene)):
        across(mine, other)
        mine.merged()
    for mine, other in ((scene, theirs), (theirs, scene)):
        before, own = belongings(other), belongings(mine)
        mine.order(order)
        assert belongings(other) == before
        assert belongings(mine)[has_effect_on] != own[has_effect_on]


def test_a_lock_stops_one_repository_only(scene: Scene, make_scene: MakeScene, other_namespace: str) -> None:
    theirs = make_scene(in_namespace=other_namespace)
    scene.order("/lock prod")
    theirs.order("/unlock prod")
    theirs.order("/locks")
    assert len(scene.named("lock-")) == 1
    assert theirs.replies()[-1] == "Nothing is locked or held in this repository."


INSTANCES = """version: 1
instances:
  demo: {home: on, environments: [prod]}
  eu: {environments: [staging]}
"""


def test_each_of_two_fairways_answers_what_is_its_own(make_scene: MakeScene) -> None:
    home = make_scene()
    away = make_scene(of=home, cluster_name="eu")
    home.forge.commit(home.repo, {".fairway.yaml": INSTANCES}, "Two")
    body = "/help\n\n/lock prod\n\n/lock staging\n\n/lock nowhere\n\n/lokc\n\n/lock"
    comment = home.say(body)
    for scene in (home, away):
        scene.answer(scene.heard(comment, body))
    assert (home.reactions(comment), away.reactions(comment)) == (["confused"], ["rocket"])
    assert away.reply().startswith("Locked: Fairway starts no release of this repository into `staging`")
    said = home.reply()
    assert "### Orders" in said
    assert "`/lock nowhere` was not carried out" in said
    assert "into `staging`" not in said


@pytest.mark.parametrize("body", ["/help", "/hlep", "/status", "/lock", "/promote", "/hold", "/lock prod"])
def test_one_that_is_not_home_leaves_the_rest(make_scene: MakeScene, body: str) -> None:
    home = make_scene()
    away = make_scene(of=home, cluster_name="eu")
    home.forge.commit(home.repo, {".fairway.yaml": INSTANCES}, "Two")
    comment = home.say(body)
    away.answer(away.heard(comment, body))
    away.sweep()
    assert (away.reactions(comment), away.replies(), away.orders()) == ([], [], [])
    home.sweep()
    assert len(home.reactions(comment)) == 1


def test_one_that_is_not_listed_obeys_nothing(make_scene: MakeScene) -> None:
    home = make_scene()
    home.forge.commit(home.repo, {".fairway.yaml": INSTANCES.replace("demo", "us")}, "Two")
    comment = home.order("/lock prod")
    home.sweep()
    assert home.reactions(comment) == []
