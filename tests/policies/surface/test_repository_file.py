# SPDX-License-Identifier: Apache-2.0
"""The check of `.fairway.yaml`, as people see it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from policies.repofile import Narrowed, Problem, Span, narrow, read
from policies.repofile.problem import MOST
from policies.surface.check import MOST_ANNOTATIONS, Annotation, Check
from policies.surface.repository_file import annotated, check, removed, title
from policies.tenancy import Environment, Grant, Tenant
from tests.policies.surface import hostile
from tests.policies.surface.rendered import page

TENANT = Tenant((Grant(frozenset({"apps"}), environments=(Environment("prod", frozenset({"apps"}), True),)),))
FINE = "version: 1\norders: {hold: off}\n"
IN_VAIN = (
    "version: 1\norders:\n  retry: {roles: [read], users: [alice]}\npullRequests:\n  images: {limit: 3}\n"
)
TOO_FAR = "version: 1\nenvironments:\n  prod:\n    namespaces: [apps, kube-system]\n    protected: off\n"
UNREADABLE = (
    "version: 1\nenviroments:\n  prod: {}\norders:\n  promote:\n    teams: [release]\n"
    "  retry: maybe\n  'see #1 @octocat': off\n"
)


def checked(text: str) -> Check:
    return check(narrow(TENANT, read(text.encode()), owner="acme", cluster="eu"), "main")


def as_text(found: Check) -> str:
    """The whole check, readable as one file."""
    lines = [
        f"{a.path}:{a.start_line}-{a.end_line} {a.level} [{a.title}] {a.message}" for a in found.annotations
    ]
    return "\n".join([f"{found.conclusion}: {found.title}", "", found.summary, *lines]).rstrip()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("fine", checked(FINE)),
        ("in_vain", checked(IN_VAIN)),
        ("too_far", checked(TOO_FAR)),
        ("unreadable", checked(UNREADABLE)),
        ("no_yaml", checked("version: 1\norders: [\n")),
    ],
)
def test_what_the_check_says(name: str, found: Check, golden: Callable[[str, str], None]) -> None:
    golden(f"repository_file.check.{name}", as_text(found))
    assert not page(found.summary).found


def test_what_is_said_where_the_file_is_removed(golden: Callable[[str, str], None]) -> None:
    golden("repository_file.removed", as_text(removed("main")))


def test_an_annotation_is_at_the_lines_of_what_it_is_about() -> None:
    [first, second] = checked(TOO_FAR).annotations
    assert (first.path, first.start_line, first.end_line, first.level) == (".fairway.yaml", 4, 4, "failure")
    assert isinstance(second, Annotation)
    assert (second.start_line, second.title) == (5, "environments.prod.protected")


def problems(count: int, level: str = "warning") -> list[Problem]:
    return [Problem(Span(n + 1, 1, n + 1), f"k{n}", "it is so", level=level) for n in range(count)]  # type: ignore[arg-type]


def test_where_there_are_too_many_the_failures_are_shown_and_the_rest_is_counted() -> None:
    many = [*problems(MOST - 1), *problems(1, "failure")]
    assert title(many) == "1 failure, 99 warnings, and more"
    assert title(many[1:]) == "1 failure, 98 warnings"
    shown = annotated(many)
    assert len(shown) == MOST_ANNOTATIONS
    assert shown[0].level == "failure"
    assert check(Narrowed(TENANT, problems=tuple(many)), "main").summary.endswith("\n| | | | and more |\n")


def test_no_text_of_the_file_acts_in_the_check() -> None:
    for text in hostile.strings(2000):
        one = Problem(Span(), text, f"it is {text!r}: {text}", text)
        found = check(Narrowed(TENANT, problems=(one,), unreadable=one), text)
        read_back = page(found.summary)
        assert read_back.found == {}, text
        assert set(read_back.tags) <= {
            f"{end}{tag}" for tag in ("p", "table", "thead", "tbody", "tr", "th", "td") for end in ("", "/")
        }, text
        [annotation] = found.annotations
        assert "\n" not in annotation.title + annotation.message
        assert len(annotation.title) <= 255
