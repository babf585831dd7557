# SPDX-License-Identifier: Apache-2.0
"""What the client reads from a real registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.registry.admin import Registry
from sandbox.registry.images import image
from tests.fixtures.registry import Image, running_registry
from tests.workers.registry.conftest import Open
from workers.registry import NotThere, RegistryError


def test_tags_and_digests_are_those_that_were_pushed(registry: Registry, open_: Open) -> None:
    first = registry.push("client/tags", "1.0.0")
    second = registry.push("client/tags", "1.1.0")
    found = open_(Image(registry.host, "client/tags"))
    assert found.tags() == ["1.0.0", "1.1.0"]
    assert [found.digest(tag) for tag in ("1.0.0", "1.1.0")] == [first.digest, second.digest]
    assert found.manifest("1.0.0").digest == first.digest
    assert found.manifest(second.digest).digest == second.digest


def test_what_was_deleted_is_gone(registry: Registry, open_: Open) -> None:
    registry.push("client/deleted", "1.0.0")
    registry.push("client/deleted", "2.0.0")
    found = open_(Image(registry.host, "client/deleted"))
    assert found.tags() == ["1.0.0", "2.0.0"]
    registry.delete("client/deleted", "1.0.0")
    assert found.tags() == ["2.0.0"]
    with pytest.raises(
        NotThere, match=r"cannot read the digest of 1\.0\.0: not found, 404: check spec.image"
    ):
        found.digest("1.0.0")


def test_a_tag_that_was_moved_has_another_digest(registry: Registry, open_: Open) -> None:
    registry.push("client/moved", "latest", version="1")
    found = open_(Image(registry.host, "client/moved"))
    before = found.manifest("latest").digest
    pushed = registry.push("client/moved", "latest", version="2")
    assert found.digest("latest") == found.manifest("latest").digest == pushed.digest != before


def test_labels_say_where_an_image_is_from(registry: Registry, open_: Open) -> None:
    pushed = registry.push(
        "client/labels",
        "1.4.0",
        source="https://github.com/acme/web",
        revision="0123abc",
        created="2026-05-01T10:00:00Z",
    )
    facts = open_(Image(registry.host, "client/labels")).facts("1.4.0")
    assert (facts.digest, facts.platform) == (pushed.digest, "linux/amd64")
    assert facts.created == "2026-05-01T10:00:00Z"
    assert facts.labels == {
        "org.opencontainers.image.source": "https://github.com/acme/web",
        "org.opencontainers.image.revision": "0123abc",
        "org.opencontainers.image.version": "1.4.0",
        "org.opencontainers.image.created": "2026-05-01T10:00:00Z",
    }


def test_of_an_image_for_several_platforms_one_speaks(registry: Registry, open_: Open) -> None:
    images = [
        image(platform=platform, labels={"platform": platform})
        for platform in ("unknown/unknown", "linux/arm64", "linux/amd64")
    ]
    pushed = registry.push_index("client/index", "1.0.0", images)
    facts = open_(Image(registry.host, "client/index")).facts("1.0.0")
    assert (facts.digest, facts.platform) == (pushed, "linux/amd64")
    assert facts.labels["platform"] == "linux/amd64"


def test_ten_thousand_tags_are_listed_page_by_page(tmp_path: Path, open_: Open) -> None:
    with running_registry(tmp_path, "--max-tags", "700") as small_pages:
        pushed = small_pages.push("client/many", "0.0.0")
        names = [f"1.{number}.0" for number in range(10_000)]
        small_pages.tag_many("client/many", pushed.digest, names)
        assert open_(Image(small_pages.host, "client/many")).tags() == sorted([*names, "0.0.0"])


def test_a_repository_that_is_not_there_is_named(registry: Registry, open_: Open) -> None:
    message = (
        rf"registry {registry.host}, client/none: cannot list the tags: not found, NAME_UNKNOWN: .* \(404\)"
    )
    with pytest.raises(NotThere, match=message):
        open_(Image(registry.host, "client/none")).tags()


def test_a_registry_answers_to_a_ping(registry: Registry, open_: Open) -> None:
    open_(Image(registry.host, "client/ping")).ping()


@pytest.mark.parametrize("reference", ["../../other/manifests/x", "a b", "", "sha256:short", "x?n=1"])
def test_what_is_no_reference_is_not_asked_for(registry: Registry, open_: Open, reference: str) -> None:
    with pytest.raises(RegistryError, match="is neither a tag nor a digest"):
        open_(Image(registry.host, "client/tags")).digest(reference)
