# SPDX-License-Identifier: Apache-2.0
"""Locks and holds: who is first, and how they are taken back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from policies.objects import ObjectRef
from tests.workers.orders.conftest import config
from tests.workers.orders.scene import ORDER, Scene


def test_a_lock_is_an_object_with_all_that_was_said(scene: Scene) -> None:
    comment = scene.order('/lock prod reason="incident 42"')
    (lock,), (record,) = scene.named("lock-"), scene.named("order-")
    for obj in (lock, record):
        assert obj["spec"] == {
            "verb": "lock",
            "environment": "prod",
            "repository": {"owner": scene.repo.owner, "name": "fleet", "id": scene.repo.id},
            "pullRequest": scene.number,
            "headSHA": scene.forge.pull_request(scene.repo, scene.number)["head"]["sha"],
            "actor": {"id": obj["spec"]["actor"]["id"], "login": "alice"},
            "comment": {"kind": "comment", "id": comment, "line": 1},
            "arguments": {"environment": "prod", "reason": "incident 42"},
            "reason": "incident 42",
        }
    assert (lock["status"]["phase"], record["status"]["phase"]) == ("standing", "done")
    assert record["status"]["message"] == scene.reply()


def test_who_comes_second_is_told_who_was_first(scene: Scene) -> None:
    scene.order('/lock prod reason="incident 42"', "bob")
    comment = scene.order("/lock prod")
    assert scene.reactions(comment) == ["confused"]
    assert scene.replies()[1].startswith("`prod` was locked already, by `bob` since ")
    assert len(scene.named("lock-")) == 1


def test_of_two_at_once_one_is_first(scene: Scene) -> None:
    said = [(scene.say("/lock prod", who)) for who in ("alice", "bob")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda one: scene.answer(scene.heard(one, "/lock prod")), said))
    assert sorted(scene.reactions(one)[0] for one in said) == ["confused", "rocket"]
    assert len(scene.named("lock-")) == 1


def test_an_unlock_deletes_it(scene: Scene) -> None:
    scene.order("/lock prod", "bob")
    comment = scene.order("/unlock prod")
    assert scene.reactions(comment) == ["rocket"]
    assert scene.replies()[1].startswith("Unlocked: releases into `prod` go on. It was locked by `bob`")
    assert scene.named("lock-") == []
    again = scene.order("/unlock prod")
    assert scene.reactions(again) == ["confused"]
    assert scene.replies()[2] == "`prod` is not locked; `/locks` lists what is."


def test_one_that_expired_makes_way(scene: Scene) -> None:
    scene.order("/lock prod", "bob")
    (lock,) = scene.named("lock-")
    gone = ObjectRef(*ORDER, scene.context.settings.namespace, lock["metadata"]["name"])
    scene.client.delete(gone)
    spec = lock["spec"] | {"expiresAt": "2020-01-01T00:00:00Z"}
    old = {k: lock[k] for k in ("apiVersion", "kind")} | {"spec": spec}
    scene.client.create(old | {"metadata": {"name": gone.name, "namespace": gone.namespace}})
    assert scene.reactions(scene.order("/lock prod")) == ["rocket"]
    (lock,) = scene.named("lock-")
    assert lock["spec"]["actor"]["login"] == "alice"


def test_a_hold_is_for_one_pull_request(scene: Scene) -> None:
    other = scene.opened({"prod/b.yaml": config("b")}, "other")
    scene.order("/hold")
    scene.order("/hold", number=other)
    assert len(scene.named("hold-")) == 2
    scene.order("/unhold", "bob")
    (left,) = scene.named("hold-")
    assert left["spec"]["pullRequest"] == other
    scene.order("/locks")
    assert f"| `#{other}` | `alice` |" in scene.reply()


def test_what_was_carried_out_long_ago_is_tidied(scene: Scene) -> None:
    from datetime import timedelta

    scene.order("/lock prod")
    scene.ahead = timedelta(days=6)
    scene.sweep()
    assert len(scene.named("order-")) == 1
    scene.ahead = timedelta(days=8)
    scene.sweep()
    assert (len(scene.named("order-")), len(scene.named("lock-"))) == (0, 1)
