# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from policies.github.urls import repository_of

GITHUB, SERVER, FORGE = "https://github.com", "https://git.corp.example/", "http://127.0.0.1:8081"
BEHIND_A_PATH = "https://corp.example/github"
FLEET = ("acme", "fleet")


@pytest.mark.parametrize(
    ("url", "github"),
    [
        ("https://github.com/acme/fleet", GITHUB),
        ("https://github.com/acme/fleet.git", GITHUB),
        ("https://github.com/acme/fleet/", GITHUB),
        ("https://github.com/acme/fleet.git/", GITHUB),
        ("https://GitHub.com/Acme/Fleet.git", GITHUB),
        ("https://github.com:443/acme/fleet", GITHUB),
        ("https://github.com./acme/fleet", GITHUB),
        ("https://www.github.com/acme/fleet", GITHUB),
        ("https://bot:token@github.com/acme/fleet", GITHUB),
        ("ssh://git@github.com/acme/fleet", GITHUB),
        ("ssh://git@github.com:22/acme/fleet.git", GITHUB),
        ("ssh://git@ssh.github.com:443/acme/fleet.git", GITHUB),
        ("git@github.com:acme/fleet.git", GITHUB),
        ("github.com:Acme/Fleet", GITHUB),
        ("https://git.corp.example/acme/fleet.git", SERVER),
        ("ssh://git@git.corp.example:2222/acme/fleet", SERVER),
        ("git@git.corp.example:acme/fleet", SERVER),
        ("http://127.0.0.1:8081/acme/fleet.git", FORGE),
        ("https://corp.example/github/acme/fleet.git", BEHIND_A_PATH),
        ("https://corp.example/GitHub/acme/fleet", BEHIND_A_PATH),
    ],
)
def test_these_are_the_repository(url: str, github: str) -> None:
    assert repository_of(url, github) == FLEET


@pytest.mark.parametrize(
    ("url", "github"),
    [
        ("", GITHUB),
        ("acme/fleet", GITHUB),
        ("/acme/fleet", GITHUB),
        ("file:///acme/fleet", GITHUB),
        ("https://gitlab.com/acme/fleet", GITHUB),
        ("https://github.com.evil.example/acme/fleet", GITHUB),
        ("https://evil-github.com/acme/fleet", GITHUB),
        ("https://api.github.com/acme/fleet", GITHUB),
        ("https://github.com@evil.example/acme/fleet", GITHUB),
        ("https://evil.example#@github.com/acme/fleet", GITHUB),
        ("https://evil.example\\@github.com/acme/fleet", GITHUB),
        ("https://evil.example?@github.com/acme/fleet", GITHUB),
        ("https://github.com:8443/acme/fleet", GITHUB),
        ("https://github.com:99999/acme/fleet", GITHUB),
        ("https://github.com:x/acme/fleet", GITHUB),
        ("http://github.com/acme/fleet", GITHUB),
        ("ftp://github.com/acme/fleet", GITHUB),
        ("git://github.com/acme/fleet", GITHUB),
        ("ext::sh -c github.com/acme/fleet", GITHUB),
        ("https://github.com/fleet", GITHUB),
        ("https://github.com/acme/", GITHUB),
        ("https://github.com//acme/fleet", GITHUB),
        ("https://github.com/acme//fleet", GITHUB),
        ("https://github.com/acme/fleet/tree/main", GITHUB),
        ("https://github.com/acme/..", GITHUB),
        ("https://github.com/../fleet", GITHUB),
        ("https://github.com/acme/.git", GITHUB),
        ("https://github.com/acme/fle%65t", GITHUB),
        ("https://github.com/acme/fleet?x=1", GITHUB),
        ("https://github.com/acme/fleet#x", GITHUB),
        ("https://github.com/ac me/fleet", GITHUB),
        ("https://github.com/acme/fleet\n", GITHUB),
        ("https://github.com/acme/flеet", GITHUB),  # a Cyrillic е
        ("https://gıthub.com/acme/fleet", GITHUB),  # a dotless ı
        ("https://[github.com/acme/fleet", GITHUB),
        ("git@github.com:/acme/fleet", GITHUB),
        ("git@evil.example:github.com/acme", GITHUB),
        ("git@github.com:8022:acme/fleet", GITHUB),
        ("-oProxyCommand=x@github.com:acme/fleet", GITHUB),
        ("https://127.0.0.1:8081/acme/fleet", FORGE),
        ("http://127.0.0.1:8082/acme/fleet", FORGE),
        ("http://127.0.0.1/acme/fleet", FORGE),
        ("http://localhost:8081/acme/fleet", FORGE),
        ("https://corp.example/acme/fleet", BEHIND_A_PATH),
        ("https://corp.example/githubx/acme/fleet", BEHIND_A_PATH),
    ],
)
def test_these_are_not(url: str, github: str) -> None:
    assert repository_of(url, github) is None
