# SPDX-License-Identifier: Apache-2.0
"""Merging: the three methods, what is refused, and merges by hand."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sandbox.forge.conftest import Stage


def propose(stage: Stage) -> str:
    """Open a pull request with two commits, while the base has moved on; returns its head."""
    stage.forge.commit(
        stage.repo, {"one.txt": "1\n"}, "Add one\n\nThe first.", branch="feature", author="bob"
    )
    head = stage.forge.commit(stage.repo, {"two.txt": "2\n"}, "Add two", branch="feature")
    stage.forge.commit(stage.repo, {"main.txt": "m\n"}, "Meanwhile")
    stage.forge.open_pull_request(stage.repo, "feature", "Add both", body="Text")
    return head


def main(stage: Stage) -> str:
    return stage.forge.refs(stage.repo)["refs/heads/main"]


def test_a_merge_commit_joins_both(team: Stage) -> None:
    head, base = propose(team), main(team)
    answer = team.as_user("bob").put(f"{team.path}/pulls/1/merge")
    assert (answer.status, answer.body["merged"]) == (200, True)
    sha = answer.body["sha"]
    assert main(team) == sha
    made = team.as_installation().get(f"{team.path}/commits/{sha}").body
    assert [parent["sha"] for parent in made["parents"]] == [base, head]
    assert made["commit"]["message"] == f"Merge pull request #1 from {team.owner}/feature\n\nAdd both"
    assert (made["commit"]["author"]["name"], made["commit"]["committer"]["name"]) == ("bob", "GitHub")
    assert made["commit"]["verification"]["verified"] is True
    shown = team.forge.pull_request(team.repo, 1)
    assert (shown["state"], shown["merged"], shown["merged_by"]["login"]) == ("closed", True, "bob")
    assert (shown["merge_commit_sha"], shown["base"]["sha"]) == (sha, base)
    assert (shown["mergeable"], shown["mergeable_state"]) == (None, "unknown")
    api = team.as_installation()
    assert api.get(f"{team.path}/pulls/1/merge").status == 204
    assert api.get(f"{team.path}/git/ref/pull/1/head").body["object"]["sha"] == head
    assert api.get(f"{team.path}/git/ref/pull/1/merge").status == 404


def test_whoever_looks_during_a_merge_does_not_change_what_it_made(team: Stage) -> None:
    api = team.as_installation()
    for number in range(1, 21):
        team.forge.commit(team.repo, {f"{number}.txt": "1\n"}, "Add one", branch=f"topic-{number}")
        team.forge.open_pull_request(team.repo, f"topic-{number}", "Add one")
        with ThreadPoolExecutor(2) as pool:
            looking = pool.submit(api.get, f"{team.path}/pulls/{number}")
            merging = pool.submit(team.forge.merge, team.repo, number)
        assert looking.result().status == 200
        assert api.get(f"{team.path}/pulls/{number}").body["merge_commit_sha"] == merging.result()


def test_a_squash_is_one_commit_by_the_author(team: Stage) -> None:
    propose(team)
    base = main(team)
    sha = team.forge.merge(team.repo, 1, author="bob", method="squash")
    api = team.as_installation()
    made = api.get(f"{team.path}/commits/{sha}").body
    assert [parent["sha"] for parent in made["parents"]] == [base]
    assert made["commit"]["author"]["name"] == "alice"
    assert made["commit"]["message"] == (
        "Add both (#1)\n\n* Add one\n\nThe first.\n\n* Add two\n\n"
        "Co-authored-by: bob <bob@users.noreply.forge.test>"
    )
    assert sorted(file["filename"] for file in made["files"]) == ["one.txt", "two.txt"]
    assert [pull["number"] for pull in api.get(f"{team.path}/commits/{sha}/pulls").body] == [1]


def test_a_squash_of_one_commit_keeps_its_message(team: Stage) -> None:
    team.forge.commit(team.repo, {"one.txt": "1\n"}, "Add one\n\nThe first.", branch="feature")
    team.forge.open_pull_request(team.repo, "feature", "Something else")
    sha = team.forge.merge(team.repo, 1, method="squash")
    message = team.as_installation().get(f"{team.path}/git/commits/{sha}").body["message"]
    assert message == "Add one (#1)\n\nThe first."


def test_a_rebase_makes_each_commit_anew(team: Stage) -> None:
    propose(team)
    base = main(team)
    sha = team.forge.merge(team.repo, 1, author="bob", method="rebase")
    api = team.as_installation()
    second, first, before = api.get(f"{team.path}/commits?per_page=3").body
    assert (second["sha"], before["sha"]) == (sha, base)
    assert [found["commit"]["message"] for found in (first, second)] == ["Add one\n\nThe first.", "Add two"]
    assert second["commit"]["author"]["name"] == "alice"
    assert second["commit"]["committer"]["name"] == "bob"
    assert second["commit"]["verification"]["verified"] is False
    for made in (first, second):
        assert [pull["number"] for pull in api.get(f"{team.path}/commits/{made['sha']}/pulls").body] == [1]
    assert team.forge.pull_request(team.repo, 1)["commits"] == 2


def test_title_and_message_can_be_given(team: Stage) -> None:
    propose(team)
    asked = {"merge_method": "squash", "commit_title": "T", "commit_message": "M"}
    sha = team.as_user("alice").put(f"{team.path}/pulls/1/merge", asked).body["sha"]
    assert team.as_installation().get(f"{team.path}/git/commits/{sha}").body["message"] == "T\n\nM"


def test_a_head_that_moved_is_not_merged(team: Stage) -> None:
    head, base = propose(team), main(team)
    team.forge.commit(team.repo, {"late.txt": "x\n"}, "Late", branch="feature")
    answer = team.as_user("alice").put(f"{team.path}/pulls/1/merge", {"sha": head})
    assert answer.status == 409
    assert answer.body["message"] == "Head branch was modified. Review and try the merge again."
    assert main(team) == base


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_what_conflicts_is_not_merged(team: Stage, method: str) -> None:
    team.forge.commit(team.repo, {"a.txt": "side\n"}, "side", branch="side")
    base = team.forge.commit(team.repo, {"a.txt": "main\n"}, "main")
    team.forge.open_pull_request(team.repo, "side", "Side")
    answer = team.as_user("alice").put(f"{team.path}/pulls/1/merge", {"merge_method": method})
    assert answer.status == 405
    assert main(team) == base
    assert team.forge.pull_request(team.repo, 1)["state"] == "open"


def test_what_is_closed_or_merged_is_not_merged_again(team: Stage) -> None:
    propose(team)
    team.forge.close(team.repo, 1)
    api = team.as_user("alice")
    assert api.put(f"{team.path}/pulls/1/merge").status == 405
    team.forge.reopen(team.repo, 1)
    assert api.put(f"{team.path}/pulls/1/merge").status == 200
    answer = api.put(f"{team.path}/pulls/1/merge")
    assert (answer.status, answer.body["message"]) == (405, "Pull Request is not mergeable")
    refused = api.patch(f"{team.path}/pulls/1", {"state": "open"})
    assert "cannot be reopened" in refused.body["errors"][0]["message"]
    assert api.put(f"{team.path}/pulls/1/merge", {"merge_method": "nope"}).status == 422


def test_a_head_that_is_pushed_into_its_base_is_merged(team: Stage) -> None:
    head = team.forge.commit(team.repo, {"one.txt": "1\n"}, "Add one", branch="feature")
    team.forge.open_pull_request(team.repo, "feature", "Add one")
    team.forge.set_ref(team.repo, "refs/heads/main", head, author="bob")
    shown = team.forge.pull_request(team.repo, 1)
    assert (shown["merged"], shown["merged_by"]["login"], shown["merge_commit_sha"]) == (True, "bob", head)


def test_a_merge_by_hand_is_found_under_later_commits(team: Stage, tmp_path: Path) -> None:
    head = propose(team)
    team.forge.create_account("bob", secret="pw")
    clone = tmp_path / "clone"
    url = team.repo.clone_url.replace("://", "://bob:pw@")

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=bob", "-c", "user.email=bob@users.noreply.forge.test")
        done = subprocess.run(["git", *who, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("clone", "-q", url, str(clone))
    git("-C", str(clone), "merge", "-q", "--no-ff", "-m", "By hand", "origin/feature")
    merge = git("-C", str(clone), "rev-parse", "HEAD")
    git("-C", str(clone), "commit", "-q", "--allow-empty", "-m", "More")
    git("-C", str(clone), "push", "-q", "origin", "HEAD:main")
    shown = team.forge.pull_request(team.repo, 1)
    assert (shown["merged"], shown["merge_commit_sha"], shown["head"]["sha"]) == (True, merge, head)
    fetched = git("-C", str(clone), "ls-remote", "origin", "refs/pull/1/head")
    assert fetched.split()[0] == head
    refused = subprocess.run(
        ["git", "-C", str(clone), "push", "-q", "origin", "HEAD:refs/pull/1/head"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode != 0
    assert "refs/pull" in refused.stderr


def test_a_deleted_head_or_base_closes(team: Stage) -> None:
    propose(team)
    team.forge.set_ref(team.repo, "refs/heads/release", team.head)
    team.forge.open_pull_request(team.repo, "feature", "To release", base="release")
    team.forge.set_ref(team.repo, "refs/heads/release", None)
    assert team.forge.pull_request(team.repo, 2)["state"] == "closed"
    team.forge.set_ref(team.repo, "refs/heads/feature", None)
    shown = team.forge.pull_request(team.repo, 1)
    assert (shown["state"], shown["merged"]) == ("closed", False)


def test_a_head_that_is_forced_back_to_its_base_closes(team: Stage) -> None:
    propose(team)
    team.forge.set_ref(team.repo, "refs/heads/feature", team.head)
    shown = team.forge.pull_request(team.repo, 1)
    assert (shown["state"], shown["merged"], shown["commits"]) == ("closed", False, 0)
