# SPDX-License-Identifier: Apache-2.0
"""Comments, reactions, issues and labels over the API."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from sandbox.forge import store
from sandbox.forge.admin import ForgeError
from tests.sandbox.forge.conftest import MakeStage, Stage
from tests.sandbox.forge.test_pulls import proposed


@pytest.fixture
def pull(team: Stage) -> Stage:
    """A stage with pull request 1."""
    proposed(team)
    return team


def test_a_comment_is_written_read_changed_and_deleted(pull: Stage) -> None:
    api = pull.as_installation()
    written = api.post(f"{pull.path}/issues/1/comments", {"body": "**Hi** 👋"}).body
    assert (written["body"], written["user"]["login"]) == ("**Hi** 👋", f"{pull.app.slug}[bot]")
    assert written["performed_via_github_app"]["id"] == pull.app.id
    assert written["html_url"].endswith(f"/pull/1#issuecomment-{written['id']}")
    path = f"{pull.path}/issues/comments/{written['id']}"
    assert api.get(path).body == written
    assert api.patch(path, {"body": "Bye"}).body["body"] == "Bye"
    assert [comment["body"] for comment in api.get(f"{pull.path}/issues/1/comments").body] == ["Bye"]
    assert api.delete(path).status == 204
    for answer in (api.get(path), api.patch(path, {"body": "x"}), api.delete(path)):
        assert answer.status == 404
    assert api.get(f"{pull.path}/issues/1/comments").body == []


def test_what_is_made_at_the_end_of_a_second_was_not_changed_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = itertools.count()
    monkeypatch.setattr(store, "now", lambda: str(next(seconds)))
    assert store.stamps() == {"created_at": "0", "updated_at": "0"}


def test_a_persons_comment_came_through_no_app(pull: Stage) -> None:
    written = pull.forge.comment(pull.repo, 1, "/help", author="bob")
    assert (written["performed_via_github_app"], written["author_association"]) == (None, "COLLABORATOR")
    assert pull.forge.pull_request(pull.repo, 1)["comments"] == 1


@pytest.mark.parametrize("body", [None, "", "  ", 1, "x" * 65_537])
def test_a_comment_needs_a_text_of_a_size(pull: Stage, body: Any) -> None:
    answer = pull.as_installation().post(f"{pull.path}/issues/1/comments", {"body": body})
    assert (answer.status, answer.body["message"]) == (422, "Validation Failed")
    assert pull.forge.comments(pull.repo, 1) == []


def test_comments_are_listed_since_a_moment_and_in_order(pull: Stage) -> None:
    first = pull.forge.comment(pull.repo, 1, "first")
    # Moments are kept in whole seconds, as on GitHub.
    while time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) == first["created_at"]:
        time.sleep(0.02)
    second = pull.forge.comment(pull.repo, 1, "second")
    api, since = pull.as_installation(), second["created_at"]

    def listed(path: str) -> list[str]:
        return [comment["body"] for comment in api.get(pull.path + path).body]

    assert listed("/issues/1/comments") == ["first", "second"]
    assert listed(f"/issues/1/comments?since={since}") == ["second"]
    assert listed(f"/issues/comments?since={since.replace('Z', '%2B00:00')}") == ["second"]
    assert listed("/issues/comments") == ["first", "second"]
    assert listed("/issues/comments?sort=created") == ["second", "first"]
    pull.forge.edit_comment(pull.repo, first["id"], "changed")
    assert listed("/issues/comments?sort=updated&direction=asc&per_page=1&page=2") == ["second"]
    assert api.get(f"{pull.path}/issues/comments?since=yesterday").status == 422


def test_others_comments_need_write_access(pull: Stage) -> None:
    reader = f"rita-{pull.repo.id}"
    api = pull.as_user(reader)
    pull.forge.allow(pull.repo, reader, "read")
    mine = api.post(f"{pull.path}/issues/1/comments", {"body": "mine"}).body
    theirs = pull.forge.comment(pull.repo, 1, "alice's")
    assert api.patch(f"{pull.path}/issues/comments/{mine['id']}", {"body": "still mine"}).status == 200
    for answer in (
        api.patch(f"{pull.path}/issues/comments/{theirs['id']}", {"body": "x"}),
        api.delete(f"{pull.path}/issues/comments/{theirs['id']}"),
    ):
        assert (answer.status, answer.body["message"]) == (403, "Must have write access to repository.")
    pull.forge.delete_comment(pull.repo, mine["id"], author="bob")
    assert len(pull.forge.comments(pull.repo, 1)) == 1


@pytest.mark.parametrize(
    ("permissions", "on_pull", "on_issue"),
    [
        pytest.param({"pull_requests": "write"}, 201, 403, id="pull requests"),
        pytest.param({"issues": "write"}, 201, 201, id="issues"),
        pytest.param({"issues": "read", "pull_requests": "read"}, 403, 403, id="only reading"),
        pytest.param({"contents": "write"}, 403, 403, id="neither"),
    ],
)
def test_either_permission_opens_a_pull_requests_conversation(
    pull: Stage, permissions: dict[str, str], on_pull: int, on_issue: int
) -> None:
    pull.forge.open_issue(pull.repo, "An issue")
    api = pull.as_installation(permissions=permissions)
    codes = [api.post(f"{pull.path}/issues/{n}/comments", {"body": "x"}).status for n in (1, 2)]
    assert codes == [on_pull, on_issue]
    codes = [api.post(f"{pull.path}/issues/{n}/reactions", {"content": "eyes"}).status for n in (1, 2)]
    assert codes == [on_pull, on_issue]


def test_strangers_see_no_conversation_of_a_private_repository(pull: Stage, make_stage: MakeStage) -> None:
    comment = pull.forge.comment(pull.repo, 1, "secret")
    for stranger in (pull.anonymous(), pull.as_user(f"eve-{pull.repo.id}"), make_stage().as_installation()):
        for path in ("/issues", "/issues/1", "/issues/1/comments", f"/issues/comments/{comment['id']}"):
            assert stranger.get(pull.path + path).status == 404
        assert stranger.post(f"{pull.path}/issues/1/comments", {"body": "x"}).status == 404


def test_a_reaction_is_given_once_and_taken_back_by_who_gave_it(pull: Stage) -> None:
    comment = pull.forge.comment(pull.repo, 1, "/help")
    api = pull.as_installation()
    path = f"{pull.path}/issues/comments/{comment['id']}/reactions"
    first, again = (api.post(path, {"content": "eyes"}) for _ in range(2))
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    pull.forge.react(pull.repo, comment["id"], "+1", author="bob")
    bot = f"{pull.app.slug}[bot]"
    assert pull.forge.reactions(pull.repo, comment["id"]) == [(bot, "eyes"), ("bob", "+1")]
    assert [found["content"] for found in api.get(f"{path}?content=%2B1").body] == ["+1"]
    counted = api.get(f"{pull.path}/issues/comments/{comment['id']}").body["reactions"]
    assert (counted["total_count"], counted["eyes"], counted["+1"], counted["rocket"]) == (2, 1, 1, 0)
    assert pull.as_user("bob").delete(f"{path}/{first.body['id']}").status == 404
    assert api.delete(f"{path}/{first.body['id']}").status == 204
    assert pull.forge.reactions(pull.repo, comment["id"]) == [("bob", "+1")]
    assert api.post(path, {"content": "shrug"}).status == 422


def test_a_pull_request_itself_is_reacted_to(pull: Stage) -> None:
    api = pull.as_installation()
    path = f"{pull.path}/issues/1/reactions"
    given = api.post(path, {"content": "rocket"}).body
    assert [found["id"] for found in api.get(path).body] == [given["id"]]
    assert api.get(f"{pull.path}/issues/1").body["reactions"]["rocket"] == 1
    assert api.delete(f"{path}/{given['id']}").status == 204
    assert api.get(path).body == []


def test_issues_and_pull_requests_share_numbers_and_lists(pull: Stage) -> None:
    opened = pull.as_user("alice").post(f"{pull.path}/issues", {"title": "Broken", "labels": ["bug"]})
    assert (opened.status, opened.body["number"]) == (201, 2)
    assert "pull_request" not in opened.body
    api = pull.as_installation()
    assert api.get(f"{pull.path}/issues/1").body["pull_request"]["merged_at"] is None

    def listed(query: str) -> list[int]:
        return [issue["number"] for issue in api.get(f"{pull.path}/issues{query}").body]

    assert listed("") == [2, 1]
    assert listed("?labels=bug") == [2]
    assert listed("?creator=bob") == []
    closed = pull.as_user("alice").patch(f"{pull.path}/issues/2", {"state": "closed", "title": "Mended"}).body
    assert (closed["state"], closed["state_reason"], closed["title"]) == ("closed", "completed", "Mended")
    assert closed["closed_by"]["login"] == "alice"
    assert (listed(""), listed("?state=all")) == ([1], [2, 1])
    opened_again = pull.as_user("bob").patch(f"{pull.path}/issues/2", {"state": "open"}).body
    assert (opened_again["state"], opened_again["state_reason"]) == ("open", "reopened")
    assert api.get(f"{pull.path}/pulls/2").status == 404


def test_a_pull_request_is_closed_as_an_issue(pull: Stage) -> None:
    assert pull.as_user("alice").patch(f"{pull.path}/issues/1", {"state": "closed"}).body["state"] == "closed"
    assert pull.forge.pull_request(pull.repo, 1)["state"] == "closed"


def test_labels_are_put_on_and_taken_off(pull: Stage) -> None:
    assert pull.forge.label(pull.repo, 1, "needs care", "b") == ["b", "needs care"]
    api = pull.as_installation()
    assert [label["name"] for label in api.get(f"{pull.path}/issues/1/labels").body] == ["b", "needs care"]
    assert [label["name"] for label in api.get(f"{pull.path}/pulls/1").body["labels"]] == ["b", "needs care"]
    left = api.delete(f"{pull.path}/issues/1/labels/needs%20care").body
    assert [label["name"] for label in left] == ["b"]
    gone = api.delete(f"{pull.path}/issues/1/labels/nope")
    assert (gone.status, gone.body["message"]) == (404, "Label does not exist")
    reader = f"rita-{pull.repo.id}"
    pull.forge.allow(pull.repo, reader, "read")
    with pytest.raises(ForgeError, match="Must have triage access"):
        pull.forge.label(pull.repo, 1, "c", author=reader)
