# SPDX-License-Identifier: Apache-2.0
"""People order things in pull requests, and Fairway answers."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from policies.budget import Urgency
from policies.objects import Object
from tests.fixtures.world import HEALED, World, config_map, until
from tests.scenarios.conversation import BOT, Pulls, deaf
from workers.github import AppJwt, GitHub
from workers.workqueue import Key, Queue, Workqueue


def people(world: World, **options: Any) -> Pulls:
    """Make a team whose namespace is environment staging; carol may only read."""
    pulls = Pulls.of(world, **options)
    team = pulls.team
    file = f"version: 1\nenvironments:\n  staging: {{namespaces: [{team.namespace}]}}\n"
    team.settled(team.push({".fairway.yaml": file}))
    world.forge.allow(team.repo, "carol", "read")
    return pulls


def say(pulls: Pulls, number: int, body: str, author: str = "alice") -> int:
    return int(pulls.forge.comment(pulls.team.repo, number, body, author=author)["id"])


def reactions(pulls: Pulls, comment: int) -> list[str]:
    return [kind for who, kind in pulls.forge.reactions(pulls.team.repo, comment) if who == BOT]


def replies(pulls: Pulls, number: int) -> list[str]:
    """Return the answers to orders, without what nobody sees."""
    found = [one["body"] for one in pulls.comments(number) if "fairway:answer/" in one["body"]]
    return [re.sub(r"<!--.*?-->\n?", "", body) for body in found]


def status(pulls: Pulls, number: int, *words: str) -> str:
    """Wait until the status comment says this, beside what was answered, and return it."""

    def look() -> str:
        found = [one["body"] for one in pulls.comments(number) if "fairway:pull-request/" in one["body"]]
        return found[0] if len(found) == 1 and all(word in found[0] for word in words) else ""

    return until(look, what=f"a status comment on #{number} with {words}")


def ends(pulls: Pulls, comment: int, reaction: str, *, within: float = HEALED) -> None:
    """Wait for Fairway's last word on a comment."""
    until(lambda: reactions(pulls, comment) == [reaction], within=within, what=reaction)


def given(pulls: Pulls) -> list[Object]:
    """Return the Orders of the team's repository."""
    client = pulls.team.world.client
    resource = client.discovery.resource("fairway.dev", "v1alpha1", "Order")
    found, _ = client.list(resource, namespace="fairway-system")
    return [obj for obj in found if obj["spec"]["repository"]["id"] == pulls.team.repo.id]


def told_of(world: World, comments: list[int]) -> list[int]:
    """Return the deliveries about comments, once all are over."""

    def look() -> list[int] | None:
        found = world.forge.deliveries(event="issue_comment")
        ours = [one for one in found if one["payload"]["comment"]["id"] in comments]
        return [one["id"] for one in ours] if all(one["phase"] == "done" for one in ours) else None

    return until(look, what="deliveries that are over") or []


def look_for_orders(pulls: Pulls) -> None:
    """Have unanswered orders looked for, as `watch` does within a few minutes."""
    key = Key("Conversations", pulls.team.repo.owner, pulls.team.repo.name)
    Workqueue(pulls.team.world.redis).add(key, Queue.PUSH)


