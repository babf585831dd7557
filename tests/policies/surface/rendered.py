# SPDX-License-Identifier: Apache-2.0
"""What GitHub makes of Markdown: its own parser, then what its filters look for in the text that results."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options

# GitHub's filters walk the text of the rendered HTML and leave these alone.
LEFT_ALONE = frozenset({"code", "pre", "a", "style", "script"})
FILTERS = {
    "mention": re.compile(r"@[a-z0-9]", re.IGNORECASE),
    "reference": re.compile(r"#[0-9]|\bGH-[0-9]|\bGHSA-|\bCVE-[0-9]", re.IGNORECASE),
    "commit": re.compile(r"(?<![0-9a-z])[0-9a-f]{7,40}(?![0-9a-z])", re.IGNORECASE),
    "address": re.compile(r"://|www\.|mailto:", re.IGNORECASE),
    # The minutes of 11:00:07 are none.
    "emoji": re.compile(r":(?![0-5][0-9]:[0-5][0-9]\b)[a-z0-9+_-]+:", re.IGNORECASE),
    "formula": re.compile(r"\$"),
}


@dataclass
class Page(HTMLParser):
    """Tags in order (without code, which hostile text may become), text, and what filters would find."""

    tags: list[str] = field(default_factory=list)
    text: str = ""
    loose: list[str] = field(default_factory=list)  # text that filters would look at
    links: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("br", "hr", "img", "input"):
            self._open.append(tag)
        if tag == "a":
            self.links.append(dict(attrs).get("href") or "")
        if tag != "code":
            self.tags.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag != "code":
            self.tags.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.tags.append("!--")

    def handle_data(self, data: str) -> None:
        self.text += data
        if not LEFT_ALONE.intersection(self._open):
            self.loose.append(data)

    @property
    def found(self) -> dict[str, str]:
        """What GitHub would act on: the filter's name and the text."""
        return {
            name: text for name, pattern in FILTERS.items() for text in self.loose if pattern.search(text)
        }


def page(markdown: str) -> Page:
    """Render as GitHub does comments, with raw HTML let through so that it shows."""
    options = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES
    html = cmarkgfm.github_flavored_markdown_to_html(markdown, options)
    read = Page()
    read.feed(html)
    read.close()
    return read
