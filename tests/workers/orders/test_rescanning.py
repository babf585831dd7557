# SPDX-License-Identifier: Apache-2.0
"""/rescan has a registry looked at now, and says what the policies choose then."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from policies.images.record import Record
from policies.images.setters import Image
from policies.objects import ObjectRef
from sandbox.registry.admin import Registry
from tests.workers.orders.bumps import automation, create, notes, proposed, ref
from tests.workers.orders.scene import Scene
from tests.workers.orders.test_killed import kill
from workers.images.policy import ImagePolicyReconciler
from workers.images.repository import ImageRepositoryReconciler
from workers.later import Later

REQUESTED = "reconcile.fluxcd.io/requestedAt"
RECONCILERS = {"ImageRepository": ImageRepositoryReconciler, "ImagePolicy": ImagePolicyReconciler}


class Shop:
    """A scene whose pull request proposes 1.1.0 of an image that is in a registry."""

    def __init__(self, scene: Scene, registry: Registry) -> None:
        self.scene, self.registry = scene, registry
        self.path = f"acme/{scene.namespace}"
        registry.push(self.path, "1.1.0")
        self.repository = create(scene, "ImageRepository", "web", image=self.image, interval="1h")
        self.policy = create(
            scene, "ImagePolicy", "web", imageRepositoryRef={"name": "web"},
            policy={"semver": {"range": "1.x"}},
        )  # fmt: skip
        self.run()
        automation(scene)
        scene.number = proposed(scene, said=self.said("1.1.0"))

    @property
    def image(self) -> str:
        return f"{self.registry.host}/{self.path}"

    def said(self, tag: str, *names: str) -> Record:
        return Record(
            "b" * 40, {f"{self.scene.namespace}:{n}": Image(self.image, tag, "") for n in names or ["web"]}
        )

    def run(self) -> None:
        """Do what the workers of both kinds do."""
        for one in (self.repository, self.policy):
            RECONCILERS[one.kind](self.scene.context).reconcile(one.namespace, one.name)

    def later(self, **passed: float) -> None:
        self.scene.ahead += timedelta(**passed) if passed else timedelta(seconds=6)
        self.scene.context.queue.add_all(Later(self.scene.context.redis).due(self.scene.now()))
        self.scene.work()

    def ends(self) -> None:
        """Work, and look again, until an order has nothing left to wait for."""
        for _ in range(3):
            self.run()
            self.later()


@pytest.fixture
def shop(scene: Scene, registry: Registry) -> Shop:
    return Shop(scene, registry)


def requested(scene: Scene, of: ObjectRef) -> str:
    return notes(scene, of).get(REQUESTED, "")


def test_a_newer_one_is_found(shop: Shop) -> None:
    scene = shop.scene
    shop.registry.push(shop.path, "1.2.0")
    comment = scene.order("/rescan")
    assert (scene.reactions(comment), scene.replies()) == (["eyes"], [])
    assert requested(scene, shop.repository) == f"order-comment-{comment}-1"
    assert requested(scene, shop.policy) == ""
    shop.later()
    assert scene.replies() == [], "the scan goes on"
    shop.run()
    shop.later()
    assert requested(scene, shop.policy) == f"order-comment-{comment}-1"
    assert scene.replies() == [], "the choice goes on"
    shop.run()
    shop.later()
    assert scene.reactions(comment) == ["rocket"]
    assert scene.reply() == (
        f"Looked for newer images:\n\n- `{scene.namespace}:web` chooses `{shop.image}:1.2.0` now, instead of"
        f" `{shop.image}:1.1.0`. This pull request follows by itself."
    )


def test_nothing_may_be_newer(shop: Shop) -> None:
    comment = shop.scene.order("/rescan")
    shop.ends()
    assert shop.scene.reactions(comment) == ["rocket"]
    assert shop.scene.reply() == f"Nothing is newer than `{shop.image}:1.1.0`."


def test_a_scan_that_fails_is_told(shop: Shop) -> None:
    scene = shop.scene
    patch = {"spec": {"image": f"{shop.registry.host}/acme/nothing-{scene.namespace}"}}
    scene.client.patch(shop.repository, patch, manager="test")
    scene.order("/rescan")
    shop.ends()
    assert f"`ImageRepository/{scene.namespace}/web` failed: " in scene.reply()


@pytest.mark.parametrize(
    ("kind", "how", "said"),
    [
        ("ImageRepository", "suspended", "is suspended, so nothing was looked for"),
        ("ImagePolicy", "suspended", "is suspended, so nothing was looked for"),
        ("ImageRepository", "gone", "there is no `ImageRepository/"),
        ("ImagePolicy", "gone", "there is no `ImagePolicy/"),
    ],
)
def test_what_cannot_be_asked_is_named(shop: Shop, kind: str, how: str, said: str) -> None:
    scene, of = shop.scene, ref(shop.scene, kind, "web")
    if how == "suspended":
        scene.client.patch(of, {"spec": {"suspend": True}}, manager="test")
    else:
        scene.client.delete(of)
        for _ in range(2):
            shop.run()  # lets go of it
    comment = scene.order("/rescan")
    shop.ends()
    assert scene.reactions(comment) == ["rocket"]
    assert said in scene.reply()


def test_what_nobody_answers_is_not_waited_for(shop: Shop) -> None:
    comment = shop.scene.order("/rescan")
    shop.later(minutes=2)
    assert shop.scene.reactions(comment) == ["rocket"]
    assert "was asked and has not answered yet" in shop.scene.reply()


def test_what_is_of_somebody_else_is_not_asked(shop: Shop) -> None:
    scene, foreign = shop.scene, f"{shop.scene.namespace}-x"
    scene.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": foreign}})
    theirs = create(scene, "ImageRepository", "web", foreign, image=shop.image, interval="1h")
    patch = {"spec": {"imageRepositoryRef": {"name": "web", "namespace": foreign}}}
    scene.client.patch(shop.policy, patch, manager="test")
    scene.order("/rescan")
    shop.ends()
    assert (
        f"`ImageRepository/{foreign}/web` is in a namespace that this repository is not bound to"
        in scene.reply()
    )
    assert requested(scene, theirs) == ""


def test_two_people_order_it_at_once(shop: Shop) -> None:
    scene = shop.scene
    first, second = scene.order("/rescan"), scene.order("/rescan", "bob")
    shop.ends()
    shop.ends()
    assert (scene.reactions(first), scene.reactions(second)) == (["rocket"], ["rocket"])
    assert scene.replies() == [f"Nothing is newer than `{shop.image}:1.1.0`."] * 2


def test_a_closed_one_is_not_looked_after(shop: Shop) -> None:
    shop.scene.forge.close(shop.scene.repo, shop.scene.number)
    comment = shop.scene.order("/rescan")
    assert shop.scene.reactions(comment) == ["confused"]
    assert "this pull request is closed" in shop.scene.reply()
    assert requested(shop.scene, shop.repository) == ""


def test_it_takes_the_role_write(shop: Shop) -> None:
    comment = shop.scene.order("/rescan", "carol")
    assert shop.scene.reactions(comment) == ["confused"]
    assert requested(shop.scene, shop.repository) == ""


def test_other_orders_of_the_comment_come_in_their_turn(shop: Shop) -> None:
    scene = shop.scene
    comment = scene.order("/hold\n\n/rescan\n\n/ignore")
    assert len(scene.named("hold-")) == 1
    assert scene.forge.pull_request(scene.repo, scene.number)["state"] == "open"
    shop.ends()
    assert scene.reactions(comment) == ["rocket"]
    assert [line[:8] for line in scene.reply().split("\n\n") if line][-2:] == ["Nothing ", "Closed, "]


@pytest.mark.parametrize(("method", "countdown"), [("react", 1), ("create", 1), ("patch", 1), ("write", 1)])
def test_a_worker_dies(shop: Shop, tmp_path: Path, method: str, countdown: int) -> None:
    scene = shop.scene
    shop.registry.push(shop.path, "1.2.0")
    comment = scene.say("/rescan")
    kill(scene, tmp_path, comment, "/rescan", method, countdown)
    scene.sweep()
    assert scene.reactions(comment) == ["eyes"]
    shop.ends()
    assert scene.reactions(comment) == ["rocket"]
    assert f"chooses `{shop.image}:1.2.0` now" in scene.reply()
    assert len(scene.named("order-")) == 1


@pytest.mark.parametrize(("method", "countdown"), [("patch", 1), ("write", 1)])
def test_a_worker_dies_between_scan_and_choice(
    shop: Shop, tmp_path: Path, method: str, countdown: int
) -> None:
    scene = shop.scene
    comment = scene.order("/rescan")
    shop.registry.push(shop.path, "1.2.0")
    shop.run()
    kill(scene, tmp_path, comment, "/rescan", method, countdown)
    scene.sweep()
    shop.ends()
    assert scene.reactions(comment) == ["rocket"]
    assert f"chooses `{shop.image}:1.2.0` now" in scene.reply()
