# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from sandbox.forge.admin import Forge, ForgeError
from tests.sandbox.forge.conftest import MakeStage, Stage


def test_a_repository_is_found_by_name_and_by_id(stage: Stage) -> None:
    api = stage.as_installation()
    by_name, by_id = api.get(stage.path), api.get(f"/repositories/{stage.repo.id}")
    assert by_name.body == by_id.body
    assert by_name.body["full_name"] == stage.repo.full_name
    assert by_name.body["private"] is True
    assert by_name.body["clone_url"] == stage.repo.clone_url


def test_names_do_not_know_case(stage: Stage) -> None:
    assert stage.as_installation().get(stage.path.upper().replace("/REPOS", "/repos")).status == 200


@pytest.mark.parametrize("path", ["", "/commits", "/branches", "/commits/main", "/git/ref/heads/main"])
def test_a_private_repository_is_not_there_for_others(stage: Stage, make_stage: MakeStage, path: str) -> None:
    for stranger in (
        stage.anonymous(),
        make_stage().as_installation(),
        stage.as_user(f"eve-{stage.repo.id}"),
    ):
        answer = stranger.get(stage.path + path)
        assert (answer.status, answer.body["message"]) == (404, "Not Found")


def test_a_public_repository_is_there_for_everybody(make_stage: MakeStage) -> None:
    stage = make_stage(private=False)
    for stranger in (stage.anonymous(), make_stage().as_installation()):
        assert stranger.get(f"{stage.path}/commits").status == 200
    answer = make_stage().as_installation().post(f"{stage.path}/statuses/{stage.head}", {"state": "success"})
    assert answer.status == 403


def test_a_persons_rights_are_shown_to_them(stage: Stage) -> None:
    login = f"carol-{stage.repo.id}"
    api = stage.as_user(login)
    stage.forge.allow(stage.repo, login, "write")
    permissions = api.get(stage.path).body["permissions"]
    assert permissions == {"admin": False, "maintain": False, "push": True, "triage": True, "pull": True}


def test_commits_are_listed_newest_first_and_by_page(stage: Stage) -> None:
    shas = [stage.forge.commit(stage.repo, {"a.txt": f"{n}\n"}, f"change {n}") for n in range(4)]
    api = stage.as_installation()
    first = api.get(f"{stage.path}/commits?per_page=2")
    assert [commit["sha"] for commit in first.body] == shas[:1:-1]
    assert first.body[0]["author"]["login"] == "alice"
    base = f"{stage.forge.api_url}{stage.path}/commits?per_page=2"
    assert first.headers["Link"] == f'<{base}&page=2>; rel="next", <{base}&page=3>; rel="last"'
    last = api.get(f"{stage.path}/commits?per_page=2&page=3")
    assert [commit["sha"] for commit in last.body] == [stage.head]
    assert last.headers["Link"] == f'<{base}&page=2>; rel="prev", <{base}&page=1>; rel="first"'


def test_commits_are_listed_by_path_and_start(stage: Stage) -> None:
    sha = stage.forge.commit(stage.repo, {"deep/b.txt": "b\n"}, "add b")
    stage.forge.commit(stage.repo, {"a.txt": "two\n"}, "change a")
    api = stage.as_installation()
    assert [commit["sha"] for commit in api.get(f"{stage.path}/commits?path=deep").body] == [sha]
    assert api.get(f"{stage.path}/commits?sha={sha}").body[0]["sha"] == sha
    assert api.get(f"{stage.path}/commits?sha=nope").status == 404


def test_a_commit_shows_what_it_changed(stage: Stage) -> None:
    stage.forge.commit(stage.repo, {"old.txt": "a\nb\nc\nd\ne\n", "gone.txt": "x\n"}, "more")
    changes = {
        "a.txt": "two\n",
        "new.bin": b"\0\1",
        "gone.txt": None,
        "old.txt": None,
        "moved.txt": "a\nb\nc\nd\ne\n",
    }
    sha = stage.forge.commit(stage.repo, changes, "all kinds\n\nof change", author="bob")
    answer = stage.as_installation().get(f"{stage.path}/commits/{sha}")
    files = {file["filename"]: file for file in answer.body["files"]}
    assert {name: file["status"] for name, file in files.items()} == {
        "a.txt": "modified",
        "gone.txt": "removed",
        "moved.txt": "renamed",
        "new.bin": "added",
    }
    assert files["moved.txt"]["previous_filename"] == "old.txt"
    assert files["a.txt"]["patch"] == "@@ -1 +1 @@\n-one\n+two"
    assert answer.body["stats"] == {"total": 3, "additions": 1, "deletions": 2}
    assert answer.body["commit"]["message"] == "all kinds\n\nof change"
    assert [parent["sha"] for parent in answer.body["parents"]] != []


