# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from policies import selectors

LABELS = {"app": "web", "tier": "front", "size": "3"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("app", True),
        ("!app", False),
        ("! old", True),
        ("app=web", True),
        ("app == web", True),
        ("app=api", False),
        ("app!=api", True),
        ("old!=x", True),
        ("app in (web, api)", True),
        ("app in (api)", False),
        ("old in (x)", False),
        ("app notin (api,db)", True),
        ("app notin (web)", False),
        ("old notin (x)", True),
        ("size>2", True),
        ("size<3", False),
        ("app>2", False),
        ("app=web,tier in (front,back),!old", True),
        ("app=web,tier=back", False),
        ("example.com/part-of=", False),
    ],
)
def test_a_selector_takes_what_it_says(text: str, expected: bool) -> None:
    assert selectors.parse(text)(LABELS) is expected


@pytest.mark.parametrize("text", ["=web", "app in web", "app in (", "a b", "app=web=x", "!", "(a)"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(selectors.InvalidSelector, match="is no label selector"):
        selectors.parse(text)
