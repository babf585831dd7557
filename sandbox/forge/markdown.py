# SPDX-License-Identifier: Apache-2.0
"""Markdown as GitHub shows it: its own parser, then only the HTML that it lets through."""

from __future__ import annotations

import re

import cmarkgfm
import nh3
from cmarkgfm.cmark import Options
from markupsafe import Markup

_OPTIONS = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_HARDBREAKS | Options.CMARK_OPT_GITHUB_PRE_LANG
_TAGS = {
    "a", "b", "blockquote", "br", "code", "del", "details", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "i", "input", "ins", "kbd", "li", "ol", "p", "pre", "q", "s", "samp", "strong", "sub", "summary",
    "sup", "table", "tbody", "td", "th", "thead", "tr", "ul", "var",
}  # fmt: skip
# Pictures are left out: nothing on a page is loaded from elsewhere.
_ATTRIBUTES = {
    "a": {"href", "title"},
    "details": {"open"},
    "div": {"align"},
    "input": {"checked", "disabled"},
    "ol": {"start"},
    "p": {"align"},
    "pre": {"lang"},
    "td": {"align"},
    "th": {"align"},
}
_DIFF = re.compile(r'(<pre lang="diff"><code>)(.*?)(</code></pre>)', re.DOTALL)
_KINDS = {"+": "added", "-": "removed", "@": "hunk"}


def render(text: str | None) -> Markup:
    """Return HTML that can stand in a page whoever wrote the text."""
    parsed = cmarkgfm.github_flavored_markdown_to_html(text or "", _OPTIONS)
    cleaned = nh3.clean(
        parsed,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        tag_attribute_values={"input": {"type": {"checkbox"}}},
        set_tag_attribute_values={"input": {"disabled": ""}},
    )
    # It was cleaned a line above, and what is added here are spans of ours.
    return Markup(_DIFF.sub(_coloured, cleaned))  # noqa: S704


def _coloured(found: re.Match[str]) -> str:
    lines = [
        f'<span class="{_KINDS[line[0]]}">{line}</span>' if line[:1] in _KINDS else f"<span>{line}</span>"
        for line in found[2].removesuffix("\n").split("\n")
    ]
    return found[1] + "".join(lines) + found[3]
