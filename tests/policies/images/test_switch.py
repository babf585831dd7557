# SPDX-License-Identifier: Apache-2.0
"""Who switches pull requests for images on, and what a spec cannot say together with that."""

from __future__ import annotations

from typing import Any

import pytest

from policies.errors import FairwayError
from policies.images.automation import destination
from policies.images.switch import (
    ANNOTATION,
    PROPOSING,
    asked,
    is_marked,
    mark,
    not_known,
    refuse_contradictions,
    settings,
)
from policies.kinds import ImageUpdateAutomation
from policies.reference import choose
from policies.repofile import Problem, Span
from policies.repofile.model import Images

FILE = Images(limit=3)
BROKEN = Problem(Span(), "orders", "it is a list", "write a mapping")


@pytest.mark.parametrize(
    ("said", "file", "wanted"),
    [
        ("enabled", None, Images()),
        ("enabled", FILE, FILE),
        ("", FILE, FILE),
        ("", None, None),
        ("disabled", FILE, None),
        ("disabled", None, None),
    ],
)
def test_who_switches_it_on(said: str, file: Images | None, wanted: Images | None) -> None:
    assert settings(asked({ANNOTATION: said} if said else {}), file, None) == wanted


@pytest.mark.parametrize("said", [True, None])
def test_a_file_that_cannot_be_read_decides_nothing(said: bool | None) -> None:
    with pytest.raises(FairwayError, match="is not known: orders: it is a list") as raised:
        settings(said, None, BROKEN)
    assert f"{ANNOTATION}: disabled" in raised.value.remedy
    assert settings(False, None, BROKEN) is None


@pytest.mark.parametrize("word", ["on", "true", "Enabled", " enabled", "x" * 100])
def test_another_word_is_refused(word: str) -> None:
    with pytest.raises(FairwayError, match="which means nothing"):
        asked({ANNOTATION: word})


@pytest.mark.parametrize(
    ("git", "field"),
    [
        ({}, ""),
        ({"push": {"branch": "main"}}, ""),
        ({"commit": {"messageTemplate": "x"}}, ""),
        ({"push": {"branch": "auto"}}, "spec.git.push.branch"),
        ({"push": {"refspec": "main:refs/heads/x"}}, "spec.git.push.refspec"),
        ({"push": {"options": {"a": "b"}}}, "spec.git.push.options"),
        ({"commit": {"signingKey": {"secretRef": {"name": "x"}}}}, "spec.git.commit.signingKey"),
        ({"checkout": {"ref": {"tag": "v1"}}, "push": {"branch": "main"}}, "spec.git.checkout.ref.branch"),
        ({"checkout": {"ref": {"branch": "main", "commit": "a" * 40}}}, "spec.git.checkout.ref.branch"),
    ],
)
def test_what_contradicts_a_pull_request(git: dict[str, Any], field: str) -> None:
    commit = {"author": {"email": "bot@example.com"}, **git.get("commit", {})}
    spec = {"interval": "1h", "sourceRef": {"kind": "GitRepository", "name": "src"}}
    automation = ImageUpdateAutomation.read(
        {
            "metadata": {"name": "auto", "namespace": "apps"},
            "spec": {**spec, "git": {**git, "commit": commit}},
        }
    )
    checkout = git.get("checkout", {"ref": {"branch": "main"}})["ref"]
    assert automation.spec.git is not None
    to, started = destination(automation, checkout), choose(checkout)
    if not field:
        refuse_contradictions(automation.spec.git, to, started)
        return
    with pytest.raises(FairwayError, match="images are proposed in pull requests") as raised:
        refuse_contradictions(automation.spec.git, to, started)
    assert field in raised.value.remedy


@pytest.mark.parametrize(
    ("found", "url", "marked"),
    [
        ([], "https://github.com/acme/fleet", False),
        ([{"type": "Ready", "message": mark("https://github.com/acme/fleet")}], "", False),
        ([{"type": PROPOSING, "message": mark("https://github.com/acme/fleet")}], "", True),
        (
            [{"type": PROPOSING, "message": mark("https://github.com/acme/fleet")}],
            "https://github.com/acme/fleet",
            True,
        ),
        (
            [{"type": PROPOSING, "message": mark("https://github.com/acme/fleet")}],
            "https://example.com/fleet",
            False,
        ),
    ],
)
def test_that_it_proposed_is_remembered_of_an_address(
    found: list[dict[str, str]], url: str, marked: bool
) -> None:
    assert is_marked(found, url) is marked


def test_what_is_not_known_says_what_to_do() -> None:
    error = not_known("acme/fleet is gone")
    assert "is not known: acme/fleet is gone; nothing is pushed" in error.message
    assert f"{ANNOTATION}: disabled" in error.remedy
