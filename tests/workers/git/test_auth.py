# SPDX-License-Identifier: Apache-2.0
"""Credentials open what they should, and are seen by nobody else."""

from __future__ import annotations

import base64
import logging
import os
import ssl
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from policies import reference
from tests.fixtures.githost import GitHost, HostedRepository
from tests.workers.git.conftest import Connect
from workers.git import (
    AccessDenied,
    Auth,
    InvalidCredentials,
    Remote,
    UntrustedHost,
    app_token,
    bare_url,
    from_secret,
)

MAIN = reference.choose({"branch": "main"})
PASSWORD = "correct horse/battery:staple"
PAIR = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()


@pytest.fixture
def private(app: HostedRepository) -> HostedRepository:
    app.commit({"a.yaml": "1"})
    app.require_basic("ada", PASSWORD)
    app.require_bearer("token-123")
    app.require_basic("x-access-token", "ghs_token")
    return app


@pytest.mark.parametrize(
    "auth",
    [
        Auth("ada", username="ada", password=PASSWORD),
        Auth("robot", bearer="token-123"),
        app_token("ghs_token", principal="installation 7"),
    ],
    ids=["basic", "bearer", "app"],
)
def test_the_right_credentials_open_a_repository(
    private: HostedRepository, connect: Connect, auth: Auth
) -> None:
    assert connect(private.url, auth).pull(MAIN, timeout=10).sha == private.head("main")


