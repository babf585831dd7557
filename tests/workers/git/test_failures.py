# SPDX-License-Identifier: Apache-2.0
"""Hosts that refuse, stall and vanish, processes that die, mirrors that rot: each is said, and heals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from policies import reference
from policies.errors import FairwayError
from tests.fixtures.githost import GitHost, HostedRepository
from tests.workers.git.conftest import Connect
from workers.git import (
    AccessDenied,
    DiskFull,
    GitTimeout,
    HostUnreachable,
    MirrorBroken,
    Remote,
    RepositoryNotFound,
    archive,
    contents,
    remove_unused,
)

MAIN = reference.choose({"branch": "main"})
PULL = """
import sys
from pathlib import Path
from policies import reference
from workers.git import Remote
remote = Remote(sys.argv[1], data_dir=Path(sys.argv[2]), allow_loopback=True)
for _ in range(int(sys.argv[3])):
    print(remote.pull(reference.choose({"branch": "main"}), timeout=30).sha, flush=True)
"""


def eventually(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def git_processes(url: str) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if url.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def pulling(repository: HostedRepository, data_dir: Path, rounds: int = 1) -> subprocess.Popen[str]:
    """Start a process of its own that pulls."""
    command = [sys.executable, "-c", PULL, repository.url, str(data_dir), str(rounds)]
    root = Path(__file__).parents[3]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)


def test_a_host_that_is_down_is_said_and_healed(
    githost: GitHost, app: HostedRepository, connect: Connect
) -> None:
    sha = app.commit({"a.yaml": "1"})
    remote = connect(app.url)
    githost.stop()
    with pytest.raises(HostUnreachable, match="could not be reached") as caught:
        remote.pull(MAIN, timeout=10)
    assert caught.value.retryable
    githost.start()
    assert remote.pull(MAIN, timeout=10).sha == sha


def test_a_name_that_does_not_resolve_is_said(connect: Connect) -> None:
    with pytest.raises(HostUnreachable, match=r"the name nowhere\.invalid could not be resolved"):
        connect("https://nowhere.invalid/app.git").pull(MAIN, timeout=10)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, AccessDenied),
        (404, RepositoryNotFound),
        (410, RepositoryNotFound),
        (429, HostUnreachable),
        (500, HostUnreachable),
        (502, HostUnreachable),
        (503, HostUnreachable),
    ],
)
def test_a_refusal_is_told_by_its_status(
    githost: GitHost, app: HostedRepository, connect: Connect, status: int, kind: type[FairwayError]
) -> None:
    githost.statuses["app.git"] = status
    with pytest.raises(kind) as caught:
        connect(app.url).pull(MAIN, timeout=10)
    assert caught.value.message.startswith(
        f"failed to checkout and determine revision: unable to clone '{app.url}': "
    )
    assert str(status) in caught.value.message or status in (404, 410)


def test_a_slow_host_is_given_up_and_leaves_no_process(
    githost: GitHost, app: HostedRepository, connect: Connect
) -> None:
    sha = app.commit({"a.yaml": "1"})
    remote = connect(app.url)
    githost.stall()
    with pytest.raises(GitTimeout, match="did not answer in time") as caught:
        remote.pull(MAIN, timeout=0.5)
    assert caught.value.retryable
    eventually(lambda: not git_processes(app.url))
    githost.resume()
    assert remote.pull(MAIN, timeout=10).sha == sha


def test_who_waits_too_long_for_a_mirror_is_told(
    githost: GitHost, app: HostedRepository, connect: Connect
) -> None:
    app.commit({"a.yaml": "1"})
    githost.stall()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(connect(app.url).pull, MAIN, timeout=20)
        eventually(lambda: githost.requests)
        with pytest.raises(GitTimeout, match="busy with the same repository"):
            connect(app.url).pull(MAIN, timeout=0.2)
        githost.resume()
        assert isinstance(first.exception(20), HostUnreachable)


def test_many_processes_pull_one_repository_while_it_changes(app: HostedRepository, data_dir: Path) -> None:
    app.commit({"a.yaml": "0"})
    processes = [pulling(app, data_dir, 8) for _ in range(3)]
    seen = {app.head("main")}
    for number in range(8):
        seen.add(app.commit({"a.yaml": f"{number}"}))
    outputs = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert [len(output) for output in outputs] == [8, 8, 8]
    assert {sha for output in outputs for sha in output} <= seen


def test_threads_share_a_remote(app: HostedRepository, connect: Connect) -> None:
    sha = app.commit({"a.yaml": "0"})
    remote = connect(app.url)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: remote.pull(MAIN, timeout=30).sha, range(12)))
    assert found == [sha] * 12


def test_a_killed_git_leaves_a_usable_mirror(
    githost: GitHost, app: HostedRepository, connect: Connect
) -> None:
    app.commit({"a.yaml": "1"})
    remote = connect(app.url)
    remote.pull(MAIN, timeout=10)
    newer = app.commit({"a.yaml": "2"})
    githost.stall()
    with ThreadPoolExecutor(1) as pool:
        doomed = pool.submit(remote.pull, MAIN, timeout=20)
        eventually(lambda: git_processes(app.url))
        for process in git_processes(app.url):
            os.kill(process, signal.SIGKILL)
        assert isinstance(doomed.exception(20), FairwayError)
    githost.resume()
    (remote.mirror.path / "shallow.lock").touch()
    (remote.mirror.path / "objects" / "pack" / "tmp_pack_x").touch()
    assert remote.pull(MAIN, timeout=10).sha == newer
    assert not (remote.mirror.path / "objects" / "pack" / "tmp_pack_x").exists()


def test_a_killed_worker_leaves_a_usable_mirror(
    githost: GitHost, app: HostedRepository, connect: Connect, data_dir: Path
) -> None:
    sha = app.commit({"a.yaml": "1"})
    githost.stall()
    worker = pulling(app, data_dir)
    eventually(lambda: githost.requests)
    worker.kill()
    worker.communicate()
    githost.resume()
    assert connect(app.url).pull(MAIN, timeout=20).sha == sha


@pytest.fixture(
    params=["packs cut", "packs gone", "no HEAD", "config garbage", "ref garbage", "shallow garbage"]
)
def damage(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        packs = list((path / "objects" / "pack").glob("pack-*"))
        for pack in packs:
            pack.chmod(0o600)
        match request.param:
            case "packs cut":
                for pack in packs:
                    os.truncate(pack, 20)
            case "packs gone":
                for pack in packs:
                    pack.unlink()
            case "no HEAD":
                (path / "HEAD").unlink()
            case "config garbage":
                (path / "config").write_text("[[[[")
            case "ref garbage":
                for ref in (path / "refs" / "fairway").iterdir():
                    ref.write_text("nonsense")
            case "shallow garbage":
                (path / "shallow").write_text("nonsense\n")

    return apply


@pytest.mark.parametrize("changed", [True, False], ids=["pushed", "polled"])
def test_a_damaged_mirror_is_replaced(
    app: HostedRepository, connect: Connect, tmp_path: Path, damage: Callable[[Path], None], changed: bool
) -> None:
    sha = app.commit({"a.yaml": "1"})
    remote = connect(app.url)
    remote.pull(MAIN, timeout=10)
    damage(remote.mirror.path)
    for attempt in range(2):
        assert remote.pull(MAIN, timeout=10, changed=changed).sha == sha
        try:
            assert (
                archive(
                    contents.of_commit(remote.mirror, sha), ignore=None, root=tmp_path, path=f"{sha}.tar.gz"
                ).files
                == 1
            )
        except MirrorBroken:
            # Nothing was fetched, so that nothing noticed: then the archive does, once.
            assert attempt == 0


def test_a_mirror_that_cannot_be_written_is_said(app: HostedRepository, tmp_path: Path) -> None:
    app.commit({"a.yaml": "1"})
    (tmp_path / "git").write_text("a file where the folder of mirrors should be")
    with pytest.raises(DiskFull, match="cannot be written") as caught:
        Remote(app.url, data_dir=tmp_path, allow_loopback=True).pull(MAIN, timeout=10)
    assert caught.value.retryable


@pytest.mark.parametrize("changed", [True, False], ids=["pushed", "polled"])
def test_fetches_do_not_pile_up(
    changed: bool, app: HostedRepository, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("workers.git.remote._MOST_PACKS", 5)
    remote = connect(app.url)
    for number in range(8):
        sha = app.commit({"a.yaml": f"{number}", "b.yaml": "same"})
        remote.pull(MAIN, timeout=10)
    assert remote.mirror.packs > 5
    remote.pull(MAIN, timeout=10, changed=changed)
    assert remote.mirror.packs == 1
    assert (
        archive(contents.of_commit(remote.mirror, sha), ignore=None, root=tmp_path, path="x.tar.gz").files
        == 2
    )
    newest = app.commit({"a.yaml": "newest", "b.yaml": "same"})
    assert remote.pull(MAIN, timeout=10).sha == newest
    assert (
        archive(contents.of_commit(remote.mirror, newest), ignore=None, root=tmp_path, path="x.tar.gz").files
        == 2
    )


def test_mirrors_nobody_uses_are_removed(githost: GitHost, connect: Connect, data_dir: Path) -> None:
    remotes = []
    for name in ("old", "new", "busy"):
        repository = githost.create(name)
        repository.commit({"a.yaml": "1"})
        remotes.append(connect(repository.url))
        remotes[-1].pull(MAIN, timeout=10)
    old, new, busy = remotes
    for remote in (old, busy):
        os.utime(remote.mirror.path.with_suffix(".lock"), (1000, 1000))
    with busy.mirror.locked(timeout=5):
        os.utime(busy.mirror.path.with_suffix(".lock"), (1000, 1000))
        assert remove_unused(data_dir, now=time.time(), unused_for=3600) == 1
    assert not old.mirror.path.exists()
    assert new.mirror.path.exists()
    assert busy.mirror.path.exists()
    old.pull(MAIN, timeout=10)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[GitHost]:
    host = GitHost(tmp_path / "elsewhere")
    yield host
    host.stop()


def test_a_renamed_repository_is_followed_within_its_host(githost: GitHost, connect: Connect) -> None:
    renamed = githost.create("renamed")
    sha = renamed.commit({"a.yaml": "1"})
    githost.redirects["app.git"] = f"{githost.url}/renamed.git"
    remote = connect(f"{githost.url}/app.git")
    assert remote.pull(MAIN, timeout=10).sha == sha
    assert remote.pull(MAIN, timeout=10, changed=False).sha == sha


@pytest.mark.parametrize("target", ["elsewhere", "metadata", "loop", "file"])
def test_a_redirect_away_is_not_followed(
    githost: GitHost, elsewhere: GitHost, connect: Connect, target: str
) -> None:
    elsewhere.create("app").commit({"a.yaml": "1"})
    githost.redirects["app.git"] = {
        "elsewhere": f"{elsewhere.url}/app.git",
        "metadata": "http://169.254.169.254/app.git",
        "loop": f"{githost.url}/app.git",
        "file": "file:///etc",
    }[target]
    with pytest.raises(FairwayError):
        connect(f"{githost.url}/app.git").pull(MAIN, timeout=10)
    assert elsewhere.requests == []
