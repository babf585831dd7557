# SPDX-License-Identifier: Apache-2.0
"""An order means the head that its author could see: one that was pushed after it is looked at first."""

from __future__ import annotations

import pytest

from tests.workers.orders.conftest import config
from tests.workers.orders.scene import Scene


def push(scene: Scene, branch: str = "topic") -> str:
    """Push to a branch, at least a second after all that was said: GitHub's times are whole seconds."""
    scene.a_second_passes()
    return scene.forge.commit(scene.repo, {"prod/web.yaml": config("web", "9")}, "Move", branch=branch)


def head(scene: Scene) -> str:
    return str(scene.forge.pull_request(scene.repo, scene.number)["head"]["sha"])


@pytest.mark.parametrize("order", ["/unhold", "/reconcile", "/retry"])
def test_what_was_pushed_after_the_comment_is_not_meant(scene: Scene, order: str) -> None:
    scene.order("/hold")
    before, comment = head(scene), scene.say(order)
    push(scene)
    after = push(scene)
    scene.sweep()
    assert scene.reactions(comment) == ["confused"]
    assert f"it was given for `{before[:7]}`, and the head is `{after[:7]}` now" in scene.reply()
    assert len(scene.named("hold-")) == 1
    again = scene.order(order)
    assert scene.reactions(again) == ["rocket"]


@pytest.mark.parametrize("order", ["/hold", "/lock prod", "/locks"])
def test_what_only_stops_or_answers_is_for_any_head(scene: Scene, order: str) -> None:
    comment = scene.say(order)
    push(scene)
    scene.sweep()
    assert scene.reactions(comment) == ["rocket"]


def test_a_commit_that_is_named_is_what_counts(scene: Scene) -> None:
    comment = scene.say(f"/reconcile sha={head(scene)}")
    push(scene)
    scene.sweep()
    assert scene.reactions(comment) == ["confused"]
    assert "the order means" in scene.reply()


def test_a_review_means_the_head_that_it_was_about(scene: Scene) -> None:
    body = "/reconcile"
    review = scene.review(body)
    push(scene)
    scene.answer(scene.heard(review, body, kind="review"))
    assert "`/reconcile` was not carried out: it was given for" in scene.reply()


def test_the_branch_of_a_merged_pull_request_may_move(scene: Scene) -> None:
    scene.merged()
    comment = scene.say("/reconcile")
    push(scene)
    scene.sweep()
    assert scene.reactions(comment) == ["rocket"]


def test_of_a_fork_nobody_can_tell(scene: Scene) -> None:
    scene.forge.allow(scene.repo, "erin", "read")
    fork = scene.forge.fork(scene.repo, "erin")
    scene.forge.commit(fork, {"prod/web.yaml": config("web", "9")}, "Mine", branch="mine", author="erin")
    number = int(scene.forge.open_pull_request(scene.repo, "erin:mine", "Mine", author="erin")["number"])
    comment = scene.say("/reconcile", number=number)
    scene.a_second_passes()
    scene.forge.commit(fork, {"prod/web.yaml": config("web", "8")}, "Move", branch="mine", author="erin")
    scene.sweep()
    assert scene.reactions(comment) == ["rocket"]
