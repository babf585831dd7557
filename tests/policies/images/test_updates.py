# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from policies.images.setters import Image, Part
from policies.images.updates import Step, Update, largest, split, step, version
from tests.policies.images.made import DIGEST, change

WEB = "ghcr.io/acme/web"


@pytest.mark.parametrize(
    ("old", "part", "tag", "wanted"),
    [
        ("1.2.2", "tag", "1.2.3", "patch"),
        ("v1.2.2", "tag", "v1.2.3", "patch"),
        ("1.2.3-rc.1", "tag", "1.2.3", "patch"),
        ("1.2.3-alpine", "tag", "1.2.4-alpine", "patch"),
        ("1.2", "tag", "1.2.1", "patch"),
        ("1.1.9", "tag", "1.2.0", "minor"),
        ("0.1.0", "tag", "0.2.0", "minor"),
        ("1.9.9", "tag", "2.0.0", "major"),
        ("1", "tag", "2", "major"),
        ("1.2.3", "tag", "1.2.2", "other"),
        ("2.0.0", "tag", "1.9.9", "other"),
        ("main-1", "tag", "main-2", "other"),
        ("main-1", "tag", "1.2.3", "other"),
        ("1.2.3", "tag", "latest", "other"),
        ("", "tag", "1.2.3", "other"),
        ("1.2.3", "tag", "1.2.3", "digest"),
        ("latest", "tag", "latest", "digest"),
        (f"{WEB}:1.2.2", "image", "1.2.3", "patch"),
        (f"{WEB}:1.2.2@{DIGEST}", "image", "1.3.0", "minor"),
        (f"{WEB}:1.2.3@{DIGEST}", "image", "1.2.3", "digest"),
        (f"{WEB}@{DIGEST}", "image", "1.2.3", "other"),
        (WEB, "image", "1.2.3", "other"),
        ("ghcr.io/acme/api:1.2.2", "image", "1.2.3", "other"),
        ("ghcr.io/acme/api", "name", "1.2.3", "other"),
        (DIGEST, "digest", "1.2.3", "digest"),
    ],
)
def test_a_step_is_as_large_as_its_versions_say(old: str, part: Part, tag: str, wanted: Step) -> None:
    assert step(change(old, part), Image(WEB, tag)) == wanted


def test_an_update_is_as_large_as_its_largest_step() -> None:
    found = Update("apps:web", Image(WEB, "1.2.3"), (change("1.2.2"), change("1.1.0"), change("1.2.3")))
    assert found.step == "minor"
    assert largest(["digest", "other", "major"]) == "other"
    assert largest([]) == "digest"


def test_files_are_named_once_and_in_order() -> None:
    changes = (change("1", path="b"), change("1", path="a"), change("2", path="b"))
    assert Update("apps:web", Image(WEB, "2"), changes).paths == ("a", "b")


@pytest.mark.parametrize(
    ("reference", "wanted"),
    [
        ("web", ("web", "")),
        ("web:1", ("web", "1")),
        ("localhost:5000/web", ("localhost:5000/web", "")),
        ("localhost:5000/web:1", ("localhost:5000/web", "1")),
        (f"ghcr.io/a/b:1@{DIGEST}", ("ghcr.io/a/b", "1")),
        (f"ghcr.io/a/b@{DIGEST}", ("ghcr.io/a/b", "")),
        ("", ("", "")),
    ],
)
def test_a_reference_is_split_at_its_last_colon(reference: str, wanted: tuple[str, str]) -> None:
    assert split(reference) == wanted


def test_a_version_has_its_digest() -> None:
    assert version(Image(WEB, "1")) == "1"
    assert version(Image(WEB, "1", DIGEST)) == f"1@{DIGEST}"
