# SPDX-License-Identifier: Apache-2.0
"""What a protected branch asks of a pull request, and what the merge button then says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.forge.conftest import CONVERSING, MakeStage, Receiver, Stage, as_team
from tests.sandbox.forge.descriptions import check_event
from tests.sandbox.forge.test_pulls import proposed


@pytest.fixture
def gated(make_stage: MakeStage) -> Stage:
    """A stage with pull request 1, whose App may write checks."""
    stage = as_team(make_stage(permissions=CONVERSING | {"checks": "write"}))
    proposed(stage)
    return stage


def state(stage: Stage) -> Any:
    api = stage.as_installation()
    api.get(f"{stage.path}/pulls/1")
    return api.get(f"{stage.path}/pulls/1").body["mergeable_state"]


def merge(stage: Stage, login: str = "alice") -> tuple[int, str]:
    answer = stage.as_user(login).put(f"{stage.path}/pulls/1/merge")
    return answer.status, answer.body["message"]


MERGED = (200, "Pull Request successfully merged")


def test_a_required_check_is_waited_for(gated: Stage) -> None:
    gated.forge.protect(gated.repo, checks={"ci": None})
    head = gated.forge.refs(gated.repo)["refs/heads/feature"]
    assert (state(gated), merge(gated)) == ("blocked", (405, 'Required status check "ci" is expected.'))
    api = gated.as_installation()
    run = api.post(f"{gated.path}/check-runs", {"name": "ci", "head_sha": head, "status": "in_progress"}).body
    assert merge(gated) == (405, 'Required status check "ci" is in progress.')
    done = {"status": "completed", "conclusion": "success"}
    assert api.patch(f"{gated.path}/check-runs/{run['id']}", done).status == 200
    assert (state(gated), merge(gated)) == ("clean", MERGED)


@pytest.mark.parametrize(("conclusion", "expected"), [("failure", "unstable"), ("neutral", "clean")])
def test_a_check_run_that_nobody_requires_counts_too(gated: Stage, conclusion: str, expected: str) -> None:
    head = gated.forge.refs(gated.repo)["refs/heads/feature"]
    run = {"name": "lint", "head_sha": head, "status": "completed", "conclusion": conclusion}
    assert gated.as_installation().post(f"{gated.path}/check-runs", run).status == 201
    assert (state(gated), merge(gated)) == (expected, MERGED)


def test_approvals_count_by_those_who_may_write_and_the_newest_of_each(gated: Stage) -> None:
    gated.forge.protect(gated.repo, approvals=1)
    needed = (405, "At least 1 approving review is required by reviewers with write access.")
    reader = f"rita-{gated.repo.id}"
    gated.forge.allow(gated.repo, reader, "read")
    gated.forge.review(gated.repo, 1, "APPROVE", author=reader)
    assert (state(gated), merge(gated)) == ("blocked", needed)
    gated.forge.review(gated.repo, 1, "APPROVE")
    gated.forge.review(gated.repo, 1, "REQUEST_CHANGES", body="On second thoughts")
    assert merge(gated) == (405, "Changes have been requested.")
    given = gated.forge.review(gated.repo, 1, "APPROVE")
    gated.forge.dismiss(gated.repo, 1, given["id"], "No")
    assert merge(gated) == needed
    gated.forge.review(gated.repo, 1, "APPROVE")
    gated.forge.review(gated.repo, 1, "COMMENT", body="And well done")
    assert merge(gated) == MERGED


def test_an_app_passes_no_protection_and_an_administrator_does(gated: Stage) -> None:
    gated.forge.protect(gated.repo, approvals=1)
    assert gated.as_installation().put(f"{gated.path}/pulls/1/merge").status == 405
    gated.forge.allow(gated.repo, "bob", "admin")
    assert merge(gated, "bob") == MERGED


@pytest.mark.parametrize(
    ("owners", "free"),
    [
        pytest.param("*.txt @bob", True, id="a person"),
        pytest.param("* @carol", False, id="another person"),
        pytest.param("* @carol\n/feature.txt @bob # the last line counts", True, id="the last line"),
        pytest.param("* @bob\n/feature.txt", True, id="nobody's"),
        pytest.param("/docs/ @carol", True, id="another folder"),
        pytest.param("* @{owner}/release", True, id="a team"),
        pytest.param("* @{owner}/nope", False, id="no such team"),
    ],
)
def test_code_owners_approve_their_files(gated: Stage, owners: str, free: bool) -> None:
    gated.forge.create_account("carol")
    gated.forge.create_team(gated.owner, "release", "bob")
    gated.forge.commit(gated.repo, {".github/CODEOWNERS": owners.format(owner=gated.owner)}, "Owners")
    gated.forge.protect(gated.repo, approvals=1, code_owners=True)
    gated.forge.review(gated.repo, 1, "APPROVE")
    assert merge(gated) == (MERGED if free else (405, "Waiting on code owner review."))


def test_a_branch_that_is_behind_may_have_to_catch_up(gated: Stage) -> None:
    gated.forge.protect(gated.repo, strict=True)
    gated.forge.commit(gated.repo, {"main.txt": "m\n"}, "Meanwhile")
    assert state(gated) == "behind"
    assert merge(gated)[0] == 405


def test_a_push_dismisses_approvals_where_that_is_wanted(make_stage: MakeStage, receiver: Receiver) -> None:
    stage = as_team(make_stage(webhook=receiver.url, permissions=CONVERSING, events=["pull_request_review"]))
    proposed(stage)
    stage.forge.protect(stage.repo, approvals=1, dismiss_stale=True)
    stage.forge.review(stage.repo, 1, "APPROVE")
    stage.forge.commit(stage.repo, {"late.txt": "x\n"}, "Late", branch="feature")
    assert merge(stage)[0] == 405
    dismissed = next(
        entry.payload
        for entry in receiver.wait("pull_request_review", 2)
        if entry.payload["action"] == "dismissed"
    )
    check_event("pull_request_review", "dismissed", dismissed)


def test_a_merge_queue_merges_the_pull_request(gated: Stage) -> None:
    gated.forge.protect(gated.repo, checks={"ci": None}, merge_queue=True, ruleset=True)
    assert merge(gated) == (405, "Changes must be made through the merge queue")
    head = gated.forge.refs(gated.repo)["refs/heads/feature"]
    group = gated.forge.enqueue(gated.repo, head, number=1)
    gated.as_installation().post(f"{gated.path}/statuses/{group}", {"state": "success", "context": "ci"})
    shown = gated.forge.pull_request(gated.repo, 1)
    assert (shown["merged"], shown["merge_commit_sha"]) == (True, group)


def test_a_member_of_the_organisation_is_called_one(gated: Stage) -> None:
    gated.forge.set_member(gated.owner, "bob")
    assert gated.forge.comment(gated.repo, 1, "x", author="bob")["author_association"] == "MEMBER"
