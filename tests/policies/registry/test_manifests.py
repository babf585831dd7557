# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
from typing import Any

import pytest

from policies.registry.manifests import digest_of, is_index, labels_of, speaks_for
from policies.registry.names import account_host, api_host, is_digest, is_tag
from policies.registry.pages import Nonsense


def entry(number: int, platform: Any = None) -> dict[str, Any]:
    made = {"digest": f"sha256:{number:064x}", "size": number}
    return made if platform is None else {**made, "platform": platform}


AMD, ARM = ({"os": "linux", "architecture": name} for name in ("amd64", "arm64"))
UNKNOWN = {"os": "unknown", "architecture": "unknown"}


@pytest.mark.parametrize(
    ("entries", "chosen", "platform"),
    [
        ([entry(1, ARM), entry(2, AMD)], 2, "linux/amd64"),
        ([entry(1, UNKNOWN), entry(2, ARM)], 2, "linux/arm64"),
        ([entry(1)], 1, ""),
        ([entry(1, "linux"), "nonsense"], 1, ""),
    ],
)
def test_one_image_of_an_index_speaks_for_it(entries: list[Any], chosen: int, platform: str) -> None:
    found = speaks_for({"manifests": entries})
    assert (found.digest, found.size, found.platform) == (f"sha256:{chosen:064x}", chosen, platform)


@pytest.mark.parametrize("entries", [[], None, "x", [entry(1, UNKNOWN)], [{"digest": 7, "size": 1}], [{}]])
def test_an_index_without_an_image_is_none(entries: Any) -> None:
    with pytest.raises(Nonsense):
        speaks_for({"manifests": entries})


def test_an_index_is_known_by_its_type_or_by_what_it_has() -> None:
    assert is_index({"mediaType": "application/vnd.oci.image.index.v1+json"})
    assert is_index({"manifests": []})
    assert not is_index({"mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {}})


def test_a_later_source_of_labels_counts_more_and_nonsense_nothing() -> None:
    sources = ({"a": "1", "b": "1"}, None, "x", {"b": "2", "c": 3, "d": "y" * 5000})
    assert labels_of(*sources) == {"a": "1", "b": "2"}
    assert len(labels_of({str(number): "" for number in range(1000)})) == 200


def test_a_digest_is_by_the_algorithm_of_another() -> None:
    assert digest_of(b"x") == f"sha256:{hashlib.sha256(b'x').hexdigest()}"
    longer = f"sha512:{hashlib.sha512(b'x').hexdigest()}"
    assert digest_of(b"x", like=longer) == longer


@pytest.mark.parametrize(
    ("text", "tag"),
    [("1.0.0", True), ("_x", True), ("A" * 128, True), ("A" * 129, False), ("", False), (".x", False),
     ("-x", False), ("a/b", False), ("a b", False), ("1.0.0\n", False), ("ä", False)],
)  # fmt: skip
def test_a_tag_is_known(text: str, tag: bool) -> None:
    assert is_tag(text) is tag


@pytest.mark.parametrize(
    ("text", "digest"),
    [(f"sha256:{1:064x}", True), (f"sha512:{1:0128x}", True), (f"sha256:{1:063x}", False), ("md5:1", False),
     (f"sha256:{'A' * 64}", False), (f"sha256:{1:064x}\n", False)],
)  # fmt: skip
def test_a_digest_is_known(text: str, digest: bool) -> None:
    assert is_digest(text) is digest


def test_docker_hub_is_asked_elsewhere() -> None:
    hosts = ("docker.io", "index.docker.io", "ghcr.io", "localhost:5000")
    assert [api_host(host) for host in hosts] == [
        "registry-1.docker.io", "registry-1.docker.io", "ghcr.io", "localhost:5000",
    ]  # fmt: skip


def test_a_host_has_one_account_however_it_is_written() -> None:
    assert {account_host(host) for host in ("ghcr.io", "GHCR.io", "ghcr.io:443", "ghcr.io.")} == {"ghcr.io"}
    assert account_host("docker.io") == account_host("index.docker.io") == "registry-1.docker.io"
    assert account_host("ghcr.io:5000") == "ghcr.io:5000"
