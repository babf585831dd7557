# SPDX-License-Identifier: Apache-2.0
"""Blobs, trees, commits and refs over the API: how a bot commits."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.sandbox.forge.conftest import Api, Receiver, Stage, as_team
from tests.sandbox.forge.descriptions import check_event


def entry(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "mode": "100644", "type": "blob"} | more


def new_tree(api: Api, stage: Stage, *entries: dict[str, Any], base: str | None = None) -> Any:
    return api.post(f"{stage.path}/git/trees", {"base_tree": base or stage.head, "tree": list(entries)})


def paths(api: Api, stage: Stage, tree: str) -> list[str]:
    listed = api.get(f"{stage.path}/git/trees/{tree}?recursive=1").body["tree"]
    return [found["path"] for found in listed if found["type"] != "tree"]


@pytest.mark.parametrize(
    ("content", "encoding"), [("grüß\n", "utf-8"), (base64.b64encode(b"\0\1").decode(), "base64")]
)
def test_a_blob_is_stored_and_read(team: Stage, content: str, encoding: str) -> None:
    api = team.as_installation()
    made = api.post(f"{team.path}/git/blobs", {"content": content, "encoding": encoding})
    assert made.status == 201
    read = api.get(f"{team.path}/git/blobs/{made.body['sha']}").body
    raw = content.encode() if encoding == "utf-8" else b"\0\1"
    assert (base64.b64decode(read["content"]), read["size"]) == (raw, len(raw))


def test_a_tree_is_made_on_top_of_another(team: Stage) -> None:
    team.forge.commit(team.repo, {"old/x.txt": "x\n", "old/y.txt": "y\n", "keep.txt": "k\n"}, "more")
    base = team.forge.refs(team.repo)["refs/heads/main"]
    api = team.as_installation()
    blob = api.post(f"{team.path}/git/blobs", {"content": "blob\n"}).body["sha"]
    folder = api.get(f"{team.path}/git/trees/{base}").body["tree"]
    (old,) = [found["sha"] for found in folder if found["path"] == "old"]
    made = new_tree(
        api, team, entry("a.txt", sha=None), entry("deep/new.sh", mode="100755", content="#!\n"),
        entry("blob.txt", sha=blob), entry("old", sha=None),
        entry("moved", mode="040000", type="tree", sha=old), base=base,
    )  # fmt: skip
    assert made.status == 201
    expected = ["blob.txt", "deep/new.sh", "keep.txt", "moved/x.txt", "moved/y.txt"]
    assert paths(api, team, made.body["sha"]) == expected
    modes = {found["path"]: found["mode"] for found in made.body["tree"]}
    assert (modes["blob.txt"], modes["moved"]) == ("100644", "040000")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        pytest.param(entry("x", sha="0" * 40), "is not a valid blob", id="no such blob"),
        pytest.param(entry("nope", sha=None), "cannot be deleted", id="deleting what is not there"),
        pytest.param(entry("../x", content="x"), "../x", id="out of the tree"),
        pytest.param(entry("x", content="x", mode="777"), "tree.mode 777", id="no such mode"),
        pytest.param({"mode": "100644", "content": "x"}, "tree.path is missing", id="no path"),
    ],
)
def test_an_entry_that_cannot_be_is_refused(team: Stage, wrong: dict[str, Any], why: str) -> None:
    answer = new_tree(team.as_installation(), team, wrong)
    assert answer.status == 422
    assert why in answer.body["message"]


def test_a_bots_commit_is_verified_and_moves_a_branch(team: Stage) -> None:
    api = team.as_installation()
    tree = new_tree(api, team, entry("b.txt", content="b\n")).body["sha"]
    asked = {"message": "Add b", "tree": tree, "parents": [team.head]}
    made = api.post(f"{team.path}/git/commits", asked)
    assert made.status == 201
    assert (made.body["verification"]["verified"], made.body["verification"]["reason"]) == (True, "valid")
    assert made.body["author"]["name"] == f"{team.app.slug}[bot]"
    assert made.body["committer"]["name"] == "GitHub"
    sha = made.body["sha"]
    assert api.get(f"{team.path}/git/commits/{sha}").body == made.body
    moved = api.patch(f"{team.path}/git/refs/heads/main", {"sha": sha})
    assert (moved.status, moved.body["object"]["sha"]) == (200, sha)
    shown = api.get(f"{team.path}/commits/main").body
    assert shown["author"]["login"] == f"{team.app.slug}[bot]"
    assert shown["commit"]["verification"]["verified"] is True


@pytest.mark.parametrize("named", ["author", "committer"])
def test_a_commit_in_somebodys_name_is_not_verified(team: Stage, named: str) -> None:
    api = team.as_installation()
    tree = api.get(f"{team.path}/git/commits/{team.head}").body["tree"]["sha"]
    who = {"name": "Ann", "email": "ann@example.com", "date": "2026-01-02T03:04:05+02:00"}
    made = api.post(
        f"{team.path}/git/commits", {"message": "m", "tree": tree, "parents": [team.head], named: who}
    )
    assert made.body[named] == {"name": "Ann", "email": "ann@example.com", "date": "2026-01-02T01:04:05Z"}
    assert (made.body["verification"]["verified"], made.body["verification"]["reason"]) == (False, "unsigned")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"tree": "0" * 40}, "Tree SHA does not exist"),
        ({"parents": ["0" * 40]}, "Parent SHA does not exist or is not a commit object"),
        ({"message": None}, "Validation Failed"),
        ({"author": {"name": "Ann"}}, "need a name and an email"),
        ({"author": {"name": "Ann", "email": "a@b.c", "date": "soon"}}, "is not a date"),
    ],
)
def test_a_commit_of_nothing_is_refused(team: Stage, changes: dict[str, Any], why: str) -> None:
    api = team.as_installation()
    tree = api.get(f"{team.path}/git/commits/{team.head}").body["tree"]["sha"]
    asked = {"message": "m", "tree": tree, "parents": [team.head]} | changes
    answer = api.post(f"{team.path}/git/commits", asked)
    assert answer.status == 422
    assert why in answer.body["message"]


def test_refs_are_made_moved_and_deleted(team: Stage) -> None:
    sha = team.forge.commit(team.repo, {"a.txt": "two\n"}, "two")
    side = team.forge.commit(team.repo, {"b.txt": "b\n"}, "side", branch="side")
    api = team.as_installation()
    made = api.post(f"{team.path}/git/refs", {"ref": "refs/heads/bot/x", "sha": team.head})
    assert (made.status, made.body["ref"], made.body["object"]["sha"]) == (201, "refs/heads/bot/x", team.head)
    path = f"{team.path}/git/refs/heads/bot/x"
    assert api.patch(path, {"sha": sha}).status == 200
    refused = api.patch(path, {"sha": team.head})
    assert (refused.status, refused.body["message"]) == (422, "Update is not a fast forward")
    assert api.patch(path, {"sha": team.head, "force": True}).body["object"]["sha"] == team.head
    assert api.patch(path, {"sha": side}).status == 200
    assert [ref["ref"] for ref in api.get(f"{team.path}/git/matching-refs/heads/bot").body] == [
        "refs/heads/bot/x"
    ]
    assert api.delete(path).status == 204
    assert api.get(f"{team.path}/git/ref/heads/bot/x").status == 404
    for answer in (api.delete(path), api.patch(path, {"sha": sha})):
        assert (answer.status, answer.body["message"]) == (422, "Reference does not exist")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"ref": "refs/heads/main"}, "Reference already exists"),
        ({"ref": "refs/heads/main/x"}, "cannot be made"),
        ({"ref": "main"}, "not a valid ref name"),
        ({"ref": "refs/heads/a..b"}, "not a valid ref name"),
        ({"ref": "refs/pull/1/head"}, "read-only"),
        ({"ref": "refs/heads/x", "sha": "0" * 40}, "Object does not exist"),
    ],
)
def test_a_ref_that_cannot_be_is_refused(team: Stage, asked: dict[str, str], why: str) -> None:
    answer = team.as_installation().post(f"{team.path}/git/refs", {"sha": team.head} | asked)
    assert answer.status == 422
    assert why in answer.body["message"]
    assert team.forge.refs(team.repo) == {"refs/heads/main": team.head}


def test_the_default_branch_is_not_deleted(team: Stage) -> None:
    answer = team.as_installation().delete(f"{team.path}/git/refs/heads/main")
    assert (answer.status, answer.body["message"]) == (422, "Cannot delete the default branch")


def test_an_empty_repository_takes_no_objects_by_id(team: Stage) -> None:
    empty = team.forge.create_repository(team.owner, "empty")
    api = team.as_installation()
    for path, asked in (("trees", {"tree": []}), ("commits", {}), ("refs", {"ref": "refs/heads/x"})):
        answer = api.post(f"/repos/{empty.full_name}/git/{path}", asked)
        assert (answer.status, answer.body["message"]) == (409, "Git Repository is empty.")


@pytest.mark.parametrize("what", ["blobs", "trees", "commits", "refs"])
def test_writing_needs_the_permission(team: Stage, what: str) -> None:
    api = team.as_installation(permissions={"contents": "read", "pull_requests": "write"})
    assert api.post(f"{team.path}/git/{what}", {}).status == 403


def test_a_bots_commit_is_told_as_its_push(make_stage: Any, receiver: Receiver) -> None:
    stage = as_team(make_stage(webhook=receiver.url, permissions={"contents": "write"}, events=["push"]))
    api = stage.as_installation()
    tree = new_tree(api, stage, entry("b.txt", content="b\n")).body["sha"]
    asked = {"message": "Add b", "tree": tree, "parents": [stage.head]}
    sha = api.post(f"{stage.path}/git/commits", asked).body["sha"]
    api.post(f"{stage.path}/git/refs", {"ref": "refs/heads/bot", "sha": sha})
    (push,) = receiver.wait("push")
    check_event("push", None, push.payload)
    assert (push.payload["ref"], push.payload["after"]) == ("refs/heads/bot", sha)
    assert push.payload["sender"]["login"] == push.payload["pusher"]["name"] == f"{stage.app.slug}[bot]"
    assert push.payload["sender"]["type"] == "Bot"
