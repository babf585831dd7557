# SPDX-License-Identifier: Apache-2.0
"""A remote's refs are resolved and fetched, whatever happens to them and whoever asks."""

from __future__ import annotations

import random
import socket
from pathlib import Path

import pytest

from policies import reference
from policies.reference import ReferenceNotFound
from tests.fixtures.githost import GitHost, HostedRepository
from tests.workers.git.conftest import Connect
from workers.git import EmptyRepository, ForbiddenAddress, Remote, RepositoryNotFound
from workers.git.errors import CommitNotServed, InvalidURL, TooLarge, UnsupportedRepository

MAIN = reference.choose({"branch": "main"})


def content(remote: Remote, sha: str, path: str = "a.yaml") -> bytes:
    repository = remote.mirror.open()
    data: bytes = repository[repository[sha].tree[path].id].data
    return data


@pytest.mark.parametrize("changed", [True, False], ids=["pushed", "polled"])
@pytest.mark.parametrize(
    ("ref", "pointer"),
    [
        ({"branch": "main"}, "main@"),
        ({"tag": "light"}, "light@"),
        ({"tag": "annotated"}, "annotated@"),
        ({"semver": "^1.0.0"}, "v1.2.0@"),
        ({"name": "refs/heads/main"}, "refs/heads/main@"),
        ({"name": "refs/pull/7/head"}, "refs/pull/7/head@"),
        ({"name": "refs/tags/annotated"}, "refs/tags/annotated@"),
        ({"name": "refs/tags/annotated^{}"}, "refs/tags/annotated^{}@"),
        ({"name": "HEAD"}, "HEAD@"),
    ],
    ids=["branch", "tag", "annotated", "semver", "name", "pull", "name of tag", "peeled", "HEAD"],
)
def test_every_kind_of_ref_is_pulled(
    app: HostedRepository, connect: Connect, ref: dict[str, str], pointer: str, changed: bool
) -> None:
    app.commit({"a.yaml": "old"})
    sha = app.commit({"a.yaml": "new"})
    for name, annotated in (("light", False), ("annotated", True), ("v1.2.0", True), ("v1.1.0", False)):
        app.tag(name, sha, annotated=annotated)
    app.tag("v2.0.0", app.head("main"))
    app.git("update-ref", "refs/pull/7/head", sha)
    remote = connect(app.url)
    wanted = reference.choose(ref)
    assert remote.resolve(wanted, timeout=10).sha == sha
    for _ in range(2):
        found = remote.pull(wanted, timeout=10, changed=changed)
        assert (found.sha, found.revision) == (sha, f"{pointer}sha1:{sha}")
        assert content(remote, sha) == b"new"


@pytest.mark.parametrize("ref", [{}, {"branch": "main"}], ids=["alone", "with branch"])
def test_a_commit_that_is_no_tip_is_pulled(
    app: HostedRepository, connect: Connect, ref: dict[str, str]
) -> None:
    old = app.commit({"a.yaml": "old"})
    app.commit({"a.yaml": "new"})
    remote = connect(app.url)
    found = remote.pull(reference.choose({**ref, "commit": old}), timeout=10)
    assert found.revision == f"{'main@' if ref else ''}sha1:{old}"
    assert content(remote, old) == b"old"


def test_a_host_that_gives_out_no_single_commits_is_asked_for_everything(
    app: HostedRepository, connect: Connect
) -> None:
    old = app.commit({"a.yaml": "old"})
    app.commit({"a.yaml": "new"})
    # Only the newer protocol gives out commits that no ref points to.
    app.git("config", "protocol.version", "0")
    app.git("config", "uploadpack.advertiseRef", "false")
    remote = connect(app.url)
    remote.pull(MAIN, timeout=10)
    app.old_protocol = True
    found = remote.pull(reference.choose({"commit": old}), timeout=10)
    assert found.sha == old
    assert content(remote, old) == b"old"
    assert "refs/fairway-all/heads/main" in list(remote.mirror.open().references)


def test_a_commit_that_exists_nowhere_is_said(app: HostedRepository, connect: Connect) -> None:
    app.commit({"a.yaml": "a"})
    missing = "1" * 40
    with pytest.raises(ReferenceNotFound, match=f"unable to resolve commit object for '{missing}'"):
        connect(app.url).pull(reference.choose({"commit": missing}), timeout=10)


