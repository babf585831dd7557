# SPDX-License-Identifier: Apache-2.0
"""/rollback opens a pull request that puts back what a merged one brought."""

from __future__ import annotations

from datetime import timedelta

import pytest

from policies.ledger import Built
from tests.workers.github.conftest import EVERYTHING
from tests.workers.orders.conftest import MakeScene, config
from tests.workers.orders.scene import Scene
from workers.later import Later
from workers.permissions import missing_of
from workers.reconcile.pull_request import PullRequests
from workers.workqueue import Key


def rolled_back(scene: Scene, order: str = "/rollback prod", author: str = "bob", number: int = 0) -> int:
    """Give the order and return the number of the pull request that it opened."""
    before = {pull["number"] for pull in scene.forge.pull_requests(scene.repo, state="all")}
    comment = scene.order(order, author, number=number)
    assert scene.reactions(comment) == ["rocket"], scene.replies(number)
    (made,) = [p for p in scene.forge.pull_requests(scene.repo, state="all") if p["number"] not in before]
    return int(made["number"])


def files_of(scene: Scene, number: int) -> dict[str, str]:
    path = f"/repos/{scene.repo.full_name}/pulls/{number}/files"
    return {one["filename"]: one["status"] for one in scene.forge._as("alice", "GET", path)}


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
@pytest.mark.parametrize("base_moves", [False, True])
def test_it_puts_back_whatever_way_it_was_merged(scene: Scene, method: str, base_moves: bool) -> None:
    scene.forge.commit(
        scene.repo,
        {"prod/new.yaml": config("new"), "prod/web.yaml": config("web", "3"), "staging/x.yaml": config("x")},
        "More",
        branch="topic",
    )
    scene.forge.commit(scene.repo, {"README.md": "Fleet of ships\n"}, "Begin", deliver=True)
    scene.merged(method=method)
    if base_moves:
        scene.forge.commit(scene.repo, {"prod/other.yaml": config("other")}, "Go on")
    number = rolled_back(scene, '/rollback prod reason="errors at checkout"')
    assert files_of(scene, number) == {"prod/new.yaml": "removed", "prod/web.yaml": "modified"}
    pull = scene.forge.pull_request(scene.repo, number)
    assert (pull["title"], pull["head"]["ref"]) == (
        f"Roll back pull request {scene.number} in prod",
        f"fairway/rollback/prod-{scene.number}",
    )
    assert "Ordered by `bob`: errors at checkout" in pull["body"]
    assert f"[`#{number}`]" in scene.reply()
    scene.merged(number)
    assert (scene.file("prod/web.yaml"), scene.file("prod/new.yaml")) == (config("web"), None)
    assert scene.file("staging/x.yaml") == config("x")


def test_its_commit_is_verified_and_says_who_ordered_it(scene: Scene) -> None:
    scene.merged()
    number = rolled_back(scene)
    path = f"/repos/{scene.repo.full_name}/pulls/{number}/commits"
    (commit,) = scene.forge._as("alice", "GET", path)
    assert commit["commit"]["verification"]["verified"] is True
    assert commit["author"]["login"] == scene.bot
    bob = scene.named("order-")[0]["spec"]["actor"]["id"]
    assert commit["commit"]["message"].endswith(f"Fairway-Ordered-By: {bob}")


def test_whoever_ordered_it_has_a_part_in_it(make_scene: MakeScene) -> None:
    scene = make_scene(environments=[{"name": "prod", "protected": True}])
    merged = scene.merged()
    number = rolled_back(scene, f"/rollback prod sha={merged[:7]}")
    back = scene.merged(number)
    scene.order(f"/rollback prod sha={back[:7]}", "bob", number=number)
    assert "`bob` ordered this pull request" in scene.reply(number)


def test_it_is_opened_once(scene: Scene) -> None:
    scene.merged()
    number = rolled_back(scene)
    comment = scene.order("/rollback prod")
    assert scene.reactions(comment) == ["rocket"]
    assert scene.replies()[1].startswith(f"[`#{number}`]")
    assert len(scene.forge.pull_requests(scene.repo)) == 1


