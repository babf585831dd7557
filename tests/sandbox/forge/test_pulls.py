# SPDX-License-Identifier: Apache-2.0
"""Pull requests over the API: opened, listed, shown and changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.forge.conftest import MakeStage, Stage


def proposed(stage: Stage, branch: str = "feature", **asked: Any) -> Any:
    """Commit to a branch and open a pull request from it."""
    stage.forge.commit(stage.repo, {f"{branch}.txt": "new\n"}, f"Add {branch}", branch=branch)
    body = {"title": f"Add {branch}", "head": branch, "base": "main"} | asked
    answer = stage.as_user("alice").post(f"{stage.path}/pulls", body)
    assert answer.status == 201
    return answer.body


def test_a_pull_request_is_opened_and_shown(team: Stage) -> None:
    opened = proposed(team, body="Because.")
    head = team.forge.refs(team.repo)["refs/heads/feature"]
    assert (opened["number"], opened["state"], opened["title"]) == (1, "open", "Add feature")
    assert (opened["body"], opened["user"]["login"], opened["draft"]) == ("Because.", "alice", False)
    assert (opened["head"]["ref"], opened["head"]["sha"]) == ("feature", head)
    assert opened["head"]["label"] == f"{team.owner}:feature"
    assert (opened["base"]["ref"], opened["base"]["sha"]) == ("main", team.head)
    assert opened["base"]["repo"]["id"] == opened["head"]["repo"]["id"] == team.repo.id
    assert (opened["commits"], opened["additions"], opened["changed_files"]) == (1, 1, 1)
    assert (opened["merged"], opened["merge_commit_sha"]) == (False, None)
    assert opened["author_association"] == "COLLABORATOR"
    shown = team.as_installation().get(f"{team.path}/pulls/1").body
    assert shown["id"] == opened["id"]


def test_whether_it_can_be_merged_is_known_to_the_second_who_asks(team: Stage) -> None:
    opened = proposed(team)
    assert (opened["mergeable"], opened["mergeable_state"]) == (None, "unknown")
    api = team.as_installation()
    first, second = (api.get(f"{team.path}/pulls/1").body for _ in range(2))
    assert (first["mergeable"], first["mergeable_state"]) == (None, "unknown")
    assert (second["mergeable"], second["rebaseable"], second["mergeable_state"]) == (True, True, "clean")
    merge = api.get(f"{team.path}/git/ref/pull/1/merge").body["object"]["sha"]
    assert second["merge_commit_sha"] == merge
    parents = api.get(f"{team.path}/commits/{merge}").body["parents"]
    assert [parent["sha"] for parent in parents] == [team.head, opened["head"]["sha"]]


@pytest.mark.parametrize(
    ("state", "expected"), [("failure", "unstable"), ("pending", "unstable"), ("success", "clean")]
)
def test_statuses_of_the_head_count(team: Stage, state: str, expected: str) -> None:
    head = proposed(team)["head"]["sha"]
    api = team.as_installation()
    api.post(f"{team.path}/statuses/{head}", {"state": state})
    api.get(f"{team.path}/pulls/1")
    assert api.get(f"{team.path}/pulls/1").body["mergeable_state"] == expected


def test_branches_that_conflict_are_dirty(team: Stage) -> None:
    team.forge.commit(team.repo, {"a.txt": "side\n"}, "side", branch="side")
    team.forge.commit(team.repo, {"a.txt": "main\n"}, "main")
    team.forge.open_pull_request(team.repo, "side", "Side")
    api = team.as_installation()
    api.get(f"{team.path}/pulls/1")
    shown = api.get(f"{team.path}/pulls/1").body
    assert (shown["mergeable"], shown["mergeable_state"], shown["merge_commit_sha"]) == (False, "dirty", None)
    assert api.get(f"{team.path}/git/ref/pull/1/merge").status == 404


def test_a_push_to_the_base_makes_it_unknown_again(team: Stage) -> None:
    proposed(team)
    api = team.as_installation()
    states = []
    for _ in range(2):
        states += [api.get(f"{team.path}/pulls/1").body["mergeable_state"] for _ in range(2)]
        team.forge.commit(team.repo, {"feature.txt": "theirs\n"}, "Take the name")
    states += [api.get(f"{team.path}/pulls/1").body["mergeable_state"] for _ in range(2)]
    assert states == ["unknown", "clean", "unknown", "dirty", "unknown", "dirty"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"title": " "}, {"field": "title", "code": "missing_field"}, id="no title"),
        pytest.param({"head": "nope"}, {"field": "head", "code": "invalid"}, id="no such head"),
        pytest.param({"head": "eve:feature"}, {"field": "head", "code": "invalid"}, id="nobody's fork"),
        pytest.param({"base": "nope"}, {"field": "base", "code": "invalid"}, id="no such base"),
        pytest.param({"base": "../x"}, {"field": "base", "code": "invalid"}, id="no branch's name"),
        pytest.param({"head": "same"}, {"message": "No commits between main and same"}, id="nothing new"),
        pytest.param({"head": "taken"}, {"message": "A pull request already exists for"}, id="twice"),
    ],
)
def test_what_cannot_be_proposed_is_refused(
    team: Stage, changes: dict[str, str], error: dict[str, str]
) -> None:
    proposed(team, "taken")
    team.forge.set_ref(team.repo, "refs/heads/same", team.head)
    team.forge.commit(team.repo, {"b.txt": "b\n"}, "b", branch="feature")
    body = {"title": "New", "head": "feature", "base": "main"} | changes
    answer = team.as_user("alice").post(f"{team.path}/pulls", body)
    assert (answer.status, answer.body["message"]) == (422, "Validation Failed")
    (found,) = answer.body["errors"]
    assert all(found[name].startswith(value) for name, value in error.items())
    assert len(team.as_installation().get(f"{team.path}/pulls").body) == 1


def test_pull_requests_are_listed_by_state_and_branches(team: Stage) -> None:
    for branch in ("one", "two", "three"):
        proposed(team, branch)
    team.forge.set_ref(team.repo, "refs/heads/release", team.head)
    proposed(team, "four", base="release")
    team.forge.close(team.repo, 2)
    api = team.as_installation()

    def listed(query: str = "") -> list[int]:
        return [pull["number"] for pull in api.get(f"{team.path}/pulls{query}").body]

    assert listed() == [4, 3, 1]
    assert listed("?direction=asc") == [1, 3, 4]
    assert listed("?state=closed") == [2]
    assert listed("?state=all&per_page=2&page=2") == [2, 1]
    assert listed("?base=release") == [4]
    assert listed(f"?head={team.owner}:three") == [3]
    assert listed("?head=nobody:three") == []
    assert api.get(f"{team.path}/pulls?state=nope").status == 422
    assert api.get(f"{team.path}/pulls?sort=popularity").status == 422


def test_commits_and_files_are_those_since_the_branches_parted(team: Stage) -> None:
    proposed(team)
    second = team.forge.commit(team.repo, {"a.txt": "one\ntwo\n"}, "Change a", branch="feature")
    team.forge.commit(team.repo, {"main.txt": "x\n"}, "On main")
    api = team.as_installation()
    messages = [commit["commit"]["message"] for commit in api.get(f"{team.path}/pulls/1/commits").body]
    assert messages == ["Add feature", "Change a"]
    files = {file["filename"]: file["status"] for file in api.get(f"{team.path}/pulls/1/files").body}
    assert files == {"a.txt": "modified", "feature.txt": "added"}
    assert api.get(f"{team.path}/pulls/1/comments").body == []
    assert [pull["number"] for pull in api.get(f"{team.path}/commits/{second}/pulls").body] == [1]
    assert api.get(f"{team.path}/commits/{team.head}/pulls").body == []
    team.forge.close(team.repo, 1)
    assert api.get(f"{team.path}/commits/{second}/pulls").body == []


def test_a_pull_request_is_renamed_and_retargeted(team: Stage) -> None:
    proposed(team)
    release = team.forge.commit(team.repo, {"r.txt": "r\n"}, "release", branch="release")
    api = team.as_user("alice")
    changed = api.patch(f"{team.path}/pulls/1", {"title": "Better", "body": "Why", "base": "release"}).body
    assert (changed["title"], changed["body"]) == ("Better", "Why")
    assert (changed["base"]["ref"], changed["base"]["sha"]) == ("release", release)
    refused = api.patch(f"{team.path}/pulls/1", {"base": "nope"})
    assert refused.body["errors"][0]["message"] == "Proposed base branch 'nope' was not found"
    team.forge.set_ref(team.repo, "refs/heads/same", changed["head"]["sha"])
    refused = api.patch(f"{team.path}/pulls/1", {"base": "same"})
    assert "no new commits between base branch 'same'" in refused.body["errors"][0]["message"]


def test_a_pull_request_is_closed_and_reopened(team: Stage) -> None:
    proposed(team)
    closed = team.forge.close(team.repo, 1)
    assert (closed["state"], closed["merged"]) == ("closed", False)
    assert closed["closed_at"] is not None
    while_closed = team.forge.commit(team.repo, {"f.txt": "f\n"}, "more", branch="feature")
    assert team.forge.pull_request(team.repo, 1)["head"]["sha"] == closed["head"]["sha"]
    reopened = team.forge.reopen(team.repo, 1)
    assert (reopened["state"], reopened["closed_at"]) == ("open", None)
    assert (reopened["head"]["sha"], reopened["commits"]) == (while_closed, 2)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        pytest.param("delete", "The feature branch has been deleted.", id="its branch is gone"),
        pytest.param(
            "force", "The feature branch was force-pushed or recreated.", id="its branch is another"
        ),
        pytest.param("again", "A pull request already exists", id="another was opened"),
    ],
)
def test_what_cannot_be_reopened_is_refused(team: Stage, spoil: str, why: str) -> None:
    proposed(team)
    team.forge.close(team.repo, 1)
    if spoil == "delete":
        team.forge.set_ref(team.repo, "refs/heads/feature", None)
    elif spoil == "force":
        team.forge.set_ref(team.repo, "refs/heads/feature", team.head)
        team.forge.commit(team.repo, {"o.txt": "o\n"}, "other", branch="feature")
    else:
        team.forge.open_pull_request(team.repo, "feature", "Again")
    answer = team.as_user("alice").patch(f"{team.path}/pulls/1", {"state": "open"})
    assert answer.status == 422
    assert why in answer.body["errors"][0]["message"]


def test_a_draft_is_one(team: Stage) -> None:
    assert proposed(team, draft=True)["draft"] is True
    api = team.as_installation()
    api.get(f"{team.path}/pulls/1")
    assert api.get(f"{team.path}/pulls/1").body["mergeable_state"] == "draft"
    assert team.as_user("alice").put(f"{team.path}/pulls/1/merge").status == 405


def test_rights(team: Stage, make_stage: MakeStage) -> None:
    proposed(team)
    reader = f"rita-{team.repo.id}"
    api = team.as_user(reader)
    path = f"{team.path}/pulls"
    assert api.get(path).status == 404
    team.forge.allow(team.repo, reader, "read")
    assert api.get(f"{path}/1").status == 200
    assert api.patch(f"{path}/1", {"title": "Mine"}).status == 403
    assert api.put(f"{path}/1/merge").status == 403
    assert api.post(path, {"title": "x", "head": "feature", "base": "main"}).status == 403
    narrow = team.as_installation(permissions={"contents": "read", "pull_requests": "read"})
    assert narrow.get(f"{path}/1").status == 200
    for answer in (narrow.patch(f"{path}/1", {"title": "x"}), narrow.put(f"{path}/1/merge")):
        assert (answer.status, answer.body["message"]) == (403, "Resource not accessible by integration")
    assert team.as_installation(permissions={"contents": "read"}).get(f"{path}/1").status == 403
    assert make_stage().as_installation().get(f"{path}/1").status == 404


def test_an_app_opens_one_as_its_bot(team: Stage) -> None:
    team.forge.commit(team.repo, {"b.txt": "b\n"}, "b", branch="bot")
    asked = {"title": "Revert", "head": "bot", "base": "main"}
    opened = team.as_installation().post(f"{team.path}/pulls", asked).body
    assert (opened["user"]["login"], opened["user"]["type"]) == (f"{team.app.slug}[bot]", "Bot")


def test_what_is_not_there_is_404(team: Stage) -> None:
    for rest in ("", "/commits", "/files", "/reviews", "/merge"):
        assert team.as_installation().get(f"{team.path}/pulls/7{rest}").status == 404
