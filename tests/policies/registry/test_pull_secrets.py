# SPDX-License-Identifier: Apache-2.0
"""Which login of a pull secret is for which image; the rules are those of Kubernetes."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import pytest

from policies.registry.pull_secrets import Login, PullSecretInvalid, login_for, read

KIND = "kubernetes.io/dockerconfigjson"


@dataclass(frozen=True)
class Image:
    registry: str
    path: str
    may_be_plain: bool = False


def auths(**entries: Any) -> dict[str, bytes]:
    return {".dockerconfigjson": json.dumps({"auths": entries}).encode()}


def of_host(*hosts: str) -> dict[str, bytes]:
    return auths(**{host: {"username": host, "password": "p"} for host in hosts})


@pytest.mark.parametrize(
    ("key", "registry", "path", "fits"),
    [
        ("ghcr.io", "ghcr.io", "acme/web", True),
        ("https://ghcr.io", "ghcr.io", "acme/web", True),
        ("https://ghcr.io/", "ghcr.io", "acme/web", True),
        ("http://ghcr.io/v2/", "ghcr.io", "acme/web", True),
        ("https://ghcr.io/v1/", "ghcr.io", "acme/web", True),
        ("https://ghcr.io/v2/acme", "ghcr.io", "acme/web", True),
        ("https://ghcr.io/v2", "ghcr.io", "acme/web", False),  # no slash behind it: a path like any other
        ("GHCR.io", "ghcr.io", "acme/web", True),
        ("ghcr.io/acme", "ghcr.io", "acme/web", True),
        ("ghcr.io/acme/web", "ghcr.io", "acme/web", True),
        ("ghcr.io/acme/we", "ghcr.io", "acme/web", True),  # the beginning of a path, as Kubernetes takes it
        ("ghcr.io/other", "ghcr.io", "acme/web", False),
        ("ghcr.io/acme/web/more", "ghcr.io", "acme/web", False),
        ("ghcr.io:443", "ghcr.io", "acme/web", False),
        ("ghcr.io:5000", "ghcr.io:5000", "acme/web", True),
        ("ghcr.io", "ghcr.io:5000", "acme/web", False),
        ("*.azurecr.io", "acme.azurecr.io", "web", True),
        ("*.azurecr.io", "a.b.azurecr.io", "web", False),
        ("*.azurecr.io", "azurecr.io", "web", False),
        ("app*.example.com", "apps.example.com", "web", True),
        ("*.example.com:5000/team", "r.example.com:5000", "team/web", True),
        ("*", "ghcr.io", "web", False),
        ("[::1]:5000", "[::1]:5000", "web", True),
        ("ghcr.io.evil.com", "ghcr.io", "acme/web", False),
        ("evil.com/ghcr.io", "ghcr.io", "acme/web", False),
        ("https://index.docker.io/v1/", "index.docker.io", "library/nginx", True),
        ("index.docker.io", "index.docker.io", "library/nginx", True),
        ("docker.io", "index.docker.io", "library/nginx", True),
        ("registry-1.docker.io", "index.docker.io", "acme/web", True),
        ("https://index.docker.io/v1/", "docker.io", "acme/web", True),
        ("docker.io/acme", "index.docker.io", "acme/web", True),
        ("docker.io/acme", "index.docker.io", "other/web", False),
        ("docker.io", "ghcr.io", "acme/web", False),
        ("ghcr.io", "index.docker.io", "acme/web", False),
    ],
)
def test_a_key_says_for_which_images_it_is(key: str, registry: str, path: str, fits: bool) -> None:
    found = login_for(read(KIND, of_host(key), secret="apps/pull"), Image(registry, path))
    assert found == (Login(key, "p") if fits else None)


@pytest.mark.parametrize(
    ("hosts", "chosen"),
    [
        (["ghcr.io", "ghcr.io/acme"], "ghcr.io/acme"),
        (["ghcr.io/acme/web", "ghcr.io/acme", "ghcr.io"], "ghcr.io/acme/web"),
        (["*.io", "ghcr.io"], "ghcr.io"),
        (["ghcr.io/other", "ghcr.io"], "ghcr.io"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_the_key_that_says_most_counts(hosts: list[str], chosen: str, turned: bool) -> None:
    entries = read(KIND, of_host(*(reversed(hosts) if turned else hosts)), secret="apps/pull")
    assert login_for(entries, Image("ghcr.io", "acme/web")) == Login(chosen, "p")


def test_of_two_secrets_with_one_key_the_first_counts() -> None:
    first = read(KIND, auths(**{"ghcr.io": {"username": "a"}}), secret="apps/a")
    second = read(KIND, auths(**{"ghcr.io": {"username": "b"}}), secret="apps/b")
    assert login_for([*first, *second], Image("ghcr.io", "web")) == Login("a")


@pytest.mark.parametrize(
    ("fields", "login"),
    [
        ({"username": "ada", "password": "p"}, Login("ada", "p")),
        ({"auth": base64.b64encode(b"ada:p:q").decode()}, Login("ada", "p:q")),
        ({"auth": base64.b64encode(b"ada:pp").decode().rstrip("=")}, Login("ada", "pp")),
        ({"auth": base64.b64encode(b"ada:p").decode(), "username": "x", "password": "y"}, Login("ada", "p")),
        ({"identitytoken": "t"}, Login(identity_token="t")),
        ({"registrytoken": "t"}, Login(registry_token="t")),
        ({}, None),
        ({"email": "ada@example.com"}, None),
        ({"username": None}, None),
    ],
)
def test_a_login_is_written_in_several_ways(fields: dict[str, Any], login: Login | None) -> None:
    entries = read(KIND, auths(**{"ghcr.io": fields}), secret="apps/pull")
    assert login_for(entries, Image("ghcr.io", "web")) == login


def test_the_older_type_has_no_auths() -> None:
    data = {".dockercfg": json.dumps({"ghcr.io": {"username": "ada"}}).encode()}
    entries = read("kubernetes.io/dockercfg", data, secret="apps/pull")
    assert login_for(entries, Image("ghcr.io", "web")) == Login("ada")


@pytest.mark.parametrize(
    ("kind", "data", "problem"),
    [
        (
            "Opaque",
            of_host("ghcr.io"),
            "its type is Opaque: make it one of type kubernetes.io/dockerconfigjson",
        ),
        (KIND, {}, r"it has no \.dockerconfigjson"),
        (KIND, {".dockerconfigjson": b"{"}, r"its \.dockerconfigjson is not JSON"),
        (KIND, {".dockerconfigjson": b'{"auths": []}'}, "is no list of registries"),
        (KIND, {".dockerconfigjson": b"[]"}, "is no list of registries"),
        (KIND, auths(**{"ghcr.io": "x"}), "is no list of registries"),
        (KIND, auths(**{"ghcr.io": {"auth": "%%%"}}), "auth of ghcr.io is not user:password in base64"),
        (KIND, auths(**{"ghcr.io": {"auth": "YWRh"}}), "auth of ghcr.io is not user:password in base64"),
        (KIND, auths(**{"ghcr.io": {"username": 7}}), "what it says of ghcr.io is no text"),
        (KIND, auths(**{"ghcr.io": {"registrytoken": "a\r\nb"}}), "is more than one line"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_without_what_is_in_it(
    kind: str, data: dict[str, bytes], problem: str
) -> None:
    with pytest.raises(PullSecretInvalid, match=rf"pull secret 'apps/pull' cannot be used: .*{problem}"):
        read(kind, data, secret="apps/pull")
