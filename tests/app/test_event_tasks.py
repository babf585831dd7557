# SPDX-License-Identifier: Apache-2.0
"""Which task each event sets off: keys only, and nothing for what says nothing to us."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.event_tasks import Nothing, Task, account_of, task_of
from policies.github.comments import digest
from policies.github.events import parse
from tests.app.conftest import push
from tests.policies.github import bodies
from tests.policies.github.bodies import BOT, EVENTS, HEAD, MERGED

PLACE = {"installation_id": 3, "repository_id": 7, "repository": "acme/fleet"}


def task(name: str, body: Any) -> Task:
    found = task_of(parse(name, body))
    assert isinstance(found, Task), found
    return found


def nothing(name: str, body: Any) -> str:
    found = task_of(parse(name, body))
    assert isinstance(found, Nothing), found
    return found.why


def test_a_pull_request() -> None:
    body = bodies.pull_request("closed", merged=True, merge_commit_sha=MERGED)
    assert task("pull_request", body) == Task(
        "workers.tasks.on_pull_request",
        {
            **PLACE,
            "number": 41,
            "action": "closed",
            "head_sha": HEAD,
            "head_ref": "feature/x",
            "base_ref": "main",
            "old_base": None,
            "merged": True,
            "merge_commit_sha": MERGED,
        },
    )


@pytest.mark.parametrize("repository", [{"id": 8}, None])
def test_a_branch_of_a_fork_is_never_taken_for_one_of_ours(repository: Any) -> None:
    head = {"ref": "fairway/images/apps.fleet/all", "sha": HEAD, "repo": repository}
    assert task("pull_request", bodies.pull_request(head=head)).arguments["head_ref"] == ""


def test_a_comment_with_an_order() -> None:
    assert task("issue_comment", bodies.comment("Now:\n/help")) == Task(
        "workers.tasks.on_comment",
        {
            **PLACE,
            "number": 41,
            "action": "created",
            "comment_id": 99,
            "app_id": None,
            "digest": digest("Now:\n/help"),
        },
    )


def test_a_review_with_an_order() -> None:
    assert task("pull_request_review", bodies.review("/help")) == Task(
        "workers.tasks.on_review",
        {**PLACE, "number": 41, "action": "submitted", "review_id": 98, "digest": digest("/help")},
    )


@pytest.mark.parametrize("said", ["/lock", "/hlep", "/fairway nonsense"])
def test_what_wants_an_answer_is_queued_too(said: str) -> None:
    assert task("issue_comment", bodies.comment(said)).name == "workers.tasks.on_comment"


def by(account: Any) -> dict[str, Any]:
    return {"id": 99, "user": account, "body": "/help"}


@pytest.mark.parametrize(
    ("name", "body", "why"),
    [
        ("issue_comment", bodies.comment("LGTM"), "no order"),
        ("issue_comment", bodies.comment("`/help`"), "no order"),
        ("issue_comment", bodies.comment("/merge"), "no order"),
        ("issue_comment", bodies.comment("/help", issue=True), "in pull requests only"),
        ("issue_comment", bodies.comment("/help", comment=by(BOT)), "bots"),
        ("issue_comment", bodies.comment("/help", sender=BOT), "bots"),
        ("issue_comment", bodies.comment("/help", comment=by(None)), "bots"),
        ("issue_comment", bodies.comment("/help", "edited"), "edited"),
        ("issue_comment", bodies.comment("/help", "deleted"), "deleted"),
        ("pull_request_review", bodies.review("/help", "edited"), "edited"),
        ("pull_request_review", bodies.review("/help", "dismissed"), "dismissed"),
        ("pull_request_review", bodies.review(None), "no order"),
        ("pull_request_review", bodies.review("/help", sender=BOT), "bots"),
        ("check_run", bodies.check_run(sender=BOT), "bots"),
        ("check_run", bodies.check_run("completed"), "nothing to do"),
        ("pull_request", bodies.pull_request("labeled"), "nothing to do"),
        ("ping", {}, "nothing to do"),
    ],
)
def test_what_says_nothing_to_us_is_left(name: str, body: Any, why: str) -> None:
    assert why in nothing(name, body)


def test_a_person_who_changes_or_deletes_a_comment_of_an_app_is_looked_at() -> None:
    ours = {"id": 99, "user": BOT, "body": "x", "performed_via_github_app": {"id": 5}}
    for action in ("edited", "deleted"):
        found = task("issue_comment", bodies.comment("", action, comment=ours))
        assert (found.arguments["app_id"], found.arguments["action"]) == (5, action)
        # Ours are edited by ourselves all day long.
        assert "edited" in nothing("issue_comment", bodies.comment("", action, comment=ours, sender=BOT))


def test_checks_and_merge_groups() -> None:
    check = {"head_sha": HEAD, "app_id": 5, "sender_id": 11, "sender": "alice"}
    assert task("check_run", EVENTS["check_run"]) == Task(
        "workers.tasks.on_check",
        {
            **PLACE,
            **check,
            "kind": "check_run",
            "action": "requested_action",
            "check_id": 97,
            "identifier": "retry",
            "external_id": "x",
        },
    )
    assert task("check_suite", bodies.check_suite()) == Task(
        "workers.tasks.on_check",
        {**PLACE, **check, "kind": "check_suite", "action": "rerequested", "check_id": 96},
    )
    assert task("merge_group", bodies.merge_group()) == Task(
        "workers.tasks.on_merge_group",
        {
            **PLACE,
            "action": "checks_requested",
            "head_sha": HEAD,
            "head_ref": "refs/heads/gh-readonly-queue/main/pr-41-x",
            "base_ref": "refs/heads/main",
        },
    )


def test_what_administrators_do() -> None:
    assert task("installation", bodies.installation()) == Task(
        "workers.tasks.on_installation",
        {"installation_id": 3, "account": "acme", "action": "new_permissions_accepted"},
    )
    assert task("repository", EVENTS["repository"]) == Task(
        "workers.tasks.on_repository",
        {**PLACE, "action": "renamed", "old_name": "old", "old_owner": None},
    )


def test_every_event_knows_its_account_and_carries_keys_only() -> None:
    for name, body in {**EVENTS, "push": push()}.items():
        event = parse(name, body)
        assert account_of(event) == "acme"
        found = task(name, body)
        assert all(isinstance(value, str | int | None) for value in found.arguments.values()), name
        # A digest is the longest of them; nothing that somebody wrote comes along.
        assert "/help" not in json.dumps(found.arguments)
    assert account_of(parse("ping", {})) is None
    assert account_of(None) is None
