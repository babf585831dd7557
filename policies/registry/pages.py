# SPDX-License-Identifier: Apache-2.0
"""Lists of tags, page after page: what a page holds, where the next one is, and when there are too many.

A registry decides how its list goes on, so each step of it is held against what there was already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from policies.registry.names import is_tag

MOST_TAGS = 500_000
MOST_PAGES = 10_000
_LINK = re.compile(r'\s*<([^<>]*)>((?:\s*;\s*[^,;"]+(?:"[^"]*")?)*)\s*(?:,|$)')
_NEXT = re.compile(r';\s*rel\s*=\s*"?next"?\s*(?:;|$)', re.IGNORECASE)


class Nonsense(ValueError):
    """What a registry answered makes no sense; the text says why."""


@dataclass
class Listing:
    """The tags of the pages so far, in the order they came."""

    tags: dict[str, None] = field(default_factory=dict)
    pages: set[str] = field(default_factory=set)

    def add(self, url: str, found: Iterable[str], next_url: str | None) -> None:
        """Take a page from a URL; raises Nonsense when the list cannot end, or is longer than any is."""
        before = len(self.tags)
        self.tags.update(dict.fromkeys(found))
        self.pages.add(url)
        if len(self.tags) > MOST_TAGS:
            raise Nonsense(f"its list has more than {MOST_TAGS} tags")
        if next_url is None:
            return
        if next_url in self.pages:
            raise Nonsense(f"its list of tags goes round in a circle after {len(self.pages)} pages")
        if len(self.tags) == before:
            raise Nonsense(f"page {len(self.pages)} of its list has no new tag, and yet a next page")
        if len(self.pages) >= MOST_PAGES:
            raise Nonsense(f"its list of tags has more than {MOST_PAGES} pages")


def tags_of(page: Any) -> list[str]:
    """Return the tags of a page's JSON; raises Nonsense."""
    if not isinstance(page, dict) or "tags" not in page:
        raise Nonsense("what it answers is no list of tags")
    tags = page["tags"]
    if tags is None:
        return []  # as registries written in Go say that there are none
    if not isinstance(tags, list):
        raise Nonsense("what it answers is no list of tags")
    for tag in tags:
        if not isinstance(tag, str) or not is_tag(tag):
            raise Nonsense(f"{str(tag)[:40]!r} in its list cannot be a tag")
    return tags


def next_page(url: str, links: str) -> str | None:
    """Return the URL of the page after the one at `url`, by its Link header; None when it was the last.

    Raises Nonsense for a page on another host: it would be handed the credentials.
    """
    for link in _LINK.finditer(links):
        target, parameters = link.groups()
        # Some registries leave out what the link is to: a list has only one that matters.
        if _NEXT.search(parameters) or not parameters:
            found = str(urljoin(url, target))
            if _place(found) != _place(url):
                raise Nonsense(
                    f"the next page of its list would be at {_place(found)}, which is another place"
                )
            return found
    return None


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
