# SPDX-License-Identifier: Apache-2.0
"""Commits are made in a mirror and pushed to a real host, whatever has become of the branch meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from policies import reference
from policies.commit_objects import NewCommit
from tests.fixtures.githost import GitHost, HostedRepository
from tests.fixtures.sshhost import SshHost
from tests.workers.git.conftest import Connect
from tests.workers.git.test_ssh import auth
from workers.git import AccessDenied, Auth, GitError, Moved, PushRefused, Remote, committing

MAIN = reference.choose({"branch": "main"})
HEAD = "refs/heads/main"
BINARY = bytes(range(256))


@pytest.fixture
def app(githost: GitHost) -> HostedRepository:
    repository = githost.create("app")
    repository.git("config", "http.receivepack", "true")
    repository.commit({"a.yaml": "a: 1\n", "bin/run": "x", "ü b/c.yaml": BINARY}, modes={"bin/run": "100755"})
    repository.commit({"a.yaml": "a: 2\n", "bin/run": "x", "ü b/c.yaml": BINARY}, modes={"bin/run": "100755"})
    return repository


@dataclass
class Pushing:
    """A remote, and the commit that was fetched of it."""

    remote: Remote
    base: str

    def push(self, target: str = HEAD, *, text: str = "a: 3\n", over: str | None = None, **more: str) -> str:
        files = {"a.yaml": text.encode(), **{name: value.encode() for name, value in more.items()}}
        with self.remote.held(timeout=30) as call:
            tree = committing.tree_of(self.remote.mirror, self.base, files)
            new = NewCommit(tree, self.base, "Bot", "bot@example.com", 1_800_000_000, "Update")
            sha = committing.store(self.remote.mirror, new.raw())
            committing.push(call, self.remote.url, sha, target, over=over)
        return sha


def fetched(remote: Remote) -> Pushing:
    return Pushing(remote, remote.pull(MAIN, timeout=30).sha)


def test_a_commit_of_a_shallow_mirror_is_pushed(app: HostedRepository, connect: Connect) -> None:
    pushing = fetched(connect(app.url))
    assert pushing.remote.mirror.is_shallow
    sha = pushing.push()
    assert app.head("main") == sha
    assert app.git("log", "--format=%s", "main").splitlines() == ["Update", "change", "change"]
    assert app.git("diff", "--name-status", f"{sha}^", sha) == "M\ta.yaml"
    assert app.git("ls-tree", sha, "bin/run").startswith("100755 ")
    assert app.git("show", f"{sha}:a.yaml") == "a: 3"
    app.git("fsck", "--strict")
    assert pushing.remote.pull(MAIN, timeout=30).sha == sha, "and the mirror goes on from it"


def test_modes_are_those_of_the_commit(app: HostedRepository, connect: Connect) -> None:
    pushing = fetched(connect(app.url))
    found = committing.modes_of(pushing.remote.mirror, pushing.base, ["bin/run", "ü b/c.yaml"])
    assert found == {"bin/run": "100755", "ü b/c.yaml": "100644"}


def test_a_commit_is_known_by_its_tree_and_its_one_parent(app: HostedRepository, connect: Connect) -> None:
    pushing = fetched(connect(app.url))
    mirror = pushing.remote.mirror
    sha = pushing.push("refs/heads/auto", over="")
    remote = connect(app.url)
    remote.pull(reference.choose({"branch": "auto"}), timeout=30)
    tree = committing.tree_of(mirror, pushing.base, {"a.yaml": b"a: 3\n"})
    assert committing.is_commit_of(mirror, sha, tree, pushing.base)
    assert not committing.is_commit_of(mirror, sha, tree, sha)
    other = committing.tree_of(mirror, pushing.base, {"a.yaml": b"a: 4\n"})
    assert not committing.is_commit_of(mirror, sha, other, pushing.base)


def test_a_branch_only_moves_forward(app: HostedRepository, connect: Connect) -> None:
    pushing = fetched(connect(app.url))
    theirs = app.commit({"a.yaml": "a: 9\n"})
    with pytest.raises(Moved, match="the branch main is not where it was"):
        pushing.push()
    assert app.head("main") == theirs
    assert fetched(connect(app.url)).push() == app.head("main")


def test_a_branch_is_made_anew_only_from_where_it_was_seen(app: HostedRepository, connect: Connect) -> None:
    pushing = fetched(connect(app.url))
    first = pushing.push("refs/heads/auto", over="")
    with pytest.raises(Moved):
        pushing.push("refs/heads/auto", text="a: 4\n", over="")
    second = pushing.push("refs/heads/auto", text="a: 4\n", over=first)
    assert app.head("auto") == second
    assert app.git("rev-parse", "auto^") == pushing.base
    app.delete_branch("auto")
    with pytest.raises(Moved):
        pushing.push("refs/heads/auto", text="a: 5\n", over=second)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'no: ask Ada' >&2; exit 1", "main is refused: no: ask Ada"),
        ("exit 1", "pre-receive hook declined"),
    ],
)
def test_a_refusal_is_said_in_the_hosts_words(
    app: HostedRepository, connect: Connect, script: str, said: str
) -> None:
    hook = app.path / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)
    pushing = fetched(connect(app.url))
    with pytest.raises(PushRefused, match=said):
        pushing.push()
    assert app.head("main") == pushing.base


def test_what_the_host_prints_is_scrubbed_of_credentials(app: HostedRepository, connect: Connect) -> None:
    app.require_basic("ada", "hunter22")
    hook = app.path / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'not with hunter22' >&2; exit 1\n")
    hook.chmod(0o755)
    pushing = fetched(connect(app.url, Auth("p", username="ada", password="hunter22")))
    with pytest.raises(PushRefused) as found:
        pushing.push()
    assert "not with ***" in str(found.value)


def test_who_may_read_only_is_told_what_to_do(app: HostedRepository, connect: Connect) -> None:
    app.git("config", "http.receivepack", "false")
    with pytest.raises(AccessDenied, match=r"unable to push to .* write access") as found:
        fetched(connect(app.url)).push()
    assert "clone" not in str(found.value)


def test_options_need_a_host_that_takes_them(app: HostedRepository, connect: Connect) -> None:
    app.git("config", "receive.advertisePushOptions", "false")
    pushing = fetched(connect(app.url))
    with (
        pytest.raises(PushRefused, match="takes no push options"),
        pushing.remote.held(timeout=30) as call,
    ):
        committing.push(call, app.url, pushing.base, "refs/heads/x", over="", options=["a=b"])


def test_a_host_that_is_gone_is_no_refusal(app: HostedRepository, githost: GitHost, connect: Connect) -> None:
    pushing = fetched(connect(app.url))
    githost.stop()
    with pytest.raises(GitError, match="unable to push to") as found:
        pushing.push()
    assert not isinstance(found.value, PushRefused | Moved)


def test_a_large_pack_goes_through(app: HostedRepository, connect: Connect) -> None:
    """Above a megabyte git sends it in pieces."""
    import random

    text = random.Random(1).randbytes(1_500_000).hex()
    pushing = fetched(connect(app.url))
    assert pushing.push(text=text) == app.head("main")


def test_it_is_pushed_over_ssh(app: HostedRepository, sshhost: SshHost, connect: Connect) -> None:
    assert fetched(connect(sshhost.url("app.git"), auth(sshhost))).push() == app.head("main")
