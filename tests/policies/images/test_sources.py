# SPDX-License-Identifier: Apache-2.0
"""Where an image's label leads, and who may read what is said there."""

from __future__ import annotations

from typing import Literal

import pytest

from policies.images.sources import address, may_be_told, repository, tags

GITHUB = "https://github.com"


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("https://github.com/Acme/web", "acme/web"),
        ("https://github.com/acme/web.git", "acme/web"),
        ("https://github.com/acme/web/tree/main/images/web", "acme/web"),
        ("git+https://github.com/acme/web", "acme/web"),
        ("git@github.com:acme/web.git", "acme/web"),
        ("https://github.com/acme", ""),
        ("https://github.com.evil.example/acme/web", ""),
        ("http://github.com/acme/web", ""),
        ("https://gitlab.com/acme/web", ""),
        ("", ""),
    ],
)
def test_which_repository_is_meant(source: str, wanted: str) -> None:
    assert repository(source, GITHUB) == wanted


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("https://gitlab.com/acme/web", True),
        ("javascript:alert(1)", False),
        ("https://user:password@example.com/x", False),
        ("https://example.com/" + "x" * 300, False),
        ("https://exämple.com", False),
        ("https://example.com/\n", False),
    ],
)
def test_which_address_can_be_linked(source: str, wanted: bool) -> None:
    assert bool(address(source)) is wanted


@pytest.mark.parametrize(
    ("source", "private", "to_private", "tenancy", "told"),
    [
        ("other/web", False, True, "strict", True),
        ("other/web", False, False, "strict", True),
        ("acme/fleet", True, True, "strict", True),
        ("acme/web", True, True, "strict", False),
        ("acme/web", True, True, "single", True),
        ("acme/web", True, False, "single", False),
        ("other/web", True, True, "single", False),
    ],
)
def test_who_may_read_of_a_release(
    source: str, private: bool, to_private: bool, tenancy: Literal["single", "strict"], told: bool
) -> None:
    found = may_be_told(source, private=private, to="Acme/fleet", to_private=to_private, tenancy=tenancy)
    assert found is told


def test_what_a_release_may_be_called() -> None:
    assert tags("1.2.3") == ("1.2.3", "v1.2.3")
    assert tags("v1.2.3") == ("v1.2.3", "1.2.3")
