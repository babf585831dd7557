# SPDX-License-Identifier: Apache-2.0
"""Comments that are written to break the reader: none does, and none takes long."""

from __future__ import annotations

import random
import time
from collections import Counter
from html.parser import HTMLParser

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options

from policies.orders.grammar import MOST, Mistake, Reading, Written, read
from policies.orders.paragraphs import LONGEST
from policies.orders.registry import COMMANDS
from policies.surface.mistakes import mistake, near_miss
from policies.surface.orders import nothing_waits
from tests.policies.surface import hostile
from tests.policies.surface.rendered import page

_ORDERS = [f"/{command.name}" for command in COMMANDS] + [
    "/fairway",
    "/fairway lock prod",
    "/lock prod",
    '/lock prod reason="a b"',
    '/lock prod reason="',
    "/rollback prod sha=a1b2c3d",
    "/hlep",
    "/lock environment=",
    "/merge",
]
_PIECES = [
    "[",
    "]",
    "![",
    "[a](",
    "![[]()",
    ">",
    "> ",
    "- ",
    "- a\n",
    "1. ",
    "*",
    "a**b",
    "**x __y ",
    "_a",
    "*a **a ",
    "~~a ",
    "<",
    "<!--",
    "x <!-- ",
    "x <a ",
    "x <?",
    "x <!A ",
    "x <![CDATA[",
    "&",
    "\\",
    "[a]: b\n",
    "[a",
    '[a]: b "\n',
    "a|",
    "|\n",
    "/help\n",
    "/help\n\n",
    " ",
    "\n",
    "x\n",
    "\t",
    "---\n",
    "`",
    "`a``",
    "```\n",
    "<div>\n",
    "<a@b",
    "[ x\n",
    "[](",
    "](",
    "*[",
    "[\n",
    "\0",
    "/help `\n",
    "/help <b>\n",
    "/help [\n",
    "<b",
    "[^a]: b\n",
    '/lock a="',
    "\\\n/x",
    "<!-- x -->",
    "<!-- x -->\n",
    "/help *a\n",
    "</b>",
]


def comments(number: int, seed: int = 20261128) -> list[str]:
    """Return comments of orders and what is hostile to Markdown; the same for the same seed."""
    chance = random.Random(seed)
    strings = list(hostile.strings(2_000))
    ends = ["\n", "\n\n", "\r\n", " ", "", "\n> ", "\n- ", "\n    ", "\n  "]
    return [
        "".join(
            chance.choice(_ORDERS if chance.random() < 0.4 else strings) + chance.choice(ends)
            for _ in range(chance.randint(1, 8))
        )
        for _ in range(number)
    ]


# The two parsers do not agree on what is a heading or a table; what somebody writes there is no less plain.
_SHOWN, _AROUND = frozenset({"p", "h1", "h2", "th", "td"}), frozenset({"table", "thead", "tbody", "tr"})


class Plain(HTMLParser):
    """The text of what stands in nothing; what stands in something within them is blotted out."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("br", "hr", "img", "input"):
            self.open.append(tag)
        if tag in _SHOWN:
            self.text += "\n"

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            del self.open[len(self.open) - 1 - self.open[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        plain = self.open and self.open[-1] in _SHOWN and _AROUND.issuperset(self.open[:-1])
        self.text += data if plain else "x" if _SHOWN.intersection(self.open) else "\n"


def plain_words(body: str) -> list[str]:
    """Return the first word of each line that GitHub's own parser shows as plain text of a paragraph."""
    options = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES
    read = Plain()
    read.feed(cmarkgfm.github_flavored_markdown_to_html(body.encode("utf-8", "replace").decode(), options))
    read.close()
    return [line.split()[0] for line in read.text.split("\n") if line.split()]


def test_ten_thousand_hostile_comments_are_read() -> None:
    kinds = {"orders": 0, "mistakes": 0, "misses": 0, "nothing": 0}
    for body in comments(10_000):
        reading = read(body)
        lines = body.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for order in reading.orders:
            # Whatever is taken for an order stands in the comment as it is quoted, first in its line.
            assert lines[order.line - 1].strip(" \t").startswith(order.text), repr(body)
            assert order.text.startswith("/"), repr(body)
        assert len(reading.orders) <= MOST
        words = Counter(order.text.split()[0] for order in reading.orders)
        assert words <= Counter(plain_words(body)), repr(body)
        kinds["orders"] += any(isinstance(order, Written) for order in reading.orders)
        kinds["mistakes"] += any(isinstance(order, Mistake) for order in reading.orders)
        kinds["misses"] += reading.near_miss is not None
        kinds["nothing"] += not reading.speaks_to_us
    # All of it has to come up, or the test says nothing.
    assert min(kinds.values()) > 10, kinds


@pytest.mark.parametrize("piece", _PIECES, ids=repr)
@pytest.mark.parametrize("order", ["/help\n", "\n\n/help", "\n/help\n"], ids=["before", "after", "within"])
def test_no_comment_of_the_largest_size_takes_long(piece: str, order: str) -> None:
    filling = piece * (LONGEST // len(piece))
    room = LONGEST - len(order)
    where = {0: 0, 1: room}.get(["/help\n", "\n\n/help", "\n/help\n"].index(order), room // 2)
    body = filling[:where] + order + filling[where:room]
    began = time.process_time()
    read(body)
    # A second on a slow machine; what is not linear takes minutes.
    assert time.process_time() - began < 5


def test_depth_is_no_error() -> None:
    for body in ("> " * 30_000 + "/help", "\n".join("  " * n + "- a" for n in range(250)) + "\n/help"):
        assert read(body).orders == ()


def test_no_answer_to_a_hostile_comment_does_anything() -> None:
    seen = 0
    for body in comments(10_000, seed=7):
        reading = read(body)
        answers = [mistake(order) for order in reading.orders if isinstance(order, Mistake)]
        answers += [nothing_waits(order.text) for order in reading.orders if isinstance(order, Written)]
        answers += [near_miss(reading.near_miss)] if reading.near_miss else []
        for answer in answers:
            seen += 1
            shown = page(answer)
            assert (shown.tags, shown.links, shown.found) == (["p", "/p"], [], {}), (body, answer)
            assert read(answer) == Reading(), (body, answer)
    assert seen > 3_000