def test_a_rollback_is_rolled_back_by_the_same_word(scene: Scene) -> None:
    scene.merged()
    first = rolled_back(scene)
    scene.merged(first)
    second = rolled_back(scene, number=first)
    scene.merged(second)
    assert scene.file("prod/web.yaml") == config("web", "2")


def test_what_was_changed_again_is_a_conflict(scene: Scene) -> None:
    scene.merged()
    scene.forge.commit(scene.repo, {"prod/web.yaml": config("web", "7")}, "Go on")
    comment = scene.order("/rollback prod", "bob")
    assert scene.reactions(comment) == ["confused"]
    assert "`prod/web.yaml` was changed again since this was merged" in scene.reply()
    assert scene.forge.pull_requests(scene.repo) == []


def test_what_never_ran_is_not_taken_back(scene: Scene) -> None:
    scene.order("/rollback prod", "bob")
    assert "this pull request is not merged" in scene.reply()


def test_what_the_environment_does_not_read_is_left(scene: Scene) -> None:
    number = scene.opened({"docs/a.md": "a"}, "docs")
    scene.merged(number)
    comment = scene.order("/rollback prod", "bob", number=number)
    assert scene.reactions(comment) == ["rocket"]
    assert "found nothing to do" in scene.reply(number)


def test_the_reads_of_the_last_build_count(make_scene: MakeScene) -> None:
    scene = make_scene()
    shared = scene.opened({"base/web.yaml": config("web", "4"), "prod/notes.txt": "x"}, "shared")
    scene.merged(shared)
    reads = {"f base/web.yaml": "1", "f prod/web.yaml": "1", "l prod/sub": "1"}
    scene.context.ledger.record((scene.namespace, "prod"), {}, built=Built("a", "i", "d", (), reads))
    number = rolled_back(scene, number=shared)
    assert files_of(scene, number) == {"base/web.yaml": "removed"}


def test_a_file_that_others_read_too_is_named(scene: Scene) -> None:
    built = Built("a", "i", "d", (), {"t prod": "1"})
    scene.context.ledger.record((scene.staging, "staging"), {}, built=built)
    scene.merged()
    body = scene.forge.pull_request(scene.repo, rolled_back(scene))["body"]
    assert "- `prod/web.yaml`: `staging`" in body


def test_a_binding_that_lets_nothing_be_written(make_scene: MakeScene) -> None:
    scene = make_scene(write="none")
    scene.merged()
    scene.order("/rollback prod", "bob")
    assert "lets Fairway open no pull request for `prod`" in scene.reply()


def test_without_the_permission_to_write_it_degrades(make_scene: MakeScene) -> None:
    scene = make_scene(permissions=EVERYTHING | {"contents": "read"})
    scene.merged()
    refused, done = scene.order("/rollback prod", "bob"), scene.order("/lock prod", "bob")
    assert (scene.reactions(refused), scene.reactions(done)) == (["confused"], ["rocket"])
    assert "lacks the permission contents: write. Grant it in the App's settings" in scene.replies()[0]
    assert missing_of(scene.context, scene.repo.full_name) == {"contents: write": "/rollback"}


@pytest.mark.parametrize(
    ("order", "where"), [("lock prod", "first"), ("hold", "first"), ("hold", "rollback")]
)
def test_it_is_merged_where_the_binding_lets_it(make_scene: MakeScene, order: str, where: str) -> None:
    scene = make_scene(write="merge")
    scene.merged()
    scene.forge.protect(scene.repo, checks={"ci": None})
    number = rolled_back(scene)
    scene.work()
    assert scene.forge.pull_request(scene.repo, number)["merged"] is False
    assert "Fairway merges it as soon as GitHub lets it" in scene.reply()
    green(scene, number)
    there = number if where == "rollback" else scene.number
    scene.order(f"/{order}", "alice", number=there)
    settle(scene, number)
    assert scene.forge.pull_request(scene.repo, number)["merged"] is False
    scene.order(f"/un{order}", "alice", number=there)
    settle(scene, number)
    assert scene.file("prod/web.yaml") == config("web")


def test_a_person_merges_where_nothing_is_required(make_scene: MakeScene) -> None:
    scene = make_scene(write="merge")
    scene.merged()
    number = rolled_back(scene)
    settle(scene, number)
    assert scene.forge.pull_request(scene.repo, number)["merged"] is False
    assert "It takes effect once it is merged" in scene.reply()


