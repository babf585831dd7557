# SPDX-License-Identifier: Apache-2.0
"""Two tenants order each other's objects, and two Fairways serve one repository."""

from __future__ import annotations

import pytest

from policies.objects import ObjectRef
from tests.workers.orders.conftest import MakeScene
from tests.workers.orders.scene import Scene
from tests.workers.orders.test_reconciling import requested


@pytest.fixture
def other_namespace(scene: Scene) -> str:
    name = f"{scene.namespace}-b"
    scene.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


@pytest.mark.parametrize(
    "order", ["/reconcile", "/reconcile prod", "/retry", "/lock prod", "/hold", "/rollback prod"]
)
def test_an_order_reaches_only_what_its_own_repository_is_bound_to(
    scene: Scene, make_scene: MakeScene, other_namespace: str, order: str
) -> None:
    theirs = make_scene(in_namespace=other_namespace, environments=[{"name": "prod"}])
    # Each has a source of the other's repository, and a Kustomization of the other's source.
    url = {"url": scene.repo.clone_url}
    scene.client.patch(ObjectRef.of(theirs.source()), {"spec": url}, manager="test")
    across = {"sourceRef": {"kind": "GitRepository", "name": "src", "namespace": scene.namespace}}
    scene.client.patch(ObjectRef.of(theirs.kustomization("prod")), {"spec": across}, manager="test")
    scene.merged()
    scene.order(order)
    assert requested(theirs.source()) == ""
    assert requested(theirs.kustomization("prod")) == ""
    assert theirs.orders() == []
    assert theirs.forge.pull_requests(theirs.repo, state="all")[0]["number"] == 1
    # Nor does the other's order reach what follows this repository.
    theirs.order(order)
    assert requested(scene.kustomization("staging")) != f"order-comment-{theirs.number}-1"
    assert {obj["spec"]["repository"]["id"] for obj in theirs.orders()} <= {theirs.repo.id}


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