@pytest.mark.parametrize(
    "auth",
    [
        Auth(),
        Auth("ada", username="ada", password="wrong-password"),
        Auth("robot", bearer="wrong-token"),
    ],
    ids=["none", "password", "token"],
)
def test_wrong_credentials_are_refused_without_showing_them(
    private: HostedRepository, connect: Connect, auth: Auth, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(AccessDenied, match="authentication required") as caught:
        connect(private.url, auth).pull(MAIN, timeout=10)
    told = "".join(traceback.format_exception(caught.value))
    shown = f"{caught.value}{caught.value!r}{told}{caplog.text}{auth!r}"
    for secret in (*auth.secrets, "wrong-"):
        assert not secret or secret not in shown


def test_a_token_is_not_asked_for_at_the_terminal_or_a_helper(
    private: HostedRepository, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login ada password {PASSWORD.replace(' ', '')}\n")
    helper = tmp_path / "helper"
    helper.write_text(f"#!/bin/sh\necho username=ada\necho 'password={PASSWORD}'\ntouch {tmp_path}/asked\n")
    helper.chmod(0o700)
    (tmp_path / ".gitconfig").write_text(f"[credential]\n\thelper = {helper}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_ASKPASS", str(helper))
    with pytest.raises(AccessDenied):
        connect(private.url).pull(MAIN, timeout=10)
    assert not (tmp_path / "asked").exists()


def test_what_one_may_see_is_not_shown_to_another(private: HostedRepository, connect: Connect) -> None:
    owner = connect(private.url, Auth("ada", username="ada", password=PASSWORD))
    sha = owner.pull(MAIN, timeout=10).sha
    stranger = connect(private.url, Auth("eve"))
    assert stranger.mirror.path != owner.mirror.path
    pinned = reference.choose({"commit": sha})
    with pytest.raises(AccessDenied):
        stranger.pull(pinned, timeout=10)
    assert owner.pull(pinned, timeout=10).sha == sha


def test_a_renewed_token_keeps_the_mirror(app: HostedRepository, connect: Connect) -> None:
    first = connect(app.url, app_token("ghs_1", principal="installation 7"))
    second = connect(app.url, app_token("ghs_2", principal="installation 7"))
    assert first.mirror.path == second.mirror.path


def test_while_git_runs_nobody_sees_the_secret(
    githost: GitHost, private: HostedRepository, connect: Connect, data_dir: Path
) -> None:
    auth = Auth("ada", username="ada", password=PASSWORD)
    connect(private.url, auth).pull(MAIN, timeout=10)
    githost.stall()
    asked = len(githost.requests)
    with ThreadPoolExecutor(1) as pool:
        pulling = pool.submit(connect(private.url, auth).pull, MAIN, timeout=30)
        deadline = time.monotonic() + 20
        while len(githost.requests) == asked:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        children = 0
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
                environment = (process / "environ").read_bytes()
            except OSError:
                continue
            assert PASSWORD.encode() not in command
            assert PAIR.encode() not in command
            if private.url.encode() in command:
                children += 1
            else:
                assert PAIR.encode() not in environment, command
        assert children >= 2  # git and its HTTP helper: they were looked at
        for file in data_dir.rglob("*"):
            if file.is_file():
                content = file.read_bytes()
                assert PAIR.encode() not in content
                assert PASSWORD.encode() not in content
        githost.resume()
        pulling.exception(20)
    assert PAIR not in "".join(os.environ.values())


SECRET = {"username": b"ada", "password": b"pw"}


@pytest.mark.parametrize(
    ("data", "url", "header"),
    [
        (SECRET, "https://h/a", f"Basic {base64.b64encode(b'ada:pw').decode()}"),
        ({"bearerToken": b"tok"}, "https://h/a", "Bearer tok"),
        ({**SECRET, "bearerToken": b"tok"}, "https://h/a", "Bearer tok"),
        ({"password": b"pw"}, "https://ada@h/a", f"Basic {base64.b64encode(b'ada:pw').decode()}"),
        ({}, "https://ada:p%40w@h/a", f"Basic {base64.b64encode(b'ada:p@w').decode()}"),
        ({}, "https://h/a", ""),
    ],
    ids=["basic", "bearer", "bearer first", "user in URL", "all in URL", "none"],
)
def test_a_secret_is_read_as_flux_reads_it(data: dict[str, bytes], url: str, header: str) -> None:
    auth = from_secret(data, url=url, principal="secret apps/git")
    assert auth.header.removeprefix("Authorization: ") == header


@pytest.mark.parametrize(
    ("data", "url", "said"),
    [
        ({"bearerToken": b"tok"}, "https://ada:pw@h/a", "cannot be set at the same time"),
        ({"password": b"pw"}, "https://h/a", "'password' requires 'username'"),
        ({"username": b"a", "password": b"\xff"}, "https://h/a", "UTF-8"),
        ({"bearerToken": b"tok\r\nHost: evil"}, "https://h/a", "single line"),
        ({"tls.crt": b"x"}, "https://h/a", "together"),
    ],
)
def test_a_secret_that_cannot_be_used_is_refused(data: dict[str, bytes], url: str, said: str) -> None:
    with pytest.raises(InvalidCredentials, match=said) as caught:
        from_secret(data, url=url, principal="secret apps/git")
    assert caught.value.reason == "AuthenticationFailed"


def test_a_url_is_shown_without_credentials() -> None:
    assert bare_url("https://ada:pw@example.com:8443/a.git#x") == "https://example.com:8443/a.git"


@pytest.mark.parametrize("mutual", [False, True], ids=["server", "mutual"])
def test_a_private_ca_is_trusted_when_it_is_in_the_secret(
    certificate: tuple[Path, bytes], tmp_path: Path, connect: Connect, mutual: bool
) -> None:
    path, pem = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    client: dict[str, bytes] = {}
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=pem.decode())
        client = {"tls.crt": pem, "tls.key": path.read_bytes()}
    host = GitHost(tmp_path / "tls", tls=context)
    try:
        repository = host.create("app")
        sha = repository.commit({"a.yaml": "1"})
        with pytest.raises(UntrustedHost, match="not trusted"):
            connect(repository.url).pull(MAIN, timeout=10)
        auth = from_secret({"ca.crt": pem, **client}, url=repository.url, principal="ca")
        assert connect(repository.url, auth).pull(MAIN, timeout=10).sha == sha
        renamed = f"{host.url}/old.git"
        host.redirects["old.git"] = repository.url
        if not mutual:
            assert connect(renamed, auth).pull(MAIN, timeout=10).sha == sha
    finally:
        host.stop()


def test_remotes_do_not_show_credentials(data_dir: Path) -> None:
    remote = Remote(
        "https://ada:geheim@example.com/a", Auth(password="geheim", username="a"), data_dir=data_dir
    )
    assert "geheim" not in f"{remote!r}{vars(remote)!r}{remote.url}"
