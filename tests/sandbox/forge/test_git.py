# SPDX-License-Identifier: Apache-2.0
"""Real git over HTTP: clone, fetch and push, with good and bad credentials."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import urllib3

from tests.sandbox.forge.conftest import MakeStage, Receiver, Stage

Git = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER")
           for part, value in (("NAME", "Alice"), ("EMAIL", "alice@users.noreply.forge.test"))},
    }  # fmt: skip

    def run(*arguments: str, cwd: Path | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(["git", *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


def with_credentials(url: str, user: str, secret: str) -> str:
    return url.replace("://", f"://{user}:{secret}@")


def changed(git: Git, folder: Path, name: str, content: str) -> str:
    (folder / name).write_text(content)
    git("add", name, cwd=folder)
    git("commit", "-qm", f"change {name}", cwd=folder)
    return git("rev-parse", "HEAD", cwd=folder).stdout.strip()


@pytest.mark.parametrize("suffix", ["", ".git"])
@pytest.mark.parametrize("protocol", ["0", "1", "2"])
def test_a_public_repository_is_cloned_by_anybody(
    make_stage: MakeStage, git: Git, tmp_path: Path, suffix: str, protocol: str
) -> None:
    stage = make_stage(private=False)
    url = stage.repo.clone_url.removesuffix(".git") + suffix
    git("-c", f"protocol.version={protocol}", "clone", "-q", url, str(tmp_path / "clone"))
    assert (tmp_path / "clone" / "a.txt").read_text() == "one\n"


def test_a_private_repository_is_cloned_with_an_installation_token(
    stage: Stage, git: Git, tmp_path: Path
) -> None:
    token = stage.token(repositories=["fleet"], permissions={"contents": "read"})
    git(
        "clone",
        "-q",
        with_credentials(stage.repo.clone_url, "x-access-token", token),
        str(tmp_path / "clone"),
    )
    assert git("rev-parse", "HEAD", cwd=tmp_path / "clone").stdout.strip() == stage.head


@pytest.mark.parametrize(
    ("who", "said"),
    [
        pytest.param("nobody", "could not read Username", id="nobody"),
        pytest.param("bad token", "Authentication failed", id="bad token"),
        pytest.param("another installation", "not found", id="another installation"),
        pytest.param("a stranger", "not found", id="a stranger"),
        pytest.param("token without contents", "403", id="token without contents"),
        pytest.param("token for another repository", "not found", id="token for another repository"),
        pytest.param("another name", "Authentication failed", id="password of another name"),
    ],
)
def test_a_private_repository_is_refused(
    stage: Stage, make_stage: MakeStage, git: Git, tmp_path: Path, who: str, said: str
) -> None:
    eve = f"eve-{stage.repo.id}"
    stage.forge.create_account(eve, secret=f"pw-{eve}")
    stage.forge.create_repository(stage.owner, "other", private=True)
    credentials = {
        "nobody": lambda: None,
        "bad token": lambda: ("x-access-token", "ghs_nope"),
        "another installation": lambda: ("x-access-token", make_stage().token()),
        "a stranger": lambda: (eve, f"pw-{eve}"),
        "token without contents": lambda: ("x-access-token", stage.token(permissions={"statuses": "read"})),
        "token for another repository": lambda: ("x-access-token", stage.token(repositories=["other"])),
        "another name": lambda: ("mallory", f"pw-{eve}"),
    }[who]()
    url = with_credentials(stage.repo.clone_url, *credentials) if credentials else stage.repo.clone_url
    refused = git("clone", "-q", url, str(tmp_path / "clone"), check=False)
    assert refused.returncode != 0
    assert said in refused.stderr


def test_bad_credentials_are_refused_on_a_public_repository_too(make_stage: MakeStage) -> None:
    # git itself sends credentials only when asked; clients that send them at once hear that they are bad.
    url = f"{make_stage(private=False).repo.clone_url}/info/refs?service=git-upload-pack"
    for credentials in ("x-access-token:ghs_nope", "alice:nope"):
        answer = urllib3.request("GET", url, headers=urllib3.make_headers(basic_auth=credentials))
        assert answer.status == 401


def test_a_push_arrives_and_is_told(
    make_stage: MakeStage, receiver: Receiver, git: Git, tmp_path: Path
) -> None:
    stage = make_stage(webhook=receiver.url)
    login = f"bob-{stage.repo.id}"
    stage.forge.create_account(login, secret="pw")
    stage.forge.allow(stage.repo, login, "write")
    clone = tmp_path / "clone"
    stage.forge.create_account(login, secret=f"pw-{login}")
    git("clone", "-q", with_credentials(stage.repo.clone_url, login, f"pw-{login}"), str(clone))
    first = changed(git, clone, "b.txt", "b\n")
    second = changed(git, clone, "b.txt", "c\n")
    git("tag", "v1", cwd=clone)
    git("push", "-q", "origin", "main", "v1", cwd=clone)
    assert stage.forge.refs(stage.repo) == {"refs/heads/main": second, "refs/tags/v1": second}
    payloads = {entry.payload["ref"]: entry.payload for entry in receiver.wait("push", 2)}
    main = payloads["refs/heads/main"]
    assert [commit["id"] for commit in main["commits"]] == [first, second]
    assert (main["pusher"]["name"], main["head_commit"]["author"]["username"]) == (login, "alice")
    assert payloads["refs/tags/v1"]["after"] == second


def test_a_reader_cannot_push(stage: Stage, git: Git, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git("clone", "-q", with_credentials(stage.repo.clone_url, "x-access-token", stage.token()), str(clone))
    changed(git, clone, "b.txt", "b\n")
    refused = git("push", "-q", cwd=clone, check=False)
    assert refused.returncode != 0
    assert f"denied to {stage.app.slug}[bot]" in refused.stderr
    assert stage.forge.refs(stage.repo) == {"refs/heads/main": stage.head}


def test_an_app_with_contents_write_pushes_as_its_bot(
    make_stage: MakeStage, receiver: Receiver, git: Git, tmp_path: Path
) -> None:
    stage = make_stage(webhook=receiver.url, permissions={"contents": "write"})
    clone = tmp_path / "clone"
    git("clone", "-q", with_credentials(stage.repo.clone_url, "x-access-token", stage.token()), str(clone))
    changed(git, clone, "b.txt", "b\n")
    git("push", "-q", cwd=clone)
    (delivery,) = receiver.wait("push")
    assert delivery.payload["sender"]["login"] == f"{stage.app.slug}[bot]"


def test_a_stale_push_is_rejected_and_not_told(
    make_stage: MakeStage, receiver: Receiver, git: Git, tmp_path: Path
) -> None:
    stage = make_stage(webhook=receiver.url, permissions={"contents": "write"})
    clone = tmp_path / "clone"
    git("clone", "-q", with_credentials(stage.repo.clone_url, "x-access-token", stage.token()), str(clone))
    changed(git, clone, "b.txt", "b\n")
    winner = stage.forge.commit(stage.repo, {"a.txt": "two\n"}, "first")
    assert "rejected" in git("push", cwd=clone, check=False).stderr
    last = stage.forge.commit(stage.repo, {"a.txt": "three\n"}, "second")
    after = [entry.payload["after"] for entry in receiver.wait("push", 2)]
    assert sorted(after) == sorted([winner, last])


def test_the_first_push_to_an_empty_repository_makes_its_default_branch(
    stage: Stage, git: Git, tmp_path: Path
) -> None:
    empty = stage.forge.create_repository(stage.owner, "empty")
    login = f"olga-{stage.repo.id}"
    stage.forge.create_account(login, secret=f"pw-{login}")
    stage.forge.allow(empty, login, "write")
    folder = tmp_path / "new"
    git("init", "-q", "-b", "trunk", str(folder))
    changed(git, folder, "a.txt", "a\n")
    git("push", "-q", with_credentials(empty.clone_url, login, f"pw-{login}"), "trunk", cwd=folder)
    assert stage.forge.repository(empty.full_name).default_branch == "trunk"
    assert git("ls-remote", "--symref", empty.clone_url, "HEAD").stdout.startswith("ref: refs/heads/trunk")


def test_a_large_push_and_a_large_fetch_go_through(make_stage: MakeStage, git: Git, tmp_path: Path) -> None:
    stage = make_stage(permissions={"contents": "write"})
    clone = tmp_path / "clone"
    url = with_credentials(stage.repo.clone_url, "x-access-token", stage.token())
    git("clone", "-q", url, str(clone))
    # More than http.postBuffer, so that git sends it in chunks; random, so that it does not shrink.
    (clone / "large.bin").write_bytes(os.urandom(6_000_000))
    git("add", "large.bin", cwd=clone)
    git("commit", "-qm", "large", cwd=clone)
    git("push", "-q", cwd=clone)
    git("clone", "-q", url, str(tmp_path / "again"))
    assert (tmp_path / "again" / "large.bin").read_bytes() == (clone / "large.bin").read_bytes()


def test_shallow_partial_and_by_sha(stage: Stage, git: Git, tmp_path: Path) -> None:
    for number in range(3):
        stage.forge.commit(stage.repo, {"a.txt": f"{number}\n"}, f"change {number}")
    url = with_credentials(stage.repo.clone_url, "x-access-token", stage.token())
    git("clone", "-q", "--depth=1", url, str(tmp_path / "shallow"))
    assert git("rev-list", "--count", "HEAD", cwd=tmp_path / "shallow").stdout.strip() == "1"
    git("clone", "-q", "--filter=blob:none", "--no-checkout", url, str(tmp_path / "partial"))
    bare = tmp_path / "bare"
    git("init", "-q", "--bare", str(bare))
    git("fetch", "-q", "--depth=1", url, stage.head, cwd=bare)
    assert git("rev-parse", "FETCH_HEAD", cwd=bare).stdout.strip() == stage.head


def test_pushes_at_once_each_tell_their_own(
    make_stage: MakeStage, receiver: Receiver, git: Git, tmp_path: Path
) -> None:
    stage = make_stage(webhook=receiver.url, permissions={"contents": "write"})
    url = with_credentials(stage.repo.clone_url, "x-access-token", stage.token())

    def push(number: int) -> tuple[str, str]:
        clone = tmp_path / f"clone-{number}"
        git("clone", "-q", url, str(clone))
        sha = changed(git, clone, f"{number}.txt", "x\n")
        git("push", "-q", "origin", f"HEAD:refs/heads/branch-{number}", cwd=clone)
        return f"refs/heads/branch-{number}", sha

    with ThreadPoolExecutor(6) as pool:
        pushed = dict(pool.map(push, range(6)))
    told = [(entry.payload["ref"], entry.payload["after"]) for entry in receiver.wait("push", 6)]
    assert sorted(told) == sorted(pushed.items())
    assert stage.forge.refs(stage.repo) == {"refs/heads/main": stage.head} | pushed


def test_commits_at_once_all_land_in_a_row(stage: Stage) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = set(pool.map(lambda n: stage.forge.commit(stage.repo, {f"{n}.txt": "x"}, f"{n}"), range(12)))
    listed = stage.as_installation().get(f"{stage.path}/commits?per_page=100").body
    assert {commit["sha"] for commit in listed} == made | {stage.head}
    assert all(len(commit["parents"]) <= 1 for commit in listed)


def test_the_dumb_protocol_is_refused(make_stage: MakeStage, git: Git, tmp_path: Path) -> None:
    stage = make_stage(private=False)
    assert urllib3.request("GET", f"{stage.repo.clone_url}/info/refs").status == 403
