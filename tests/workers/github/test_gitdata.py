# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.workers.github.conftest import Place
from workers.github import BranchMoved, Change, Invalid, ServerError
from workers.github.calls import READING

BINARY = bytes(range(256))


def commit(place: Place, *changes: Change, branch: str = "fairway/x", message: str = "Change") -> str:
    return place.github.git_data.commit(
        place.name, branch, parent=place.head, changes=changes, message=message
    )


def read(place: Place, path: str, ref: str = "fairway/x") -> bytes | None:
    return place.github.git_data.read(place.name, path, ref)


def test_a_commit_is_one_tree_one_commit_and_one_ref(able: Place) -> None:
    changes = (
        Change("a.txt", b"two\n"),
        Change("bin/run", b"#!/bin/sh\n", mode="100755"),
        Change("b.dat", BINARY),
        Change("ü/ä b.txt", "grün\n".encode()),
    )
    sha = commit(able, *changes)
    assert able.forge.refs(able.repo)["refs/heads/fairway/x"] == sha
    assert {change.path: read(able, change.path) for change in changes} == {
        change.path: change.content for change in changes
    }
    modes = {entry.path: entry.mode for entry in able.github.git_data.tree(able.name, sha)}
    assert modes["bin/run"] == "100755"
    shown = able.github.call("GET", able.name, f"/commits/{sha}", "look", permissions=READING)
    assert shown["author"]["login"] == able.bot
    assert shown["commit"]["verification"]["verified"] is True


def test_a_path_is_deleted_or_set_to_what_it_was(able: Place) -> None:
    data = able.github.git_data
    (before,) = data.tree(able.name, able.head)
    changed = commit(able, Change("a.txt", b"two\n"))
    back = data.commit(
        able.name, "back", parent=changed, changes=[Change("a.txt", sha=before.sha)], message="Back"
    )
    assert [entry.sha for entry in data.tree(able.name, back)] == [before.sha]
    commit(able, Change("a.txt"), Change("b.txt", b"b\n"), branch="gone")
    assert read(able, "a.txt", "gone") is None


def test_the_same_commit_is_made_once(able: Place) -> None:
    first = commit(able, Change("a.txt", b"two\n"))
    assert commit(able, Change("a.txt", b"two\n")) == first
    assert commit(able, Change("a.txt", b"two\n"), message="Other") != first
    moved = commit(able, Change("a.txt", b"three\n"))
    assert able.github.git_data.head(able.name, "fairway/x") == moved


@pytest.mark.parametrize("moves", [False, True], ids=["a-new-branch", "one-that-is-there"])
def test_a_502_after_the_branch_was_moved_is_a_success(able: Place, moves: bool) -> None:
    if moves:
        commit(able, Change("a.txt", b"one and a half\n"))
    able.forge.fail_after("PATCH" if moves else "POST", "/repos/.*/git/refs.*")
    sha = commit(able, Change("a.txt", b"two\n"))
    assert able.forge.refs(able.repo)["refs/heads/fairway/x"] == sha


def test_a_502_before_it_was_moved_is_for_the_caller_to_repeat(able: Place) -> None:
    able.forge.fail_before("POST", "/repos/.*/git/refs")
    with pytest.raises(ServerError, match="move the branch fairway/x"):
        commit(able, Change("a.txt", b"two\n"))
    assert able.github.git_data.head(able.name, "fairway/x") is None
    commit(able, Change("a.txt", b"two\n"))


def test_what_is_no_file_is_not_read_as_one(able: Place) -> None:
    commit(able, Change("dir/a.txt", b"a\n"))
    assert read(able, "nothing.txt") is None
    with pytest.raises(Invalid, match="not a file"):
        read(able, "dir")


def test_a_large_file_is_read_too(able: Place) -> None:
    large = b"0123456789abcdef" * 80_000
    able.forge.commit(able.repo, {"large.txt": large}, "large", branch="large")
    assert read(able, "large.txt", "large") == large


def test_a_branch_is_deleted_once(able: Place) -> None:
    commit(able, Change("a.txt", b"two\n"))
    for _ in range(2):
        able.github.git_data.delete_branch(able.name, "fairway/x")
    assert able.github.git_data.head(able.name, "fairway/x") is None


def test_a_branch_that_is_not_where_it_was_seen_is_left(able: Place) -> None:
    def commit(over: str, content: str) -> str:
        return able.github.git_data.commit(
            able.name,
            "held",
            parent=able.head,
            changes=[Change("a", content.encode())],
            message="m",
            over=over,
        )

    first = commit("", "1")
    with pytest.raises(BranchMoved):
        commit("", "2")
    second = commit(first, "2")
    assert commit(first, "2") == second, "what is there already is as good"
    with pytest.raises(BranchMoved):
        commit(first, "3")
    assert able.github.git_data.head(able.name, "held") == second
