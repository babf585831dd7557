# SPDX-License-Identifier: Apache-2.0
"""What Apps hear of pull requests, reviews and comments, held against GitHub's schema and recorded bodies."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.forge.admin import Forge
from tests.sandbox.forge.conftest import CONVERSING, EVENTS, MakeStage, Receiver, Stage, as_team
from tests.sandbox.forge.descriptions import check_event, examples


@pytest.fixture
def heard(make_stage: MakeStage, receiver: Receiver) -> Stage:
    """A stage whose App hears of everything that people do in pull requests."""
    stage = as_team(make_stage(webhook=receiver.url, permissions=CONVERSING, events=EVENTS))
    receiver.wait("installation")
    return stage


def told(receiver: Receiver, event: str, action: str) -> Any:
    """Wait for an event with this action and hold it against its schema."""

    def found() -> Any:
        return [entry.payload for entry in receiver.events(event) if entry.payload["action"] == action]

    count = 1
    while not found():
        receiver.wait(event, count)
        count += 1
    payload = found()[-1]
    check_event(event, action, payload)
    return payload


def propose(stage: Stage) -> Any:
    stage.forge.commit(stage.repo, {"b.txt": "b\n"}, "Add b", branch="feature")
    return stage.forge.open_pull_request(stage.repo, "feature", "Add b", body="Because.")


def test_opened(heard: Stage, receiver: Receiver) -> None:
    opened = propose(heard)
    payload = told(receiver, "pull_request", "opened")
    pull = payload["pull_request"]
    assert (payload["number"], pull["id"], pull["head"]["sha"]) == (1, opened["id"], opened["head"]["sha"])
    assert (pull["mergeable"], pull["mergeable_state"], pull["body"]) == (None, "unknown", "Because.")
    assert (payload["sender"]["login"], payload["installation"]["id"]) == ("alice", heard.installation)
    assert (payload["repository"]["id"], payload["organization"]["login"]) == (heard.repo.id, heard.owner)


def test_synchronize_says_where_the_head_was(heard: Stage, receiver: Receiver) -> None:
    before = propose(heard)["head"]["sha"]
    after = heard.forge.commit(heard.repo, {"b.txt": "c\n"}, "Change b", branch="feature", author="bob")
    payload = told(receiver, "pull_request", "synchronize")
    assert (payload["before"], payload["after"]) == (before, after)
    assert (payload["pull_request"]["head"]["sha"], payload["sender"]["login"]) == (after, "bob")
    assert payload["pull_request"]["commits"] == 2


def test_edited_says_what_it_was(heard: Stage, receiver: Receiver) -> None:
    propose(heard)
    heard.forge.edit_pull_request(heard.repo, 1, title="Better", author="bob")
    payload = told(receiver, "pull_request", "edited")
    assert payload["changes"] == {"title": {"from": "Add b"}}
    assert payload["sender"]["login"] == "bob"
    heard.forge.set_ref(heard.repo, "refs/heads/release", heard.head)
    heard.forge.retarget(heard.repo, 1, "release")
    receiver.wait("pull_request", 3)
    payload = told(receiver, "pull_request", "edited")
    assert payload["changes"] == {"base": {"ref": {"from": "main"}, "sha": {"from": heard.head}}}
    assert payload["pull_request"]["base"]["ref"] == "release"
    heard.forge.edit_pull_request(heard.repo, 1, title="Better")
    heard.forge.comment(heard.repo, 1, "nothing was edited")
    told(receiver, "issue_comment", "created")
    assert len(receiver.events("pull_request")) == 3


def test_closed_and_reopened(heard: Stage, receiver: Receiver) -> None:
    propose(heard)
    heard.forge.close(heard.repo, 1, author="bob")
    payload = told(receiver, "pull_request", "closed")
    assert (payload["pull_request"]["merged"], payload["sender"]["login"]) == (False, "bob")
    heard.forge.reopen(heard.repo, 1)
    assert told(receiver, "pull_request", "reopened")["pull_request"]["state"] == "open"


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_merge_is_a_push_and_a_closing(heard: Stage, receiver: Receiver, method: str) -> None:
    propose(heard)
    receiver.wait("push")
    sha = heard.forge.merge(heard.repo, 1, author="bob", method=method)
    payload = told(receiver, "pull_request", "closed")
    pull = payload["pull_request"]
    assert (pull["merged"], pull["merge_commit_sha"], pull["merged_by"]["login"]) == (True, sha, "bob")
    assert pull["base"]["sha"] == heard.head
    push = receiver.wait("push", 2)[-1].payload
    check_event("push", None, push)
    assert (push["ref"], push["before"], push["after"]) == ("refs/heads/main", heard.head, sha)
    assert (push["sender"]["login"], push["pusher"]["name"]) == ("bob", "bob")
    assert len(receiver.events("pull_request")) == 2


def test_a_merge_by_hand_is_a_push_and_a_closing(heard: Stage, receiver: Receiver) -> None:
    head = propose(heard)["head"]["sha"]
    heard.forge.set_ref(heard.repo, "refs/heads/main", head, author="bob")
    pull = told(receiver, "pull_request", "closed")["pull_request"]
    assert (pull["merged"], pull["merge_commit_sha"], pull["merged_by"]["login"]) == (True, head, "bob")


def test_an_app_that_merges_is_the_sender(heard: Stage, receiver: Receiver) -> None:
    propose(heard)
    receiver.wait("push")
    assert heard.as_installation().put(f"{heard.path}/pulls/1/merge").status == 200
    bot = f"{heard.app.slug}[bot]"
    assert told(receiver, "pull_request", "closed")["sender"]["login"] == bot
    assert receiver.wait("push", 2)[-1].payload["sender"]["login"] == bot


def test_labels_are_told(heard: Stage, receiver: Receiver) -> None:
    propose(heard)
    heard.forge.label(heard.repo, 1, "care")
    assert told(receiver, "pull_request", "labeled")["label"]["name"] == "care"
    assert heard.as_user("alice").delete(f"{heard.path}/issues/1/labels/care").status == 200
    assert told(receiver, "pull_request", "unlabeled")["pull_request"]["labels"] == []


def test_a_review_is_told_when_it_is_submitted_and_dismissed(heard: Stage, receiver: Receiver) -> None:
    propose(heard)
    waiting = heard.as_user("bob").post(f"{heard.path}/pulls/1/reviews", {"body": "Hm"}).body
    given = heard.forge.review(heard.repo, 1, "REQUEST_CHANGES", body="No.")
    payload = told(receiver, "pull_request_review", "submitted")
    review = payload["review"]
    assert (review["id"], review["state"], review["body"]) == (given["id"], "changes_requested", "No.")
    assert review["id"] != waiting["id"]
    assert (payload["pull_request"]["number"], payload["sender"]["login"]) == (1, "bob")
    heard.forge.dismiss(heard.repo, 1, given["id"], "Later")
    assert told(receiver, "pull_request_review", "dismissed")["review"]["state"] == "dismissed"


def test_a_comment_is_told_in_each_of_its_moments(heard: Stage, receiver: Receiver) -> None:
    propose(heard)
    written = heard.forge.comment(heard.repo, 1, "/help", author="bob")
    payload = told(receiver, "issue_comment", "created")
    assert (payload["comment"]["id"], payload["comment"]["body"]) == (written["id"], "/help")
    assert payload["comment"]["performed_via_github_app"] is None
    assert (payload["issue"]["number"], payload["issue"]["comments"]) == (1, 1)
    assert payload["issue"]["pull_request"]["url"].endswith("/pulls/1")
    assert (payload["sender"]["login"], payload["installation"]["id"]) == ("bob", heard.installation)
    heard.forge.edit_comment(heard.repo, written["id"], "/status")
    payload = told(receiver, "issue_comment", "edited")
    assert payload["changes"] == {"body": {"from": "/help"}}
    assert (payload["comment"]["body"], payload["sender"]["login"]) == ("/status", "alice")
    heard.forge.delete_comment(heard.repo, written["id"])
    assert told(receiver, "issue_comment", "deleted")["comment"]["body"] == "/status"


def test_an_apps_own_comment_names_it(heard: Stage, receiver: Receiver) -> None:
    propose(heard)
    heard.as_installation().post(f"{heard.path}/issues/1/comments", {"body": "done"})
    payload = told(receiver, "issue_comment", "created")
    assert payload["comment"]["performed_via_github_app"]["id"] == heard.app.id
    assert (payload["comment"]["user"]["type"], payload["sender"]["type"]) == ("Bot", "Bot")


def test_a_comment_on_an_issue_has_no_pull_request(heard: Stage, receiver: Receiver) -> None:
    number = heard.forge.open_issue(heard.repo, "Broken")["number"]
    heard.forge.comment(heard.repo, number, "/help")
    assert "pull_request" not in told(receiver, "issue_comment", "created")["issue"]


@pytest.mark.parametrize("event", ["pull_request", "pull_request_review", "issue_comment"])
def test_each_has_whatever_all_of_githubs_recorded_ones_have(
    heard: Stage, receiver: Receiver, event: str
) -> None:
    propose(heard)
    heard.forge.comment(heard.repo, 1, "x")
    heard.forge.review(heard.repo, 1, "APPROVE")
    payload, recorded = receiver.wait(event)[-1].payload, examples(event)
    assert set.intersection(*(set(example) for example in recorded)) <= payload.keys()
    for part in {"pull_request", "review", "issue", "comment"} & payload.keys():
        known = set.intersection(*(set(example[part]) for example in recorded))
        assert known <= payload[part].keys()


def test_permissions_decide_who_hears_what(make_stage: MakeStage, receiver: Receiver, forge: Forge) -> None:
    stage = as_team(make_stage(webhook=receiver.url, permissions={"issues": "read"}, events=EVENTS))
    blind = forge.create_app(f"blind {stage.app.id}", receiver.url, permissions={}, events=EVENTS)
    deaf = forge.create_app(f"deaf {stage.app.id}", receiver.url, permissions=CONVERSING, events=["push"])
    for app in (blind, deaf):
        forge.install(app, stage.owner)
    propose(stage)
    forge.comment(stage.repo, 1, "to whom it may concern")
    told(receiver, "issue_comment", "created")
    receiver.wait("push", 3)
    hearers = [
        entry.headers["X-GitHub-Hook-Installation-Target-ID"] for entry in receiver.events("issue_comment")
    ]
    assert hearers == [str(stage.app.id)]
    assert receiver.events("pull_request") == []


def test_a_held_push_holds_what_follows_from_it(heard: Stage, receiver: Receiver) -> None:
    before = propose(heard)["head"]["sha"]
    receiver.wait("push")
    heard.forge.commit(heard.repo, {"b.txt": "c\n"}, "Change b", branch="feature", deliver=False)
    held = [entry for entry in heard.forge.deliveries() if entry["phase"] == "held"]
    told_of = [(entry["event"], entry["action"]) for entry in held]
    assert told_of == [("push", None), ("pull_request", "synchronize")]
    for entry in held:
        heard.forge.release(entry["id"])
    assert told(receiver, "pull_request", "synchronize")["before"] == before
    assert len(receiver.wait("push", 2)) == 2
