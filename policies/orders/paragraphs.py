# SPDX-License-Identifier: Apache-2.0
"""The lines of a comment in which somebody speaks in plain words.

Such a line is one of a paragraph that stands by itself: in no list, quote, table, footnote or HTML element,
and no heading. It does not begin inside of anything that began on a line before it: code, a link, an image,
emphasis, an HTML comment. So nothing that somebody quotes, shows, hides or strikes out is taken for an order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.escape import escape
from markdown_it.rules_inline.newline import newline
from markdown_it.token import Token

Rule = Callable[[StateInline, bool], bool]
LONGEST = 65_536  # characters of a comment, GitHub's own limit
_MARK = "/"
_BLANK = " \t"
_AT = "at"
_SPANS = re.compile(r"[`*_~<\[]")  # what begins something that may end on another line
_CONTAINERS = frozenset({"bullet_list_close", "ordered_list_close", "blockquote_close"})
_FOOTNOTE = re.compile(r" {0,3}\[\^[^\]\s]+\]:")
# One quantifier alone, so that no text makes it slow.
_TAG = re.compile(r"<(/?[A-Za-z][^<>]*)>")
_AUTOLINK = re.compile(r"<[^<>\s:@]*[:@][^<>\s]*>")
_DELIMITERS = re.compile(r"[ \t|:]*-[-\s|:]*")  # under it a line is a table's head, also one without bars
# Elements that hold nothing, and those that end where the next one begins.
# fmt: off
_VOID = frozenset({
    "area", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "option", "p",
    "param", "source", "track", "wbr",
})
# fmt: on


@dataclass(frozen=True, slots=True)
class Line:
    """A line that begins with a slash; `number` counts from 1, `text` has no blanks at its ends."""

    number: int
    text: str


def slash_lines(body: str) -> list[Line]:
    """Return a comment's plain lines that begin with a slash; none when it is longer than LONGEST."""
    body = re.sub(r"\r\n?", "\n", body)
    lines = body.split("\n")
    if len(body) > LONGEST or not any(map(_marked, lines)):
        return []
    footnotes = _footnotes(lines)
    return [
        Line(number + 1, lines[number].strip(_BLANK))
        for first, numbers in _paragraphs(body, lines)
        for number in numbers
        if _marked(lines[number]) and not footnotes[first] and not _heads_a_table(lines, number)
    ]


def _marked(line: str) -> bool:
    return line.lstrip(_BLANK).startswith(_MARK)


def _heads_a_table(lines: list[str], number: int) -> bool:
    return number + 1 < len(lines) and _DELIMITERS.fullmatch(lines[number + 1]) is not None


def _paragraphs(body: str, lines: list[str]) -> Iterator[tuple[int, list[int]]]:
    """Return the first line of each paragraph that has such lines, and all of its lines that are plain."""
    enclosing: Counter[str] = Counter()
    env: dict[str, Any] = {}
    before = ""
    for token in _PARSER.parse(body, env):
        if token.type == "html_block":
            _follow(enclosing, token.content)
        elif token.type == "paragraph_open" and token.level == 0 and token.map and not enclosing:
            first, end = token.map
            # To GitHub a line right after a list or quote may still belong to it where the parser thinks not.
            lazy = before in _CONTAINERS and lines[first - 1].strip(_BLANK)
            if not lazy and any(map(_marked, lines[first:end])):
                yield first, _plain(env, lines[first:end], first)
        elif token.type == "inline":
            # After a list or a quote GitHub may see HTML in a line that is a paragraph's to the parser.
            for line in token.content.split("\n"):
                if line.lstrip().startswith("<"):
                    _follow(enclosing, _AUTOLINK.sub("", line))
        before = token.type


def _plain(env: dict[str, Any], lines: list[str], first: int) -> list[int]:
    # Blanks go, as the parser takes them from the lines of a paragraph.
    content = "\n".join(line.strip(_BLANK) for line in lines)
    if not _SPANS.search(content):
        return list(range(first, first + content.count("\n") + 1))
    tokens: list[Token] = []
    _PARSER.inline.parse(content, _PARSER, env, tokens)
    struck = _struck_out(content)
    found, within, line, seen = [first], Counter[str](), first, 0
    for token in tokens:
        if token.type == "html_inline":
            _follow(within, token.content)
        elif _AT in token.meta and token.level == 0 and not within:
            line, seen = line + content.count("\n", seen, token.meta[_AT] + 1), token.meta[_AT] + 1
            found += [] if token.meta[_AT] in struck else [line]
    return found


def _struck_out(content: str) -> range:
    """Return what may be struck out between single tildes, which GitHub knows and the parser does not."""
    opening = re.search(r"(?<!~)~(?![~\s])", content)
    closing = [found.start() for found in re.finditer(r"(?<![~\s])~(?!~)", content)]
    return range(opening.start(), closing[-1]) if opening and closing else range(0)


def _follow(enclosing: Counter[str], html: str) -> None:
    """Keep count of the elements that are open after a piece of HTML; a comment that does not end is one."""
    at = 0
    while (opened := html.find("<!--", at)) >= 0:
        _follow_tags(enclosing, html[at:opened])
        at = html.find("-->", opened) + 3
        if at < 3:
            enclosing["!--"] += 1
            return
    _follow_tags(enclosing, html[at:])


def _follow_tags(enclosing: Counter[str], html: str) -> None:
    for tag in _TAG.findall(html):
        name = re.split(r"[\s/]", tag.lstrip("/"), maxsplit=1)[0].lower()
        if name in _VOID or tag.endswith("/"):
            continue
        enclosing[name] += -1 if tag.startswith("/") else 1
        if enclosing[name] <= 0:
            del enclosing[name]


def _footnotes(lines: list[str]) -> list[bool]:
    """Tell of each line whether it may belong to a footnote, which the parser does not know."""
    found, within = [], False
    for line in lines:
        within = bool(line.strip(_BLANK)) and (within or bool(_FOOTNOTE.match(line)))
        found.append(within)
    return found


def _noting(rule: Rule) -> Rule:
    """Return an inline rule that also notes where the line ends that it breaks."""

    def noting(state: StateInline, silent: bool) -> bool:
        at = state.pos
        matched = rule(state, silent)
        if matched and not silent and state.tokens and state.tokens[-1].type in ("softbreak", "hardbreak"):
            state.tokens[-1].meta.setdefault(_AT, state.src.index("\n", at))
        return matched

    return noting


def _parser() -> MarkdownIt:
    """Return CommonMark with what GitHub adds to it; it parses blocks, and lines when it is asked to."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.core.ruler.disable(["inline", "text_join"])
    parser.inline.ruler.at("newline", _noting(newline))
    parser.inline.ruler.at("escape", _noting(escape))
    return parser


_PARSER = _parser()
