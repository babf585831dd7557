# SPDX-License-Identifier: Apache-2.0
"""Who may give an order is asked when it is carried out."""

from __future__ import annotations

from tests.workers.github.conftest import EVERYTHING
from tests.workers.orders.conftest import MakeScene, config
from tests.workers.orders.scene import Scene
from workers.permissions import missing_of

PROTECTED = [{"name": "prod", "protected": True}]
CONFIGURED = "version: 1\norders: {{{0}}}\n"


def configured(scene: Scene, orders: str, **files: str) -> None:
    scene.forge.commit(scene.repo, {".fairway.yaml": CONFIGURED.format(orders), **files}, "Configure")


def test_a_reader_is_told_what_it_takes(scene: Scene) -> None:
    comment = scene.order("/lock prod", "carol")
    assert scene.reactions(comment) == ["confused"]
    assert scene.reply() == (
        "`/lock prod` was not carried out: it takes the role write; `carol` has read."
        " Anybody with write can give the order."
    )
    assert scene.orders() == []


def test_a_right_that_was_just_taken_is_none(scene: Scene) -> None:
    comment = scene.say("/lock prod", "bob")
    scene.forge.allow(scene.repo, "bob", "read")
    scene.answer(scene.heard(comment, "/lock prod"))
    assert scene.reactions(comment) == ["confused"]
    assert scene.orders() == []


def test_a_login_that_is_another_accounts_now_has_no_right(scene: Scene) -> None:
    comment = scene.say("/lock prod", "bob")
    scene.forge.allow(scene.repo, "bob", None)
    scene.answer(scene.heard(comment, "/lock prod"))
    assert "`bob` has no role" in scene.reply()


def test_a_member_of_the_team_that_decides(make_scene: MakeScene) -> None:
    scene = make_scene()
    owner = scene.repo.owner
    scene.forge.set_member(owner, "bob")
    scene.forge.create_team(owner, "release", "bob")
    configured(scene, f"lock: {{teams: [{owner}/release]}}")
    refused, done = scene.order("/lock prod"), scene.order("/lock prod", "bob")
    assert (scene.reactions(refused), scene.reactions(done)) == (["confused"], ["rocket"])
    assert f"it takes `@{owner}/release`; `alice` with write is not among them" in scene.replies()[0]


def test_without_the_permission_to_see_teams_nobody_is_in_one(make_scene: MakeScene) -> None:
    scene = make_scene(permissions={k: v for k, v in EVERYTHING.items() if k != "members"})
    owner = scene.repo.owner
    scene.forge.set_member(owner, "bob")
    scene.forge.create_team(owner, "release", "bob")
    configured(scene, f"lock: {{teams: [{owner}/release]}}")
    refused, done = scene.order("/lock prod", "bob"), scene.order("/hold", "bob")
    assert (scene.reactions(refused), scene.reactions(done)) == (["confused"], ["rocket"])
    assert list(missing_of(scene.context, scene.repo.full_name)) == ["members: read"]


def test_code_owners_of_the_base_decide_and_not_those_of_the_head(make_scene: MakeScene) -> None:
    scene = make_scene()
    configured(scene, "hold: {codeowners: on}", CODEOWNERS="prod/ @bob\n")
    scene.forge.commit(scene.repo, {"CODEOWNERS": "* @alice\n"}, "Take over", branch="topic")
    refused = scene.order("/hold")
    scene.forge.commit(scene.repo, {"CODEOWNERS": None}, "Take back", branch="topic")
    done = scene.order("/hold", "bob")
    assert (scene.reactions(refused), scene.reactions(done)) == (["confused"], ["rocket"])


def test_approvals_of_the_head_count_until_it_moves(make_scene: MakeScene) -> None:
    scene = make_scene()
    configured(scene, "lock: {approvals: 1}")
    early = scene.order("/lock prod")
    scene.forge.review(scene.repo, scene.number, "APPROVE", author="bob")
    scene.forge.commit(scene.repo, {"prod/web.yaml": config("web", "3")}, "Move", branch="topic")
    stale = scene.order("/lock prod")
    scene.forge.review(scene.repo, scene.number, "APPROVE", author="carol")
    reader = scene.order("/lock prod")
    scene.forge.review(scene.repo, scene.number, "APPROVE", author="bob")
    done = scene.order("/lock prod")
    assert [scene.reactions(one) for one in (early, stale, reader, done)] == [
        *[["confused"]] * 3,
        ["rocket"],
    ]


