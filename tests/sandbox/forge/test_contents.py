# SPDX-License-Identifier: Apache-2.0
"""Files and folders over the API, read and committed."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.sandbox.forge.conftest import Stage


def sent(content: str, **more: Any) -> dict[str, Any]:
    return {"message": "Change it", "content": base64.b64encode(content.encode()).decode()} | more


def test_a_file_is_read_at_a_ref(team: Stage) -> None:
    team.forge.commit(team.repo, {"deep/b.yaml": "two\n"}, "two", branch="side")
    api = team.as_installation()
    read = api.get(f"{team.path}/contents/deep/b.yaml?ref=side").body
    assert (read["type"], read["name"], read["path"]) == ("file", "b.yaml", "deep/b.yaml")
    assert (base64.b64decode(read["content"]), read["size"], read["encoding"]) == (b"two\n", 4, "base64")
    assert read["download_url"].endswith("/raw/side/deep/b.yaml")
    for path in ("contents/deep/b.yaml", "contents/nope", "contents/a.txt?ref=nope"):
        assert api.get(f"{team.path}/{path}").status == 404


def test_a_folder_is_listed(team: Stage) -> None:
    team.forge.commit(team.repo, {"deep/er/b.txt": "b\n", "deep/a.txt": "a\n"}, "more")
    api = team.as_installation()
    listed = api.get(f"{team.path}/contents/deep").body
    assert [(found["name"], found["type"]) for found in listed] == [("a.txt", "file"), ("er", "dir")]
    root = api.get(f"{team.path}/contents/").body
    assert [found["path"] for found in root] == ["a.txt", "deep"]


def test_links_and_large_files(team: Stage) -> None:
    api = team.as_installation()
    asked = [{"path": "link", "mode": "120000", "type": "blob", "content": "a.txt"}]
    tree = api.post(f"{team.path}/git/trees", {"base_tree": team.head, "tree": asked}).body["sha"]
    made = api.post(f"{team.path}/git/commits", {"message": "m", "tree": tree, "parents": [team.head]}).body
    link = api.get(f"{team.path}/contents/link?ref={made['sha']}").body
    assert (link["type"], link["target"]) == ("symlink", "a.txt")
    team.forge.commit(team.repo, {"large.txt": "x" * (1024 * 1024 + 1)}, "large")
    large = api.get(f"{team.path}/contents/large.txt").body
    assert (large["content"], large["encoding"], large["size"]) == ("", "none", 1024 * 1024 + 1)


def test_a_file_is_made_changed_and_deleted(team: Stage) -> None:
    api = team.as_installation()
    path = f"{team.path}/contents/deep/b.txt"
    made = api.put(path, sent("one\n"))
    assert (made.status, made.body["content"]["path"]) == (201, "deep/b.txt")
    assert made.body["commit"]["verification"]["verified"] is True
    assert made.body["commit"]["author"]["name"] == f"{team.app.slug}[bot]"
    first = made.body["content"]["sha"]
    changed = api.put(path, sent("two\n", sha=first))
    assert changed.status == 200
    second = changed.body["content"]["sha"]
    assert api.get(f"{team.path}/commits/main").body["sha"] == changed.body["commit"]["sha"]
    deleted = api.delete(path, {"message": "Gone", "sha": second})
    assert (deleted.status, deleted.body["content"]) == (200, None)
    assert api.get(path).status == 404


@pytest.mark.parametrize(
    ("method", "path", "asked", "status", "why"),
    [
        pytest.param("PUT", "a.txt", sent("x"), 422, '"sha" wasn\'t supplied', id="over it unseen"),
        pytest.param("PUT", "a.txt", sent("x", sha="0" * 40), 409, "a.txt does not match", id="another"),
        pytest.param("PUT", "new", sent("x", sha="0" * 40), 409, "new does not match", id="not there"),
        pytest.param("PUT", "new", sent("x", branch="nope"), 404, "Branch nope not found", id="no branch"),
        pytest.param("PUT", "new", {"message": "m", "content": "?"}, 422, "not valid Base64", id="no base64"),
        pytest.param("PUT", "new", {"content": "eA=="}, 422, '"message" wasn\'t supplied', id="no message"),
        pytest.param("PUT", "../x", sent("x"), 422, "malformed path", id="out of the tree"),
        pytest.param("DELETE", "nope", {"message": "m", "sha": "0" * 40}, 404, "Not Found", id="nothing"),
        pytest.param("DELETE", "a.txt", {"message": "m", "sha": "0" * 40}, 409, "match", id="changed since"),
    ],
)
def test_what_cannot_be_committed_is_refused_and_changes_nothing(
    team: Stage, method: str, path: str, asked: dict[str, str], status: int, why: str
) -> None:
    answer = team.as_installation()(method, f"{team.path}/contents/{path.replace('../', '%2E%2E/')}", asked)
    assert (answer.status, why in answer.body["message"]) == (status, True)
    assert team.forge.refs(team.repo) == {"refs/heads/main": team.head}


def test_a_named_author_is_taken_and_not_vouched_for(team: Stage) -> None:
    author = {"name": "Ann", "email": "ann@example.com"}
    made = team.as_installation().put(f"{team.path}/contents/b", sent("b", author=author)).body["commit"]
    assert (made["author"]["name"], made["verification"]["verified"]) == ("Ann", False)


def test_the_first_file_of_an_empty_repository(team: Stage) -> None:
    empty = team.forge.create_repository(team.owner, "empty")
    made = team.as_installation().put(f"/repos/{empty.full_name}/contents/b", sent("b"))
    assert (made.status, made.body["commit"]["parents"]) == (201, [])
    assert list(team.forge.refs(empty)) == ["refs/heads/main"]


def test_rights(team: Stage) -> None:
    reader = f"rita-{team.repo.id}"
    api = team.as_user(reader)
    path = f"{team.path}/contents/a.txt"
    assert (api.get(path).status, api.put(path, sent("x")).status) == (404, 404)
    team.forge.allow(team.repo, reader, "read")
    assert (api.get(path).status, api.put(path, sent("x")).status) == (200, 403)
    narrow = team.as_installation(permissions={"contents": "read"})
    assert (narrow.get(path).status, narrow.put(path, sent("x")).status) == (200, 403)
    assert team.as_installation(permissions={"issues": "read"}).get(path).status == 403