def test_only_the_wanted_commit_travels(app: HostedRepository, connect: Connect) -> None:
    first = app.commit({"a.yaml": "1"})
    second = app.commit({"a.yaml": "2"})
    remote = connect(app.url)
    remote.pull(MAIN, timeout=10)
    assert remote.mirror.has(second)
    assert not remote.mirror.has(first)


def test_a_force_push_is_followed(app: HostedRepository, connect: Connect) -> None:
    app.commit({"a.yaml": "1"})
    remote = connect(app.url)
    remote.pull(MAIN, timeout=10)
    for round_ in range(3):
        rewritten = app.commit({"a.yaml": f"rewritten {round_}"}, parent=None)
        assert remote.pull(MAIN, timeout=10, changed=bool(round_ % 2)).sha == rewritten
        assert content(remote, rewritten) == f"rewritten {round_}".encode()


def test_a_branch_that_goes_back_is_followed(app: HostedRepository, connect: Connect) -> None:
    first = app.commit({"a.yaml": "1"})
    app.commit({"a.yaml": "2"})
    remote = connect(app.url)
    remote.pull(MAIN, timeout=10)
    app.git("update-ref", "refs/heads/main", first)
    assert remote.pull(MAIN, timeout=10).sha == first
    assert content(remote, first) == b"1"


@pytest.mark.parametrize("annotated", [False, True], ids=["light", "annotated"])
def test_a_moved_tag_is_followed(app: HostedRepository, connect: Connect, annotated: bool) -> None:
    remote = connect(app.url)
    wanted = reference.choose({"tag": "v1"})
    for text in ("1", "2"):
        sha = app.commit({"a.yaml": text})
        app.tag("v1", sha, annotated=annotated, force=True)
        assert remote.pull(wanted, timeout=10).sha == sha


def test_of_equal_versions_the_youngest_commit_is_taken(app: HostedRepository, connect: Connect) -> None:
    older = app.commit({"a.yaml": "1"})
    younger = app.commit({"a.yaml": "2"})
    app.tag("1.0.0+a", younger)
    app.tag("1.0.0+b", older)
    found = connect(app.url).pull(reference.choose({"semver": "*"}), timeout=10)
    assert found.revision == f"1.0.0+a@sha1:{younger}"


def test_a_branch_may_become_a_folder_of_branches(app: HostedRepository, connect: Connect) -> None:
    remote = connect(app.url)
    app.commit({"a.yaml": "1"}, branch="release")
    remote.pull(reference.choose({"branch": "release"}), timeout=10)
    app.delete_branch("release")
    sha = app.commit({"a.yaml": "2"}, branch="release/1")
    assert remote.pull(reference.choose({"branch": "release/1"}), timeout=10).sha == sha


@pytest.mark.parametrize("changed", [True, False], ids=["pushed", "polled"])
def test_a_deleted_branch_is_said_and_may_come_back(
    app: HostedRepository, connect: Connect, changed: bool
) -> None:
    app.commit({"a.yaml": "1"}, branch="other")
    app.commit({"a.yaml": "1"})
    remote = connect(app.url)
    remote.pull(MAIN, timeout=10)
    app.delete_branch("main")
    with pytest.raises(ReferenceNotFound, match='couldn\'t find remote ref "refs/heads/main"'):
        remote.pull(MAIN, timeout=10, changed=changed)
    back = app.commit({"a.yaml": "2"})
    assert remote.pull(MAIN, timeout=10, changed=changed).sha == back


@pytest.mark.parametrize("changed", [True, False], ids=["pushed", "polled"])
@pytest.mark.parametrize("ref", [{"branch": "main"}, {"tag": "v1"}, {"semver": "*"}, {"name": "HEAD"}])
def test_an_empty_repository_is_named_so(
    app: HostedRepository, connect: Connect, ref: dict[str, str], changed: bool
) -> None:
    with pytest.raises(EmptyRepository, match="git repository is empty") as caught:
        connect(app.url).pull(reference.choose(ref), timeout=10, changed=changed)
    assert caught.value.reason == "EmptyGitRepository"


def test_a_repository_that_is_not_there_is_said(githost: GitHost, connect: Connect) -> None:
    with pytest.raises(RepositoryNotFound, match="repository not found") as caught:
        connect(f"{githost.url}/nothing.git").pull(MAIN, timeout=10)
    assert caught.value.reason == "GitOperationFailed"
    assert caught.value.message.startswith(
        f"failed to checkout and determine revision: unable to clone '{githost.url}/nothing.git': "
    )