@pytest.mark.parametrize("ref", ["main", "heads/main", "v1", "tags/v1", "short"])
def test_a_commit_is_found_by_branch_tag_and_short_sha(stage: Stage, ref: str) -> None:
    stage.forge.set_ref(stage.repo, "refs/tags/v1", stage.head, message="first")
    ref = stage.head[:9] if ref == "short" else ref
    assert stage.as_installation().get(f"{stage.path}/commits/{ref}").body["sha"] == stage.head


def test_an_unknown_commit_is_422(stage: Stage) -> None:
    answer = stage.as_installation().get(f"{stage.path}/commits/{'0' * 40}")
    assert (answer.status, answer.body["message"]) == (422, f"No commit found for SHA: {'0' * 40}")


def test_an_empty_repository_has_no_commits(stage: Stage) -> None:
    empty = stage.forge.create_repository(stage.owner, "empty")
    for path in ("/commits", "/commits/main", "/git/ref/heads/main"):
        answer = stage.as_installation().get(f"/repos/{empty.full_name}{path}")
        assert (answer.status, answer.body["message"]) == (409, "Git Repository is empty.")


def test_branches_and_refs(stage: Stage) -> None:
    sha = stage.forge.commit(stage.repo, {"b.txt": "b\n"}, "on a branch", branch="feature/b")
    stage.forge.set_ref(stage.repo, "refs/tags/light", stage.head)
    stage.forge.set_ref(stage.repo, "refs/tags/heavy", stage.head, message="annotated")
    api = stage.as_installation()
    listed = {branch["name"]: branch["commit"]["sha"] for branch in api.get(f"{stage.path}/branches").body}
    assert listed == {"feature/b": sha, "main": stage.head}
    assert api.get(f"{stage.path}/branches/feature/b").body["commit"]["sha"] == sha
    assert api.get(f"{stage.path}/branches/nope").status == 404
    assert api.get(f"{stage.path}/git/ref/heads/feature/b").body["object"]["sha"] == sha
    assert api.get(f"{stage.path}/git/ref/tags/light").body["object"]["type"] == "commit"
    assert api.get(f"{stage.path}/git/ref/tags/heavy").body["object"]["type"] == "tag"
    assert api.get(f"{stage.path}/git/ref/heads/feature").status == 404
    matching = api.get(f"{stage.path}/git/matching-refs/tags/").body
    assert [ref["ref"] for ref in matching] == ["refs/tags/heavy", "refs/tags/light"]


def test_comparing_tells_ahead_behind_and_diverged(stage: Stage) -> None:
    side = stage.forge.commit(stage.repo, {"b.txt": "b\n"}, "side", branch="side")
    main = stage.forge.commit(stage.repo, {"a.txt": "two\n"}, "main")
    api = stage.as_installation()
    cases = {
        f"{stage.head}...main": ("ahead", 1, 0),
        f"main...{stage.head}": ("behind", 0, 1),
        "main...side": ("diverged", 1, 1),
        "main...main": ("identical", 0, 0),
    }
    for basehead, expected in cases.items():
        body = api.get(f"{stage.path}/compare/{basehead}").body
        assert (body["status"], body["ahead_by"], body["behind_by"]) == expected
    body = api.get(f"{stage.path}/compare/main...side").body
    assert body["merge_base_commit"]["sha"] == stage.head
    assert [commit["sha"] for commit in body["commits"]] == [side]
    assert [file["filename"] for file in body["files"]] == ["b.txt"]
    assert body["base_commit"]["sha"] == main
    assert api.get(f"{stage.path}/compare/main...nope").status == 404


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        pytest.param({"nope.txt": None}, "cannot be deleted", id="deleting what is not there"),
        pytest.param({"../out.txt": "x"}, "../out.txt", id="a path out of the tree"),
        pytest.param({".git/config": "x"}, ".git/config", id="git's own folder"),
    ],
)
def test_a_commit_that_cannot_be_is_refused_and_changes_nothing(
    stage: Stage, files: dict[str, str | None], reason: str
) -> None:
    with pytest.raises(ForgeError, match=reason.replace(".", r"\.")):
        stage.forge.commit(stage.repo, files | {"a.txt": "never\n"}, "bad")
    assert stage.forge.refs(stage.repo)["refs/heads/main"] == stage.head


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "x.git", "sp ace"])
def test_a_name_that_github_refuses_is_refused(stage: Stage, name: str) -> None:
    with pytest.raises(ForgeError, match="cannot be a repository's name"):
        stage.forge.create_repository(stage.owner, name)


