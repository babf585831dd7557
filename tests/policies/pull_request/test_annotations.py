# SPDX-License-Identifier: Apache-2.0
"""Which file and line a message blames."""

from __future__ import annotations

import time

import pytest

from policies.objects import ObjectRef
from policies.pull_request import Mark, Row
from policies.pull_request.annotations import candidates, places

REF = ObjectRef("", "v1", "Kustomization", "apps", "web")
FILES = {"app/web.yaml", "a.yaml", "app/kustomization.yaml", "app/settings.env", "own@2/x-1.yml"}


def found(message: str) -> list[tuple[str, int]]:
    return [(one.path, one.line) for one in places([Row(Mark.FAILED, REF, "", message=message)], FILES)]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("kustomize build failed: app/web.yaml:4: could not find expected ':'", [("app/web.yaml", 4)]),
        ("kustomize build failed: ./a.yaml: no such field", [("a.yaml", 1)]),
        ("Deployment/apps/web dry-run failed (Invalid, app/web.yaml): spec.replicas", [("app/web.yaml", 1)]),
        ("own@2/x-1.yml:12: bad, app/web.yaml:3", [("own@2/x-1.yml", 12), ("app/web.yaml", 3)]),
        ("app/other.yaml:4: not a file of the commit", []),
        ("see https://example.com/app/web.yaml:4", []),
        ("/etc/a.yaml:4", []),
        ("../a.yaml:4 lies outside", []),
        ("ghcr.io/acme/web:1.2", []),
        ("", []),
    ],
)
def test_the_places_that_a_message_names(message: str, expected: list[tuple[str, int]]) -> None:
    assert found(message) == expected


def test_a_place_is_told_once_for_each_object() -> None:
    row = Row(Mark.FAILED, REF, "", message="a.yaml:4: no; a.yaml:4: no")
    [place] = places([row, row], FILES)
    assert (place.title, place.message) == ("Kustomization/apps/web", row.message)
    other = Row(Mark.FAILED, ObjectRef("", "v1", "Kustomization", "apps", "api"), "", message=row.message)
    assert len(places([row, other], FILES)) == 2


def test_no_more_than_github_takes_at_once() -> None:
    rows = [
        Row(Mark.FAILED, ObjectRef("", "v1", "Kustomization", "apps", f"n-{n}"), "", message="a.yaml")
        for n in range(80)
    ]
    assert len(places(rows, FILES)) == 50
    assert candidates(rows)
    assert not candidates([Row(Mark.FAILED, REF, "", message="nothing to see")])


@pytest.mark.parametrize(
    "text", ["a/" * 100_000, "a." * 100_000, "a" * 200_000, "a.b:" * 50_000, "./" * 99_999]
)
def test_a_hostile_message_takes_no_time(text: str) -> None:
    began = time.monotonic()
    found(text)
    assert time.monotonic() - began < 1
