# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.sandbox.forge.conftest import Api, Stage
from tests.sandbox.forge.test_pulls import proposed


@pytest.fixture
def reviews(team: Stage) -> str:
    """The address of the reviews of alice's pull request."""
    proposed(team)
    return f"{team.path}/pulls/1/reviews"


@pytest.mark.parametrize(
    ("event", "state"),
    [("APPROVE", "APPROVED"), ("REQUEST_CHANGES", "CHANGES_REQUESTED"), ("COMMENT", "COMMENTED")],
)
def test_a_review_is_given_at_once(team: Stage, reviews: str, event: str, state: str) -> None:
    given = team.as_user("bob").post(reviews, {"event": event, "body": "Well."})
    assert given.status == 200
    head = team.forge.refs(team.repo)["refs/heads/feature"]
    assert (given.body["state"], given.body["body"], given.body["commit_id"]) == (state, "Well.", head)
    assert given.body["user"]["login"] == "bob"
    api = team.as_installation()
    assert api.get(reviews).body == [given.body]
    assert api.get(f"{reviews}/{given.body['id']}").body == given.body


def test_a_review_waits_until_it_is_submitted(team: Stage, reviews: str) -> None:
    bob, app = team.as_user("bob"), team.as_installation()
    waiting = bob.post(reviews, {"body": "Hm"}).body
    assert waiting["state"] == "PENDING"
    assert "submitted_at" not in waiting
    assert (len(bob.get(reviews).body), app.get(reviews).body) == (1, [])
    assert app.get(f"{reviews}/{waiting['id']}").status == 404
    given = bob.post(f"{reviews}/{waiting['id']}/events", {"event": "APPROVE"})
    assert (given.status, given.body["state"], given.body["body"]) == (200, "APPROVED", "Hm")
    assert app.get(reviews).body == [given.body]
    assert bob.post(f"{reviews}/{waiting['id']}/events", {"event": "APPROVE"}).status == 422


@pytest.mark.parametrize(
    ("login", "body", "why"),
    [
        pytest.param("alice", {"event": "APPROVE"}, "Can not approve your own pull request", id="one's own"),
        pytest.param(
            "alice", {"event": "REQUEST_CHANGES", "body": "x"}, "Can not request changes", id="of oneself"
        ),
        pytest.param("bob", {"event": "COMMENT"}, "Body can't be blank", id="a comment of nothing"),
        pytest.param("bob", {"event": "REQUEST_CHANGES"}, "Body can't be blank", id="changes without a word"),
        pytest.param("bob", {"event": "PRAISE"}, "Event PRAISE", id="no such verdict"),
        pytest.param("bob", {"commit_id": "0" * 40}, "not part of the pull request", id="another commit"),
    ],
)
def test_what_is_no_review_is_refused(
    team: Stage, reviews: str, login: str, body: dict[str, str], why: str
) -> None:
    answer = team.as_user(login).post(reviews, body)
    assert (answer.status, answer.body["message"]) == (422, "Unprocessable Entity")
    assert why in answer.body["errors"][0]
    assert team.as_user(login).get(reviews).body == []


def test_a_review_is_dismissed_by_who_may_write(team: Stage, reviews: str) -> None:
    given = team.forge.review(team.repo, 1, "APPROVE")
    path = f"{reviews}/{given['id']}/dismissals"
    reader = f"rita-{team.repo.id}"
    api = team.as_user(reader)
    team.forge.allow(team.repo, reader, "read")
    assert api.put(path, {"message": "no"}).status == 403
    alice = team.as_user("alice")
    assert alice.put(path, {}).status == 422
    dismissed = alice.put(path, {"message": "It moved on"})
    assert (dismissed.status, dismissed.body["state"]) == (200, "DISMISSED")
    assert alice.put(path, {"message": "again"}).body["errors"] == [
        "Can not dismiss a dismissed pull request review"
    ]


def test_a_push_leaves_the_commit_that_was_reviewed(team: Stage, reviews: str) -> None:
    given = team.forge.review(team.repo, 1, "APPROVE")
    moved = team.forge.commit(team.repo, {"late.txt": "x\n"}, "Late", branch="feature")
    assert team.as_installation().get(reviews).body[0]["commit_id"] == given["commit_id"] != moved


def test_reading_is_enough_to_review_and_the_permission_is_needed(team: Stage, reviews: str) -> None:
    reader = f"rita-{team.repo.id}"
    api = team.as_user(reader)
    assert api.post(reviews, {"event": "APPROVE"}).status == 404
    team.forge.allow(team.repo, reader, "read")
    assert api.post(reviews, {"event": "APPROVE"}).status == 200
    narrow: Api = team.as_installation(permissions={"pull_requests": "read"})
    assert (narrow.get(reviews).status, narrow.post(reviews, {"event": "APPROVE"}).status) == (200, 403)
    assert team.as_installation().post(reviews, {"event": "APPROVE"}).body["user"]["type"] == "Bot"
