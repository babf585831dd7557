# SPDX-License-Identifier: Apache-2.0
"""Images set by our App on the forge, where a binding lets it write."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workers.images.conftest import Fleet, ready
from workers.github import GitHubError, RateLimited
from workers.images import pushing

UP_TO_DATE = ("True", "Succeeded", "repository up-to-date")


def test_our_app_commits_so_that_github_signs(fleet: Fleet) -> None:
    fleet.bind("merge")
    before = fleet.head()
    obj = fleet.run()
    assert ready(obj) == UP_TO_DATE
    sha = fleet.head()
    assert obj["status"]["lastPushCommit"] == sha != before
    assert obj["status"]["observedSourceRevision"] == f"main@sha1:{sha}"
    assert fleet.read() == fleet.manifest("1.1.0")
    shown = fleet.commit(sha)
    assert [one["sha"] for one in shown["parents"]] == [before]
    assert shown["author"]["login"] == f"{fleet.app.slug}[bot]"
    assert shown["commit"]["verification"]["verified"] is True
    again = fleet.images.reconcile(fleet.images.automation())
    assert (fleet.head(), again["status"]["lastPushCommit"]) == (sha, sha)


@pytest.mark.parametrize(
    ("write", "push", "needed"),
    [
        ("", {}, "merge"),
        ("none", {}, "merge"),
        ("pr", {}, "merge"),
        ("none", {"branch": "auto"}, "pr"),
        ("pr", {"branch": "auto", "refspec": "auto:refs/heads/main"}, "merge"),
    ],
)
def test_no_binding_no_push(fleet: Fleet, write: str, push: dict[str, str], needed: str) -> None:
    if write:
        fleet.bind(write)
    before = fleet.forge.refs(fleet.repo)
    status, reason, message = ready(fleet.run(push=push))
    assert (status, reason) == ("False", "SourceManagerFailed")
    assert "nobody may push to" in message
    assert f"spec.write: {needed}" in message
    assert fleet.forge.refs(fleet.repo) == before


def test_who_may_propose_pushes_to_a_branch_beside(fleet: Fleet) -> None:
    fleet.bind("pr")
    before = fleet.head()
    obj = fleet.run(push={"branch": "auto"})
    assert ready(obj) == UP_TO_DATE
    assert fleet.head() == before
    assert fleet.read("auto") == fleet.manifest("1.1.0")
    first = fleet.head("auto")
    fleet.images.pass_time(hours=1)
    assert fleet.run(push={"branch": "auto"})["status"]["lastPushCommit"] == first, "the same tree"
    moved = fleet.forge.commit(fleet.repo, {"README": "y"}, "Move")
    fleet.run(push={"branch": "auto"})
    assert [one["sha"] for one in fleet.commit(fleet.head("auto"))["parents"]] == [moved]


def test_who_may_only_propose_takes_no_branch_from_others(fleet: Fleet) -> None:
    fleet.bind("pr")
    theirs = fleet.forge.commit(fleet.repo, {"README": "y"}, "A person's", branch="auto")
    status, reason, message = ready(fleet.run(push={"branch": "auto"}))
    assert (status, reason) == ("False", "GitOperationFailed")
    assert f"the branch auto ends with {theirs[:7]}, which this automation did not push" in message
    assert fleet.head("auto") == theirs


def test_a_branch_whose_push_was_not_written_down_is_known_again(fleet: Fleet) -> None:
    """A worker that died after its push leaves a branch that is what it would push again."""
    fleet.bind("pr")
    ref = fleet.images.automation(git={"push": {"branch": "auto"}})
    sha = fleet.images.reconcile(ref)["status"]["lastPushCommit"]
    gone = {"status": {"lastPushCommit": None, "observedPolicies": None}}
    fleet.images.client.patch(ref, gone, manager="test", subresource="status")
    assert fleet.images.reconcile(ref)["status"]["lastPushCommit"] == sha == fleet.head("auto")
    fleet.forge.commit(fleet.repo, {"README": "y"}, "Move")
    assert ready(fleet.images.reconcile(ref)) == UP_TO_DATE
    assert fleet.head("auto") != sha


def test_who_may_merge_makes_a_branch_anew_whoever_pushed_to_it(fleet: Fleet) -> None:
    fleet.bind("merge")
    fleet.forge.commit(fleet.repo, {"README": "y"}, "A person's", branch="auto")
    assert ready(fleet.run(push={"branch": "auto"})) == UP_TO_DATE
    assert [one["sha"] for one in fleet.commit(fleet.head("auto"))["parents"]] == [fleet.head()]


def test_a_base_that_moves_meanwhile_is_started_from_again(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.bind("merge")
    push, moved = pushing.push, []

    def moving(*arguments: Any) -> str:
        if not moved:
            moved.append(fleet.forge.commit(fleet.repo, {"README": "y"}, "Meanwhile"))
        return push(*arguments)

    monkeypatch.setattr(pushing, "push", moving)
    assert ready(fleet.run()) == UP_TO_DATE
    assert [one["sha"] for one in fleet.commit(fleet.head())["parents"]] == moved
    assert fleet.read() == fleet.manifest("1.1.0")


def test_a_502_before_the_branch_moved_is_tried_again_by_the_next_run(fleet: Fleet) -> None:
    fleet.bind("merge")
    fleet.forge.fail_before("PATCH", "/repos/.*/git/refs/.*")
    status, reason, message = ready(fleet.run())
    assert (status, reason) == ("False", "GitOperationFailed")
    assert message.startswith("failed to update source: GitHub failed to move the branch main")
    assert ready(fleet.run()) == UP_TO_DATE
    assert fleet.read() == fleet.manifest("1.1.0")


def test_a_limit_is_waited_out_and_nothing_is_said(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.bind("merge")

    def limited(*_: Any) -> str:
        raise RateLimited("later", retry_at=fleet.images.now())

    monkeypatch.setattr(pushing, "push", limited)
    with pytest.raises(GitHubError, match="later"):
        fleet.run()
    obj = fleet.images.client.get(fleet.images.automation())
    assert "conditions" not in obj.get("status", {})


def test_a_key_of_ones_own_is_pushed_with_by_git(fleet: Fleet) -> None:
    """GitHub would sign with its own; the App's token lets git in."""
    fleet.bind("merge")
    obj = fleet.run(push={"branch": "auto", "refspec": "auto:refs/heads/copy"})
    assert ready(obj) == UP_TO_DATE
    assert fleet.head("auto") == fleet.head("copy") == obj["status"]["lastPushCommit"]
    assert fleet.commit(fleet.head("auto"))["commit"]["author"]["name"] == "Bot"


@pytest.mark.parametrize(("write", "author"), [("pr", "Bot"), ("merge", "{}[bot]")])
def test_a_secret_of_the_source_pushes_where_our_app_may_not(fleet: Fleet, write: str, author: str) -> None:
    fleet.bind(write)
    person = f"ada-{fleet.images.namespace}"
    fleet.forge.create_account(person, secret="pw-of-ada")
    fleet.forge.allow(fleet.repo, person, "write")
    metadata = {"name": "login", "namespace": fleet.images.namespace}
    data = {"username": person, "password": "pw-of-ada"}
    fleet.images.client.create(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
    )
    fleet.images.source(fleet.repo.clone_url, provider="generic", secretRef={"name": "login"})
    assert ready(fleet.run()) == UP_TO_DATE
    assert fleet.read() == fleet.manifest("1.1.0")
    found = fleet.commit(fleet.head())["commit"]["author"]["name"]
    assert found == author.format(fleet.app.slug)
