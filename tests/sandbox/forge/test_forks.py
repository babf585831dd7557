# SPDX-License-Identifier: Apache-2.0
"""Pull requests from forks."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.forge.admin import ForgeError, Repository
from tests.fixtures.forge import running_forge
from tests.sandbox.forge.conftest import CONVERSING, MakeStage, Stage, as_team


@pytest.fixture
def public(make_stage: MakeStage) -> Stage:
    return as_team(make_stage(private=False, permissions=CONVERSING))


@pytest.fixture
def fork(public: Stage) -> Repository:
    """A fork by somebody who has no rights in the repository."""
    return public.forge.fork(public.repo, f"fay-{public.repo.id}")


def test_a_fork_has_all_branches_and_knows_where_it_is_from(public: Stage, fork: Repository) -> None:
    assert public.forge.refs(fork) == public.forge.refs(public.repo)
    shown = public.anonymous().get(f"/repos/{fork.full_name}").body
    assert (shown["fork"], shown["parent"]["id"]) == (True, public.repo.id)
    assert [found["id"] for found in public.anonymous().get(f"{public.path}/forks").body] == [fork.id]
    assert public.forge.fork(public.repo, fork.owner).id == fork.id
    assert public.anonymous().post(f"{public.path}/forks").status == 401


def test_a_pull_request_comes_from_a_fork_and_follows_it(public: Stage, fork: Repository) -> None:
    head = public.forge.commit(fork, {"f.txt": "f\n"}, "From afar", branch="feature", author=fork.owner)
    opened = public.forge.open_pull_request(
        public.repo, f"{fork.owner}:feature", "From afar", author=fork.owner
    )
    assert (opened["head"]["repo"]["id"], opened["head"]["repo"]["fork"]) == (fork.id, True)
    assert (opened["head"]["label"], opened["base"]["repo"]["id"]) == (
        f"{fork.owner}:feature",
        public.repo.id,
    )
    assert (opened["author_association"], opened["commits"]) == ("NONE", 1)
    api = public.as_installation()
    assert api.get(f"{public.path}/commits/{head}").status == 200
    moved = public.forge.commit(fork, {"f.txt": "g\n"}, "More", branch="feature", author=fork.owner)
    shown = api.get(f"{public.path}/pulls/1").body
    assert (shown["head"]["sha"], shown["commits"]) == (moved, 2)
    assert api.get(f"{public.path}/git/ref/pull/1/head").body["object"]["sha"] == moved
    assert [pull["number"] for pull in api.get(f"{public.path}/pulls?head={fork.owner}:feature").body] == [1]
    sha = public.forge.merge(public.repo, 1)
    assert public.forge.refs(public.repo)["refs/heads/main"] == sha
    assert public.forge.pull_request(public.repo, 1)["merged"] is True


def test_a_branch_of_the_same_name_is_another(public: Stage, fork: Repository) -> None:
    for repo in (public.repo, fork):
        public.forge.commit(repo, {"f.txt": f"{repo.owner}\n"}, "f", branch="feature")
    here = public.forge.open_pull_request(public.repo, "feature", "Here")
    there = public.forge.open_pull_request(public.repo, f"{fork.owner}:feature", "There", author=fork.owner)
    assert here["head"]["sha"] != there["head"]["sha"]
    public.forge.set_ref(fork, "refs/heads/feature", None)
    states = [public.forge.pull_request(public.repo, number)["state"] for number in (1, 2)]
    assert states == ["open", "closed"]


def test_nobody_proposes_or_merges_for_others(public: Stage, fork: Repository) -> None:
    public.forge.commit(fork, {"f.txt": "f\n"}, "f", branch="feature")
    with pytest.raises(ForgeError, match="Must have write access"):
        public.forge.open_pull_request(public.repo, f"{fork.owner}:feature", "Theirs", author="alice")
    public.forge.open_pull_request(public.repo, f"{fork.owner}:feature", "Mine", author=fork.owner)
    with pytest.raises(ForgeError, match="Must have write access"):
        public.forge.merge(public.repo, 1, author=fork.owner)


def test_a_fork_follows_again_after_a_restart(tmp_path: Path) -> None:
    with running_forge(tmp_path) as forge:
        repo = forge.create_repository("acme", "fleet", files={"a.txt": "one\n"})
        forge.allow(repo, "alice", "write")
        fork = forge.fork(repo, "fay")
        forge.commit(fork, {"f.txt": "f\n"}, "f", branch="feature")
        forge.open_pull_request(repo, "fay:feature", "From afar", author="fay")
        comment = forge.comment(repo, 1, "Hello")
    with running_forge(tmp_path) as forge:
        moved = forge.commit(fork, {"f.txt": "g\n"}, "g", branch="feature")
        assert forge.pull_request(repo, 1)["head"]["sha"] == moved
        assert [found["id"] for found in forge.comments(repo, 1)] == [comment["id"]]
