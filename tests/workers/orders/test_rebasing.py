# SPDX-License-Identifier: Apache-2.0
"""/rebase has an automation make the branch of its pull request anew, and says what went with it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from policies.images.record import line
from policies.objects import ObjectRef
from tests.workers.orders.bumps import (
    FILE,
    asked,
    automation,
    branch_of,
    carried_out,
    handled,
    notes,
    proposed,
    record,
    ref,
)
from tests.workers.orders.conftest import config
from tests.workers.orders.scene import Scene
from tests.workers.orders.test_killed import kill
from workers.later import Later


@pytest.fixture
def edited(scene: Scene) -> Scene:
    """A pull request for images to whose branch alice has pushed."""
    automation(scene)
    scene.number = proposed(scene)
    push(scene, "Try it with more memory")
    scene.forge.label(scene.repo, scene.number, "fairway/edited")
    return scene


def push(scene: Scene, message: str) -> str:
    files = {"prod/web.yaml": config("web", message)}
    return scene.forge.commit(scene.repo, files, message, branch=branch_of(scene))


def fleet(scene: Scene) -> ObjectRef:
    return ref(scene, "ImageUpdateAutomation", "fleet")


def head(scene: Scene) -> str:
    return str(scene.forge.pull_request(scene.repo, scene.number)["head"]["sha"])


def later(scene: Scene, **passed: float) -> None:
    """Look again at what goes on, as happens a moment later."""
    scene.ahead += timedelta(**passed) if passed else timedelta(seconds=6)
    scene.context.queue.add_all(Later(scene.context.redis).due(scene.now()))
    scene.work()


def test_it_is_ordered_for_this_head_and_answered_once_it_is_done(edited: Scene) -> None:
    before = head(edited)
    comment = edited.order("/rebase")
    assert (edited.reactions(comment), edited.replies()) == (["eyes"], [])
    token = f"order-comment-{comment}-1"
    assert notes(edited, fleet(edited))["reconcile.fluxcd.io/requestedAt"] == token
    assert asked(edited, edited.number) == before
    later(edited)
    assert edited.replies() == []
    now = carried_out(edited, fleet(edited), edited.number)
    later(edited)
    assert edited.reactions(comment) == ["rocket"]
    assert edited.reply() == (
        f"The branch was made anew and ends with `{now[:7]}` now. Not in it any more, and not by Fairway:"
        f" `{before[:7]}` “Try it with more memory”. `git fetch origin {before}` brings back what the branch"
        " was before."
    )
    (record,) = edited.named("order-")
    assert (record["status"]["phase"], record["spec"]["headSHA"]) == ("done", before)
    assert not asked(edited, edited.number)


def test_there_may_be_nothing_to_do(scene: Scene) -> None:
    automation(scene)
    scene.number = proposed(scene)
    comment, asked_for = scene.order("/rebase"), head(scene)
    assert carried_out(scene, fleet(scene), scene.number) == asked_for
    later(scene)
    assert scene.reactions(comment) == ["rocket"]
    assert "found nothing to do: the branch is Fairway's own" in scene.reply()


def test_an_automation_that_cannot_is_not_waited_for(edited: Scene) -> None:
    comment, before = edited.order("/rebase"), head(edited)
    condition = {
        "type": "Ready",
        "status": "False",
        "reason": "GitOperationFailed",
        "message": "failed to checkout source: timeout",
        "lastTransitionTime": "2026-11-28T11:00:00Z",
    }
    patch = {"status": {"conditions": [condition]}}
    edited.client.patch(fleet(edited), patch, manager="test", subresource="status")
    later(edited, minutes=2)
    assert edited.reactions(comment) == ["rocket"]
    assert "It says: failed to checkout source: timeout." in edited.reply()
    assert f"`git fetch origin {before}`" in edited.reply()
    assert asked(edited, edited.number) == before  # it does so once it can


def test_what_is_pushed_meanwhile_is_not_thrown_away(edited: Scene) -> None:
    comment, before = edited.order("/rebase"), head(edited)
    now = push(edited, "One more")
    later(edited)
    assert edited.reactions(comment) == ["confused"]
    assert f"it was given for `{before[:7]}`, and the head is `{now[:7]}` now" in edited.reply()
    assert carried_out(edited, fleet(edited), edited.number) == now


def test_what_is_pushed_once_it_is_done_takes_nothing_back(edited: Scene) -> None:
    comment, before = edited.order("/rebase"), head(edited)
    carried_out(edited, fleet(edited), edited.number)
    push(edited, "Back at it")
    later(edited)
    assert edited.reactions(comment) == ["rocket"]
    assert f"`git fetch origin {before}`" in edited.reply()


def test_what_was_pushed_before_it_was_read_is_not_either(edited: Scene) -> None:
    comment = edited.say("/rebase")
    edited.a_second_passes()
    now = push(edited, "One more")
    edited.answer(edited.heard(comment, "/rebase"))
    assert edited.reactions(comment) == ["confused"]
    assert not asked(edited, edited.number)
    meant = edited.order(f"/rebase sha={now[:7]}")
    assert edited.reactions(meant) == ["eyes"]
    assert asked(edited, edited.number) == now


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("closed", "this pull request is closed"),
        ("merged", "this pull request is merged"),
        ("suspended", "is suspended"),
        ("closed meanwhile", "this pull request is closed"),
    ],
)
def test_nobody_works_on_it(edited: Scene, state: str, said: str) -> None:
    if state == "closed":
        edited.forge.close(edited.repo, edited.number)
    if state == "merged":
        edited.merged()
    if state == "suspended":
        edited.client.patch(fleet(edited), {"spec": {"suspend": True}}, manager="test")
    comment = edited.order("/rebase")
    if state == "closed meanwhile":
        edited.forge.close(edited.repo, edited.number)
        later(edited)
    assert edited.reactions(comment) == ["confused"]
    assert said in edited.reply()


def test_two_people_order_it(edited: Scene) -> None:
    first, second = edited.order("/rebase"), edited.order("/rebase", "bob")
    before = head(edited)
    carried_out(edited, fleet(edited), edited.number)
    later(edited)
    later(edited)
    assert (edited.reactions(first), edited.reactions(second)) == (["rocket"], ["rocket"])
    assert all(f"`git fetch origin {before}`" in reply for reply in edited.replies())


def test_whoever_changes_the_text_meanwhile_takes_it_back_for_a_moment(edited: Scene) -> None:
    comment, before = edited.order("/rebase"), head(edited)
    edited.forge.edit_pull_request(edited.repo, edited.number, body=line(record(edited)))
    handled(edited, fleet(edited))
    later(edited)
    assert (edited.reactions(comment), asked(edited, edited.number)) == (["eyes"], before)


@pytest.mark.parametrize(
    ("method", "countdown"),
    [("react", 1), ("create", 1), ("write", 1), ("rewrite", 1), ("patch", 2)],
)
def test_a_worker_dies_before_it_is_done(edited: Scene, tmp_path: Path, method: str, countdown: int) -> None:
    comment, before = edited.say("/rebase"), head(edited)
    kill(edited, tmp_path, comment, "/rebase", method, countdown)
    edited.sweep()
    assert (edited.reactions(comment), asked(edited, edited.number)) == (["eyes"], before)
    carried_out(edited, fleet(edited), edited.number)
    later(edited)
    assert edited.reactions(comment) == ["rocket"]
    assert "“Try it with more memory”" in edited.reply()
    assert len(edited.named("order-")) == 1


@pytest.mark.parametrize(("method", "countdown"), [("write", 1), ("reply", 1), ("react", 1)])
def test_a_worker_dies_when_it_is_done(edited: Scene, tmp_path: Path, method: str, countdown: int) -> None:
    comment, before = edited.order("/rebase"), head(edited)
    now = carried_out(edited, fleet(edited), edited.number)
    kill(edited, tmp_path, comment, "/rebase", method, countdown)
    push(edited, "Back at it")  # after it was done
    edited.sweep()
    assert edited.reactions(comment) == ["rocket"]
    assert f"`git fetch origin {before}`" in edited.reply()
    assert f"ends with `{now[:7]}` now" in edited.reply()


def test_redis_forgets_while_it_goes_on(edited: Scene) -> None:
    comment = edited.order("/rebase")
    edited.context.redis.flushall()
    carried_out(edited, fleet(edited), edited.number)
    edited.sweep()
    assert edited.reactions(comment) == ["rocket"]
    assert edited.file(FILE, branch_of(edited)) == config("web", "1.1.0")