def test_a_protected_environment_wants_a_commit_and_somebody_else(make_scene: MakeScene) -> None:
    scene = make_scene(environments=PROTECTED)
    merged = scene.merged(author="bob")
    head = scene.forge.pull_request(scene.repo, scene.number)["head"]["sha"]
    scene.order("/rollback prod", "bob")
    scene.order("/rollback prod sha=1234567", "bob")
    scene.order(f"/rollback prod sha={head[:7]}", "alice")
    done = scene.order(f"/rollback prod sha={merged[:7]}", "bob")
    said = scene.replies()
    assert "`prod` is protected, so the order has to name the commit it means" in said[0]
    assert "the order means `1234567`, and the head of this pull request is" in said[1]
    assert "`prod` is protected, and `alice` is the author of this pull request" in said[2]
    assert scene.reactions(done) == ["rocket"]


def test_whoever_wrote_a_commit_has_a_part_in_the_change(make_scene: MakeScene) -> None:
    scene = make_scene(environments=PROTECTED)
    scene.forge.commit(scene.repo, {"prod/a.yaml": config("a")}, "Help", branch="topic", author="bob")
    merged = scene.merged()
    scene.order(f"/rollback prod sha={merged[:7]}", "bob")
    assert "`bob` wrote or pushed commits of this pull request" in scene.reply()


def test_whoever_locked_a_protected_environment_may_unlock_it(make_scene: MakeScene) -> None:
    scene = make_scene(environments=PROTECTED)
    scene.order("/lock prod", "bob")
    refused = scene.order("/unlock prod", "alice")
    done = scene.order("/unlock prod", "bob")
    assert (scene.reactions(refused), scene.reactions(done)) == (["confused"], ["rocket"])


def test_the_author_of_a_fork_of_a_public_repository_is_anybody(make_scene: MakeScene) -> None:
    scene = make_scene(private=False)
    fork = scene.forge.fork(scene.repo, "eve")
    scene.forge.commit(fork, {"prod/web.yaml": config("web", "9")}, "Mine", branch="mine", author="eve")
    number = int(scene.forge.open_pull_request(scene.repo, "eve:mine", "Mine", author="eve")["number"])
    refused = scene.order("/hold", "eve", number=number)
    scene.order("/help", "eve", number=number)
    assert scene.reactions(refused) == ["confused"]
    assert "in a public repository the author of a pull request from a fork needs" in scene.replies(number)[0]
    scene.forge.allow(scene.repo, "eve", "triage")
    done = scene.order("/hold", "eve", number=number)
    assert scene.reactions(done) == ["rocket"]


def test_the_author_takes_back_only_an_own_hold(make_scene: MakeScene) -> None:
    scene = make_scene()
    scene.forge.allow(scene.repo, "alice", "triage")
    scene.order("/hold", "bob")
    refused = scene.order("/unhold")
    scene.order("/unhold", "bob")
    scene.order("/hold")
    done = scene.order("/unhold")
    assert (scene.reactions(refused), scene.reactions(done)) == (["confused"], ["rocket"])
    assert "somebody else put the hold" in scene.replies()[0]


def test_a_file_that_cannot_be_used_lets_no_order_act(scene: Scene) -> None:
    scene.forge.commit(scene.repo, {".fairway.yaml": "version: 7\n"}, "Break")
    refused, done = scene.order("/lock prod"), scene.order("/locks")
    assert (scene.reactions(refused), scene.reactions(done)) == (["confused"], ["rocket"])
    assert "`.fairway.yaml` on the default branch cannot be used" in scene.replies()[0]


def test_the_head_moves_between_a_review_and_its_order(scene: Scene) -> None:
    body = "/reconcile"
    review = scene.forge.review(scene.repo, scene.number, "COMMENT", body=body, author="bob")
    scene.forge.commit(scene.repo, {"prod/web.yaml": config("web", "3")}, "Move", branch="topic")
    scene.answer(scene.heard(int(review["id"]), body, kind="review"))
    assert f"it was given for `{review['commit_id'][:7]}`, and the head is" in scene.reply()


def test_an_order_names_the_head_that_it_means(scene: Scene) -> None:
    head = scene.forge.pull_request(scene.repo, scene.number)["head"]["sha"]
    done = scene.order(f"/retry sha={head[:9]}")
    moved = scene.forge.commit(scene.repo, {"prod/web.yaml": config("web", "3")}, "Move", branch="topic")
    refused = scene.order(f"/retry sha={head[:9]}")
    assert (scene.reactions(done), scene.reactions(refused)) == (["rocket"], ["confused"])
    assert f"sha={moved[:7]}" in scene.replies()[1]
