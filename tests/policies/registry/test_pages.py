# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from policies.registry import pages
from policies.registry.pages import Listing, Nonsense, next_page, tags_of

URL = "https://ghcr.io/v2/acme/web/tags/list?n=2"


@pytest.mark.parametrize(
    ("links", "found"),
    [
        ("", None),
        (
            '</v2/acme/web/tags/list?last=b&n=2>; rel="next"',
            "https://ghcr.io/v2/acme/web/tags/list?last=b&n=2",
        ),
        ("<?last=b>; rel=next", "https://ghcr.io/v2/acme/web/tags/list?last=b"),
        ("<https://ghcr.io/next>;rel=next", "https://ghcr.io/next"),
        ('</first>; rel="first", </second>; rel="next"', "https://ghcr.io/second"),
        ('</a>; title="x; y"; rel="next"', "https://ghcr.io/a"),
        ("</a>", "https://ghcr.io/a"),  # some leave out what it is
        ('</a>; rel="prev"', None),
        ("nonsense", None),
        ("<", None),
    ],
)
def test_the_next_page_is_found(links: str, found: str | None) -> None:
    assert next_page(URL, links) == found


@pytest.mark.parametrize(
    "target", ["https://evil.com/v2/", "http://ghcr.io/v2/", "https://ghcr.io:444/", "//evil.com/"]
)
def test_a_next_page_elsewhere_is_refused(target: str) -> None:
    with pytest.raises(Nonsense, match="which is another place"):
        next_page(URL, f'<{target}>; rel="next"')


@pytest.mark.parametrize(
    ("page", "found"),
    [({"tags": ["a", "b"]}, ["a", "b"]), ({"tags": []}, []), ({"tags": None}, [])],
)
def test_tags_are_read(page: object, found: list[str]) -> None:
    assert tags_of(page) == found


@pytest.mark.parametrize(
    "page", [None, [], "x", {}, {"tags": {}}, {"tags": "x"}, {"tags": [None]}, {"tags": ["-x"]}]
)
def test_what_is_no_list_is_refused(page: object) -> None:
    with pytest.raises(Nonsense):
        tags_of(page)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_TAGS", 5)
    monkeypatch.setattr(pages, "MOST_PAGES", 3)


def test_each_tag_is_listed_once_in_its_order(small: None) -> None:
    listing = Listing()
    listing.add("1", ["b", "a"], "2")
    listing.add("2", ["a", "c"], None)
    assert list(listing.tags) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([("1", "a", "1")], "goes round in a circle after 1 pages"),
        ([("1", "a", "2"), ("2", "b", "1")], "goes round in a circle after 2 pages"),
        ([("1", "a", "2"), ("2", "a", "3")], "page 2 of its list has no new tag"),
        ([("1", "", "2")], "page 1 of its list has no new tag"),
        ([("1", "abcdef", None)], "more than 5 tags"),
        ([("1", "a", "2"), ("2", "b", "3"), ("3", "c", "4")], "more than 3 pages"),
    ],
)
def test_a_list_has_to_end(small: None, steps: list[tuple[str, str, str | None]], problem: str) -> None:
    listing = Listing()
    for url, found, following in steps[:-1]:
        listing.add(url, found, following)
    with pytest.raises(Nonsense, match=problem):
        listing.add(*steps[-1])
