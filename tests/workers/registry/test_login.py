# SPDX-License-Identifier: Apache-2.0
"""Logging in to real registries, in each way they ask for it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.registry.admin import Registry
from tests.fixtures.proxy import Proxy
from tests.fixtures.registry import ADA, BOB, Asked, Hostile, Image, Reply, running_registry
from tests.workers.registry.conftest import Open, login
from workers.registry import Access, AccessDenied, Limited, Unconfigured, Unreachable, Untrusted


@pytest.fixture(scope="module")
def basic_registry(
    tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, bytes]
) -> Iterator[Registry]:
    """A registry with names and passwords, and TLS."""
    path, authority = certificate
    options = ("--user", "ada:s3cret", "--tls-cert", str(path), "--tls-key", str(path))
    folder = tmp_path_factory.mktemp("basic-registry")
    with running_registry(folder, *options, auth="basic", login=ADA, ca=authority) as running:
        yield running


def test_a_password_logs_in_over_tls(
    basic_registry: Registry, certificate: tuple[Path, bytes], open_: Open
) -> None:
    basic_registry.push("login/basic", "1.0.0")
    image = Image(basic_registry.host, "login/basic", may_be_plain=False)
    trusting = replace(login(basic_registry.host, "ada", "s3cret"), authorities=certificate[1].decode())
    assert open_(image, trusting).tags() == ["1.0.0"]
    open_(image, trusting).ping()
    with pytest.raises(AccessDenied, match="access denied, UNAUTHORIZED"):
        open_(
            image, replace(login(basic_registry.host, "ada", "wrong"), authorities=trusting.authorities)
        ).tags()
    with pytest.raises(AccessDenied):
        open_(image, replace(trusting, logins=())).tags()


def test_an_authority_that_nobody_gave_is_not_trusted(basic_registry: Registry, open_: Open) -> None:
    image = Image(basic_registry.host, "login/basic", may_be_plain=False)
    with pytest.raises(Untrusted, match=r"the certificate of 127\.0\.0\.1:\d+ is not trusted .*: put the CA"):
        open_(image, login(basic_registry.host, "ada", "s3cret")).tags()


def test_a_registry_with_tls_is_not_asked_without_it(basic_registry: Registry, open_: Open) -> None:
    # It may be plain, but answers with TLS: then a certificate that is not trusted stays the reason.
    with pytest.raises(Untrusted):
        open_(Image(basic_registry.host, "login/basic"), login(basic_registry.host, "ada", "s3cret")).tags()


def test_a_token_logs_in_for_what_it_may(token_registry: Registry, open_: Open) -> None:
    token_registry.push("apps/web", "1.0.0")
    token_registry.push("bob/web", "2.0.0")
    host = token_registry.host
    ada, bob = (login(host, one.username, one.password) for one in (ADA, BOB))
    assert open_(Image(host, "apps/web"), ada).tags() == ["1.0.0"]
    assert open_(Image(host, "bob/web"), bob).tags() == ["2.0.0"]
    with pytest.raises(AccessDenied, match=r"access denied, UNAUTHORIZED: authentication required"):
        open_(Image(host, "apps/web"), bob).tags()
    with pytest.raises(AccessDenied, match="log in: access denied, incorrect username or password"):
        open_(Image(host, "apps/web"), login(host, "ada", "wrong")).tags()


def test_nobody_gets_a_token_for_what_is_public(token_registry: Registry, open_: Open) -> None:
    token_registry.push("public/web", "1.0.0")
    token_registry.push("apps/private", "1.0.0")
    assert open_(Image(token_registry.host, "public/web")).tags() == ["1.0.0"]
    with pytest.raises(AccessDenied):
        open_(Image(token_registry.host, "apps/private")).tags()


def with_tokens(hostile: Hostile, *, life: int = 300, good: int = 10**6) -> None:
    """Have a server ask for a token, of which each is good for so many requests."""
    made: list[int] = []

    def answer(asked: Asked) -> Reply:
        if asked.path.startswith("/token"):
            made.append(0)
            return Reply({"token": f"t{len(made)}", "expires_in": life})
        if made and asked.headers.get("authorization") == f"Bearer t{len(made)}":
            made[-1] += 1
            if made[-1] <= good:
                return Reply({"tags": ["1.0.0"]})
        challenge = f'Bearer realm="{hostile.url}/token",service="here",scope="repository:all:push"'
        return Reply(status=401, headers={"WWW-Authenticate": challenge})

    hostile.answer = answer


def test_a_token_is_kept_for_its_repository(hostile: Hostile, open_: Open) -> None:
    with_tokens(hostile)
    access = login(hostile.host, "ada", "s3cret")
    for path in ("a/web", "a/web", "b/web", "b/web"):
        assert open_(hostile.image(path), access).tags() == ["1.0.0"]
    tokens = [path for path in hostile.paths() if path.startswith("/token")]
    # What the registry would like the scope to be is not asked for.
    assert tokens == [f"/token?service=here&scope=repository%3A{path}%2Fweb%3Apull" for path in "ab"]
    assert len(hostile.paths()) == 4 + 1 + len(tokens)  # one 401, since from then on it is known


def test_a_token_of_one_login_is_not_used_for_another(hostile: Hostile, open_: Open) -> None:
    with_tokens(hostile)
    for name in ("ada", "bob"):
        open_(hostile.image(), login(hostile.host, name, "s3cret")).tags()
    assert len([path for path in hostile.paths() if path.startswith("/token")]) == 2


def test_a_token_that_is_no_longer_good_is_renewed_once(hostile: Hostile, open_: Open) -> None:
    with_tokens(hostile, good=1)
    for _ in range(3):
        assert open_(hostile.image()).tags() == ["1.0.0"]
    assert len([path for path in hostile.paths() if path.startswith("/token")]) == 3


def test_a_registry_that_takes_no_token_is_asked_three_times_and_no_more(
    hostile: Hostile, open_: Open
) -> None:
    with_tokens(hostile, good=0)
    with pytest.raises(AccessDenied, match=r"access denied, 401: check spec\.secretRef"):
        open_(hostile.image(), login(hostile.host, "ada", "s3cret")).tags()
    assert len([path for path in hostile.paths() if path.startswith("/v2/acme")]) == 3


def test_an_identity_token_is_exchanged_and_a_registry_token_sent(hostile: Hostile, open_: Open) -> None:
    with_tokens(hostile)
    open_(hostile.image(), login(hostile.host, identity_token="kept")).tags()
    exchange = next(asked for asked in hostile.asked if asked.path.startswith("/token"))
    assert (exchange.method, exchange.path) == ("POST", "/token")
    assert b"grant_type=refresh_token" in exchange.body
    assert b"refresh_token=kept" in exchange.body
    with pytest.raises(AccessDenied):
        open_(hostile.image(), login(hostile.host, registry_token="mine")).tags()
    assert hostile.asked[-1].headers["authorization"] == "Bearer mine"


def test_a_client_certificate_is_shown(certificate: tuple[Path, bytes], open_: Open) -> None:
    path, authority = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.decode())
    server = Hostile(context)
    server.answer = lambda asked: Reply({"tags": ["1.0.0"]})
    try:
        image = Image(server.host, "acme/web", may_be_plain=False)
        pem = path.read_text()
        known = Access(authorities=authority.decode(), certificate=authority.decode(), key=pem)
        assert open_(image, known).tags() == ["1.0.0"]
        with pytest.raises((Untrusted, Unreachable)):
            open_(image, Access(authorities=authority.decode())).tags()
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("access", "problem"),
    [
        (Access(authorities="nothing"), r"ca\.crt holds no certificate that can be read"),
        (Access(certificate="x", key="y"), r"tls\.crt and tls\.key are no pair that can be used"),
    ],
)
def test_certificates_that_are_none_are_named(access: Access, problem: str, open_: Open) -> None:
    with pytest.raises(Unconfigured, match=f"{problem}: correct spec.certSecretRef"):
        open_(Image("127.0.0.1:1", "acme/web"), access)


def test_a_proxy_is_gone_through_with_its_login(registry: Registry, proxy: Proxy, open_: Open) -> None:
    registry.push("login/proxied", "1.0.0")
    address = proxy.address.replace("//", "//ada:s3cret%2F%3A%40@")
    assert open_(Image(registry.host, "login/proxied"), Access(proxy=address)).tags() == ["1.0.0"]
    assert f"{registry.url}/v2/login/proxied/tags/list?n=1000" in proxy.seen
    with pytest.raises(
        AccessDenied, match=r"the proxy did not accept the login, 407: .* spec\.proxySecretRef"
    ):
        open_(Image(registry.host, "login/proxied"), Access(proxy=proxy.address)).tags()


def test_what_is_learned_by_a_way_of_ones_own_is_not_believed_on_another(
    hostile: Hostile, other_hostile: Hostile, proxy: Proxy, open_: Open
) -> None:
    """A proxy can answer for any registry: where it would have logins sent to stays its own affair."""
    with_tokens(hostile)
    evil = f'Bearer realm="{other_hostile.url}/token",service="x"'
    real, hostile.answer = hostile.answer, lambda asked: Reply(status=401, headers={"WWW-Authenticate": evil})
    other_hostile.answer = lambda asked: Reply({"token": "evil"})
    address = proxy.address.replace("//", "//ada:s3cret%2F%3A%40@")
    with pytest.raises(AccessDenied):
        open_(hostile.image(), Access(proxy=address)).tags()
    hostile.answer = real
    before = len(other_hostile.asked)
    assert before > 0
    assert open_(hostile.image(), login(hostile.host, "ada", "s3cret")).tags() == ["1.0.0"]
    assert len(other_hostile.asked) == before


def test_a_list_from_a_way_of_ones_own_is_not_taken_for_that_of_another(
    hostile: Hostile, proxy: Proxy, open_: Open
) -> None:
    hostile.answer = lambda asked: Reply({"tags": ["9.9.9"]}, headers={"ETag": '"1"'})
    address = proxy.address.replace("//", "//ada:s3cret%2F%3A%40@")
    assert open_(hostile.image(), Access(proxy=address)).tags() == ["9.9.9"]
    hostile.answer = lambda asked: (
        Reply(status=304) if "if-none-match" in asked.headers else Reply({"tags": ["1.0.0"]})
    )
    assert open_(hostile.image()).tags() == ["1.0.0"]


def test_a_refusal_on_a_way_of_ones_own_closes_no_other(hostile: Hostile, proxy: Proxy, open_: Open) -> None:
    hostile.answer = lambda asked: Reply(status=429, headers={"Retry-After": "86400"})
    address = proxy.address.replace("//", "//ada:s3cret%2F%3A%40@")
    with pytest.raises(Limited):
        open_(hostile.image(), Access(proxy=address)).tags()
    hostile.answer = lambda asked: Reply({"tags": ["1.0.0"]})
    assert open_(hostile.image()).tags() == ["1.0.0"]


def test_many_threads_share_tokens_and_connections(token_registry: Registry, open_: Open) -> None:
    host = token_registry.host
    digests = {f"apps/{name}": token_registry.push(f"apps/{name}", "1.0.0").digest for name in "abcdefgh"}
    access = login(host, ADA.username, ADA.password)

    def ask(path: str) -> str:
        client = open_(Image(host, path), access)
        assert client.tags() == ["1.0.0"]
        return client.facts("1.0.0").digest

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, [*digests] * 4))
    assert found == [*digests.values()] * 4
