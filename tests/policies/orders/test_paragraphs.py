# SPDX-License-Identifier: Apache-2.0
"""Which lines of a comment are plain words of the one who wrote it."""

from __future__ import annotations

import pytest

from policies.orders.paragraphs import LONGEST, Line, slash_lines

# (what it is, comment, numbers of the lines that count)
TABLE: list[tuple[str, str, list[int]]] = [
    ("alone", "/help", [1]),
    ("three blanks before", "   /help", [1]),
    ("blanks after", "/help  \t", [1]),
    ("after a sentence", "Please:\n/help", [2]),
    ("within a paragraph", "a\n  /help\nb", [2]),
    ("deep within a paragraph", "a\n        /help", [2]),
    ("several", "/help\n/status\n\n/locks", [1, 2, 4]),
    ("Windows' lines", "a\r\n/help\r\n\r\n/status\r\n", [2, 4]),
    ("old lines", "a\r/help", [2]),
    ("after a hard break", "a\\\n/help\nb  \n/status", [2, 4]),
    ("after hard breaks and code", "`a`\\\n/help\nb  \n/status", [2, 4]),
    ("after closed code", "`a`\n/help", [2]),
    ("after a lone backtick", "it`s\n/help", [2]),
    ("after a link", "[a](b)\n/help", [2]),
    ("after a lone bracket", "a [ b\n/help", [2]),
    ("after closed emphasis", "*a* **b** ~~c~~\n/help", [2]),
    ("after a home folder", "in ~/a\n/help\nand ~ b", [2]),
    ("after a star", "2 * 3\n/help", [2]),
    ("after a comment", "<!-- a -->\n\n/help", [3]),
    ("after a comment in a line", "a <!-- b -->\n/help", [2]),
    ("after a closed element", "<details>\n\nx\n\n</details>\n\n/help", [7]),
    ("after an address", "<https://a.b> <c@d.e>\n/help", [2]),
    ("after code that looks like HTML", "Use `<details>`:\n\n/help", [3]),
    ("after bold", "<b>a</b>\n\n/help", [3]),
    ("after a picture", "<img src=x>\n\n/help", [3]),
    ("after a line of its own that holds nothing", "a<br>\n/help", [2]),
    ("after a definition", "[a]: b\n/help", [2]),
    ("after a footnote", "[^1]: a\n\n/help", [3]),
    ("after a heading", "# a\n/help", [2]),
    ("after a rule", "---\n/help", [2]),
    ("after a quote", "> a\n\n/help", [3]),
    ("after a list", "- a\n\n/help", [3]),
    ("after a form feed", "\x0c\n/help", [2]),
    ("a table begins after it", "/help\na|b\n-|-", [1]),
    ("not first in its line", "please /help", []),
    ("escaped", "\\/help", []),
    ("as an entity", "&#47;help", []),
    ("fence", "```\n/help\n```", []),
    ("fence of tildes", "~~~\n/help\n~~~", []),
    ("open fence", "```\n/help", []),
    ("indented code", "a\n\n    /help", []),
    ("tab", "\t/help", []),
    ("code", "`/help`", []),
    ("code over lines", "`a\n/help\nb`", []),
    ("code over lines after other code", "`x` ``a\n/help\nb`` c", []),
    ("quote", "> /help", []),
    ("lazy quote", "> a\n/help", []),
    ("alert", "> [!NOTE]\n> /help", []),
    ("list", "- /help", []),
    ("list's paragraph", "- a\n\n  /help", []),
    ("lazy list", "- a\n/help", []),
    ("list that ends in a definition", "- [a]: b\n/help", []),
    ("quote that ends in a definition", "> [a]: b\n/help", []),
    ("numbered list", "1. /help", []),
    ("task", "- [x] /help", []),
    ("heading", "# /help", []),
    ("heading by underline", "/help\n---", []),
    ("heading of lines", "a\n/help\n===", []),
    ("table", "/help | a\n--- | ---\n/status | b", []),
    ("head of a table of one column", "/help\n|-|", []),
    ("row without bars", "| a |\n|---|\n/help", []),
    ("comment", "<!-- /help -->", []),
    ("comment over lines", "<!--\n/help\n-->", []),
    ("comment over paragraphs", "<!--\n\n/help\n\n-->", []),
    ("open comment", "<!--\n\n/help", []),
    ("comment in a paragraph", "a <!--\n/help\n-->", []),
    ("element", "<div>\n/help\n</div>", []),
    ("fold", "<details>\n<summary>a</summary>\n\n/help\n\n</details>", []),
    ("open element after a quote", "> a\n  <b>\n\n/help", []),
    ("open element after a list", "* a\n<del>\n\n/help", []),
    ("open comment in a quote", "> <!-- a\n\n/help", []),
    ("open element", "<blockquote>\n\n/help", []),
    ("element in a paragraph", "a <b>\n/help\n</b>", []),
    ("tag over lines", 'a <b title="\n/help\n">', []),
    ("link", "[a\n/help\nb](c)", []),
    ("link's title", '[a](b "\n/help\n")', []),
    ("link by reference", "[a\n/help\nb][c]\n\n[c]: d", []),
    ("picture", "![a\n/help\nb](c)", []),
    ("definition", "[a]:\n/help", []),
    ("emphasis", "*a\n/help\nb*", []),
    ("strong", "**a\n/help\nb**", []),
    ("struck out", "~~a\n/help\nb~~", []),
    ("struck out by one tilde", "~a\n/help\nb~", []),
    ("struck out alone", "~~/help~~", []),
    ("footnote", "[^1]: a b\n/help", []),
    ("footnote of a word", "[^1]: a\n/help", []),
    ("another slash", "\uff0fhelp", []),
    ("invisible before", "\u200b/help", []),
    ("hard blank before", "\u00a0/help", []),
    ("mark before", "\ufeff/help", []),
    ("other line ends", "a\u2028/help\x0b/help\x85/help", []),
    ("nothing", "", []),
]


@pytest.mark.parametrize(("body", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_only_plain_words_count(body: str, expected: list[int]) -> None:
    assert [line.number for line in slash_lines(body)] == expected


def test_a_line_is_as_it_was_written() -> None:
    assert slash_lines(' \t /lock prod reason="*a* `b` &amp; <!-- c -->"  ') == []
    assert slash_lines('  /lock prod reason="*a* `b` &amp; <!-- c -->"  ') == [
        Line(1, '/lock prod reason="*a* `b` &amp; <!-- c -->"')
    ]


def test_a_comment_that_github_would_not_take_holds_no_order() -> None:
    body = "/help\n" + "x" * (LONGEST - 6)
    assert len(slash_lines(body)) == 1
    assert slash_lines(body + "x") == []
