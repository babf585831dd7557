# SPDX-License-Identifier: Apache-2.0
"""A worker is killed between any two steps of an answer, and Redis is emptied: the next one ends it, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.workers.orders.conftest import MakeScene
from tests.workers.orders.scene import Scene
from tests.workers.orders.test_reconciling import requested
from tests.workers.orders.test_rollback import green, rolled_back, settle


def kill(
    scene: Scene, folder: Path, comment: int, body: str, method: str, countdown: int, kind: str = "comment"
) -> None:
    """Have a worker answer a comment, and die on the way."""
    key_file = folder / "app.pem"
    key_file.write_text(scene.app.private_key_pem)
    settings = scene.context.settings
    environment = os.environ | {
        "FAIRWAY_REDIS_URL": settings.redis_url,
        "FAIRWAY_DATA": settings.data_dir,
        "FAIRWAY_CLUSTER": settings.cluster,
        "FAIRWAY_TENANCY": settings.tenancy,
        "FAIRWAY_GITHUB_URL": settings.github_url,
        "FAIRWAY_GITHUB_API_URL": settings.github_api_url,
        "FAIRWAY_GITHUB_ACCOUNTS": ",".join(settings.github_accounts),
        "FAIRWAY_GITHUB_APP_ID": str(scene.app.id),
        "FAIRWAY_GITHUB_PRIVATE_KEY_FILE": str(key_file),
        "FAIRWAY_ALLOW_LOOPBACK": "true",
        "KUBECONFIG": str(settings.kubeconfig),
    }
    key = scene.heard(comment, body, kind=kind).key
    command = [sys.executable, "-m", "tests.workers.orders.killed", method, str(countdown)]
    ended = subprocess.run(
        [*command, key.namespace, key.name], env=environment, capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    scene.context.redis.flushall()


@pytest.mark.parametrize(
    ("method", "countdown"),
    [("react", 1), ("create", 1), ("create", 2), ("write", 1), ("write", 2), ("reply", 1), ("react", 2)],
)
def test_a_lock(scene: Scene, tmp_path: Path, method: str, countdown: int) -> None:
    body = "/lock prod"
    comment = scene.say(body)
    kill(scene, tmp_path, comment, body, method, countdown)
    scene.sweep()
    assert scene.reactions(comment) == ["rocket"]
    assert scene.reply().startswith("Locked:")
    assert [len(scene.named(kind)) for kind in ("lock-", "order-")] == [1, 1]
    assert scene.named("order-")[0]["status"]["phase"] == "done"


@pytest.mark.parametrize(
    ("method", "countdown"), [("create", 1), ("write", 1), ("delete", 1), ("write", 2), ("reply", 1)]
)
def test_an_unlock(scene: Scene, tmp_path: Path, method: str, countdown: int) -> None:
    scene.order("/lock prod", "bob")
    body = "/unlock prod"
    comment = scene.say(body)
    kill(scene, tmp_path, comment, body, method, countdown)
    scene.sweep()
    assert scene.reactions(comment) == ["rocket"]
    assert [reply.partition(":")[0] for reply in scene.replies()] == ["Locked", "Unlocked"]
    assert scene.named("lock-") == []


def test_an_unlock_does_not_take_back_what_was_locked_since(scene: Scene, tmp_path: Path) -> None:
    scene.order("/lock prod", "bob")
    body = "/unlock prod"
    comment = scene.say(body)
    kill(scene, tmp_path, comment, body, "delete", 1)
    scene.order("/lock prod", "bob")
    scene.sweep()
    assert scene.reactions(comment) == ["rocket"]
    assert len(scene.named("lock-")) == 1


@pytest.mark.parametrize(
    ("method", "countdown"), [("create", 1), ("commit", 1), ("open", 1), ("write", 1), ("reply", 1)]
)
def test_a_rollback(scene: Scene, tmp_path: Path, method: str, countdown: int) -> None:
    scene.merged()
    body = "/rollback prod"
    comment = scene.say(body, "bob")
    kill(scene, tmp_path, comment, body, method, countdown)
    scene.sweep()
    assert scene.reactions(comment) == ["rocket"]
    (pull,) = scene.forge.pull_requests(scene.repo)
    assert f"[`#{pull['number']}`]" in scene.reply()
    assert len(scene.named("order-")) == 1


def test_a_right_that_is_taken_between_two_tries_is_none(scene: Scene, tmp_path: Path) -> None:
    body = "/lock prod"
    comment = scene.say(body, "bob")
    kill(scene, tmp_path, comment, body, "create", 1)
    scene.forge.allow(scene.repo, "bob", "read")
    scene.sweep()
    assert scene.reactions(comment) == ["confused"]
    assert scene.named("lock-") == []
    assert scene.named("order-")[0]["status"]["phase"] == "refused"


def test_the_head_moves_between_two_tries(scene: Scene, tmp_path: Path) -> None:
    body = "/reconcile"
    comment = scene.say(body, "bob")
    kill(scene, tmp_path, comment, body, "create", 1)
    scene.forge.commit(scene.repo, {"x": "x"}, "Move", branch="topic")
    scene.sweep()
    assert scene.reactions(comment) == ["confused"]
    assert "and the head is" in scene.reply()


# What is replied to a hold is the status comment.
@pytest.mark.parametrize(
    ("method", "countdown"), [("create", 2), ("write", 1), ("write", 2), ("reply", 1), ("react", 2)]
)
def test_a_hold(scene: Scene, tmp_path: Path, method: str, countdown: int) -> None:
    body = "/hold"
    comment = scene.say(body)
    kill(scene, tmp_path, comment, body, method, countdown)
    scene.sweep()
    assert (scene.reactions(comment), scene.replies()) == (["rocket"], [])
    assert "Waits: this pull request is held by `alice`" in scene.status()
    assert [len(scene.named(kind)) for kind in ("hold-", "order-")] == [1, 1]
    assert scene.named("order-")[0]["status"]["phase"] == "done"


@pytest.mark.parametrize(("method", "countdown"), [("write", 1), ("delete", 1), ("write", 2), ("reply", 1)])
def test_an_unhold(scene: Scene, tmp_path: Path, method: str, countdown: int) -> None:
    scene.order("/hold", "bob")
    assert "Waits: this pull request is held by `bob`" in scene.status()
    body = "/unhold"
    comment = scene.say(body)
    kill(scene, tmp_path, comment, body, method, countdown)
    scene.sweep()
    assert (scene.reactions(comment), scene.replies()) == (["rocket"], [])
    assert scene.status().startswith("### Nothing of")
    assert "Waits:" not in scene.status()
    assert scene.named("hold-") == []


@pytest.mark.parametrize(("method", "countdown"), [("create", 1), ("patch", 2), ("write", 1), ("reply", 1)])
def test_a_reconcile(scene: Scene, tmp_path: Path, method: str, countdown: int) -> None:
    body = "/reconcile"
    comment = scene.say(body)
    kill(scene, tmp_path, comment, body, method, countdown)
    scene.sweep()
    assert scene.reactions(comment) == ["rocket"]
    assert scene.reply().startswith("Reconciles now: ")
    objects = (scene.source(), scene.kustomization("prod"), scene.kustomization("staging"))
    # The same word whoever wrote it, so that nothing is set off twice.
    assert {requested(obj) for obj in objects} == {f"order-comment-{comment}-1"}
    (record,) = scene.named("order-")
    assert record["status"]["phase"] == "done"


def test_a_hold_stops_our_own_merge_whenever_its_worker_died(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene(write="merge")
    scene.merged()
    scene.forge.protect(scene.repo, checks={"ci": None})
    number = rolled_back(scene)
    green(scene, number)
    body = "/hold"
    comment = scene.say(body)
    kill(scene, tmp_path, comment, body, "create", 2)
    settle(scene, number)
    assert scene.forge.pull_request(scene.repo, number)["merged"] is False
    scene.sweep()
    settle(scene, number)
    assert scene.reactions(comment) == ["rocket"]
    assert scene.forge.pull_request(scene.repo, number)["merged"] is False
    scene.order("/unhold")
    settle(scene, number)
    assert scene.forge.pull_request(scene.repo, number)["merged"] is True


@pytest.mark.parametrize(
    ("method", "countdown"), [("create", 1), ("create", 2), ("write", 2), ("reply", 1), ("reply", 2)]
)
def test_a_hold_in_a_review(scene: Scene, tmp_path: Path, method: str, countdown: int) -> None:
    review = scene.review("/hold")
    kill(scene, tmp_path, review, "/hold", method, countdown, "review")
    scene.ahead = timedelta(minutes=2)  # a fresh one is left to its own delivery
    scene.sweep()
    assert scene.reply().startswith("Held:")
    assert [len(scene.named(kind)) for kind in ("hold-", "order-")] == [1, 1]
    assert scene.named("order-")[0]["status"]["phase"] == "done"


def test_a_comment_that_is_edited_after_it_acted(scene: Scene, tmp_path: Path) -> None:
    body = "/lock prod"
    comment = scene.say(body)
    kill(scene, tmp_path, comment, body, "reply", 1)
    scene.edit(comment, "Please:\n\n/lock prod\n\n/lock staging")
    scene.sweep()
    assert scene.reactions(comment) == ["confused"]
    assert [line.partition(":")[0] for line in scene.reply().splitlines() if line] == [
        "Locked",
        "`/lock staging` was not carried out",
    ]
    assert [lock["spec"]["environment"] for lock in scene.named("lock-")] == ["prod"]


def test_a_comment_whose_order_is_edited_away_after_it_was_taken(scene: Scene, tmp_path: Path) -> None:
    body = '/lock prod reason="incident 42"'
    comment = scene.say(body)
    kill(scene, tmp_path, comment, body, "create", 2)
    scene.edit(comment, "Never mind.")
    scene.sweep()
    assert scene.reactions(comment) == ["rocket"]
    assert scene.reply().startswith("Locked:")
    assert len(scene.named("lock-")) == 1
