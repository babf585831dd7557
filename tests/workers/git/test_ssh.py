# SPDX-License-Identifier: Apache-2.0
"""Repositories over ssh, with a real client against a server that knows one key."""

from __future__ import annotations

import asyncssh
import pytest

from policies import reference
from tests.fixtures.githost import HostedRepository
from tests.fixtures.sshhost import Keys, SshHost
from tests.workers.git.conftest import Connect
from workers.git import (
    AccessDenied,
    Auth,
    GitError,
    InvalidCredentials,
    RepositoryNotFound,
    UntrustedHost,
    from_secret,
)

MAIN = reference.choose({"branch": "main"})


def auth(host: SshHost, **data: str) -> Auth:
    whole = {"identity": host.keys.plain, "known_hosts": host.known_hosts, **data}
    return from_secret(
        {key: value.encode() for key, value in whole.items()}, url=host.url("x"), principal="p"
    )


def test_a_commit_is_fetched_with_the_key_of_the_secret(
    app: HostedRepository, sshhost: SshHost, connect: Connect
) -> None:
    sha = app.commit({"a.yaml": "a"})
    remote = connect(sshhost.url("app.git"), auth(sshhost))
    assert remote.pull(MAIN, timeout=30).sha == sha
    newer = app.commit({"a.yaml": "b"})
    assert remote.pull(MAIN, timeout=30).sha == newer
    assert remote.resolve(MAIN, timeout=30).sha == newer


def test_a_key_with_a_passphrase_is_opened(app: HostedRepository, sshhost: SshHost, connect: Connect) -> None:
    sha = app.commit({"a.yaml": "a"})
    locked = auth(sshhost, identity=sshhost.keys.locked, password=Keys.passphrase)
    assert connect(sshhost.url("app.git"), locked).pull(MAIN, timeout=30).sha == sha


@pytest.mark.parametrize("ending", ["", "\r\n"], ids=["without-a-last-newline", "with-windows-line-ends"])
def test_a_key_may_end_as_it_likes(
    app: HostedRepository, sshhost: SshHost, connect: Connect, ending: str
) -> None:
    sha = app.commit({"a.yaml": "a"})
    text = sshhost.keys.plain.strip().replace("\n", ending or "\n") + ending
    assert connect(sshhost.url("app.git"), auth(sshhost, identity=text)).pull(MAIN, timeout=30).sha == sha


@pytest.mark.parametrize("missing", ["identity", "known_hosts"])
def test_both_keys_are_required(sshhost: SshHost, missing: str) -> None:
    with pytest.raises(InvalidCredentials, match=f"invalid 'ssh' auth option: '{missing}' is required"):
        auth(sshhost, **{missing: ""})


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"identity": "nonsense"}, id="no-key"),
        pytest.param({"identity": "LOCKED"}, id="no-passphrase"),
        pytest.param({"identity": "LOCKED", "password": "wrong"}, id="a-wrong-passphrase"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_and_not_shown(sshhost: SshHost, data: dict[str, str]) -> None:
    data = {key: sshhost.keys.locked if value == "LOCKED" else value for key, value in data.items()}
    with pytest.raises(InvalidCredentials, match="'identity' is no private key, or") as caught:
        auth(sshhost, **data)
    assert "PRIVATE" not in str(caught.value)


def test_without_a_secret_it_is_told(app: HostedRepository, sshhost: SshHost, connect: Connect) -> None:
    with pytest.raises(InvalidCredentials, match="'identity' is required"):
        connect(sshhost.url("app.git")).pull(MAIN, timeout=30)


def test_a_host_with_another_key_is_not_trusted(
    app: HostedRepository, sshhost: SshHost, connect: Connect
) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    wrong = auth(sshhost, known_hosts=f"[127.0.0.1]:{sshhost.port} {other}")
    with pytest.raises(UntrustedHost, match="the host's key is not in known_hosts"):
        connect(sshhost.url("app.git"), wrong).pull(MAIN, timeout=30)
    elsewhere = auth(sshhost, known_hosts=sshhost.known_hosts.replace("127.0.0.1", "example.com"))
    with pytest.raises(UntrustedHost):
        connect(sshhost.url("app.git"), elsewhere).pull(MAIN, timeout=30)


def test_a_key_the_host_does_not_know_is_refused(
    app: HostedRepository, sshhost: SshHost, connect: Connect
) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    with pytest.raises(AccessDenied, match="the host did not accept the key") as caught:
        connect(sshhost.url("app.git"), auth(sshhost, identity=stranger)).pull(MAIN, timeout=30)
    assert "/proc/" not in str(caught.value)


def test_a_repository_that_is_not_there_is_told(sshhost: SshHost, connect: Connect) -> None:
    with pytest.raises(RepositoryNotFound, match=r"gone\.git"):
        connect(sshhost.url("gone.git"), auth(sshhost)).pull(MAIN, timeout=30)


def test_an_address_that_may_not_be_asked_is_refused(sshhost: SshHost, connect: Connect) -> None:
    with pytest.raises(GitError, match=r"169\.254\.169\.254"):
        connect("ssh://git@169.254.169.254/app.git", auth(sshhost)).pull(MAIN, timeout=30)


def test_nothing_in_a_url_becomes_an_option(sshhost: SshHost, connect: Connect) -> None:
    with pytest.raises(GitError):
        connect(f"ssh://-oProxyCommand=id@127.0.0.1:{sshhost.port}/app.git", auth(sshhost)).pull(
            MAIN, timeout=30
        )
    with pytest.raises(GitError):
        connect("ssh://-oProxyCommand=id/app.git", auth(sshhost)).pull(MAIN, timeout=30)