@pytest.mark.parametrize(
    "how", ["foreign commit", "our name on it", "no right", "somebody's own", "a file that cannot be used"]
)
def test_what_is_not_wholly_ours_is_left_to_people(make_scene: MakeScene, how: str) -> None:
    scene = make_scene(write="merge")
    scene.merged()
    scene.forge.protect(scene.repo, checks={"ci": None})
    number = rolled_back(scene)
    branch = f"fairway/rollback/prod-{scene.number}"
    if how == "foreign commit":
        scene.forge.commit(scene.repo, {"prod/evil.yaml": config("evil")}, "Slip in", branch=branch)
    if how == "our name on it":
        scene.forge.commit(
            scene.repo, {"prod/evil.yaml": config("evil")}, "Roll back", branch=branch, author=scene.bot,
            signer="mallory",
        )  # fmt: skip
    if how == "a file that cannot be used":
        scene.forge.commit(scene.repo, {".fairway.yaml": "orders: [\n"}, "What may it forbid?")
    if how == "no right":
        scene.forge.allow(scene.repo, "bob", "read")
    if how == "somebody's own":
        scene.forge.close(scene.repo, number)
        shown = scene.forge.open_pull_request(scene.repo, branch, "Mine", author="bob")
        number = int(shown["number"])
    green(scene, number)
    settle(scene, number)
    assert scene.forge.pull_request(scene.repo, number)["merged"] is False


def test_an_error_of_github_puts_the_merge_off(make_scene: MakeScene) -> None:
    scene = make_scene(write="merge")
    scene.merged()
    scene.forge.protect(scene.repo, checks={"ci": None})
    number = rolled_back(scene)
    scene.forge.fail_before("GET", rf"/repos/.*/pulls/{number}/commits", times=99)
    green(scene, number)
    settle(scene, number)
    assert scene.forge.pull_request(scene.repo, number)["merged"] is False
    scene.forge.clear_faults()
    scene.ahead = timedelta(minutes=5)
    due = Later(scene.context.redis).due(scene.now())
    assert "Merge" in {one.key.kind for one in due}
    settle(scene, number)
    assert scene.file("prod/web.yaml") == config("web")


def test_what_was_rolled_back_says_so_until_that_is_taken_back(scene: Scene) -> None:
    def told(number: int) -> str:
        """Look at a pull request, and at what that has looked at; returns its status comment's heading."""
        scene.asked[:] = [Key("PullRequest", scene.repo.owner, f"{scene.repo.name}:{number}")]
        while scene.asked:
            key = scene.asked.pop()
            for _ in range(2 if key.kind == "PullRequest" else 0):
                scene.ahead += timedelta(seconds=10)  # what is not final is told in its own time
                PullRequests(scene.context).reconcile(key.namespace, key.name)
            scene.work()
        comments = scene.forge.comments(scene.repo, scene.number)
        return next(one["body"].splitlines()[1] for one in comments if "fairway-state" in one["body"])

    scene.merged()
    assert "rolled back" not in told(scene.number)
    first = rolled_back(scene)
    assert "rolled back" not in told(scene.number), "it is not merged yet"
    scene.merged(first)
    assert f"rolled back in `prod` by [`#{first}`]" in told(first)
    # Also when nobody remembers, and somebody asks.
    scene.context.redis.flushall()
    scene.ahead += timedelta(minutes=10)
    scene.order("/status")
    assert "rolled back in `prod`" in told(scene.number)
    second = rolled_back(scene, number=first)
    scene.merged(second)
    told(second)
    assert "rolled back" not in told(first)


def green(scene: Scene, number: int) -> None:
    """Have the required check succeed on a pull request's head."""
    head = scene.forge.pull_request(scene.repo, number)["head"]["sha"]
    body = {"state": "success", "context": "ci"}
    scene.forge._as("alice", "POST", f"/repos/{scene.repo.full_name}/statuses/{head}", body)


def settle(scene: Scene, number: int) -> None:
    """Look whether it may be merged, twice: who asks first is not told."""
    from workers.orders import merges

    for _ in range(2):
        merges.queue(scene.context, scene.repo.full_name, number)
        scene.work()