@contextmanager
def frozen(world: World, role: str) -> Iterator[None]:
    """Let a process stand still."""
    pid = world.pid(role)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_question_an_order_without_the_right_and_one_with(world: World) -> None:
    pulls = people(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    asked = say(pulls, number, "/help", "carol")
    ends(pulls, asked, "rocket")
    refused = say(pulls, number, "/lock staging", "carol")
    ends(pulls, refused, "confused")
    done = say(pulls, number, '/lock staging reason="incident 42"')
    ends(pulls, done, "rocket")
    said = replies(pulls, number)
    assert [text[:10] for text in said] == ["### Orders", "`/lock sta", "Locked: Fa"]
    assert "it takes the role write; `carol` has read" in said[1]


def test_a_rollback_goes_back_to_what_ran_before(world: World) -> None:
    pulls = people(world, files={"app/a.yaml": config_map("a", "1")})
    team = pulls.team
    number = pulls.opened({"app/a.yaml": config_map("a", "2"), "app/b.yaml": config_map("b")})
    team.settled(pulls.merged(number))
    comment = say(pulls, number, "/rollback staging", "bob")
    ends(pulls, comment, "rocket")
    (back,) = pulls.forge.pull_requests(team.repo)
    assert back["user"]["login"] == BOT
    team.settled(pulls.merged(int(back["number"])))
    assert (team.config("a") or {})["data"] == {"value": "1"}
    until(lambda: team.config("b") is None, what="b pruned")


def test_a_reconcile_works_on_it_now(world: World) -> None:
    pulls = people(world)
    team = pulls.team
    number = pulls.opened({"app/a.yaml": config_map("a")})
    comment = say(pulls, number, "/reconcile staging")
    ends(pulls, comment, "rocket")
    assert f"`Kustomization/{team.namespace}/app`" in replies(pulls, number)[0]
    for look in (team.source, team.applied):
        until(
            lambda look=look: look()["status"].get("lastHandledReconcileAt") == f"order-comment-{comment}-1",
            what="the request handled",
        )


def test_a_hold_shows_in_the_status_comment(world: World) -> None:
    pulls = people(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    comment = say(pulls, number, '/hold reason="waits for the migration"')
    ends(pulls, comment, "rocket")
    pulls.says(number, "waits for the migration")
    assert replies(pulls, number) == []
    asked = say(pulls, number, "/status")
    ends(pulls, asked, "rocket")


def test_a_lock_is_passed_only_by_what_is_merged_after_it(world: World) -> None:
    pulls = people(world)
    first, second = (pulls.opened({f"app/{name}.yaml": config_map(name)}) for name in "ab")
    pulls.merged(first)
    pulls.says(first, "applied and healthy")
    comment = say(pulls, first, "/lock staging", "bob")
    ends(pulls, comment, "rocket")
    asked = say(pulls, first, "/status")
    ends(pulls, asked, "rocket")
    said = status(pulls, first, "`/unlock staging`")
    assert "Applied although" not in said
    time.sleep(1)  # GitHub tells when something was merged to the second
    pulls.merged(second)
    pulls.says(second, "✅", "Applied although `staging` is locked by `bob`")


def test_a_review_is_answered_by_a_reply(world: World) -> None:
    pulls = people(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    pulls.forge.review(pulls.team.repo, number, "APPROVE", body="Fine.\n\n/locks", author="bob")
    until(lambda: replies(pulls, number) == ["Nothing is locked or held in this repository."])


def test_an_order_that_is_delivered_again_and_again_is_carried_out_once(world: World) -> None:
    pulls = people(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    comment = say(pulls, number, "/locks")
    ends(pulls, comment, "rocket")
    deliveries = [
        one
        for one in world.forge.deliveries(event="issue_comment")
        if one["payload"]["comment"]["id"] == comment and one["payload"]["action"] == "created"
    ]
    for _ in range(5):
        world.forge.redeliver(deliveries[0]["id"])
    world.redis.delete(*world.redis.keys("fairway:delivery:*"))
    world.forge.redeliver(deliveries[0]["id"])
    other = say(pulls, number, "/locks")
    ends(pulls, other, "rocket")
    assert len(replies(pulls, number)) == 2
    assert reactions(pulls, comment) == ["rocket"]


def test_an_order_whose_delivery_was_lost(world: World) -> None:
    pulls = people(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    with deaf(world):
        swept = say(pulls, number, "/lock staging")
        look_for_orders(pulls)
        ends(pulls, swept, "rocket")
        sent_again = say(pulls, number, "/unlock staging")
        told_of(world, [sent_again])
    pulls.redeliver()
    ends(pulls, sent_again, "rocket")
    assert [text.partition(":")[0] for text in replies(pulls, number)] == ["Locked", "Unlocked"]


def test_deliveries_that_come_late_and_the_last_one_first(world: World) -> None:
    pulls = people(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    with deaf(world):
        deleted, edited = say(pulls, number, "/lock staging"), say(pulls, number, "/hold")
        pulls.forge.delete_comment(pulls.team.repo, deleted)
        until(lambda: _edit(pulls, edited, "/lock staging"), what="an edit a second later")
        deliveries = told_of(world, [deleted, edited])
    assert len(deliveries) >= 4
    for delivery in reversed(deliveries):
        world.forge.redeliver(delivery)
    ends(pulls, edited, "confused")
    ends(pulls, say(pulls, number, "/locks"), "rocket")
    assert [text.partition(":")[0] for text in replies(pulls, number)] == [
        "`/lock staging` was not carried out",
        "Nothing is locked or held in this repository.",
    ]
    assert given(pulls) == []


def _edit(pulls: Pulls, comment: int, body: str) -> bool:
    """Edit a comment; whether GitHub, whose times are whole seconds, tells that it was edited."""
    shown = pulls.forge.edit_comment(pulls.team.repo, comment, body)
    return bool(shown["updated_at"] != shown["created_at"])


def test_a_right_that_was_taken_before_the_order_was_read_is_none(world: World) -> None:
    pulls = people(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    pulls.settled(number)
    with frozen(world, "worker"):
        comment = say(pulls, number, "/lock staging", "bob")
        world.forge.allow(pulls.team.repo, "bob", "read")
    ends(pulls, comment, "confused")
    assert "it takes the role write; `bob` has read" in replies(pulls, number)[0]
    assert given(pulls) == []


def test_what_is_no_order_is_left_without_a_word_but_for_a_slip_of_the_pen(world: World) -> None:
    pulls = people(world)
    number, repo = pulls.opened({"app/a.yaml": config_map("a")}), pulls.team.repo
    left = [say(pulls, number, body) for body in ("```\n/lock staging\n```", "> /lock staging")]
    app = world.forge.create_app(
        f"other {repo.owner}", permissions={"contents": "read", "pull_requests": "write"}
    )
    world.forge.install(app, repo.owner)
    other = GitHub(AppJwt(str(app.id), app.private_key_pem), api_url=world.forge.api_url, allow_loopback=True)
    with closing(other):
        made = other.comments.ensure(repo.full_name, number, "x", "/lock staging", urgency=Urgency.ANSWER)
    slip = say(pulls, number, "/lokc staging")
    ends(pulls, slip, "confused")
    ends(pulls, say(pulls, number, "/locks"), "rocket")
    assert [reactions(pulls, comment) for comment in (*left, made)] == [[], [], []]
    assert [text.partition(";")[0] for text in replies(pulls, number)] == [
        "`/lokc` is no order here",
        "Nothing is locked or held in this repository.",
    ]
    assert given(pulls) == []


@pytest.mark.parametrize("fault", ["killed", "flushed", "both"])
def test_an_order_survives_a_killed_worker_and_an_emptied_redis(world: World, fault: str) -> None:
    pulls = people(world)
    number = pulls.opened({"app/a.yaml": config_map("a")})
    comment = say(pulls, number, "/lock staging\n\n/locks\n\n/unlock staging")
    if fault != "flushed":
        world.kill("worker")
    if fault != "killed":
        world.redis.flushall()
        look_for_orders(pulls)
    # What a killed worker had just taken off the queue of events is handed out again after a minute.
    ends(pulls, comment, "rocket", within=90)
    (reply,) = replies(pulls, number)
    assert [line[:8] for line in reply.splitlines() if line.startswith(("Locked", "Unlocked"))] == [
        "Locked: ",
        "Unlocked",
    ]
