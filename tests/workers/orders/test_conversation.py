# SPDX-License-Identifier: Apache-2.0
"""What a person says, and how Fairway answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from policies.budget import Urgency
from policies.objects import ObjectRef
from tests.workers.orders.conftest import MakeScene
from tests.workers.orders.scene import Scene
from workers.github import Forbidden, PermissionMissing, RateLimited, ServerError
from workers.later import Later
from workers.permissions import missing_of


def test_help_is_answered_once(scene: Scene) -> None:
    comment = scene.order("What can I do?\n\n/help\n\n/help", "carol")
    assert scene.reactions(comment) == ["rocket"]
    assert scene.reply().startswith("### Orders\n\n| order | what it does |")
    assert scene.reply().count("### Orders") == 1
    scene.answer(scene.heard(comment, "What can I do?\n\n/help\n\n/help"))
    assert len(scene.replies()) == 1


def test_a_review_takes_no_reaction_and_gets_a_reply(scene: Scene) -> None:
    body = "Looks good.\n\n/hold"
    heard = scene.heard(scene.review(body), body, kind="review")
    scene.answer(heard)
    scene.answer(heard)
    assert scene.reply().startswith("Held: Fairway starts nothing for this pull request.")
    assert [obj["spec"]["comment"]["kind"] for obj in scene.named("hold-")] == ["review"]


def test_a_review_of_which_nobody_knows_whether_it_was_edited_orders_nothing(scene: Scene) -> None:
    scene.review("/hold\n\n/locks")
    scene.sweep()
    assert scene.replies() == []
    scene.ahead = timedelta(minutes=2)  # a fresh one is left to its own delivery
    scene.sweep()
    scene.sweep()
    assert [line.partition(":")[0] for line in scene.reply().splitlines() if line] == [
        "`/hold` was not carried out",
        "Nothing is locked or held in this repository.",
    ]
    assert "this review was read late" in scene.reply()
    assert scene.named("hold-") == []


def test_a_review_whose_reply_was_deleted_is_not_answered_again(scene: Scene) -> None:
    for body in ("/hold", "/help"):
        scene.answer(scene.heard(scene.review(body), body, kind="review"))
    for comment in scene.forge.comments(scene.repo, scene.number):
        scene.forge.delete_comment(scene.repo, comment["id"])
    scene.ahead = timedelta(minutes=2)  # a fresh one is left to its own delivery
    scene.sweep()
    assert scene.replies() == []
    # Were that forgotten, what is said again would still be true.
    scene.context.redis.flushall()
    scene.sweep()
    assert [reply[:10] for reply in scene.replies()] == ["Held: Fair", "### Orders"]
    assert len(scene.named("hold-")) == 1


def test_a_review_whose_reply_was_put_off(scene: Scene) -> None:
    review = scene.review("/hold")
    scene.forge.fail_before("POST", rf"/repos/{scene.repo.full_name}/issues/\d+/comments")
    with pytest.raises(ServerError):
        scene.answer(scene.heard(review, "/hold", kind="review"))
    scene.ahead = timedelta(minutes=2)  # a fresh one is left to its own delivery
    scene.sweep()
    assert scene.reply().startswith("Held:")
    assert len(scene.named("hold-")) == 1


def test_a_review_that_was_edited_before_it_was_read(scene: Scene) -> None:
    review = scene.review("/hold")
    scene.answer(scene.heard(review, "/lock prod", kind="review"))
    assert scene.reply().startswith("`/hold` was not carried out: its comment was edited before")
    assert scene.orders() == []


@pytest.mark.parametrize(
    "body",
    [
        "```\n/lock prod\n```",
        "> /lock prod",
        "- /lock prod",
        "`/lock prod`",
        "<!--\n/lock prod\n-->",
        "<details>\n/lock prod\n</details>",
        "    /lock prod",
        "~~/lock prod~~",
        "See /lock prod",
        "/deploy prod",
        "Nothing.",
    ],
)
def test_what_is_no_order_is_left_without_a_word(scene: Scene, body: str) -> None:
    comment = scene.order(body)
    assert (scene.reactions(comment), scene.replies(), scene.orders()) == ([], [], [])


def test_a_bot_orders_nothing(make_scene: MakeScene) -> None:
    scene = make_scene()
    other = make_scene(of=scene)
    assert other.context.github is not None
    other.context.github.comments.ensure(
        scene.repo.full_name, scene.number, "x", "/lock prod", urgency=Urgency.ANSWER
    )
    (comment,) = [c for c in scene.forge.comments(scene.repo, scene.number) if c["user"]["type"] == "Bot"]
    scene.answer(scene.heard(int(comment["id"]), comment["body"]))
    scene.sweep()
    assert (scene.reactions(int(comment["id"])), scene.orders()) == ([], [])


def test_a_word_that_is_nearly_ours_gets_one_line(scene: Scene) -> None:
    comment = scene.order("/hlep")
    assert scene.reactions(comment) == ["confused"]
    assert scene.reply() == "`/hlep` is no order here; `/help` is one."


def test_a_known_word_for_which_nothing_waits(scene: Scene) -> None:
    comment = scene.order("/promote prod")
    assert scene.reactions(comment) == ["confused"]
    assert scene.reply().startswith("Nothing here waits for `/promote prod`.")


def test_several_orders_are_carried_out_in_their_order_with_one_reply(scene: Scene) -> None:
    comment = scene.order("/lock staging\n\n/locks\n\n/unlock staging\n\n/lock nowhere\n\n/lock")
    assert scene.reactions(comment) == ["confused"]
    reply = scene.reply()
    assert [line.partition(":")[0] for line in reply.splitlines() if line and not line.startswith("|")] == [
        "Locked",
        "What a person merges is still applied.",
        "Unlocked",
        "`/lock nowhere` was not carried out",
        "`/lock` was not carried out",
    ]
    assert "| `staging` | `alice` |" in reply
    assert scene.named("lock-") == []


def test_what_shows_in_the_status_comment_is_not_said_besides(scene: Scene) -> None:
    comment = scene.order("/status\n\n/hold")
    assert (scene.reactions(comment), scene.replies()) == (["rocket"], [])
    assert "Waits: this pull request is held by `alice`" in scene.status()
    # Whoever was writing the comment at the same time may have written what was true before.
    scene.work()
    assert {(key.kind, key.name) for key in scene.asked} == {("PullRequest", f"fleet:{scene.number}")}
    scene.order("/unhold")
    assert (scene.replies(), "Waits:" in scene.status()) == ([], False)


def test_what_does_not_show_anywhere_yet_is_not_done(scene: Scene) -> None:
    comment = scene.say("/hold")
    scene.forge.fail_before("POST", rf"/repos/{scene.repo.full_name}/issues/\d+/comments", times=3)
    with pytest.raises(ServerError):
        scene.answer(scene.heard(comment, "/hold"))
    assert (scene.reactions(comment), len(scene.named("hold-"))) == (["eyes"], 1)
    scene.forge.clear_faults()
    scene.context.redis.flushall()
    scene.sweep()
    assert (scene.reactions(comment), scene.replies()) == (["rocket"], [])
    assert "Waits: this pull request is held by `alice`" in scene.status()


def test_where_nothing_follows_the_repository_it_is_said(scene: Scene) -> None:
    scene.client.delete(ObjectRef.of(scene.source()))
    comments = [scene.order("/status"), scene.order("/hold"), scene.order("/unhold")]
    assert [scene.reactions(comment) for comment in comments] == [["rocket"]] * 3
    assert scene.replies()[0] == (
        "`/status` found nothing to do: nothing on demo follows this repository, so there is no status"
        " comment."
    )
    assert [reply.partition(":")[0] for reply in scene.replies()[1:]] == ["Held", "The hold is taken back"]
    assert scene.status() == ""


def test_where_nothing_follows_the_base_the_status_comment_says_it(scene: Scene) -> None:
    scene.forge.commit(scene.repo, {"a": "a"}, "Release", branch="release")
    aside = scene.opened({"b": "b"}, "aside", base="release")
    scene.order("/hold", number=aside)
    assert "Waits: this pull request is held by `alice`" in scene.status(aside)
    scene.merged(aside)
    scene.order("/status", number=aside)
    assert scene.status(aside).startswith("### Merged into `release`, which nothing on `demo` follows")
    assert scene.replies(aside) == []


def test_without_a_status_comment_it_is_said(scene: Scene) -> None:
    scene.forge.commit(scene.repo, {".fairway.yaml": "version: 1\npullRequests: {comment: off}\n"}, "Quiet")
    scene.order("/hold")
    assert scene.reply().startswith("Held:")


def test_an_edited_comment_is_not_obeyed(scene: Scene) -> None:
    comment = scene.say("/hold")
    scene.forge.edit_comment(scene.repo, comment, "/lock prod")
    scene.answer(scene.heard(comment, "/hold"))
    assert scene.reactions(comment) == ["confused"]
    assert scene.reply().startswith("`/lock prod` was not carried out: its comment was edited before")
    assert scene.orders() == []


def test_an_order_that_was_edited_away_is_told_of(scene: Scene) -> None:
    comment = scene.say("/hold")
    scene.forge.edit_comment(scene.repo, comment, "Never mind.")
    scene.answer(scene.heard(comment, "/hold"))
    assert scene.reactions(comment) == ["confused"]
    assert scene.reply().startswith("An order was not carried out: this comment was edited")


def test_an_edit_is_no_new_order(scene: Scene) -> None:
    comment = scene.say("Hello")
    scene.edit(comment, "/hold")
    scene.sweep()
    assert (scene.reactions(comment), scene.replies(), scene.orders()) == ([], [], [])


def test_a_deleted_comment_orders_nothing(scene: Scene) -> None:
    comment = scene.say("/hold")
    scene.forge.delete_comment(scene.repo, comment)
    scene.answer(scene.heard(comment, "/hold"))
    assert (scene.replies(), scene.orders()) == ([], [])


def test_an_order_of_which_nobody_told_is_found(scene: Scene) -> None:
    comment = scene.say("/hold")
    scene.sweep()
    assert scene.reactions(comment) == ["rocket"]
    assert len(scene.named("hold-")) == 1
    before = scene.forge.most(scene.installation)
    scene.sweep()
    assert scene.forge.most(scene.installation)["creations_per_hour"] == before["creations_per_hour"]


def test_an_order_is_found_after_everything_was_forgotten(scene: Scene) -> None:
    comment = scene.say("/hold")
    scene.sweep()
    other = scene.say("/lock prod")
    scene.context.redis.flushall()
    scene.sweep()
    assert (scene.reactions(comment), scene.reactions(other)) == (["rocket"], ["rocket"])
    assert len(scene.named("hold-")) == 1


def test_what_is_a_day_old_when_it_is_heard_of_is_no_order_any_more(scene: Scene) -> None:
    comment = scene.say("/hold")
    scene.ahead = timedelta(hours=25)
    scene.sweep()
    scene.answer(scene.heard(comment, "/hold"))
    assert (scene.reactions(comment), scene.replies(), scene.orders()) == ([], [], [])


def test_an_account_that_is_not_served_gets_no_word(scene: Scene) -> None:
    scene.configure(github_accounts=("somebody-else",))
    comment = scene.order("/help")
    scene.sweep()
    assert (scene.reactions(comment), scene.replies()) == ([], [])


def test_a_repository_that_is_not_bound_gets_no_word(scene: Scene) -> None:
    binding = f"{scene.repo.owner}-{scene.namespace}"
    scene.client.delete(ObjectRef("fairway.dev", "v1alpha1", "RepositoryBinding", "", binding))
    comment = scene.order("/help")
    scene.sweep()
    assert (scene.reactions(comment), scene.replies()) == ([], [])


def test_a_reply_that_github_answered_with_a_502_is_there_once(scene: Scene) -> None:
    comment = scene.say("/locks")
    scene.forge.fail_after("POST", rf"/repos/{scene.repo.full_name}/issues/\d+/comments")
    scene.answer(scene.heard(comment, "/locks"))
    assert scene.reactions(comment) == ["rocket"]
    assert scene.reply() == "Nothing is locked or held in this repository."


def test_a_reply_that_failed_comes_later(scene: Scene) -> None:
    comment = scene.say("/lock prod")
    scene.forge.fail_before("POST", rf"/repos/{scene.repo.full_name}/issues/\d+/comments")
    with pytest.raises(ServerError):
        scene.answer(scene.heard(comment, "/lock prod"))
    assert scene.reactions(comment) == ["eyes"]
    scene.ahead = timedelta(seconds=10)
    (addition,) = Later(scene.context.redis).due(scene.now())
    assert addition.key == scene.heard(comment, "/lock prod").key
    scene.context.queue.add_all([addition])
    scene.work()
    assert scene.reactions(comment) == ["rocket"]
    assert scene.reply().startswith("Locked:")


def test_what_is_limited_comes_later(scene: Scene) -> None:
    comment = scene.say("/lock prod")
    scene.forge.limit(scene.installation, creations_per_minute=1)
    with pytest.raises(RateLimited):
        scene.answer(scene.heard(comment, "/lock prod"))
    scene.forge.limit(scene.installation)
    assert len(scene.named("lock-")) == 1
    scene.reconnect()
    scene.answer(scene.heard(comment, "/lock prod"))
    assert scene.reactions(comment) == ["rocket"]
    assert len(scene.named("lock-")) == 1


def test_without_the_permission_to_comment_it_is_noted(make_scene: MakeScene) -> None:
    scene = make_scene(permissions={"contents": "read", "statuses": "write"})
    comment = scene.say("/help")
    with pytest.raises(PermissionMissing, match="lacks the permission pull_requests: write"):
        scene.answer(scene.heard(comment, "/help"))
    assert missing_of(scene.context, scene.repo.full_name) == {"pull_requests: write": "answers to orders"}
    scene.sweep()


def test_once_the_permission_is_granted_what_waits_is_answered(make_scene: MakeScene) -> None:
    scene = make_scene(permissions={"contents": "read", "statuses": "write"})
    comment = scene.say("/locks")
    with pytest.raises(PermissionMissing):
        scene.answer(scene.heard(comment, "/locks"))
    scene.forge.set_permissions(scene.installation, {"pull_requests": "write"})
    scene.sweep()
    assert scene.reactions(comment) == ["rocket"]


def test_what_fails_for_long_is_told(scene: Scene) -> None:
    comment = scene.say("/lock prod")
    path = rf"/repos/{scene.repo.full_name}/pulls/{scene.number}"
    scene.forge.fail_before("GET", path, times=3)
    with pytest.raises(ServerError):
        scene.answer(scene.heard(comment, "/lock prod"))
    assert scene.reactions(comment) == ["eyes"]
    scene.ahead = timedelta(minutes=20)
    scene.forge.fail_before("GET", path, times=3)
    scene.answer(scene.heard(comment, "/lock prod"))
    assert scene.reactions(comment) == ["confused"]
    assert scene.reply().startswith("`/lock prod` failed: GitHub failed to show")


@pytest.mark.parametrize("flushed", [False, True])
def test_what_could_not_be_carried_out_for_a_day_has_expired(scene: Scene, *, flushed: bool) -> None:
    body = "/hold\n\n/locks"
    comment = scene.say(body)
    scene.forge.fail_before("GET", rf"/repos/{scene.repo.full_name}/pulls/{scene.number}", times=3)
    with pytest.raises(ServerError):
        scene.answer(scene.heard(comment, body))
    if flushed:
        scene.context.redis.flushall()
    scene.ahead = timedelta(hours=25)
    scene.sweep()
    scene.sweep()
    assert (scene.reactions(comment), scene.orders()) == (["confused"], [])
    assert [text.partition(":")[0] for text in scene.reply().split("\n\n")] == [
        "`/hold` was not carried out",
        "`/locks` was not carried out",
    ]
    assert "counts no longer. Give it again if it is still wanted." in scene.reply()


def test_what_was_carried_out_and_never_answered_is_told_after_a_day(scene: Scene) -> None:
    comment = scene.say("/lock prod")
    scene.forge.fail_before("POST", rf"/repos/{scene.repo.full_name}/issues/\d+/comments")
    with pytest.raises(ServerError):
        scene.answer(scene.heard(comment, "/lock prod"))
    scene.ahead = timedelta(hours=25)
    scene.sweep()
    assert scene.reactions(comment) == ["rocket"]
    assert scene.reply().startswith("Locked:")


def test_eyes_of_somebody_else_are_no_answer_that_was_begun(scene: Scene) -> None:
    asked, edited = scene.say("/hold"), scene.say("Hello")
    scene.edit(edited, "Hello there")
    for comment in (asked, edited):
        scene.forge.react(scene.repo, comment, "eyes", author="bob")
    scene.ahead = timedelta(hours=25)
    scene.sweep()
    assert (scene.reactions(asked), scene.reactions(edited), scene.replies()) == ([], [], [])


@pytest.mark.parametrize(("body", "reaction"), [("/lock prod", "rocket"), ("/locks", "confused")])
def test_where_no_reply_is_taken_the_last_reaction_tells_how_it_ended(
    scene: Scene, body: str, reaction: str
) -> None:
    comment = scene.say(body)
    scene.forge.fail_before("POST", rf"/repos/{scene.repo.full_name}/issues/\d+/comments", 403)
    scene.answer(scene.heard(comment, body))
    assert (scene.reactions(comment), scene.replies()) == ([reaction], [])
    scene.sweep()
    assert (scene.reactions(comment), scene.replies()) == ([reaction], [])


def test_where_nothing_can_be_said_nobody_tries_for_ever(scene: Scene) -> None:
    comment = scene.say("/locks")
    heard = scene.heard(comment, "/locks")
    scene.forge.fail_before("POST", rf"/repos/{scene.repo.full_name}/issues/comments/\d+/reactions", 403)
    with pytest.raises(Forbidden):
        scene.answer(heard)
    scene.sweep()
    assert (scene.reactions(comment), scene.replies()) == ([], [])
    scene.context.redis.flushall()
    scene.sweep()
    assert scene.reactions(comment) == ["rocket"]


def test_a_comment_in_another_case_of_the_name_is_the_same(scene: Scene) -> None:
    comment = scene.say("/HOLD")
    scene.answer(scene.heard(comment, "/HOLD"))
    assert scene.reactions(comment) == ["rocket"]


def test_an_answer_that_is_too_long_says_so(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.orders.conversation._ROOM", 100)
    scene.order("/help")
    assert scene.reply() == "There is more to say than a comment can hold: give the orders one by one."