def test_a_repository_exists_once(stage: Stage) -> None:
    with pytest.raises(ForgeError, match="exists already"):
        stage.forge.create_repository(stage.owner.upper(), "FLEET")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/repos/a/b/issues"), ("DELETE", "/repos/a/b"), ("PATCH", "/repos/a/b")],
)
def test_what_the_forge_does_not_serve_is_404_as_json(stage: Stage, method: str, path: str) -> None:
    assert stage.as_installation()(method, path, {}).status == 404


def test_owners_are_listed_and_an_app_is_installed_on_one_once(forge: Forge) -> None:
    owner = "owner-of-one"
    forge.create_repository(owner, "first")
    assert owner in forge.accounts()
    app = forge.create_app("Installed once")
    installed = forge.install(app, owner)
    assert forge.install(app, owner) == installed
    with pytest.raises(ForgeError, match="installed on owner-of-one already"):
        forge.install(app, owner, repositories=["first"])


def test_activity_tells_who_moved_which_branch_newest_first(stage: Stage) -> None:
    forge, repo, first = stage.forge, stage.repo, stage.head
    second = forge.commit(repo, {"a.txt": "two\n"}, "change a", author="bob")
    forge.set_ref(repo, "refs/heads/main", first, author="carol")
    forge.commit(repo, {"b.txt": "b\n"}, "begin b", branch="topic")
    forge.set_ref(repo, "refs/heads/topic", None)
    api = stage.as_installation()
    seen = api.get(f"{stage.path}/activity").body
    assert [(one["ref"], one["activity_type"]) for one in seen] == [
        ("refs/heads/topic", "branch_deletion"),
        ("refs/heads/topic", "branch_creation"),
        ("refs/heads/main", "force_push"),
        ("refs/heads/main", "push"),
        ("refs/heads/main", "branch_creation"),
    ]
    assert [(one["before"], one["after"], one["actor"]["login"]) for one in seen[2:4]] == [
        (second, first, "carol"),
        (first, second, "bob"),
    ]
    assert [one["activity_type"] for one in api.get(f"{stage.path}/activity?ref=topic").body] == [
        "branch_deletion",
        "branch_creation",
    ]
    by_bob = api.get(f"{stage.path}/activity?ref=refs/heads/main&actor=bob&time_period=day").body
    assert [one["after"] for one in by_bob] == [second]
    assert api.get(f"{stage.path}/activity?actor=nobody-of-that-name").body == []
    assert api.get(f"{stage.path}/activity?activity_type=nonsense").status == 422


def test_a_merge_is_an_activity_of_its_own(team: Stage) -> None:
    team.forge.commit(team.repo, {"b.txt": "b\n"}, "begin b", branch="topic", author="alice")
    alice = team.as_user("alice")
    made = alice.post(f"{team.path}/pulls", {"title": "b", "head": "topic", "base": "main"}).body
    merged = alice.put(f"{team.path}/pulls/{made['number']}/merge").body
    newest = team.as_installation().get(f"{team.path}/activity?ref=main").body[0]
    assert (newest["activity_type"], newest["after"]) == ("pr_merge", merged["sha"])
