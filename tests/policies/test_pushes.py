# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies import pushes
from policies.objects import Object
from tests.policies.made import git_repository

MAIN, TAG = "refs/heads/main", "refs/tags/v1.2.3"


@pytest.mark.parametrize(
    ("wanted", "ref", "expected"),
    [
        pytest.param({"branch": "main"}, MAIN, True, id="its-branch"),
        pytest.param({"branch": "main"}, "refs/heads/mainline", False, id="a-longer-branch"),
        pytest.param({"branch": "main"}, "refs/heads/feature/main", False, id="a-branch-below"),
        pytest.param({"branch": "main"}, "refs/tags/main", False, id="a-tag-of-that-name"),
        pytest.param(None, "refs/heads/master", True, id="master-by-default"),
        pytest.param(None, MAIN, False, id="not-main-by-default"),
        pytest.param({}, "refs/heads/master", True, id="an-empty-ref-is-the-default"),
        pytest.param({"tag": "v1.2.3"}, TAG, True, id="its-tag"),
        pytest.param({"tag": "v1.2.4"}, TAG, False, id="another-tag"),
        pytest.param({"tag": "v1.2.3"}, "refs/heads/v1.2.3", False, id="a-branch-named-as-its-tag"),
        pytest.param({"semver": ">=1.0.0"}, TAG, True, id="any-tag-for-a-range"),
        pytest.param({"semver": ">=1.0.0"}, MAIN, False, id="no-branch-for-a-range"),
        pytest.param({"name": "refs/pull/4/head"}, "refs/pull/4/head", True, id="its-full-name"),
        pytest.param({"name": MAIN}, "refs/heads/other", False, id="another-name"),
        pytest.param({"commit": "3f2a91c", "branch": "main"}, MAIN, False, id="a-commit-never-moves"),
        pytest.param({"name": "refs/heads/next", "branch": "main"}, MAIN, False, id="name-before-branch"),
        pytest.param({"name": MAIN, "semver": "*", "tag": "x"}, MAIN, True, id="name-before-the-rest"),
        pytest.param({"tag": "v2", "semver": "*"}, TAG, False, id="tag-before-range-as-flux's-git-does"),
        pytest.param({"semver": "*", "branch": "main"}, MAIN, False, id="range-before-branch"),
    ],
)
def test_which_pushes_a_source_follows(wanted: dict[str, Any] | None, ref: str, expected: bool) -> None:
    assert pushes.follows({"spec": {"ref": wanted}}, ref) is expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("https://github.com/acme/fleet", True, id="its-url"),
        pytest.param("https://github.com/Acme/Fleet.git", True, id="in-any-case-with-suffix"),
        pytest.param("https://github.com/acme/fleet-infra", False, id="a-longer-name"),
        pytest.param("https://gitlab.com/acme/fleet", False, id="another-host"),
        pytest.param("", False, id="no-url"),
    ],
)
def test_which_urls_are_the_repository(url: str, expected: bool) -> None:
    source = {"spec": {"url": url} if url else {}}
    assert pushes.points_to(source, "ACME/fleet", "https://github.com") is expected


def source(name: str, **spec: Any) -> Object:
    return git_repository(metadata={"name": name}, spec={"ref": {"branch": "main"}, **spec})


def test_a_push_concerns_every_source_of_its_repository_and_ref_but_suspended_ones() -> None:
    found = pushes.concerned(
        [
            source("one"),
            source("two", url="https://github.com/acme/other"),
            source("three", ref={"branch": "next"}),
            source("four", suspend=True),
            source("five", url="https://github.com/ACME/fleet.git"),
        ],
        repository="acme/fleet",
        ref=MAIN,
        github_url="https://github.com",
    )
    assert [one["metadata"]["name"] for one in found] == ["one", "five"]
