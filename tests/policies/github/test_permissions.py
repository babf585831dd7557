# SPDX-License-Identifier: Apache-2.0
"""What an installation lacks of what the App asks for."""

from __future__ import annotations

import pytest

from policies.github.permissions import PERMISSIONS, Permission, asked, lacking


def test_who_was_given_all_lacks_nothing() -> None:
    assert lacking(asked(), of_organization=True) == {}
    more = dict.fromkeys(asked(), "admin")
    assert lacking(more, of_organization=True) == {}


@pytest.mark.parametrize("one", PERMISSIONS, ids=lambda one: one.name)
def test_each_is_named_with_its_access_and_what_needs_it(one: Permission) -> None:
    granted = {name: access for name, access in asked().items() if name != one.name}
    named = {f"{one.name}: {one.access}": one.needed_by}
    assert lacking(granted, of_organization=True) == named
    assert lacking(granted, of_organization=False) == ({} if one.of_organization else named)


@pytest.mark.parametrize(
    ("level", "names"), [("read", ["contents: write"]), ("write", []), (None, ["contents: write"])]
)
def test_reading_is_not_writing(level: str | None, names: list[str]) -> None:
    granted = {**asked(), "contents": level or "none"}
    assert list(lacking(granted, of_organization=True)) == names


def test_writing_is_reading() -> None:
    assert lacking({**asked(), "issues": "write"}, of_organization=True) == {}
