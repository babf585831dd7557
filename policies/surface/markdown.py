# SPDX-License-Identifier: Apache-2.0
"""Put strings that somebody else wrote into GitHub's Markdown, so that they are read and do nothing.

Such a string may come from Git, the cluster, a registry, a hook or a person. A word that GitHub would act on
(a mention, a reference, a commit id, an address, an emoji, markup) is shown as code, in which GitHub acts on
nothing; so it reads and copies as it is, without invisible characters in it. All other words stay text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Collection, Sequence
from urllib.parse import quote, urlsplit

_ELLIPSIS = "…"
# Punctuation that means nothing in the middle of a line, and what a word may keep around the code in it.
_HARMLESS = frozenset(".,;:()'\"/=%+?-–—…→‘’“”")
_OPENING, _CLOSING = "(\"'‘“", ".,;:)\"'’”?…"
# What cannot stand in a code span within a table, whatever encloses it.
_BETWEEN_CODE = re.compile(r"([`|])")
_ACTED_ON = re.compile(
    r"""
      (?<![0-9a-z])[0-9a-f]{7,}(?![0-9a-z])     # a commit id
    | (?<![0-9a-z])ghsa-                       # an advisory
    | :[0-9a-z+-]+:                             # an emoji
    | ://
    | www\.
    """,
    re.VERBOSE | re.IGNORECASE,
)
# GH-1, CVE-2026-1, and what a repository may link by itself. web-0 is none: it is what pods are called.
_TRACKER = re.compile(r"(?<![0-9A-Za-z])([A-Z][A-Z0-9]*|[Gg][Hh])-[0-9]")
_BLOCK_START = re.compile(r"[-+=:]|[0-9]{1,9}[.)](?=\s|$)")
_ADDRESS_SAFE = "/:?#@&=+,;%~-._"


def inline(text: str, limit: int = 0) -> str:
    """Return text for the middle of a line, a cell or a heading: one line, at most `limit` characters.

    The limit (0: none) counts what is shown; the Markdown may be longer.
    """
    words = shortened(text, limit).split(" ")
    written = " ".join(map(_word, words))
    # Templates put no such string first in a line; should one do so, it is no list and no heading either.
    if _BLOCK_START.match(written):
        return f"&#{ord(written[0])};{written[1:]}"
    return written


def code(text: str, limit: int = 0) -> str:
    """Return text as code within a line, at most `limit` characters (0: no limit) of it."""
    return _code(shortened(text, limit))


def block(text: str, language: str = "", limit: int = 0) -> str:
    """Return text as a fenced code block that nothing in it can end; `limit` counts the characters shown.

    It has to stand on lines of its own. A cut takes whole lines, from the middle: an error's beginning and
    end tell most.
    """
    lines = [_inert_line(line) for line in _lines(text)]
    body = "\n".join(_cut_lines(lines, limit))
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def link(text: str, address: str) -> str:
    """Return a link to an address of ours with anybody's text; only the text when that is not http(s)."""
    said = inline(text)
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return said
    return f"[{said}]({quote(address, safe=_ADDRESS_SAFE)})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, without: Collection[str] = ()) -> str:
    """Return a table of cells that are Markdown already; columns of the heads `without` are left out."""
    shown = [number for number, cell in enumerate(head) if cell not in without]
    lines = [[cells[number] for number in shown] for cells in (head, *rows)]
    written = ["|" + "|".join(f" {cell} " if cell else " " for cell in line) + "|" for line in lines]
    return "\n".join([written[0], "|" + "---|" * len(shown), *written[1:]])


def summary(text: str, limit: int = 0) -> str:
    """Return text for a `<summary>`, where Markdown is not read but HTML is."""
    return f"<code>{html.escape(shortened(text, limit))}</code>"


def shortened(text: str, limit: int = 0) -> str:
    """Return a text as one line of at most `limit` characters (0: no limit), without what cannot be seen."""
    line = " ".join(_visible(text).split())
    return line if not limit or len(line) <= limit else line[: max(limit - 1, 0)].rstrip() + _ELLIPSIS


def _visible(text: str) -> str:
    """Drop what changes how others read it (direction, zero width), and mark what is no character."""
    return "".join(map(_seen, text))


def _seen(char: str) -> str:
    if char.isascii() and char.isprintable():
        return char
    match unicodedata.category(char):
        case "Zs" | "Zl" | "Zp":
            return " "
        case "Cf":
            return ""
        case "Cc":
            return " " if char.isspace() else "\ufffd"
        case "Cs" | "Co" | "Cn":
            return "\ufffd"
        case _:
            return char


def _word(word: str) -> str:
    if not _acts(word):
        return word
    bare = word.lstrip(_OPENING)
    opening = word[: len(word) - len(bare)]
    inner = bare.rstrip(_CLOSING)
    return f"{opening}{_code(inner)}{bare[len(inner) :]}"


def _acts(word: str) -> bool:
    if word.startswith("/") or _ACTED_ON.search(word) or _TRACKER.search(word):
        return True
    return not all(
        char.isalnum() or char in _HARMLESS or unicodedata.category(char)[0] == "M" for char in word
    )


def _code(text: str) -> str:
    # Two spans next to each other would be one, so what cannot be in a span is written between them.
    return "".join(
        f"&#{ord(part)};" if part in "`|" else f"`{_padded(part)}`"
        for part in _BETWEEN_CODE.split(text)
        if part
    )


def _padded(text: str) -> str:
    # Of a space at both ends one is taken away at each.
    return f" {text} " if text.startswith(" ") and text.endswith(" ") and text.strip() else text


def _lines(text: str) -> list[str]:
    unified = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ").strip("\n")
    return ["".join(map(_seen, line)).rstrip() for line in unified.split("\n")]


def _inert_line(line: str) -> str:
    """Keep bots that read the source of a comment from taking a line for an order to them."""
    bare = line.lstrip()
    return f"{line[: len(line) - len(bare)]}\u200b{bare}" if bare.startswith(("/", "@")) else line


def _cut_lines(lines: list[str], limit: int) -> list[str]:
    if not limit or sum(len(line) + 1 for line in lines) <= limit:
        return lines
    head: list[str] = []
    tail: list[str] = []
    room, first, last = limit, 0, len(lines)
    while first < last:
        at_head = len(head) <= len(tail)
        line = lines[first] if at_head else lines[last - 1]
        if len(line) + 1 > room:
            break
        room -= len(line) + 1
        first, last = (first + 1, last) if at_head else (first, last - 1)
        (head if at_head else tail).append(line)
    if not head:
        return [shortened(lines[0], limit)]
    left_out = last - first
    return [*head, f"{_ELLIPSIS} {left_out} {'line' if left_out == 1 else 'lines'} left out", *reversed(tail)]
