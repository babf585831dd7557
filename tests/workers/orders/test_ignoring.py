# SPDX-License-Identifier: Apache-2.0
"""/ignore closes a pull request for new images, which keeps its versions out."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.images import record as records
from tests.workers.orders.bumps import automation, branch_of, closed, proposed, pushed, record
from tests.workers.orders.conftest import MakeScene
from tests.workers.orders.scene import Scene
from tests.workers.orders.test_killed import kill


@pytest.fixture
def bumped(scene: Scene) -> Scene:
    """An open pull request for version 1.1.0 of one image."""
    automation(scene)
    scene.number = proposed(scene)
    return scene


def scope(scene: Scene, number: int = 0) -> str:
    said = records.read(scene.forge.pull_request(scene.repo, number or scene.number)["body"])
    return said.scope if said else ""


@pytest.mark.parametrize(
    ("order", "wanted", "shown"),
    [
        ("/ignore", "version", "`ghcr.io/acme/web:1.1.0`"),
        ("/ignore version", "version", "`ghcr.io/acme/web:1.1.0`"),
        ("/ignore minor", "minor", "every version 1.1 of `ghcr.io/acme/web`"),
        ("/ignore major", "major", "every version 1 of `ghcr.io/acme/web`"),
    ],
)
def test_it_closes_and_says_what_is_not_proposed_any_more(
    bumped: Scene, order: str, wanted: str, shown: str
) -> None:
    head = bumped.forge.refs(bumped.repo)[f"refs/heads/{branch_of(bumped)}"]
    comment = bumped.order(order)
    assert bumped.reactions(comment) == ["rocket"]
    assert bumped.reply() == (
        f"Closed, and not proposed any more: {shown}. Whoever wants it back opens this pull request again or,"
        " once a newer version has taken its branch, deletes the hidden line `fairway:images`"
        " from its description."
    )
    pull = closed(bumped, bumped.number)
    assert pull["body"].startswith("New images.\n\n<!-- fairway:images ")
    assert scope(bumped) == wanted
    (order_object,) = bumped.named("order-")
    assert order_object["spec"]["target"]["name"] == "fleet"
    assert order_object["status"]["phase"] == "done"
    # Its branch stays, so that it can be opened again.
    assert bumped.forge.refs(bumped.repo)[f"refs/heads/{branch_of(bumped)}"] == head
    assert bumped.forge.reopen(bumped.repo, bumped.number)["state"] == "open"


def test_a_closed_one_declines_more_and_never_less(bumped: Scene) -> None:
    bumped.forge.close(bumped.repo, bumped.number)
    for order, wanted in (("/ignore minor", "minor"), ("/ignore", "minor"), ("/ignore major", "major")):
        comment = bumped.order(order)
        assert (bumped.reactions(comment), scope(bumped)) == (["rocket"], wanted)
    bumped.forge.reopen(bumped.repo, bumped.number)
    bumped.order("/ignore")
    assert scope(bumped) == "version"


def test_what_is_merged_is_rejected_instead(bumped: Scene) -> None:
    bumped.merged()
    comment = bumped.order("/ignore")
    assert bumped.reactions(comment) == ["confused"]
    assert "`/reject` takes it back" in bumped.reply()


def test_it_takes_the_role_write_and_the_rules(bumped: Scene) -> None:
    refused = bumped.order("/ignore", "carol")
    assert bumped.reactions(refused) == ["confused"]
    assert "it takes the role write; `carol` has read" in bumped.reply()
    rules = "version: 1\norders: {ignore: {environments: {prod: {users: [bob]}}}}\n"
    bumped.forge.commit(bumped.repo, {".fairway.yaml": rules}, "Configure")
    bumped.order("/ignore")
    assert "in `prod` it takes `@bob`" in bumped.replies()[1]
    assert bumped.forge.pull_request(bumped.repo, bumped.number)["state"] == "open"
    assert bumped.reactions(bumped.order("/ignore", "bob")) == ["rocket"]


def test_a_binding_may_not_grant_it(make_scene: MakeScene) -> None:
    scene = make_scene(verbs=["rescan"])
    automation(scene)
    number = proposed(scene)
    scene.order("/ignore", number=number)
    assert "RepositoryBinding does not grant `ignore`" in scene.reply(number)
    shown = scene.order("/help", number=number)
    assert scene.reactions(shown) == ["rocket"]
    assert "`/rescan`" in scene.replies(number)[1]
    assert "`/ignore" not in scene.replies(number)[1]


def test_help_offers_it_where_it_is_carried_out(bumped: Scene, make_scene: MakeScene) -> None:
    bumped.order("/help")
    assert "`/ignore [<scope>] [sha=<sha>]`" in bumped.reply()
    topic = bumped.opened({"docs/a.md": "a"}, "docs")
    bumped.order("/help", number=topic)
    assert "/ignore" not in bumped.reply(topic)
    assert "/rebase" not in bumped.reply(topic)


def test_another_version_came_before_it_was_read(bumped: Scene) -> None:
    body = "/ignore"
    comment = bumped.say(body)
    bumped.a_second_passes()
    pushed(bumped, "1.2.0")
    bumped.answer(bumped.heard(comment, body))
    assert bumped.reactions(comment) == ["confused"]
    assert "and the head is" in bumped.reply()
    assert bumped.forge.pull_request(bumped.repo, bumped.number)["state"] == "open"


def test_its_text_was_changed_to_mean_another_version(bumped: Scene) -> None:
    """The record counts as it is when it is read: whoever may edit it may close the pull request, too."""
    text = f"Mine\n{records.line(record(bumped, '3.0.0'))}"
    bumped.forge.edit_pull_request(bumped.repo, bumped.number, body=text)
    bumped.order("/ignore minor")
    assert "every version 3.0 of" in bumped.reply()


def test_a_comment_that_was_edited_orders_nothing(bumped: Scene) -> None:
    comment = bumped.say("/ignore")
    bumped.edit(comment, "/ignore major")
    bumped.answer(bumped.heard(comment, "/ignore"))
    assert "its comment was edited before it was read" in bumped.reply()
    gone = bumped.say("/ignore")
    bumped.forge.delete_comment(bumped.repo, gone)
    bumped.answer(bumped.heard(gone, "/ignore"))
    assert bumped.forge.pull_request(bumped.repo, bumped.number)["state"] == "open"


@pytest.mark.parametrize(
    ("method", "countdown"),
    [("react", 1), ("create", 1), ("close", 1), ("write", 1), ("reply", 1), ("react", 2)],
)
def test_a_worker_dies(bumped: Scene, tmp_path: Path, method: str, countdown: int) -> None:
    body = "/ignore minor"
    comment = bumped.say(body)
    kill(bumped, tmp_path, comment, body, method, countdown)
    bumped.sweep()
    assert bumped.reactions(comment) == ["rocket"]
    assert bumped.reply().startswith("Closed, and not proposed any more: every version 1.1")
    closed(bumped, bumped.number)
    assert scope(bumped) == "minor"
    assert [obj["status"]["phase"] for obj in bumped.named("order-")] == ["done"]


def test_what_was_closed_is_said_also_when_the_right_was_taken_since(bumped: Scene, tmp_path: Path) -> None:
    comment = bumped.say("/ignore", "bob")
    kill(bumped, tmp_path, comment, "/ignore", "close", 1)
    bumped.forge.allow(bumped.repo, "bob", "read")
    bumped.sweep()
    assert bumped.reactions(comment) == ["rocket"]
