# SPDX-License-Identifier: Apache-2.0
"""Other people's strings in our Markdown: what GitHub's own parser makes of them."""

from __future__ import annotations

import itertools
import re

import pytest

from policies.surface import markdown
from policies.surface.markdown import block, code, inline, link, shortened, summary
from tests.policies.surface import hostile
from tests.policies.surface.rendered import page

# Every place a string may get to; `@` stands for inline text, `%` for code, and `^` for a block.
TEMPLATE = """### Heading @ and %

| | object | state |
|---|---|---|
| ✅ | @ | **@** |
| ❌ | % | x |

Said: @ (@), **@**, %. [report](https://fairway.example/x)

- @
- [x] %

@

<details><summary>~</summary>

^

</details>

<sub>[report](https://fairway.example/x) · @</sub>
"""


def filled(text: str) -> str:
    written = {"@": inline(text) or "x", "%": code(text) or "x", "~": summary(text), "^": block(text)}
    return re.sub("[@%~^]", lambda place: written[place.group()], TEMPLATE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("Deployment apps/web: 2 of 3 ready", "Deployment apps/web: 2 of 3 ready"),
        ("two  words\nand a line\r\n", "two words and a line"),
        ("asked by @octocat, twice", "asked by `@octocat`, twice"),
        ("see #1 (or acme/fleet#2).", "see `#1` (or `acme/fleet#2`)."),
        ("GH-1 gh-1 JIRA-22 web-0", "`GH-1` `gh-1` `JIRA-22` web-0"),
        ("main@sha1:a1b2c3d", "`main@sha1:a1b2c3d`"),
        ("commit a1b2c3d of 12345 and 1234567", "commit `a1b2c3d` of 12345 and `1234567`"),
        ("pod web-7d4b9c8f6d-x2x4z", "pod `web-7d4b9c8f6d-x2x4z`"),
        ("at https://e.example/x, then", "at `https://e.example/x`, then"),
        ("www.e.example e.example", "`www.e.example` e.example"),
        ("web.yaml:100: bad", "`web.yaml:100`: bad"),
        ("web.yaml:6 did not find", "web.yaml:6 did not find"),
        ("spec.containers[web].image", "`spec.containers[web].image`"),
        ('"<none>" & *bold*', '"`<none>`" `&` `*bold*`'),
        ("${VAR} $x$", "`${VAR}` `$x$`"),
        ("a|b", "`a`&#124;`b`"),
        ("a`b", "`a`&#96;`b`"),
        ("/help me", "`/help` me"),
        ("use /help", "use `/help`"),
        ("- a list", "&#45; a list"),
        ("1. a list", "&#49;. a list"),
        ("1.5 s", "1.5 s"),
        ("a\u202eb\u200bc", "abc"),
        ("a\x00b", "`a\ufffdb`"),
    ],
)
def test_text_in_a_line(text: str, expected: str) -> None:
    assert inline(text) == expected


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("abcd efg", 6, "abcd…"),
        ("x", 0, "x"),
        ("xy", 1, "…"),
    ],
)
def test_text_is_cut_to_what_may_be_shown(text: str, limit: int, expected: str) -> None:
    assert shortened(text, limit) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb\n", "```\na\nb\n```"),
        ("```\nx\n```", "````\n```\nx\n```\n````"),
        ("a\r\n\tb  ", "```\na\n    b\n```"),
        ("/close\n  @bot merge\nx /close", "```\n\u200b/close\n  \u200b@bot merge\nx /close\n```"),
    ],
)
def test_text_in_a_block(text: str, expected: str) -> None:
    assert block(text) == expected


def test_a_block_is_cut_in_its_middle_by_whole_lines() -> None:
    text = "\n".join(f"line {number}" for number in range(1, 10))
    assert block(text, "text", limit=30) == "```text\nline 1\nline 2\n… 5 lines left out\nline 8\nline 9\n```"
    assert block("x" * 50, limit=10) == f"```\n{'x' * 9}…\n```"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://e.example/a/b?c=d#e", "[x](https://e.example/a/b?c=d#e)"),
        ("http://127.0.0.1:80/a b)(<>\n", "[x](http://127.0.0.1:80/a%20b%29%28%3C%3E%0A)"),
        ("javascript:alert(1)", "x"),
        ("/relative", "x"),
    ],
)
def test_a_link_goes_to_an_address_of_the_web_only(address: str, expected: str) -> None:
    assert link("x", address) == expected


def test_a_links_text_is_anybodys() -> None:
    assert page(link("](http://evil) @x", "https://e.example/")).links == ["https://e.example/"]


def test_the_filters_find_what_is_not_escaped() -> None:
    found = page("@octocat #1 a1b2c3d x:tada: $x$ and gopher://x y").found
    assert set(found) == {"mention", "reference", "commit", "address", "emoji", "formula"}
    assert page("https://evil.example").links == ["https://evil.example"]
    assert page("<b>x</b>").tags == ["p", "b", "/b", "/p"]


def test_nothing_gets_through() -> None:
    expected, seen = page(filled("x")), 0
    for text in hostile.strings(10_000):
        seen += 1
        read = page(filled(text))
        assert read.tags == expected.tags, repr(text)
        assert read.links == expected.links, repr(text)
        assert read.found == {}, repr(text)
        assert not re.search(r"^\s*[/@]", filled(text), re.MULTILINE), repr(text)
    assert seen == 10_000


def test_a_string_reads_as_it_was_written() -> None:
    for text in itertools.islice(hostile.strings(3_000), 3_000):
        if plain := shortened(text):
            assert page(f"x {inline(text)}").text.strip() == f"x {plain}", repr(text)
            assert page(f"x {code(text)}").text.split() == f"x {plain}".split(), repr(text)


def test_a_limit_counts_what_is_shown() -> None:
    for text in hostile.strings(2_000):
        assert len(page(f"x {inline(text, 20)}").text.strip()) <= 22, repr(text)
        lines = page(block(text, limit=40)).text
        assert len(lines) <= 40 + len("… 99999 lines left out\n") + lines.count("\u200b"), repr(text)


def test_visible_characters_are_kept() -> None:
    assert markdown.shortened("é 日本 e\u0301 ✅ →") == "é 日本 e\u0301 ✅ →"