def test_a_repository_with_sha256_names_is_refused_with_a_reason(githost: GitHost, connect: Connect) -> None:
    app = githost.create("modern", object_format="sha256")
    app.commit({"a.yaml": "1"})
    with pytest.raises(UnsupportedRepository, match="SHA-256 object names"):
        connect(app.url).pull(MAIN, timeout=10)


def test_a_pack_above_the_limit_is_refused(app: HostedRepository, connect: Connect) -> None:
    app.commit({"a.yaml": _noise(400_000)})
    with pytest.raises(TooLarge, match="larger than allowed"):
        connect(app.url, largest_pack=100_000).pull(MAIN, timeout=10)


def test_history_answers_who_came_first(app: HostedRepository, connect: Connect) -> None:
    first = app.commit({"a.yaml": "1"})
    middle = app.commit({"a.yaml": "2"})
    last = app.commit({"a.yaml": "3"})
    foreign = app.commit({"a.yaml": "4"}, parent=None, branch="other")
    remote = connect(app.url)
    remote.pull(MAIN, timeout=10)
    assert remote.is_ancestor(first, last, timeout=10)
    assert remote.is_ancestor(middle, last, timeout=10)
    assert remote.is_ancestor(last, last, timeout=10)
    assert not remote.is_ancestor(last, first, timeout=10)
    assert not remote.is_ancestor(foreign, last, timeout=10)
    assert not remote.is_ancestor(first, foreign, timeout=10)
    newest = app.commit({"a.yaml": "5"})
    assert remote.is_ancestor(last, newest, timeout=10)


def test_history_is_fetched_without_files_and_only_once(githost: GitHost, connect: Connect) -> None:
    app = githost.create("app")
    first = app.commit({"a.yaml": _noise(300_000)})
    last = app.commit({"a.yaml": _noise(300_000)})
    remote = connect(app.url)
    assert remote.is_ancestor(first, last, timeout=10)
    size = sum(file.stat().st_size for file in remote.history.path.resolve().rglob("*") if file.is_file())
    assert size < 100_000
    before = len(githost.requests)
    assert remote.is_ancestor(first, last, timeout=10)
    assert len(githost.requests) == before


def test_ancestry_of_a_commit_the_host_lost_is_an_error(app: HostedRepository, connect: Connect) -> None:
    sha = app.commit({"a.yaml": "1"})
    with pytest.raises(CommitNotServed):
        connect(app.url).is_ancestor(sha, "1" * 40, timeout=10)


def test_a_subject_is_the_first_line(app: HostedRepository, connect: Connect) -> None:
    app.commit({"a.yaml": "1"}, message="Größer\n\nand why")
    remote = connect(app.url)
    assert remote.mirror.subject(remote.pull(MAIN, timeout=10).sha) == "Größer"


@pytest.mark.parametrize(
    "url",
    [
        "git@example.com:a",
        "file:///etc",
        "ext::sh -c id",
        "/etc",
        "https://",
        "http://[::1",
        "https://example.com:99999/a",
        "--upload-pack=id",
    ],
)
def test_only_http_and_ssh_urls_are_asked(connect: Connect, url: str) -> None:
    with pytest.raises(InvalidURL) as caught:
        connect(url)
    assert caught.value.reason == "URLInvalid"
    assert not caught.value.retryable


@pytest.mark.parametrize("address", ["169.254.169.254", "[fd00:ec2::254]", "100.100.100.200"])
def test_metadata_services_are_never_asked(connect: Connect, address: str) -> None:
    with pytest.raises(ForbiddenAddress, match="metadata"):
        connect(f"http://{address}/latest").pull(MAIN, timeout=10)


def test_git_connects_to_the_address_that_was_checked(
    app: HostedRepository, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is known to nobody but the resolver that was asked once, so a second look-up would fail."""
    sha = app.commit({"a.yaml": "1"})
    port = int(app.url.split(":")[2].split("/")[0])
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
    assert connect(f"http://git.invalid:{port}/app.git").pull(MAIN, timeout=10).sha == sha


def test_loopback_is_refused_unless_allowed(app: HostedRepository, tmp_path: Path) -> None:
    app.commit({"a.yaml": "1"})
    with pytest.raises(ForbiddenAddress, match="loopback"):
        Remote(app.url, data_dir=tmp_path, allow_loopback=False).pull(MAIN, timeout=10)


def _noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)
